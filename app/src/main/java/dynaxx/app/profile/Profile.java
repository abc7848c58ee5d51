package dynaxx.app.profile;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.monitor.Event;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;

/**
 * The transitions of one run under a name, as JSON of a stated version.
 *
 * @param name of the profile
 * @param source what the run was, in words
 * @param transitions in order
 */
public record Profile(String name, String source, List<Event.Signature> transitions) {

  static final int VERSION = 1;
  private static final String FORMAT = "dynaxx-profile";
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  /** Writes the file as a whole. */
  void write(Path file) throws IOException {
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("format", FORMAT);
    all.put("version", VERSION);
    all.put("name", name);
    all.put("source", source);
    all.put("transitions", transitions.stream().map(Profile::json).toList());
    byte[] text = (JSON.writeValueAsString(all) + "\n").getBytes(StandardCharsets.UTF_8);
    WholeFile.write(file, to -> to.write(text));
  }

  private static Map<String, Object> json(Event.Signature signature) {
    Map<String, Object> signals = new LinkedHashMap<>();
    signature
        .changes()
        .forEach(
            (signal, change) -> {
              Map<String, Object> fields = new LinkedHashMap<>();
              fields.put("level", change.level());
              fields.put("shift", change.shift());
              fields.put("slope", change.slope());
              if (change.lead().isPresent()) {
                fields.put("lead", change.lead().getAsInt());
              }
              signals.put(signal.column(), fields);
            });
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("step", signature.step());
    fields.put("kind", signature.kind().name());
    fields.put("signals", signals);
    return fields;
  }

  /**
   * Reads a profile.
   *
   * @param place for messages
   * @throws UserException if it is not a profile of this version
   */
  static Profile read(String place, String text) {
    try {
      JsonNode all = JSON.readTree(text);
      if (!all.path("format").asText().equals(FORMAT)) {
        throw new UserException(
            place + ": found no profile, expected \"format\": \"" + FORMAT + "\"");
      }
      if (all.path("version").asInt() != VERSION) {
        throw new UserException(
            place
                + ": found version "
                + all.path("version").asText()
                + " of the format, expected "
                + VERSION);
      }
      List<Event.Signature> transitions = new ArrayList<>();
      all.required("transitions").forEach(t -> transitions.add(signature(t)));
      return new Profile(all.required("name").asText(), all.path("source").asText(), transitions);
    } catch (IOException | IllegalArgumentException e) {
      throw new UserException(place + ": found no profile that can be read");
    }
  }

  private static Event.Signature signature(JsonNode json) {
    Map<Signal, Event.Signature.Change> changes = new EnumMap<>(Signal.class);
    json.required("signals")
        .properties()
        .forEach(
            entry -> {
              JsonNode fields = entry.getValue();
              OptionalInt lead =
                  fields.has("lead")
                      ? OptionalInt.of(fields.get("lead").asInt())
                      : OptionalInt.empty();
              // A signal that a later version knows is left out.
              Signal.ofColumn(entry.getKey())
                  .ifPresent(
                      signal ->
                          changes.put(
                              signal,
                              new Event.Signature.Change(
                                  fields.required("level").asDouble(),
                                  fields.required("shift").asDouble(),
                                  fields.required("slope").asDouble(),
                                  lead)));
            });
    return new Event.Signature(
        json.required("step").asLong(),
        Event.Kind.valueOf(json.required("kind").asText()),
        changes);
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Verdict;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/** Reads what {@link JsonLines} writes. Fields of a later version are passed over. */
final class JsonLinesReader {

  private JsonLinesReader() {}

  static List<MonitorRecord> read(Path file) throws IOException {
    List<MonitorRecord> records = new ArrayList<>();
    // Bytes that are not UTF-8 become a replacement character, and so a line that is no record.
    String text = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
    int number = 0;
    for (int begin = 0, end; (end = text.indexOf('\n', begin)) >= 0; begin = end + 1) {
      number++;
      try {
        records.add(record(text.substring(begin, end)));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(file + ": line " + number + ": " + e.getMessage(), e);
      }
    }
    return records;
  }

  static MonitorRecord record(String line) {
    Json json = Json.parse(line);
    long step = json.get("step").whole();
    return switch (json.get("type").text()) {
      case "step" -> step(step, json);
      case "validation" -> new MonitorRecord.Validation(validation(step, json));
      default ->
          new MonitorRecord.Notice(
              step, json.get("type").constant(MonitorRecord.Notice.Kind.class), events(step, json));
    };
  }

  private static Observation validation(long step, Json json) {
    Observation found = Observation.at(step);
    for (Signal signal : List.of(Signal.VALIDATION_LOSS, Signal.VALIDATION_ACCURACY)) {
      OptionalDouble value = json.optional(signal.column());
      if (value.isPresent()) {
        found = found.with(signal, value.getAsDouble());
      }
    }
    return found;
  }

  private static MonitorRecord.Step step(long step, Json json) {
    return new MonitorRecord.Step(
        new Observation(step, readings(json), json.find("verdict").map(JsonLinesReader::verdict)),
        json.optional("momentum"),
        json.find("snapshot").map(effort -> effort.constant(PhaseMonitor.Effort.class)),
        events(step, json),
        json.find("advice").map(Json::elements).orElse(List.of()).stream()
            .map(JsonLinesReader::advice)
            .toList(),
        json.optional("monitor_share").orElse(0));
  }

  private static Map<Signal, Reading> readings(Json json) {
    Map<Signal, Reading> readings = new EnumMap<>(Signal.class);
    for (Signal signal : Signal.values()) {
      List<Double> parts = parts(json, signal);
      if (json.has(signal.column())) {
        double value = json.get(signal.column()).number();
        OptionalDouble error = json.optional(signal.errorColumn());
        if (error.isPresent() && !(error.getAsDouble() >= 0)) {
          throw json.get(signal.errorColumn()).unexpected("at least 0");
        }
        readings.put(signal, new Reading(value, error, parts));
      } else if (parts.stream().anyMatch(part -> !part.isNaN())) {
        readings.put(signal, Reading.mean(parts));
      }
    }
    return readings;
  }

  private static List<Double> parts(Json json, Signal signal) {
    List<Double> parts = new ArrayList<>();
    if (!signal.perLayer()) {
      json.find(signal.column() + JsonLines.PARTS)
          .ifPresent(list -> list.elements().forEach(part -> parts.add(part.number())));
    }
    while (signal.perLayer() && json.has(signal.column(parts.size() + 1))) {
      parts.add(json.get(signal.column(parts.size() + 1)).number());
    }
    return parts;
  }

  private static Verdict verdict(Json json) {
    Json kind = json.get("kind");
    return switch (kind.text()) {
      case "negative" ->
          new Verdict.Negative(json.get("upper_bound").number(), json.get("certified").flag());
      case "negative_within_noise" ->
          new Verdict.NegativeWithinNoise(
              json.get("value").number(), json.get("noise_floor").number());
      case "not_negative_at" ->
          new Verdict.NotNegativeAt(json.get("epsilon").number(), json.get("probability").number());
      case "undecided" -> new Verdict.Undecided();
      default ->
          throw kind.unexpected(
              "one of negative, negative_within_noise, not_negative_at, undecided");
    };
  }

  private static List<Event> events(long step, Json json) {
    return json.find("events").map(Json::elements).orElse(List.of()).stream()
        .map(event -> event(step, event))
        .toList();
  }

  private static Event event(long step, Json json) {
    Json signal = json.get("signal");
    return new Event(
        step,
        json.get("kind").constant(Event.Kind.class),
        Signal.ofColumn(signal.text()).orElseThrow(() -> signal.unexpected("a signal")),
        json.get("confidence").number(),
        new Event.Evidence(
            json.get("value").number(),
            json.optional("uncertainty"),
            json.optional("baseline"),
            json.optional("threshold"),
            json.get("since").whole()),
        json.get("explanation").text());
  }

  private static Advice advice(Json json) {
    Json kind = json.get("kind");
    String reason = json.get("reason").text();
    return switch (kind.text()) {
      case "learning_rate" ->
          new Advice.LearningRate(json.get("value").number(), json.get("factor").number(), reason);
      case "momentum" -> new Advice.Momentum(json.get("value").number(), reason);
      case "checkpoint" -> new Advice.Checkpoint(reason);
      case "validate" -> new Advice.Validate(reason);
      case "revert" -> new Advice.Revert(json.get("to").whole(), reason);
      default ->
          throw kind.unexpected("one of learning_rate, momentum, checkpoint, validate, revert");
    };
  }
}

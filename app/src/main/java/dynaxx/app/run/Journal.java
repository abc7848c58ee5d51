package dynaxx.app.run;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.UserException;
import dynaxx.monitor.JsonLinesSink;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Reading;
import dynaxx.monitor.Signal;
import dynaxx.monitor.TrainingControl;
import dynaxx.spectrum.Verdict;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/** Reads back what a {@link JsonLinesSink} wrote, as far as a monitor needs it to recall a run. */
public final class Journal {

  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Supplier<IllegalArgumentException> MISSING = IllegalArgumentException::new;

  private Journal() {}

  /** Cuts off what follows a checkpoint, and reads the rest. */
  public static List<MonitorRecord> upTo(Path file, long bytes) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      if (channel.size() < bytes) {
        throw new UserException(
            file
                + ": found "
                + channel.size()
                + " bytes, expected at least the "
                + bytes
                + " that the checkpoint was made after");
      }
      channel.truncate(bytes);
    }
    List<MonitorRecord> records = new ArrayList<>();
    // Bytes that are not UTF-8 become a replacement character, and so a line that is no record.
    List<String> lines =
        new String(Files.readAllBytes(file), StandardCharsets.UTF_8).lines().toList();
    for (int i = 0; i < lines.size(); i++) {
      try {
        records.add(record(JSON.readTree(lines.get(i))));
      } catch (IOException | IllegalArgumentException e) {
        throw new UserException(file + ": found no record of a monitor in line " + (i + 1));
      }
    }
    return records;
  }

  private static MonitorRecord record(JsonNode line) {
    long step = line.required("step").asLong();
    String type = line.required("type").asText();
    if (type.equals("validation")) {
      return new MonitorRecord.Validation(
          step,
          new TrainingControl.Validation(
              number(line, Signal.VALIDATION_LOSS.column()),
              number(line, Signal.VALIDATION_ACCURACY.column())));
    }
    if (!type.equals("step")) {
      return new MonitorRecord.Notice(
          step, MonitorRecord.Notice.Kind.valueOf(type.toUpperCase(Locale.ROOT)), List.of());
    }
    Observation observation = Observation.at(step).withActiveFractions(activeFractions(line));
    for (Signal signal : Signal.values()) {
      if (line.has(signal.column())) {
        OptionalDouble value = number(line, signal.column());
        OptionalDouble error = number(line, signal.errorColumn());
        observation = observation.with(signal, new Reading(value.orElseThrow(MISSING), error));
      }
    }
    Optional<PhaseMonitor.Effort> effort =
        line.has("snapshot")
            ? Optional.of(
                PhaseMonitor.Effort.valueOf(line.get("snapshot").asText().toUpperCase(Locale.ROOT)))
            : Optional.empty();
    return new MonitorRecord.Step(
        new Observation(
            step,
            observation.readings(),
            observation.activeFractions(),
            verdict(line.path("verdict"))),
        number(line, "momentum"),
        effort,
        List.of(),
        List.of(),
        number(line, "monitor_share").orElse(0));
  }

  private static List<Double> activeFractions(JsonNode line) {
    List<Double> fractions = new ArrayList<>();
    for (int layer = 1; line.has(Signal.ACTIVE_FRACTION.column(layer)); layer++) {
      fractions.add(number(line, Signal.ACTIVE_FRACTION.column(layer)).orElseThrow(MISSING));
    }
    return fractions;
  }

  /** A number; NaN and infinities are text. */
  private static OptionalDouble number(JsonNode line, String name) {
    JsonNode field = line.path(name);
    if (field.isTextual()) {
      return OptionalDouble.of(Double.parseDouble(field.asText()));
    }
    return field.isNumber() ? OptionalDouble.of(field.asDouble()) : OptionalDouble.empty();
  }

  private static Optional<Verdict> verdict(JsonNode verdict) {
    return switch (verdict.path("kind").asText()) {
      case "negative" ->
          Optional.of(
              new Verdict.Negative(
                  verdict.required("upper_bound").asDouble(),
                  verdict.required("certified").asBoolean()));
      case "negative_within_noise" ->
          Optional.of(
              new Verdict.NegativeWithinNoise(
                  verdict.required("value").asDouble(),
                  verdict.required("noise_floor").asDouble()));
      case "not_negative_at" ->
          Optional.of(
              new Verdict.NotNegativeAt(
                  verdict.required("epsilon").asDouble(),
                  verdict.required("probability").asDouble()));
      case "undecided" -> Optional.of(new Verdict.Undecided());
      default -> Optional.empty();
    };
  }
}

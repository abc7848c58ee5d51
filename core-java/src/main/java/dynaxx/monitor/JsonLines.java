package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Verdict;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/**
 * Records as JSON, one object a line, which {@link JsonLinesReader} reads. Numbers keep every bit;
 * NaN and infinities are strings.
 */
final class JsonLines {

  /** Ending of the list of what a signal is for each head or range of eigenvalues. */
  static final String PARTS = "_parts";

  private final StringBuilder out = new StringBuilder();

  private JsonLines() {}

  static String of(MonitorRecord record) {
    JsonLines json = new JsonLines();
    json.out.append('{');
    switch (record) {
      case MonitorRecord.Step step -> json.step(step);
      case MonitorRecord.Validation validation -> json.validation(validation);
      case MonitorRecord.Notice notice -> json.notice(notice);
    }
    json.out.append('}');
    return json.out.toString();
  }

  /** An event by itself; what is not known is null, as are NaN and infinities. */
  static String of(Event event) {
    JsonLines json = new JsonLines();
    Event.Evidence evidence = event.evidence();
    json.out.append('{');
    json.key("step").append(event.step());
    json.beginning(event);
    json.orNull("value", OptionalDouble.of(evidence.value()));
    json.orNull("uncertainty", evidence.uncertainty());
    json.orNull("baseline", evidence.baseline());
    json.orNull("threshold", evidence.threshold());
    json.end(event);
    return json.out.toString();
  }

  /** Name of a single piece of advice. */
  static String kind(Advice advice) {
    return switch (advice) {
      case Advice.LearningRate rate -> "learning_rate";
      case Advice.Momentum momentum -> "momentum";
      case Advice.Checkpoint checkpoint -> "checkpoint";
      case Advice.Validate validate -> "validate";
      case Advice.Revert revert -> "revert";
    };
  }

  private void step(MonitorRecord.Step step) {
    text("type", "step");
    key("step").append(step.step());
    step.observation()
        .readings()
        .forEach(
            (signal, reading) -> {
              number(signal.column(), reading.value());
              optional(signal.errorColumn(), reading.error());
              if (signal.perLayer()) {
                for (int i = 0; i < reading.parts().size(); i++) {
                  number(signal.column(i + 1), reading.parts().get(i));
                }
              } else if (!reading.parts().isEmpty()) {
                parts(signal.column() + PARTS, reading.parts());
              }
            });
    step.observation().verdict().ifPresent(this::verdict);
    optional("momentum", step.momentum());
    step.effort().ifPresent(effort -> text("snapshot", effort.name().toLowerCase(Locale.ROOT)));
    events(step.events());
    if (!step.advice().isEmpty()) {
      key("advice").append('[');
      step.advice().forEach(this::advice);
      out.append(']');
    }
    number("monitor_share", step.share());
  }

  private void validation(MonitorRecord.Validation validation) {
    text("type", "validation");
    key("step").append(validation.step());
    optional(Signal.VALIDATION_LOSS.column(), validation.found().value(Signal.VALIDATION_LOSS));
    optional(
        Signal.VALIDATION_ACCURACY.column(), validation.found().value(Signal.VALIDATION_ACCURACY));
  }

  private void notice(MonitorRecord.Notice notice) {
    text("type", notice.kind().name().toLowerCase(Locale.ROOT));
    key("step").append(notice.step());
    events(notice.events());
  }

  private void verdict(Verdict verdict) {
    key("verdict").append('{');
    switch (verdict) {
      case Verdict.Negative v -> {
        text("kind", "negative");
        number("upper_bound", v.upperBound());
        key("certified").append(v.certified());
      }
      case Verdict.NegativeWithinNoise v -> {
        text("kind", "negative_within_noise");
        number("value", v.value());
        number("noise_floor", v.noiseFloor());
      }
      case Verdict.NotNegativeAt v -> {
        text("kind", "not_negative_at");
        number("epsilon", v.epsilon());
        number("probability", v.probability());
      }
      case Verdict.Undecided v -> text("kind", "undecided");
    }
    out.append('}');
  }

  private void events(List<Event> events) {
    if (events.isEmpty()) {
      return;
    }
    key("events").append('[');
    for (Event event : events) {
      element();
      beginning(event);
      number("value", event.evidence().value());
      optional("uncertainty", event.evidence().uncertainty());
      optional("baseline", event.evidence().baseline());
      optional("threshold", event.evidence().threshold());
      end(event);
    }
    out.append(']');
  }

  private void beginning(Event event) {
    text("kind", event.kind().name());
    text("signal", event.signal().column());
    number("confidence", event.confidence());
  }

  private void end(Event event) {
    key("since").append(event.evidence().since());
    text("explanation", event.explanation());
    out.append('}');
  }

  private void advice(Advice advice) {
    element();
    text("kind", kind(advice));
    switch (advice) {
      case Advice.LearningRate a -> {
        number("value", a.value());
        number("factor", a.factor());
      }
      case Advice.Momentum a -> number("value", a.value());
      case Advice.Revert a -> key("to").append(a.step());
      case Advice.Checkpoint a -> {}
      case Advice.Validate a -> {}
    }
    text("reason", advice.reason());
    out.append('}');
  }

  private void element() {
    out.append(out.charAt(out.length() - 1) == '[' ? "{" : ",{");
  }

  private StringBuilder key(String name) {
    if (out.charAt(out.length() - 1) != '{') {
      out.append(',');
    }
    return out.append('"').append(name).append("\":");
  }

  private void optional(String name, OptionalDouble value) {
    value.ifPresent(v -> number(name, v));
  }

  private void orNull(String name, OptionalDouble value) {
    if (value.isPresent() && Double.isFinite(value.getAsDouble())) {
      number(name, value.getAsDouble());
    } else {
      key(name).append("null");
    }
  }

  private void number(String name, double value) {
    key(name);
    value(value);
  }

  private void value(double value) {
    if (Double.isFinite(value)) {
      out.append(value);
    } else {
      out.append('"').append(value).append('"');
    }
  }

  private void parts(String name, List<Double> values) {
    key(name).append('[');
    for (int i = 0; i < values.size(); i++) {
      out.append(i == 0 ? "" : ",");
      if (values.get(i).equals(0.0)) {
        out.append('0');
      } else {
        value(values.get(i));
      }
    }
    out.append(']');
  }

  private void text(String name, String value) {
    key(name).append('"');
    for (int i = 0; i < value.length(); i++) {
      char c = value.charAt(i);
      if (c == '"' || c == '\\') {
        out.append('\\').append(c);
      } else if (c < ' ') {
        out.append(String.format(Locale.ROOT, "\\u%04x", (int) c));
      } else {
        out.append(c);
      }
    }
    out.append('"');
  }
}

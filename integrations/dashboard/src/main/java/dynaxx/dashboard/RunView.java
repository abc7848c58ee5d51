package dynaxx.dashboard;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;

/** A run as the page wants it: thinned out curves, events, verdicts, as JSON. */
final class RunView {

  /** Events and pieces of advice that a page gets at most, the latest. */
  static final int MOST_EVENTS = 1000;

  /** Columns of a heat map at most. */
  private static final int MOST_PARTS = 240;

  private static final int SHORT = 8;

  static final JsonFactory JSON = new JsonFactory();

  /** Which part of a run is wanted: from a step to a step, at most so many points a curve. */
  record Window(long from, long to, int points) {

    static final Window ALL = new Window(0, Long.MAX_VALUE, 1600);
  }

  /** Something that writes JSON. */
  interface Body {
    void write(JsonGenerator json) throws IOException;
  }

  private RunView() {}

  static byte[] json(Body body) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 << 14);
    try (JsonGenerator json = JSON.createGenerator(bytes)) {
      body.write(json);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  /** A part of a run. */
  static void write(JsonGenerator json, RunData.State run, Window window) throws IOException {
    json.writeStartObject();
    head(json, run);
    json.writeObjectFieldStart("columns");
    for (Map.Entry<String, Column.View> column : run.columns().entrySet()) {
      Column.View all = column.getValue();
      int[] kept = Decimation.indices(all, window.from(), window.to(), window.points());
      column(json, column.getKey(), all, kept);
    }
    json.writeEndObject();
    json.writeObjectFieldStart("parts");
    for (Map.Entry<String, List<RunData.Parts>> parts : run.parts().entrySet()) {
      List<RunData.Parts> inside =
          parts.getValue().stream()
              .filter(p -> p.step() >= window.from() && p.step() <= window.to())
              .toList();
      parts(json, parts.getKey(), inside, Math.min(MOST_PARTS, window.points()));
    }
    json.writeEndObject();
    happened(json, run, window.from(), 0);
    json.writeEndObject();
  }

  /**
   * What came after a step.
   *
   * @param after the last step that is known already
   * @param events how many events are known already
   */
  static void tail(JsonGenerator json, RunData.State run, long after, int events)
      throws IOException {
    json.writeStartObject();
    head(json, run);
    json.writeObjectFieldStart("columns");
    for (Map.Entry<String, Column.View> column : run.columns().entrySet()) {
      Column.View all = column.getValue();
      int[] kept = Decimation.indices(all, after + 1, Long.MAX_VALUE, Window.ALL.points());
      if (kept.length > 0) {
        column(json, column.getKey(), all, kept);
      }
    }
    json.writeEndObject();
    json.writeObjectFieldStart("parts");
    for (Map.Entry<String, List<RunData.Parts>> parts : run.parts().entrySet()) {
      List<RunData.Parts> later = parts.getValue().stream().filter(p -> p.step() > after).toList();
      if (!later.isEmpty()) {
        parts(json, parts.getKey(), later, MOST_PARTS);
      }
    }
    json.writeEndObject();
    happened(json, run, after + 1, events);
    json.writeEndObject();
  }

  /** What is known of a run beside its curves. */
  static void about(JsonGenerator json, Map<String, Object> facts, List<String> problems)
      throws IOException {
    json.writeObjectFieldStart("facts");
    for (Map.Entry<String, Object> fact : facts.entrySet()) {
      json.writeStringField(fact.getKey(), fact.getValue().toString());
    }
    json.writeEndObject();
    json.writeArrayFieldStart("problems");
    for (String problem : problems) {
      json.writeString(problem);
    }
    json.writeEndArray();
  }

  private static void head(JsonGenerator json, RunData.State run) throws IOException {
    json.writeStringField("name", run.name());
    json.writeStringField("status", run.status());
    json.writeNumberField("generation", run.generation());
    json.writeNumberField("version", run.version());
    json.writeNumberField("step", run.step());
    json.writeNumberField("known", run.events().size());
  }

  private static void column(JsonGenerator json, String id, Column.View all, int[] kept)
      throws IOException {
    json.writeObjectFieldStart(id);
    json.writeNumberField("total", all.size());
    json.writeArrayFieldStart("x");
    for (int at : kept) {
      json.writeNumber(all.steps()[at]);
    }
    json.writeEndArray();
    json.writeArrayFieldStart("y");
    for (int at : kept) {
      number(json, all.values()[at]);
    }
    json.writeEndArray();
    if (all.errors().length > 0) {
      json.writeArrayFieldStart("e");
      for (int at : kept) {
        number(json, all.error(at));
      }
      json.writeEndArray();
    }
    json.writeEndObject();
  }

  private static void parts(JsonGenerator json, String id, List<RunData.Parts> all, int most)
      throws IOException {
    json.writeObjectFieldStart(id);
    int stride = Math.max(1, (all.size() + most - 1) / most);
    json.writeArrayFieldStart("x");
    for (int i = 0; i < all.size(); i += stride) {
      json.writeNumber(all.get(i).step());
    }
    json.writeEndArray();
    json.writeArrayFieldStart("y");
    for (int i = 0; i < all.size(); i += stride) {
      json.writeStartArray();
      for (float value : all.get(i).values()) {
        number(json, value);
      }
      json.writeEndArray();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void happened(JsonGenerator json, RunData.State run, long from, int events)
      throws IOException {
    json.writeArrayFieldStart("verdicts");
    List<RunData.Found> verdicts = run.verdicts().stream().filter(v -> v.step() >= from).toList();
    for (RunData.Found found : last(verdicts, MOST_EVENTS)) {
      json.writeStartArray();
      json.writeNumber(found.step());
      json.writeString(found.verdict());
      json.writeEndArray();
    }
    json.writeEndArray();
    json.writeArrayFieldStart("events");
    List<Event> later =
        run.events().subList(Math.min(events, run.events().size()), run.events().size());
    for (Event event : last(later, MOST_EVENTS)) {
      json.writeRawValue(event.toJson());
    }
    json.writeEndArray();
    json.writeArrayFieldStart("advice");
    for (RunData.Given given : last(run.advice(), MOST_EVENTS)) {
      if (given.step() >= from) {
        json.writeStartArray();
        json.writeNumber(given.step());
        json.writeString(kind(given.advice()));
        json.writeString(given.advice().reason());
        json.writeEndArray();
      }
    }
    json.writeEndArray();
  }

  private static <T> List<T> last(List<T> all, int most) {
    return all.subList(Math.max(0, all.size() - most), all.size());
  }

  static String kind(Advice advice) {
    return switch (advice) {
      case Advice.LearningRate rate -> "learning rate × " + number(rate.factor());
      case Advice.Momentum momentum -> "momentum " + number(momentum.value());
      case Advice.Checkpoint checkpoint -> "checkpoint";
      case Advice.Validate validate -> "validate";
      case Advice.Revert revert -> "revert to step " + revert.step();
    };
  }

  private static String number(double value) {
    return String.format(Locale.ROOT, "%.3g", value);
  }

  static void optional(JsonGenerator json, String name, OptionalDouble value) throws IOException {
    if (value.isPresent()) {
      json.writeFieldName(name);
      number(json, value.getAsDouble());
    }
  }

  /** A number with as many digits as a picture can use; null where there is none. */
  static void number(JsonGenerator json, double value) throws IOException {
    if (!Double.isFinite(value)) {
      json.writeNull();
    } else if (value == Math.rint(value) && Math.abs(value) < 1e9) {
      json.writeNumber((long) value);
    } else if (Math.abs(value) > 1e-30 && Math.abs(value) < 1e30) {
      json.writeNumber((float) value);
    } else {
      json.writeNumber(new BigDecimal(value, new MathContext(SHORT)));
    }
  }
}

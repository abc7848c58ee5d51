package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a sink writes is read again, bit for bit, whatever the signals are. */
class FormatsTest {

  private static final int LAYERS = 4;

  @TempDir private Path folder;

  /** A reading of every signal, with all that its descriptor says that it may have. */
  private static Observation everything(long step) {
    Observation all = Observation.at(step);
    for (Signal signal : Signal.values()) {
      double value = Math.exp(signal.ordinal() - 7) / 3 * (signal == Signal.LAMBDA_MIN ? -1 : 1);
      OptionalDouble error =
          signal.uncertainty().isPresent()
              ? OptionalDouble.of(value * value)
              : OptionalDouble.empty();
      List<Double> parts =
          signal.part().isPresent() ? List.of(value / 2, Double.NaN, 0.0, value / 7) : List.of();
      all = all.with(signal, new Reading(value, error, parts));
    }
    return all;
  }

  private static Map<Signal, Integer> layers() {
    Map<Signal, Integer> layers = new EnumMap<>(Signal.class);
    for (Signal signal : Signal.values()) {
      if (signal.perLayer()) {
        layers.put(signal, LAYERS);
      }
    }
    return layers;
  }

  private static MonitorRecord.Step step(
      Observation observation,
      Optional<PhaseMonitor.Effort> effort,
      List<Event> events,
      List<Advice> advice) {
    return new MonitorRecord.Step(
        observation, OptionalDouble.of(0.9), effort, events, advice, 0.125);
  }

  private static Event event(long step, Event.Kind kind) {
    return new Event(
        step,
        kind,
        Signal.TRACE,
        1.0 / 3,
        new Event.Evidence(
            Double.NaN,
            OptionalDouble.of(1e-300),
            OptionalDouble.empty(),
            OptionalDouble.of(Double.NEGATIVE_INFINITY),
            2),
        "words, \"quoted\" \\ \t and \u00e9");
  }

  /** A record of every kind, with everything that it may have. */
  private static List<MonitorRecord> records() {
    List<MonitorRecord> all = new ArrayList<>();
    long step = 0;
    List<Verdict> verdicts =
        List.of(
            new Verdict.Negative(-1.25, true),
            new Verdict.NegativeWithinNoise(-1e-9, 1e-7),
            new Verdict.NotNegativeAt(0.1, 0.99),
            new Verdict.Undecided());
    for (Verdict verdict : verdicts) {
      Observation observation =
          new Observation(++step, everything(step).readings(), Optional.of(verdict));
      all.add(
          step(observation, Optional.of(PhaseMonitor.Effort.FEWER_STEPS), List.of(), List.of()));
    }
    List<Event> events = new ArrayList<>();
    step++;
    for (Event.Kind kind : Event.Kind.values()) {
      events.add(event(step, kind));
    }
    List<Advice> advice =
        List.of(
            new Advice.LearningRate(Double.NaN, 0.5, "a"),
            new Advice.Momentum(0.95, "b"),
            new Advice.Checkpoint("c"),
            new Advice.Validate("d"),
            new Advice.Revert(3, "e"));
    all.add(step(Observation.at(step), Optional.empty(), events, advice));
    for (MonitorRecord.Notice.Kind kind : MonitorRecord.Notice.Kind.values()) {
      all.add(new MonitorRecord.Notice(++step, kind, List.of(event(step, Event.Kind.LEVEL_SHIFT))));
    }
    all.add(new MonitorRecord.Validation(Observation.at(step).with(Signal.VALIDATION_LOSS, 2)));
    return all;
  }

  @Test
  void jsonLinesKeepEveryRecord() throws IOException {
    Path file = folder.resolve("m.jsonl");
    try (MonitorSink sink = MonitorSink.jsonLines(file)) {
      records().forEach(sink::accept);
    }
    assertEquals(records(), MonitorRecord.read(file));
    Files.writeString(file, Files.readString(file) + "{\"type\":\"step\",\"st");
    assertEquals(records(), MonitorRecord.read(file), "with what a crash left");
  }

  @Test
  void fieldsOfALaterVersionArePassedOver() {
    MonitorRecord record =
        JsonLinesReader.record(
            " { \"type\" : \"step\", \"new\": [1, {\"a\": null}, true, \"\\u00e9\\/\"],"
                + " \"step\": 1e1, \"loss\": \"-Infinity\" } ");
    assertEquals(
        Observation.at(10).with(Signal.LOSS, Double.NEGATIVE_INFINITY),
        ((MonitorRecord.Step) record).observation());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"a\" 1} | column 6: found '1', expected ':'",
        "{1:2} | column 2: found '1', expected the name of a field",
        "[1 2] | column 4: found '2', expected ']'",
        "[1e] | column 2: found '1', expected a value",
        "nul | column 1: found 'n', expected a value",
        "\"\\x\" | column 3: found 'x', expected an escaped character",
        "\"\\u00zz\" | column 3: found 'u', expected four hexadecimal digits",
      })
  void whatIsNoJsonIsSaidWithItsColumn(String text, String message) {
    assertEquals(
        message, assertThrows(IllegalArgumentException.class, () -> Json.parse(text)).getMessage());
  }

  @Test
  void nestingHasAnEnd() {
    String deep = "[".repeat(100_000);
    assertThrows(IllegalArgumentException.class, () -> Json.parse(deep));
  }

  /** Live and read again, a run gives the rules the same numbers. */
  @Test
  void metricsFilesKeepEverySignal() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file, layers())) {
      sink.accept(step(everything(1), Optional.empty(), List.of(), List.of()));
      sink.accept(step(Observation.at(2), Optional.empty(), List.of(), List.of()));
    }
    List<String> problems = new ArrayList<>();
    List<MonitorRecord> rows = MetricsFormat.read(file, problems::add);
    assertEquals(List.of(), problems);
    assertEquals(
        List.of(new MonitorRecord.Step(ofColumns(1)), new MonitorRecord.Step(Observation.at(2))),
        rows);
  }

  /** The same without the parts that have no columns: heads and eigenvalues. */
  private static Observation ofColumns(long step) {
    Observation all = Observation.at(step);
    for (Map.Entry<Signal, Reading> entry : everything(step).readings().entrySet()) {
      Reading reading = entry.getValue();
      boolean layers = entry.getKey().perLayer();
      all =
          all.with(
              entry.getKey(), layers ? reading : new Reading(reading.value(), reading.error()));
    }
    return all;
  }

  /** A step is a long; its number must also be exact as the double that others read it as. */
  @Test
  void aStepIsAWholeNumberUpTo2To53() throws IOException {
    List<String> problems = new ArrayList<>();
    Path file =
        Files.writeString(
            folder.resolve("m.csv"),
            "step,loss\n3000000000,1\n3e9,1\n3.000000001e9,1\n9007199254740992,1\n"
                + "9007199254740993,1\n1e99999999999,1\n-1,1\n,1\n0.5,1\n");
    List<MonitorRecord> rows = MetricsFormat.read(file, problems::add);
    assertEquals(
        List.of(3_000_000_000L, 3_000_000_001L, 1L << 53),
        rows.stream().map(MonitorRecord::step).toList());
    List<String> found = List.of("'9007199254740993'", "'1e99999999999'", "'-1'", "nothing");
    for (int i = 0; i < found.size(); i++) {
      assertEquals(
          "%s: line %d: step: found %s, expected a whole number from 0 to 9007199254740992; %s"
              .formatted(file, i + 6, found.get(i), "row left out"),
          problems.get(i + 1));
    }
    assertEquals(6, problems.size());
  }

  /** A file that grows says the same as one that is whole. */
  @Test
  void metricsAreReadLineByLine() throws IOException {
    String text = "\nstep,loss,event\n0,1,\n\n2,x,\n1,1,\n1,1,RESTART\n";
    Path file = Files.writeString(folder.resolve("m.csv"), text);
    List<String> whole = new ArrayList<>();
    List<MonitorRecord> rows = MetricsFormat.read(file, whole::add);
    List<String> problems = new ArrayList<>();
    var reader = MetricsFormat.reader(file.toString(), problems::add);
    assertEquals(rows, text.lines().flatMap(line -> reader.apply(line).stream()).toList());
    assertEquals(4, rows.size());
    assertEquals(whole, problems);
    assertTrue(whole.get(1).contains("line 6: step: found 1, expected a step after 2"));
    assertThrows(
        IllegalArgumentException.class,
        () -> MetricsFormat.reader("m", problems::add).apply("loss,trace"));
  }

  @Test
  void aCountIsAWholeNumberAndTextIsQuoted() {
    MetricsFormat format =
        MetricsFormat.of(List.of("step", "batch_size", "loss", "a,b", "other")).withDigits(3);
    assertEquals("step,batch_size,loss,\"a,b\",other", format.header());
    Observation observation = Observation.at(7).with(Signal.BATCH_SIZE, 64).with(Signal.LOSS, 2);
    assertEquals(
        "7,64,2.00,\"say \"\"x\"\"\",0.333",
        format.line(observation, Map.of("a,b", "say \"x\"", "other", 1.0 / 3)));
    assertEquals("7,,,,", format.line(Observation.at(7), Map.of()));
    assertEquals(format.header(), MetricsFormat.ofHeader(format.header()).header());
    assertThrows(IllegalArgumentException.class, () -> MetricsFormat.of(List.of("loss")));
    assertThrows(IllegalArgumentException.class, () -> format.withDigits(0));
  }

  /** Nothing on the way from a snapshot to a file knows a signal by name. */
  @Test
  void aSnapshotCarriesReadingsOfLayersAndHeads() {
    FakeModel model = new FakeModel();
    Reading heads = Reading.mean(List.of(0.25, 2.0));
    Reading rectifiers = Reading.mean(List.of(0.5, 0.75));
    model.readings = Map.of(Signal.ATTENTION_ENTROPY, heads, Signal.ACTIVE_FRACTION, rectifiers);
    Observation found = Observation.at(1).with(model.measure(ProbeSettings.article()));
    assertEquals(heads, found.readings().get(Signal.ATTENTION_ENTROPY));
    MetricsFormat format =
        MetricsFormat.of(
            List.of("step", "attention_entropy", "active_fraction", "active_fraction_2", "trace"));
    assertEquals("1,1.125,0.625,0.75,50.0", format.line(found, Map.of()));
    assertTrue(
        JsonLines.of(step(found, Optional.empty(), List.of(), List.of()))
            .contains(
                "\"active_fraction\":0.625,\"active_fraction_1\":0.5,\"active_fraction_2\":0.75"));
  }

  @Test
  void anEventByItselfHasNullForWhatIsNotKnown() {
    assertEquals(
        "{\"step\":4,\"kind\":\"SPIKE\",\"signal\":\"trace\",\"confidence\":0.3333333333333333,"
            + "\"value\":null,\"uncertainty\":1.0E-300,\"baseline\":null,\"threshold\":null,"
            + "\"since\":2,\"explanation\":\"words, \\\"quoted\\\" \\\\ \\u0009 and \u00e9\"}",
        event(4, Event.Kind.SPIKE).toJson());
  }
}

package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Verdict;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SinksTest {

  @TempDir private Path folder;

  private static MonitorRecord.Step step(long step, List<Advice> advice, Event... events) {
    Observation observation =
        Observation.at(step).with(Signal.LOSS, 0.1 + step).with(Signal.LAMBDA_MIN, -1.5, 0.25);
    return new MonitorRecord.Step(
        new Observation(
            step, observation.readings(), Optional.of(new Verdict.Negative(-1.25, true))),
        OptionalDouble.of(0.9),
        Optional.of(PhaseMonitor.Effort.CHEAP),
        List.of(events),
        advice,
        0.125);
  }

  private static Event event(Event.Kind kind, String words) {
    Event.Evidence evidence =
        new Event.Evidence(
            Double.NaN,
            OptionalDouble.of(1),
            OptionalDouble.empty(),
            OptionalDouble.of(Double.POSITIVE_INFINITY),
            2);
    return new Event(3, kind, Signal.TRACE, 0.5, evidence, words);
  }

  @Test
  void csvHasTheStandardColumns() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file)) {
      sink.accept(step(1, List.of()));
      sink.accept(
          new MonitorRecord.Notice(
              2,
              MonitorRecord.Notice.Kind.RESTART,
              List.of(event(Event.Kind.RESTART, "started again"))));
      sink.accept(
          step(
              2,
              List.of(new Advice.Checkpoint("because")),
              event(Event.Kind.SPIKE, "back, \"again\"")));
    }
    List<String> lines = Files.readAllLines(file);
    String[] names = lines.getFirst().split(",");
    String[] first = lines.get(1).split(",", -1);
    String[] second = lines.get(2).split(",", -1);
    assertEquals(3, lines.size());
    assertEquals(names.length, second.length);
    List<String> columns = List.of(names);
    assertEquals("1.1", first[columns.indexOf("loss")]);
    assertEquals("-1.5", first[columns.indexOf("lambda_min")]);
    assertEquals("0.25", first[columns.indexOf("lambda_min_residual")]);
    assertEquals("", first[columns.indexOf("trace")]);
    assertEquals("cheap", first[columns.indexOf("snapshot")]);
    assertEquals("", first[columns.indexOf("event")]);
    assertEquals("RESTART SPIKE", second[columns.indexOf("event")]);
    assertEquals("checkpoint", second[columns.indexOf("advice")]);
  }

  private static MonitorRecord.Step layers(long step, Double... fractions) {
    return new MonitorRecord.Step(
        Observation.at(step).with(Signal.ACTIVE_FRACTION, Signal.Reading.mean(List.of(fractions))),
        OptionalDouble.empty(),
        Optional.empty(),
        List.of(),
        List.of(),
        0);
  }

  @Test
  void rectifierLayersHaveAColumnEach() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file, Map.of(Signal.ACTIVE_FRACTION, 2))) {
      sink.accept(layers(1, 0.25, 0.75));
      sink.accept(step(2, List.of()));
      sink.accept(layers(3, Double.NaN, 0.75));
    }
    List<String> lines = Files.readAllLines(file);
    String[] names = lines.getFirst().split(",");
    int mean = List.of(names).indexOf("active_fraction");
    assertEquals("active_fraction_1", names[mean + 1]);
    assertEquals("active_fraction_2", names[mean + 2]);
    assertEquals("sharpness_ratio", names[mean + 3]);
    List<List<String>> fields =
        lines.stream().skip(1).map(line -> List.of(line.split(",", -1))).toList();
    assertEquals(List.of("0.5", "0.25", "0.75"), fields.get(0).subList(mean, mean + 3));
    assertEquals(List.of("", "", ""), fields.get(1).subList(mean, mean + 3));
    assertEquals(List.of("0.75", "", "0.75"), fields.get(2).subList(mean, mean + 3));
    Path none = folder.resolve("none.csv");
    try (MonitorSink sink = MonitorSink.csv(none)) {
      sink.accept(layers(1, 0.25, 0.75));
    }
    assertTrue(!Files.readString(none).contains("active_fraction_1"));
    assertTrue(Files.readString(none).contains(",0.5,"));
    assertEquals(
        "{\"type\":\"step\",\"step\":1,\"active_fraction\":0.5,\"active_fraction_1\":0.25,"
            + "\"active_fraction_2\":0.75,\"monitor_share\":0.0}",
        JsonLines.of(layers(1, 0.25, 0.75)));
  }

  /** A crash in the middle of a line costs that line and no other. */
  @Test
  void anUnfinishedLineIsCutOff() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file)) {
      sink.accept(step(1, List.of()));
    }
    String whole = Files.readString(file);
    Files.writeString(file, whole + "2,0.1,garb");
    try (MonitorSink sink = MonitorSink.csv(file)) {
      sink.accept(step(2, List.of()));
    }
    List<String> lines = Files.readAllLines(file);
    assertEquals(3, lines.size());
    assertTrue(lines.get(2).startsWith("2,2.1,"), lines.get(2));
    Path other = folder.resolve("other.csv");
    Files.writeString(other, "a,b\n1,2\n");
    IOException e = assertThrows(IOException.class, () -> MonitorSink.csv(other));
    assertTrue(e.getMessage().contains("found columns a,b, expected"), e.getMessage());
  }

  @Test
  void jsonKeepsEverything() throws IOException {
    Path file = folder.resolve("m.jsonl");
    List<Advice> both =
        List.of(new Advice.Revert(7, "harm"), new Advice.LearningRate(0.05, 0.5, "harm"));
    try (MonitorSink sink = MonitorSink.jsonLines(file)) {
      sink.accept(step(1, both, event(Event.Kind.SPIKE, "a \"b\" \\ \n c")));
      sink.accept(new MonitorRecord.Notice(2, MonitorRecord.Notice.Kind.CHECKPOINT, List.of()));
      sink.flush();
    }
    List<String> lines = Files.readAllLines(file);
    assertEquals(
        "{\"type\":\"step\",\"step\":1,\"loss\":1.1,\"lambda_min\":-1.5,"
            + "\"lambda_min_residual\":0.25,"
            + "\"verdict\":{\"kind\":\"negative\",\"upper_bound\":-1.25,\"certified\":true},"
            + "\"momentum\":0.9,\"snapshot\":\"cheap\",\"events\":[{\"kind\":\"SPIKE\","
            + "\"signal\":\"trace\",\"confidence\":0.5,\"value\":\"NaN\",\"uncertainty\":1.0,"
            + "\"threshold\":\"Infinity\",\"since\":2,"
            + "\"explanation\":\"a \\\"b\\\" \\\\ \\u000a c\"}],"
            + "\"advice\":[{\"kind\":\"revert\",\"to\":7,\"reason\":\"harm\"},"
            + "{\"kind\":\"learning_rate\",\"value\":0.05,\"factor\":0.5,\"reason\":\"harm\"}],"
            + "\"monitor_share\":0.125}",
        lines.getFirst());
    assertEquals("{\"type\":\"checkpoint\",\"step\":2}", lines.get(1));
  }

  /** Steps at which nothing happened are gathered; what happened is not waited for. */
  @Test
  void quietLinesAreGathered() throws IOException {
    Path file = folder.resolve("m.jsonl");
    try (MonitorSink sink = MonitorSink.jsonLines(file)) {
      for (long step = 0; step < 10; step++) {
        sink.accept(quiet(step));
      }
      assertTrue(Files.readAllLines(file).size() < 10);
      sink.accept(step(10, List.of()));
      assertEquals(11, Files.readAllLines(file).size());
      sink.accept(quiet(11));
      sink.flush();
      assertEquals(12, Files.readAllLines(file).size());
      sink.accept(quiet(12));
    }
    assertEquals(13, Files.readAllLines(file).size());
  }

  /** What the rules held back until the end belongs to the last line. */
  @Test
  void eventsOfTheEndAreOfTheLastLine() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file)) {
      sink.accept(quiet(1));
      sink.accept(quiet(2));
      sink.accept(
          new MonitorRecord.Notice(
              2,
              MonitorRecord.Notice.Kind.FINISH,
              List.of(event(Event.Kind.LEVEL_SHIFT, "shifted"))));
    }
    List<String> lines = Files.readAllLines(file);
    assertEquals(3, lines.size());
    assertTrue(!lines.get(1).contains("LEVEL_SHIFT"), lines.get(1));
    assertTrue(lines.get(2).startsWith("2,") && lines.get(2).contains(",LEVEL_SHIFT,"));
  }

  @Test
  void aCheckpointLeavesNothingHeld() throws IOException {
    Path file = folder.resolve("m.csv");
    try (MonitorSink sink = MonitorSink.csv(file)) {
      sink.accept(quiet(1));
      sink.accept(new MonitorRecord.Notice(1, MonitorRecord.Notice.Kind.CHECKPOINT, List.of()));
      assertEquals(2, Files.readAllLines(file).size());
    }
    assertEquals(2, Files.readAllLines(file).size());
  }

  /** A full disk: nothing is half written, and what is held comes when there is room. */
  @Test
  void whatCannotBeWrittenIsReported() throws IOException {
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no /dev/full on this system");
    IOException e = assertThrows(IOException.class, () -> MonitorSink.csv(full));
    assertTrue(e.getMessage().contains("No space left"), e.getMessage());
    Map<Signal, Integer> negative = Map.of(Signal.ACTIVE_FRACTION, -1);
    assertThrows(
        IllegalArgumentException.class, () -> MonitorSink.csv(folder.resolve("x"), negative));
  }

  /** A file of an earlier version, or of a network with other layers, keeps its columns. */
  @Test
  void aFileIsContinuedWithTheColumnsThatItHas() throws IOException {
    Path file = folder.resolve("m.csv");
    Files.writeString(file, "step,active_fraction_2,noise_scale_error,loss,event\n0,,,1.5,\n");
    try (MonitorSink sink = MonitorSink.csv(file, Map.of())) {
      sink.accept(layers(1, 0.25, 0.75));
      sink.accept(step(2, List.of(), event(Event.Kind.SPIKE, "back")));
    }
    assertEquals(
        List.of("0,,,1.5,", "1,0.75,,,", "2,,,2.1,SPIKE"), Files.readAllLines(file).subList(1, 4));
    Path app = folder.resolve("app.csv");
    Files.writeString(app, "step,epoch,loss\n");
    assertThrows(IOException.class, () -> MonitorSink.csv(app));
  }

  /** Signals of layers have no column where the network is known to have none. */
  @Test
  void aNetworkWithoutSuchLayersHasNoSuchColumns() throws IOException {
    Path file = folder.resolve("m.csv");
    MonitorSink.csv(file, Map.of()).close();
    assertTrue(!Files.readString(file).contains("active_fraction"));
    assertTrue(Files.readString(file).contains(",trace,trace_error,attention_entropy,"));
  }

  private static MonitorRecord.Step quiet(long step) {
    return new MonitorRecord.Step(
        Observation.at(step), OptionalDouble.empty(), Optional.empty(), List.of(), List.of(), 0);
  }
}

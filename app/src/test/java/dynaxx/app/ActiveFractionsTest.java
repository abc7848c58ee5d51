package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.run.RunReader;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** Active fractions of rectifier layers on their way through files. */
class ActiveFractionsTest {

  @TempDir private Path temporary;

  private static String run(String... arguments) {
    StringWriter out = new StringWriter();
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        Main.commandLine().setOut(new PrintWriter(out)).setErr(new PrintWriter(err));
    assertEquals(0, commandLine.execute(arguments), err.toString());
    return out.toString();
  }

  private static List<Observation> read(Path file) throws IOException {
    List<String> problems = new ArrayList<>();
    List<MonitorRecord> rows = RunReader.metrics(file, problems::add);
    assertEquals(List.of(), problems);
    return rows.stream().map(row -> ((MonitorRecord.Step) row).observation()).toList();
  }

  private static List<Double> parts(Observation observation) {
    Reading reading = observation.readings().get(Signal.ACTIVE_FRACTION);
    return reading == null ? List.of() : reading.parts();
  }

  private Path demo(String arch) {
    Path folder = temporary.resolve(arch);
    String options = "--steps 4 --every 2 --lanczos 2 --probes 2 --subset 16 --no-certify";
    List<String> all = new ArrayList<>(List.of("demo", "--arch", arch, "--out", folder.toString()));
    all.addAll(List.of(options.split(" ")));
    run(all.toArray(String[]::new));
    return folder;
  }

  @Test
  void aRunOfANetworkWithRectifiersRecordsEachLayer() throws IOException {
    Path folder = demo("cnn");
    Path journal = folder.resolve("monitor.jsonl");
    List<Observation> live =
        RunReader.journalUpTo(journal, Files.size(journal)).stream()
            .filter(MonitorRecord.Step.class::isInstance)
            .map(record -> ((MonitorRecord.Step) record).observation())
            .toList();
    List<Observation> rows = read(folder.resolve("metrics.csv"));
    assertEquals(5, rows.size());
    for (int step = 0; step < rows.size(); step++) {
      List<Double> measured = parts(live.get(step));
      List<Double> found = parts(rows.get(step));
      assertEquals(step % 2 == 0, !found.isEmpty(), "step " + step);
      assertEquals(measured.size(), found.size());
      for (int i = 0; i < found.size(); i++) {
        assertTrue(measured.get(i) > 0 && measured.get(i) < 1, measured.toString());
        assertEquals(measured.get(i), found.get(i), 1e-8);
      }
      if (step % 2 == 0) {
        assertEquals(
            measured.stream().mapToDouble(f -> f).average().orElseThrow(),
            rows.get(step).readings().get(Signal.ACTIVE_FRACTION).value(),
            1e-8);
      }
    }
  }

  @Test
  void aRunOfANetworkWithoutHasNoSuchColumns() throws IOException {
    String text = Files.readString(demo("mlp").resolve("metrics.csv"));
    assertTrue(text.startsWith("step,epoch,"), text);
    assertFalse(text.contains("active_fraction"), text);
  }

  /** Three layers about one half; the second loses a tenth of its units at snapshot 80. */
  private static List<MonitorRecord.Step> dying() {
    SplittableRandom random = new SplittableRandom(3);
    List<MonitorRecord.Step> all = new ArrayList<>();
    for (int i = 0; i < 110; i++) {
      List<Double> fractions = new ArrayList<>();
      for (int layer = 1; layer <= 3; layer++) {
        double added = layer == 2 && i >= 80 ? -0.1 : 0;
        fractions.add(0.5 + added + 0.01 * random.nextGaussian());
      }
      all.add(
          new MonitorRecord.Step(
              Observation.at(10L * i)
                  .with(Signal.LOSS, 1)
                  .with(Signal.ACTIVE_FRACTION, Reading.mean(fractions)),
              OptionalDouble.empty(),
              Optional.empty(),
              List.of(),
              List.of(),
              0));
    }
    return all;
  }

  private static List<Event> events(List<Observation> observations) {
    Rules rules = Rules.calibrated();
    List<Event> events = new ArrayList<>();
    observations.forEach(observation -> events.addAll(rules.observe(observation)));
    events.addAll(rules.finish());
    return events;
  }

  @Test
  void whatIsReadAgainGivesTheSameEvents() throws IOException {
    List<Observation> live = dying().stream().map(MonitorRecord.Step::observation).toList();
    Path csv = temporary.resolve("monitor.csv");
    Path json = temporary.resolve("monitor.jsonl");
    try (MonitorSink table = MonitorSink.csv(csv, Map.of(Signal.ACTIVE_FRACTION, 3));
        MonitorSink lines = MonitorSink.jsonLines(json)) {
      dying().forEach(table::accept);
      dying().forEach(lines::accept);
    }
    List<Event> events = events(live);
    Event event =
        events.stream()
            .filter(e -> e.kind() == Event.Kind.LEVEL_SHIFT)
            .findFirst()
            .orElseThrow(() -> new AssertionError(events.toString()));
    assertTrue(
        event.explanation().startsWith("active_fraction of layer 2 has been below"),
        event.explanation());
    assertEquals(live, read(csv));
    assertEquals(events, events(read(csv)));
    List<Observation> recalled =
        RunReader.journalUpTo(json, Files.size(json)).stream()
            .map(record -> ((MonitorRecord.Step) record).observation())
            .toList();
    assertEquals(live, recalled);
    String printed = run("replay", csv.toString());
    assertTrue(printed.contains(event.explanation()), printed);
  }

  /** Columns of layers alone will do, and a hole in one is a hole in one. */
  @Test
  void aFileMayHaveTheLayersAlone() throws IOException {
    Path file = temporary.resolve("metrics.csv");
    Files.writeString(
        file,
        "step,active_fraction_2,active_fraction_1,active_fraction_4\n"
            + "0,0.5,0.25,0.9\n1,,0.25,0.9\n2,,,0.9\n");
    List<Observation> rows = read(file);
    assertEquals(List.of(0.25, 0.5), parts(rows.get(0)));
    assertEquals(0.375, rows.get(0).readings().get(Signal.ACTIVE_FRACTION).value());
    assertEquals(List.of(0.25, Double.NaN), parts(rows.get(1)));
    assertEquals(0.25, rows.get(1).readings().get(Signal.ACTIVE_FRACTION).value());
    assertEquals(Observation.at(2), rows.get(2));
  }
}

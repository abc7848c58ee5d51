package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.MessageFormat;
import java.util.ArrayList;
import java.util.List;
import java.util.ResourceBundle;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A sink that throws does not end the training. */
class RecorderTest {

  @TempDir private Path temporary;

  /** Fails while it is told to. */
  private static final class Flaky implements MonitorSink {
    final List<Long> taken = new ArrayList<>();
    int tries;
    int closes;
    boolean fails = true;
    boolean failsToClose;

    @Override
    public void accept(MonitorRecord record) {
      tries++;
      if (fails) {
        throw new IllegalStateException("no space left");
      }
      taken.add(record.step());
    }

    @Override
    public void close() {
      closes++;
      if (failsToClose) {
        throw new IllegalStateException("no space left");
      }
    }
  }

  /** Remembers what was logged. */
  private static final class Log implements System.Logger {
    final List<String> lines = new ArrayList<>();

    @Override
    public String getName() {
      return "test";
    }

    @Override
    public boolean isLoggable(Level level) {
      return true;
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
      lines.add(level + " " + message);
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... parameters) {
      lines.add(level + " " + MessageFormat.format(format, parameters));
    }
  }

  private static MonitorRecord record(long step) {
    return new MonitorRecord.Notice(step, MonitorRecord.Notice.Kind.EPOCH_END, List.of());
  }

  private static PhaseMonitor monitor(MonitorSink... sinks) {
    PhaseMonitor.Builder builder = PhaseMonitor.of(new FakeModel()).every(1000);
    for (MonitorSink sink : sinks) {
      builder.sink(sink);
    }
    return builder.build();
  }

  @Test
  void recordsWaitAndAreTriedAgain() {
    Flaky flaky = new Flaky();
    List<Long> other = new ArrayList<>();
    Log log = new Log();
    Recorder recorder = new Recorder(List.of(flaky, record -> other.add(record.step())), log);
    for (int step = 0; step < 500; step++) {
      flaky.fails = step < 300;
      recorder.tell(record(step));
    }
    recorder.close();
    assertEquals(500, other.size(), "the other sink takes all");
    assertEquals(other, flaky.taken, "in order, none twice");
    assertEquals(1, log.lines.size(), log.lines.toString());
    assertTrue(
        log.lines.getFirst().contains("Flaky: a record could not be written"),
        log.lines.toString());
    assertTrue(log.lines.getFirst().startsWith("WARNING"), log.lines.toString());
    assertTrue(flaky.tries < 500 + 20, "not tried at every step");
    assertEquals(0, recorder.lost());
  }

  @Test
  void whatIsNeverTakenIsCounted() {
    Flaky flaky = new Flaky();
    PhaseMonitor monitor = monitor(flaky);
    int steps = Recorder.MOST_WAITING + 50;
    for (int step = 0; step < steps; step++) {
      monitor.afterStep(StepReport.at(step));
    }
    assertEquals(50, monitor.usage().lostRecords());
    assertDoesNotThrow(() -> monitor.restarted(3));
    assertDoesNotThrow(monitor::finish);
    assertDoesNotThrow(monitor::close);
    assertDoesNotThrow(monitor::close);
    assertEquals(steps + 2, monitor.usage().lostRecords());
    assertEquals(1, flaky.closes);
  }

  @Test
  void allSinksAreClosedThoughOneCannotBe() {
    Flaky first = new Flaky();
    Flaky second = new Flaky();
    first.fails = false;
    first.failsToClose = true;
    second.fails = false;
    PhaseMonitor monitor = monitor(first, second);
    assertDoesNotThrow(monitor::close);
    assertEquals(1, second.closes);
    assertEquals(1, monitor.usage().lostRecords());
  }

  /** A line that could not be written comes once, not twice. */
  @Test
  void aFileThatCannotBeWrittenForAWhileIsCompleteInTheEnd() throws IOException {
    Path csv = temporary.resolve("monitor.csv");
    Path json = temporary.resolve("monitor.jsonl");
    try (Interrupting table = new Interrupting(MonitorSink.csv(csv));
        Interrupting lines = new Interrupting(MonitorSink.jsonLines(json))) {
      PhaseMonitor monitor = monitor(table, lines);
      for (int step = 0; step < 100; step++) {
        table.fails = step > 20 && step < 60;
        lines.fails = table.fails;
        monitor.afterStep(StepReport.at(step).loss(step == 30 ? Double.NaN : 1));
        if (step % 10 == 0) {
          monitor.checkpointed(step);
        }
      }
      monitor.close();
      assertEquals(0, monitor.usage().lostRecords());
    }
    List<String> rows = Files.readAllLines(csv);
    assertEquals(101, rows.size());
    for (int step = 0; step < 100; step++) {
      assertTrue(rows.get(step + 1).startsWith(step + ","), rows.get(step + 1));
    }
    assertEquals(110, Files.readAllLines(json).size());
  }

  /** Refuses records before a sink sees them, as a full disk does. */
  private static final class Interrupting implements MonitorSink {
    private final MonitorSink sink;
    private boolean fails;

    Interrupting(MonitorSink sink) {
      this.sink = sink;
    }

    @Override
    public void accept(MonitorRecord record) {
      if (fails) {
        throw new IllegalStateException("no space left");
      }
      sink.accept(record);
    }

    @Override
    public void close() {
      sink.close();
    }
  }
}

package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.monitor.MonitorSink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Files of a run that grow, change, are damaged, or go. */
class RunFileTest {

  @TempDir private Path folder;

  @Test
  void followsAFileWhileItGrows() throws IOException {
    Path run = Files.createDirectories(folder.resolve("runs/one"));
    Path file = run.resolve("monitor.jsonl");
    try (MonitorSink journal = MonitorSink.jsonLines(file)) {
      for (int i = 0; i <= 40; i++) {
        journal.accept(Runs.step(i));
      }
    }
    RunFile followed = RunFile.at(folder.resolve("runs")).getFirst();
    followed.follow();
    assertEquals(41, followed.data().state().columns().get("loss").size());
    Files.writeString(file, "{\"type\":\"step\",\"step\":41,", StandardOpenOption.APPEND);
    followed.follow();
    assertEquals(40, followed.data().head().step());
    Files.writeString(file, "\"loss\":0.5}\nnonsense\n", StandardOpenOption.APPEND);
    followed.follow();
    assertEquals(41, followed.data().head().step());
    assertEquals(1, followed.leftOut());
    Files.writeString(file, "{\"type\":\"step\",\"step\":3,\"loss\":0.5}\n");
    followed.follow();
    assertEquals(3, followed.data().head().step());
    assertEquals(1, followed.data().state().columns().get("loss").size());
  }

  /** A run that has just begun has no journal yet. */
  @Test
  void turnsToTheJournalOnceThereIsOne() throws IOException {
    Files.writeString(folder.resolve("metrics.csv"), "step,loss\n0,7\n1,7\n");
    RunFile followed = RunFile.at(folder).getFirst();
    followed.follow();
    assertEquals(2, followed.data().state().columns().get("loss").size());
    try (MonitorSink journal = MonitorSink.jsonLines(folder.resolve("monitor.jsonl"))) {
      journal.accept(Runs.step(0));
      journal.accept(Runs.event(0, "it moved"));
    }
    followed.follow();
    RunData.State state = followed.data().state();
    assertEquals(1, state.columns().get("loss").size());
    assertEquals(Runs.loss(0), state.columns().get("loss").values()[0], 1e-6);
    assertEquals("it moved", state.events().getFirst().explanation());
  }

  @Test
  void readsMetricsOfOthers() throws IOException {
    Path file = folder.resolve("metrics.csv");
    Files.writeString(file, "step,loss,trace\n0,2,\n1,1.5,30\n");
    RunFile followed = RunFile.at(folder).getFirst();
    followed.follow();
    Files.writeString(file, "2,1.25,\n", StandardOpenOption.APPEND);
    followed.follow();
    assertEquals(3, followed.data().state().columns().get("loss").size());
    assertEquals(1, followed.data().state().columns().get("trace").size());
  }

  private RunFile followed(String metrics) throws IOException {
    Files.writeString(folder.resolve("metrics.csv"), metrics);
    RunFile followed = RunFile.at(folder).getFirst();
    followed.follow();
    return followed;
  }

  private static List<Double> loss(RunFile run) {
    Column.View column = run.data().state().columns().get("loss");
    return column == null
        ? List.of()
        : Arrays.stream(column.values(), 0, column.size()).boxed().toList();
  }

  /** Shorter, as long, or longer, in place or by another file: it is another run. */
  @ParameterizedTest
  @ValueSource(strings = {"0,5\n", "0,5\n1,6\n", "0,7\n1,9\n", "0,5\n1,6\n2,7\n3,8\n"})
  void aFileThatWasWrittenAnewIsReadFromItsStart(String rows) throws IOException {
    List<Double> expected = rows.lines().map(row -> Double.parseDouble(row.split(",")[1])).toList();
    for (boolean replaced : new boolean[] {false, true}) {
      RunFile run = followed("step,loss\n0,7\n1,7\n");
      int generation = run.data().head().generation();
      Path file = folder.resolve("metrics.csv");
      Path written = replaced ? folder.resolve("other") : file;
      Files.writeString(written, "step,loss\n" + rows);
      if (replaced) {
        Files.move(written, file, StandardCopyOption.REPLACE_EXISTING);
      }
      run.follow();
      assertEquals(expected, loss(run));
      assertTrue(run.data().head().generation() > generation);
    }
  }

  /** Other columns in a file that is much longer than what is compared. */
  @Test
  void aLongFileThatBeginsOtherwiseIsReadFromItsStart() throws IOException {
    StringBuilder rows = new StringBuilder();
    for (int i = 0; i < 10_000; i++) {
      rows.append(i).append(",1,2\n");
    }
    RunFile run = followed("step,loss,trace\n" + rows);
    Files.writeString(folder.resolve("metrics.csv"), "step,trace,loss\n" + rows);
    run.follow();
    assertEquals(10_000, loss(run).size());
    assertEquals(2, loss(run).getFirst());
  }

  /** As one that is brought over from another machine again and again. */
  @Test
  void aLongerCopyOfTheSameFileIsReadOn() throws IOException {
    RunFile run = followed("step,loss\n0,7\n1,7\n");
    int generation = run.data().head().generation();
    Path copy = Files.writeString(folder.resolve("copy"), "step,loss\n0,7\n1,7\n2,8\n");
    Files.move(copy, folder.resolve("metrics.csv"), StandardCopyOption.REPLACE_EXISTING);
    run.follow();
    assertEquals(List.of(7.0, 7.0, 8.0), loss(run));
    assertEquals(generation, run.data().head().generation());
  }

  @Test
  void aRunThatIsGoneIsNotReadAnyMoreAndItsFollowerIs() throws IOException {
    Path run = Files.createDirectories(folder.resolve("run"));
    try (MonitorSink journal = MonitorSink.jsonLines(run.resolve("monitor.jsonl"))) {
      journal.accept(Runs.step(0));
      journal.accept(Runs.finish(0));
    }
    Files.writeString(run.resolve("run.json"), "{\"status\":\"completed\",\"seed\":1}");
    RunFile followed = RunFile.at(run).getFirst();
    followed.follow();
    assertEquals("completed", followed.data().head().status());
    assertEquals(1, followed.data().facts().get("seed"));
    Files.delete(run.resolve("monitor.jsonl"));
    Files.delete(run.resolve("run.json"));
    Files.delete(run);
    assertThrows(NoSuchFileException.class, followed::follow);
    Files.createDirectories(run);
    Files.writeString(run.resolve("metrics.csv"), "step,loss\n0,3\n");
    followed.follow();
    assertEquals(List.of(3.0), loss(followed));
    assertEquals("running", followed.data().head().status());
    assertEquals(0, followed.data().facts().size());
    Files.writeString(run.resolve("run.json"), "{\"status\":\"failed\",\"seed\":2}");
    followed.follow();
    assertEquals("failed", followed.data().head().status());
    Files.writeString(run.resolve("run.json"), "{\"status\":\"running\",\"seed\":30}");
    followed.follow();
    assertEquals("running", followed.data().head().status());
    assertEquals(30, followed.data().facts().get("seed"));
  }

  /** Neither later nor at first. */
  @Test
  void aFileMayNotBecomeALinkThatLeadsOut() throws IOException {
    Path outside = Files.writeString(folder.resolve("outside.csv"), "step,loss\n0,1\n");
    Path run = Files.createDirectories(folder.resolve("run"));
    Path file = Files.writeString(run.resolve("metrics.csv"), "step,loss\n0,7\n");
    RunFile followed = RunFile.at(run).getFirst();
    followed.follow();
    Files.delete(file);
    Files.createSymbolicLink(file, outside);
    String message = assertThrows(IOException.class, followed::follow).getMessage();
    assertTrue(message.endsWith("found a link that leads out of the run's folder"), message);
    assertEquals(List.of(7.0), loss(followed));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"status\":\"comp | no valid JSON at line 1, column 16, expected a JSON object",
        "status: completed | no valid JSON at line 1, column 8, expected a JSON object",
        "{\"seed\":1} {} | no valid JSON at line 1, column 12, expected a JSON object",
        "[1, 2] | a list, expected a JSON object",
        "null | null, expected a JSON object",
        "`` | an empty file, expected a JSON object",
        "7 | 7, expected a JSON object",
      })
  void aDamagedFileOfFactsIsToldAndTheRunIsShown(String text, String found) throws IOException {
    Files.writeString(folder.resolve("run.json"), text == null ? "" : text);
    RunFile run = followed("step,loss\n0,7\n");
    assertEquals(List.of("run.json: found " + found + "; not used"), run.problems());
    assertEquals(run.problems(), run.data().state().problems());
    assertEquals(List.of(7.0), loss(run));
    assertEquals("running", run.data().head().status());
    Files.writeString(folder.resolve("run.json"), "{\"status\":\"completed\"}");
    run.follow();
    assertEquals(List.of(), run.problems());
    assertEquals("completed", run.data().head().status());
  }

  @Test
  void wrongTypesInTheFileOfFactsAreTold() throws IOException {
    Files.writeString(folder.resolve("run.json"), "{\"seed\":3,\"status\":{\"a\":1}}");
    RunFile run = followed("step,loss\n0,7\n");
    assertEquals(
        List.of("run.json: status: found an object, expected a text such as completed; not used"),
        run.problems());
    assertEquals(3, run.data().facts().get("seed"));
    Files.writeString(folder.resolve("run.json"), "\"" + "x".repeat(1 << 20) + "\"");
    run.follow();
    assertEquals(
        List.of("run.json: found 1048578 bytes, expected at most 1048576; not used"),
        run.problems());
  }

  /** Each thing once, with its file and line, however often it is looked at. */
  @Test
  void whatIsLeftOutIsToldOnceOnTheTerminal() throws IOException {
    List<String> told = new ArrayList<>();
    Handler handler =
        new Handler() {
          @Override
          public void publish(LogRecord record) {
            told.add(new SimpleFormatter().formatMessage(record));
          }

          @Override
          public void flush() {}

          @Override
          public void close() {}
        };
    Logger logger = Logger.getLogger(RunFile.class.getName());
    logger.addHandler(handler);
    try {
      Files.writeString(folder.resolve("run.json"), "{");
      RunFile run = followed("step,loss\n0,7\n-1,2\n");
      run.tell();
      Files.writeString(folder.resolve("metrics.csv"), "1,x\n2,4\n", StandardOpenOption.APPEND);
      run.follow();
      run.tell();
      String line =
          "metrics.csv: line 3: step: found '-1', expected a whole number from 0 to"
              + " 9007199254740992; row left out";
      assertEquals(
          List.of(
              folder
                  + "/run.json: found no valid JSON at line 1, column 2, expected a JSON object;"
                  + " not used",
              folder + "/" + line),
          told);
      assertEquals(line + " (and 1 more like this)", run.problems().getLast());
      assertEquals(List.of(7.0, 4.0), loss(run));
    } finally {
      logger.removeHandler(handler);
    }
  }

  /** As in a file that a person wrote; a run that goes on may be in the middle of its line. */
  @ParameterizedTest
  @CsvSource({"completed, 2", "running, 1"})
  void aReportHasALastLineWithoutItsEnd(String status, int values) throws IOException {
    Files.writeString(folder.resolve("run.json"), "{\"status\":\"" + status + "\"}");
    Files.writeString(folder.resolve("metrics.csv"), "step,loss\n0,7\n1,8");
    String text = RunReport.of(List.of(folder)).markdown();
    String row = text.lines().filter(line -> line.startsWith("| `loss`")).findFirst().orElseThrow();
    assertTrue(row.endsWith("| " + values + " |"), row);
  }

  @Test
  void aReportHasEachRunOnce() throws IOException {
    Path run = Files.createDirectories(folder.resolve("run"));
    Files.writeString(run.resolve("metrics.csv"), "step,loss\n0,7\n");
    String text = RunReport.of(List.of(run, folder, run.resolve("../run"))).markdown();
    assertEquals(1, text.lines().filter(line -> line.startsWith("## ")).count(), text);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "loss,trace;1,2 | line 1: found columns loss, trace; expected a column step among them",
        "step,loss;-1,2 | line 2: step: found '-1', expected a whole number from 0 to",
        "step,loss;,2 | line 2: step: found nothing, expected a whole number from 0 to",
        "step,loss;1e16,2 | line 2: step: found '1e16', expected a whole number from 0 to",
      })
  void aReportSaysWhyThereIsNoStep(String lines, String problem) throws IOException {
    Path file = folder.resolve("metrics.csv");
    Files.writeString(file, lines.replace(';', '\n') + "\n");
    String message =
        assertThrows(IOException.class, () -> RunReport.of(List.of(folder))).getMessage();
    assertTrue(message.startsWith(file + ": " + problem), message);
    Files.writeString(file, "step,loss\n");
    message = assertThrows(IOException.class, () -> RunReport.of(List.of(folder))).getMessage();
    assertEquals(folder + ": found no step of a run, expected at least one", message);
  }
}

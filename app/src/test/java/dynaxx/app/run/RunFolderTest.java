package dynaxx.app.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.app.io.UserException;
import dynaxx.app.train.Trainer;
import dynaxx.monitor.MetricsFormat;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RunFolderTest {

  private static final MetricsFormat FORMAT = StepRow.format(Map.of());

  @TempDir private Path temporary;

  private static StepRow row(int step) {
    return new StepRow(
        step, 0.5, new Trainer.Step(1.25, 2), null, 0.1, 8, null, Map.of(), 0.01, "");
  }

  private JsonNode json(Path folder) throws IOException {
    return new ObjectMapper().readTree(folder.resolve("run.json").toFile());
  }

  @Test
  void canBeReadAtAnyMomentAndAfterAnInterruption() throws IOException {
    Path folder = temporary.resolve("new").resolve("run");
    try (RunFolder run = RunFolder.create(folder, FORMAT, Map.of("seed", 7))) {
      assertEquals("running", json(folder).get("status").asText());
      run.append(row(0));
      assertEquals(2, Files.readAllLines(folder.resolve("metrics.csv")).size());
      assertTrue(run.finish("interrupted", Map.of()));
      run.append(row(1));
      assertFalse(run.finish("completed", Map.of()));
    }
    List<String> lines = Files.readAllLines(folder.resolve("metrics.csv"));
    assertEquals(2, lines.size());
    int columns = FORMAT.header().split(",").length;
    assertEquals(
        "0,0.500000000,1.25000000,,,0.100000000,8,2.00000000"
            + ",".repeat(columns - 10)
            + "0.0100000000,,",
        lines.get(1));
    assertEquals("interrupted", json(folder).get("status").asText());
    assertEquals(7, json(folder).get("seed").asInt());
    try (Stream<Path> files = Files.list(folder)) {
      assertEquals(2, files.count());
    }
  }

  @Test
  void aRunThatIsLeftOpenHasFailed() throws IOException {
    RunFolder.create(temporary, FORMAT, Map.of()).close();
    assertEquals("failed", json(temporary).get("status").asText());
  }

  @Test
  void aRunThatIsGoingOnIsNotResumed() throws IOException {
    try (RunFolder run = RunFolder.create(temporary, FORMAT, Map.of())) {
      run.append(row(0));
      String message =
          assertThrows(UserException.class, () -> RunFolder.resume(temporary, Map.of()))
              .getMessage();
      assertTrue(message.contains("still going on"), message);
      assertEquals(2, Files.readAllLines(temporary.resolve("metrics.csv")).size());
    }
  }

  /** Rows that somebody deleted do not shift what is kept of the others. */
  @Test
  void rowsAreCutByTheirSteps() throws IOException {
    try (RunFolder run = RunFolder.create(temporary, FORMAT, Map.of())) {
      for (int step = 0; step < 12; step++) {
        run.append(row(step));
      }
    }
    Path csv = temporary.resolve("metrics.csv");
    List<String> lines = new ArrayList<>(Files.readAllLines(csv));
    lines.subList(3, 6).clear();
    Files.write(csv, lines);
    Files.writeString(csv, "12,half a ro", StandardOpenOption.APPEND);
    try (RunFolder run = RunFolder.resume(temporary, Map.of())) {
      assertEquals(3, run.keepRows(LongStream.range(0, 8).toArray()));
      run.append(row(8));
    }
    assertEquals(
        List.of("0", "1", "5", "6", "7", "8"),
        Files.readAllLines(csv).stream().skip(1).map(line -> line.split(",")[0]).toList());
  }

  /** After going back to a checkpoint the same steps come once more. */
  @Test
  void rowsOfBothCoursesAreKept() throws IOException {
    long[] written = {0, 1, 2, 3, 1, 2};
    try (RunFolder run = RunFolder.create(temporary, FORMAT, Map.of())) {
      for (long step : written) {
        run.append(row((int) step));
      }
      run.append(row(3));
    }
    try (RunFolder run = RunFolder.resume(temporary, Map.of())) {
      assertEquals(0, run.keepRows(written));
    }
    assertEquals(1 + written.length, Files.readAllLines(temporary.resolve("metrics.csv")).size());
  }

  @Test
  void aFileWithoutItsHeaderIsNotGoneOnWith() throws IOException {
    RunFolder.create(temporary, FORMAT, Map.of()).close();
    Files.writeString(temporary.resolve("metrics.csv"), "0,1,2\n");
    String message =
        assertThrows(UserException.class, () -> RunFolder.resume(temporary, Map.of())).getMessage();
    assertTrue(
        message.contains("found '0,1,2' as its first line, expected a header with the column step"),
        message);
  }

  @Test
  void neverOverwritesAnEarlierRun() throws IOException {
    Files.writeString(temporary.resolve("run.json"), "{}");
    assertThrows(UserException.class, () -> RunFolder.create(temporary, FORMAT, Map.of()));
    assertEquals("{}", Files.readString(temporary.resolve("run.json")));
  }
}

package dynaxx.app.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.io.UserException;
import dynaxx.monitor.MetricsFormat;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.SplittableRandom;
import org.apache.commons.csv.CSVFormat;
import org.apache.commons.csv.CSVParser;
import org.apache.commons.csv.CSVRecord;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RunReaderTest {

  private static final String GOOD = "{\"type\":\"step\",\"step\":1,\"loss\":2.5}\n";

  @TempDir private Path temporary;

  private Path journal(String line) throws IOException {
    Path file = temporary.resolve("monitor.jsonl");
    return Files.write(file, (GOOD + line + "\n").getBytes(StandardCharsets.ISO_8859_1));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{\"type\":\"st\u00e9p\",\"step\":2} | type: found 'st\ufffdp', expected one of restart,"
            + " learning_rate, epoch_end, checkpoint, finish",
        "{\"type\":\"step\",\"step\":2,\"active_fraction_1\":null}"
            + " | active_fraction_1: found null, expected a number",
        "{\"type\":\"step\",\"step\":2,\"lambda_min\":null}"
            + " | lambda_min: found null, expected a number",
        "{\"type\":\"step\",\"step\":2,\"lambda_min\":1,\"lambda_min_residual\":-1}"
            + " | lambda_min_residual: found -1.0, expected at least 0",
        "{\"type\":\"step\",\"step\":2,\"verdict\":{\"kind\":\"negative\"}}"
            + " | verdict: found no field upper_bound",
        "{\"type\":\"step\",\"st | column 19: found the end of the line, expected '\"'",
        "{\"type\":\"step\"} | found no field step",
        "{\"type\":\"step\",\"step\":1.5} | step: found 1.5, expected a whole number",
        "{\"type\":\"step\",\"step\":x} | column 23: found 'x', expected a value",
        "{\"type\":\"step\",\"step\":2}} | column 25: found '}', expected the end of the line",
        "[] | found an array, expected an object"
      })
  void aDamagedLineIsNamed(String line, String problem) throws IOException {
    Path file = journal(line);
    String message =
        assertThrows(UserException.class, () -> RunReader.journalUpTo(file, Files.size(file)), line)
            .getMessage();
    assertEquals(file + ": line 2: " + problem, message);
  }

  /** The core has no dependency, so it splits lines by itself: as Commons CSV does. */
  @Test
  void linesAreSplitAsCommonsCsvSplitsThem() {
    SplittableRandom random = new SplittableRandom(1);
    int refused = 0;
    for (int i = 0; i < 20_000; i++) {
      StringBuilder line = new StringBuilder("step,");
      for (int length = random.nextInt(12); length > 0; length--) {
        line.append("ab\"\", ".charAt(random.nextInt(6)));
      }
      String text = line.toString();
      List<String> expected = commons(text);
      if (expected == null) {
        refused++;
        assertThrows(IllegalArgumentException.class, () -> MetricsFormat.ofHeader(text), text);
      } else {
        assertEquals(expected, commons(MetricsFormat.ofHeader(text).header()), text);
      }
    }
    assertTrue(refused > 1000 && refused < 19_000, refused + " refused");
  }

  /** The fields of a line, or null if it is no CSV. */
  private static List<String> commons(String line) {
    CSVFormat format = CSVFormat.RFC4180.builder().setIgnoreSurroundingSpaces(true).get();
    try (CSVParser parser = CSVParser.parse(line, format)) {
      List<CSVRecord> records = parser.getRecords();
      return records.size() == 1 ? records.getFirst().toList() : null;
    } catch (IOException | UncheckedIOException e) {
      return null;
    }
  }

  @Test
  void whatFollowsACheckpointIsCutOff() throws IOException {
    Path file = journal("{\"type\":\"epoch_end\",\"step\":2}");
    assertEquals(1, RunReader.journalUpTo(file, GOOD.length()).size());
    assertEquals(GOOD, Files.readString(file));
    String message =
        assertThrows(UserException.class, () -> RunReader.journalUpTo(file, 1000)).getMessage();
    assertEquals(
        file
            + ": found "
            + GOOD.length()
            + " bytes, expected at least the 1000 that the checkpoint was made after",
        message);
  }
}

package dynaxx.app.run;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dynaxx.app.UserException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JournalTest {

  private static final String GOOD = "{\"type\":\"step\",\"step\":1,\"loss\":2.5}\n";

  @TempDir private Path temporary;

  private Path journal(String line) throws IOException {
    Path file = temporary.resolve("monitor.jsonl");
    return Files.write(file, (GOOD + line + "\n").getBytes(StandardCharsets.ISO_8859_1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "{\"type\":\"st\u00e9p\",\"step\":2}",
        "{\"type\":\"step\",\"step\":2,\"active_fraction_1\":null}",
        "{\"type\":\"step\",\"step\":2,\"lambda_min\":null}",
        "{\"type\":\"step\",\"step\":2,\"verdict\":{\"kind\":\"negative\"}}",
        "{\"type\":\"step\",\"st",
        "{\"type\":\"step\"}",
        "[]"
      })
  void aDamagedLineIsNamed(String line) throws IOException {
    Path file = journal(line);
    String message =
        assertThrows(UserException.class, () -> Journal.upTo(file, Files.size(file))).getMessage();
    assertEquals(file + ": found no record of a monitor in line 2", message);
  }

  @Test
  void whatFollowsACheckpointIsCutOff() throws IOException {
    Path file = journal("{\"type\":\"epoch_end\",\"step\":2}");
    assertEquals(1, Journal.upTo(file, GOOD.length()).size());
    assertEquals(GOOD, Files.readString(file));
    String message = assertThrows(UserException.class, () -> Journal.upTo(file, 1000)).getMessage();
    assertEquals(
        file
            + ": found "
            + GOOD.length()
            + " bytes, expected at least the 1000 that the checkpoint was made after",
        message);
  }
}

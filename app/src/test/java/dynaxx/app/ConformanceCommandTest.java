package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.testing.CaseFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ConformanceCommandTest {

  @TempDir private Path temporary;

  private static Outcome run(String... arguments) {
    return Outcome.of(List.of(arguments));
  }

  @Test
  void saysWhatIsMissing() {
    Outcome none = run("conformance", temporary.resolve("nowhere").toString());
    assertEquals(2, none.status());
    assertTrue(none.err().contains("found no folder"), none.err());
    Outcome empty = run("conformance", temporary.toString());
    assertEquals(2, empty.status());
    assertTrue(empty.err().contains("found no test"), empty.err());
  }

  /** A model without data for its input is refused by name, in one line. */
  @Test
  void countsAndNamesWhatIsRefused() throws IOException {
    Path test = Files.createDirectories(temporary.resolve("node/test_mlp"));
    Files.copy(CaseFiles.path("mlp-tanh", "model.onnx"), test.resolve("model.onnx"));
    Path set = Files.createDirectories(test.resolve("test_data_set_0"));
    byte[] tensor = {8, 1, 16, 1, 74, 4, 0, 0, 0, 0};
    Files.write(set.resolve("output_0.pb"), tensor);
    Outcome outcome = run("conformance", temporary.toString(), "--all", "--derivatives");
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(outcome.out().contains("1 tests: 0 agree, 1 refused, 0 wrong"), outcome.out());
    assertTrue(outcome.out().contains("refused  test_mlp: "), outcome.out());
    assertTrue(outcome.out().contains("1 refused: "), outcome.out());
    assertTrue(outcome.out().lines().noneMatch(l -> l.contains("\tat ")), outcome.out());
  }
}

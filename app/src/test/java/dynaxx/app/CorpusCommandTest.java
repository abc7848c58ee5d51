package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

class CorpusCommandTest {

  @TempDir private Path temporary;

  private static String refused(String... arguments) {
    StringWriter err = new StringWriter();
    CommandLine commandLine =
        Main.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err));
    assertEquals(2, commandLine.execute(arguments), err::toString);
    assertFalse(err.toString().contains("\tat "), err::toString);
    return err.toString();
  }

  @Test
  void saysWhatIsMissing() {
    assertTrue(refused("corpus").contains("--out: found nothing, expected a folder"));
    String out = temporary.resolve("runs").toString();
    assertTrue(refused("corpus", "--out", out, "--runs", "0").contains("--runs: found 0"));
    assertTrue(
        refused("corpus", "--out", out, "--only", "rnn")
            .contains("--only: found 'rnn', expected one of perceptron, cnn, vit, gpt, gru"));
    assertTrue(
        refused("corpus", "evaluate", temporary.resolve("none.zip").toString())
            .contains("found no such file, expected a packed corpus"));
    assertTrue(refused("corpus", "act").contains("--out=DIR"));
    assertTrue(refused("corpus", "act", "--out", out, "--pairs", "0").contains("--pairs: found 0"));
    assertTrue(
        refused("corpus", "act", "--out", out, "--faults", "-1").contains("--faults: found -1"));
    String half = refused("corpus", "act", "--out", out, "--half", "none");
    assertTrue(half.contains("--half") && half.contains("none"), half);
  }
}

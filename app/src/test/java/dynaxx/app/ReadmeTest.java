package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README tells people to paste has to compile. */
class ReadmeTest {

  @TempDir private Path classes;

  /** What the examples take for granted of the reader's own code. */
  private static final String HOST =
      """
      import dynaxx.backend.*;
      import dynaxx.memory.*;
      import dynaxx.monitor.*;
      import dynaxx.network.*;
      import dynaxx.onnx.*;
      import dynaxx.operator.*;
      import dynaxx.spectrum.*;
      import java.lang.foreign.MemorySegment;
      import java.nio.file.Path;

      class Example {
        interface Trainer {
          double lossAndGradient();
          double rate();
          void scaleRate(double factor);
          void checkpoint(long step);
          void load(long step);
          void update();
        }

        %s
      }
      """;

  /** Variables that an example outside of a training loop uses. */
  private static final String DATA =
      "MemorySegment images, MemorySegment labels, MemorySegment parameters";

  /** Variables that an example within a training loop uses. */
  private static final String LOOP =
      "Network network, Loss loss, Batch subset, Backend backend, MemorySegment parameters,"
          + " Trainer trainer";

  @Test
  void everyExampleCompiles() throws IOException {
    List<String> examples = JavaExample.of(Path.of("..", "README.md"));
    assertEquals(3, examples.size(), "Java examples");
    for (String example : examples) {
      String variables = example.contains("PhaseMonitor") ? LOOP : DATA;
      compile("static void run(" + variables + ") throws Exception {" + example + "}");
    }
  }

  private void compile(String method) {
    assertEquals("", JavaExample.problems(HOST.formatted(method), classes));
  }
}

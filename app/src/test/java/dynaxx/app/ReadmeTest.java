package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What README and docs tell people to paste has to compile. */
class ReadmeTest {

  @TempDir private Path classes;

  /** What the examples take for granted of the reader's own code. */
  private static final String HOST =
      """
      import dynaxx.dashboard.*;
      import dynaxx.device.*;
      import dynaxx.layer.*;
      import dynaxx.memory.*;
      import dynaxx.model.*;
      import dynaxx.monitor.*;
      import dynaxx.network.*;
      import dynaxx.model.NetworkBuilder.Node;
      import dynaxx.onnx.*;
      import dynaxx.operator.*;
      import dynaxx.spectrum.*;
      import dynaxx.operator.NetworkOperator.Limits;
      import java.lang.foreign.MemorySegment;
      import java.nio.file.Path;
      import java.util.Arrays;

      class Example {
        interface Trainer {
          double lossAndGradient();
          double rate();
          void scaleRate(double factor);
          void checkpoint(long step);
          void load(long step);
          void update();
        }

        interface Model {
          double step();
          void hessianVectorProduct(float[] v, float[] hv);
          void gradient(float[] parameters, float[] gradient);
        }

        static Trainer trainer;
        static Model model;
        static int n;
        static float[] weights;
        static MemorySegment images, labels;
        static HostBuffer inputs, targets, parameters, secondMoment, change;
        static Network network;
        static Loss loss;
        static Batch subset;
        static Batch batch;
        static Scope scope;
        static Hessian hessian;
        static GaussNewton test;
        static Buffer gradient;
        static Buffer step;
        static double damping;
        static long seed;
        static Device device;
        static Path file;

        static void run() throws Exception {
          %s
        }
      }
      """;

  /** Pages of other stacks, whose examples their own modules' tests compare. */
  private static final List<String> ELSEWHERE =
      List.of("djl.md", "spark.md", "jcuda.md", "other-stacks.md");

  static Stream<Path> pages() throws IOException {
    try (Stream<Path> docs = Files.list(Path.of("..", "docs"))) {
      List<Path> pages =
          docs.filter(page -> page.toString().endsWith(".md"))
              .filter(page -> !ELSEWHERE.contains(page.getFileName().toString()))
              .sorted()
              .toList();
      return Stream.concat(Stream.of(Path.of("..", "README.md")), pages.stream());
    }
  }

  @ParameterizedTest
  @MethodSource("pages")
  void everyExampleCompiles(Path page) throws IOException {
    List<String> examples = JavaExample.of(page);
    boolean promised = List.of("README.md", "guide.md").contains(page.getFileName().toString());
    assertTrue(!promised || !examples.isEmpty(), "Java examples in " + page);
    examples.forEach(this::compile);
  }

  @Test
  void readmeIsShort() throws IOException {
    assertTrue(Files.readAllLines(Path.of("..", "README.md")).size() <= 150);
  }

  private void compile(String example) {
    assertEquals("", JavaExample.problems(HOST.formatted(example), classes), example);
  }
}

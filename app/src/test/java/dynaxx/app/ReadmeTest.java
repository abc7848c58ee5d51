package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.StringWriter;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import javax.tools.JavaCompiler;
import javax.tools.JavaFileObject;
import javax.tools.SimpleJavaFileObject;
import javax.tools.ToolProvider;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What the README tells people to paste has to compile. */
class ReadmeTest {

  private static final Pattern JAVA = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL);

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
    String readme = Files.readString(Path.of("..", "README.md"));
    List<String> examples =
        JAVA.matcher(readme).results().map(example -> example.group(1)).toList();
    assertEquals(3, examples.size(), "Java examples");
    for (String example : examples) {
      String variables = example.contains("PhaseMonitor") ? LOOP : DATA;
      compile("static void run(" + variables + ") throws Exception {" + example + "}");
    }
  }

  private void compile(String method) {
    StringWriter messages = new StringWriter();
    assertTrue(compiles(HOST.formatted(method), messages), messages.toString());
    assertEquals("", messages.toString());
  }

  private boolean compiles(String source, StringWriter messages) {
    JavaCompiler compiler = ToolProvider.getSystemJavaCompiler();
    JavaFileObject file =
        new SimpleJavaFileObject(URI.create("string:///Example.java"), JavaFileObject.Kind.SOURCE) {
          @Override
          public CharSequence getCharContent(boolean ignoreEncodingErrors) {
            return source;
          }
        };
    String path = System.getProperty("jdk.module.path", "");
    List<String> options =
        List.of(
            "-d",
            classes.toString(),
            "-cp",
            System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
                + java.io.File.pathSeparator
                + path);
    return compiler.getTask(messages, null, null, options, null, List.of(file)).call();
  }
}

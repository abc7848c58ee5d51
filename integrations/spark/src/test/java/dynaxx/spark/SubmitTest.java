package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.testing.PageExamples;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.apache.spark.launcher.JavaModuleOptions;
import org.junit.jupiter.api.Test;

/** The example, started by what the script {@code spark-submit} starts. */
class SubmitTest {

  private static Map<String, String> submit(String... args) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    command.addAll(List.of(JavaModuleOptions.defaultModuleOptionArray()));
    command.addAll(
        List.of(
            "-XX:TieredStopAtLevel=1",
            "-cp",
            System.getProperty("java.class.path"),
            "org.apache.spark.deploy.SparkSubmit",
            "--master",
            "local[2]",
            "--conf",
            "spark.ui.enabled=false",
            "--class",
            "dynaxx.spark.example.SparkCurvature",
            "spark-internal"));
    command.addAll(List.of(args));
    Process process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    Map<String, String> lines = read(process);
    assertEquals(0, process.waitFor());
    return lines;
  }

  private static Map<String, String> read(Process process) throws IOException {
    Map<String, String> lines = new TreeMap<>();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    for (String line : text.lines().toList()) {
      String[] words = line.split(" +", 2);
      lines.put(words[0], words[words.length - 1]);
    }
    return lines;
  }

  @Test
  void runsUnderSparkSubmit() throws Exception {
    Map<String, String> lines = submit("301", "4", "8");
    assertEquals("301", lines.get("examples"));
    // starting values leave ten classes about equally likely
    assertEquals(Math.log(10), Double.parseDouble(lines.get("loss")), 0.5);
    assertTrue(lines.get("lambda_max").matches("[0-9].*residual.*"), lines.toString());
    assertTrue(lines.get("trace").contains("+-"), lines.toString());
  }

  @Test
  void thePageShowsWhatIsCompiled() throws IOException {
    Path source = Path.of("src/main/java/dynaxx/spark/example/SparkCurvature.java");
    PageExamples.assertCompiled(Path.of("../../docs/spark.md"), 1, source);
  }
}

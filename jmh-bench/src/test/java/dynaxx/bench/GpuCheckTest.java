package dynaxx.bench;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;

/** The script for a lent GPU, with small shapes on the emulator: every stage, limit and archive. */
class GpuCheckTest {

  private static final Path SCRIPT = Path.of("../scripts/gpu-check").toAbsolutePath();

  @TempDir private Path folder;

  /** Exit code and output. */
  private record Result(int code, String text) {}

  static boolean hasEmulator() {
    return Files.exists(Path.of(System.getProperty("dynaxx.cuda.library", "nowhere")));
  }

  @BeforeEach
  void pretendACard() throws IOException {
    program("nvidia-smi", "echo emulator");
    program(
        "python3", "case \"$*\" in *import*) exit 1 ;; esac; exec /usr/bin/env -i echo compared");
  }

  private Path program(String name, String body) throws IOException {
    Path file = folder.resolve(name);
    Files.writeString(file, "#!/bin/sh\n" + body + "\n");
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  private static Result run(Map<String, String> environment, List<String> command)
      throws IOException, InterruptedException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().putAll(environment);
    Process process = builder.start();
    String text = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    return new Result(process.waitFor(), text);
  }

  /**
   * With a limit in seconds for each program: not that of the script, as other tests run beside.
   */
  private Result check(int limit, Path java, String... arguments)
      throws IOException, InterruptedException {
    String options =
        "-Ddynaxx.cuda.library=%s -Ddynaxx.cublas.library=%s -Ddynaxx.cuda.kernels=%s"
            .formatted(
                System.getProperty("dynaxx.cuda.library"),
                System.getProperty("dynaxx.cuda.library"),
                System.getProperty("dynaxx.cuda.kernels"));
    Map<String, String> environment = new TreeMap<>();
    environment.put("PATH", folder + ":" + System.getenv("PATH"));
    environment.put("GPU_CHECK_JAVA", java.toString());
    environment.put("GPU_CHECK_CLASSPATH", System.getProperty("java.class.path"));
    environment.put("GPU_CHECK_TESTS", "");
    environment.put("GPU_CHECK_SMALL", "1");
    environment.put("GPU_CHECK_LIMIT", Integer.toString(limit));
    environment.put("JDK_JAVA_OPTIONS", options);
    List<String> command = new java.util.ArrayList<>(List.of(SCRIPT.toString()));
    command.addAll(List.of(arguments));
    return run(environment, command);
  }

  private String packed(Path archive, String file) throws IOException, InterruptedException {
    return run(Map.of(), List.of("tar", "-xzOf", archive.toString(), "gpu-check/" + file)).text();
  }

  @Test
  @EnabledIf(value = "hasEmulator", disabledReason = "the emulator was not built")
  void everyStageRunsOnTheEmulator() throws IOException, InterruptedException {
    Path archive = folder.resolve("results.tar.gz");
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    Result result =
        check(600, java, archive.toString(), "open", "report", "peers", "suite", "sanitizer");
    String stages = packed(archive, "stages.txt");
    assertEquals(0, result.code(), result.text() + packed(archive, "suite.out"));
    for (String stage : List.of("card", "open", "report", "compare", "suite")) {
      assertTrue(stages.contains("gpu-check: " + stage + ": passed, "), stages);
    }
    assertTrue(stages.contains("jax_jvp: skipped: python3 has no jax"), stages);
    List<String> report = packed(archive, "report.jsonl").lines().toList();
    for (String precision : List.of("tf32x3", "tf32")) {
      assertTrue(
          report.stream()
              .anyMatch(
                  line ->
                      line.contains("\"precision\":\"" + precision + "\",\"network\":\"quick\"")
                          && line.contains("\"snapshot_ms\":")),
          report.toString());
    }
    assertEquals("compared\n", packed(archive, "compare.md"));
    assertTrue(packed(archive, "suite.out").contains(" 0 tests failed"));
  }

  @Test
  void aStageThatHangsIsStoppedAndTheRestComesBack() throws IOException, InterruptedException {
    Path archive = folder.resolve("hung.tar.gz");
    Result result = check(4, program("a java", "exec sleep 600"), archive.toString(), "open");
    assertEquals(1, result.code(), result.text());
    assertTrue(
        result.text().contains("gpu-check: failed: open; the results are in "), result.text());
    String stages = packed(archive, "stages.txt");
    assertTrue(stages.contains("gpu-check: card: passed"), stages);
    assertTrue(stages.contains("gpu-check: open: stopped after 4 s"), stages);
  }

  /** Small shapes leave most of them out, and on a card it is too late to find one missing. */
  @Test
  void theTestsAndProgramsThatItNamesAreThere() throws IOException {
    List<String> names =
        Pattern.compile("\\bdynaxx(\\.[a-z]+)+\\.[A-Z]\\w+")
            .matcher(Files.readString(SCRIPT))
            .results()
            .map(MatchResult::group)
            .distinct()
            .toList();
    assertTrue(names.size() > 4, names.toString());
    for (String name : names) {
      assertDoesNotThrow(() -> Class.forName(name, false, getClass().getClassLoader()), name);
    }
  }

  @Test
  void wrongArgumentsAreNamed() throws IOException, InterruptedException {
    assertEquals(
        "gpu-check: found 'out', expected ARCHIVE.tar.gz [open] [report] [peers] [suite]"
            + " [sanitizer] [jmh] [start]\n",
        check(1, folder, "out").text());
    Result stage = check(1, folder, folder.resolve("a.tar.gz").toString(), "all");
    assertEquals(2, stage.code());
    assertTrue(stage.text().startsWith("gpu-check: found 'all', expected "), stage.text());
  }
}

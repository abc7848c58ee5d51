package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.File;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.jar.Attributes;
import java.util.jar.JarOutputStream;
import java.util.jar.Manifest;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The script that builds and starts the command line, in a checkout whose build takes a second. */
class LauncherTest {

  private static final long PATIENCE_SECONDS = 240;

  @TempDir private Path home;

  private record Outcome(int status, String out, String err) {}

  @BeforeEach
  void checkout() throws IOException {
    Path script = Path.of("..", "dynaxx");
    assumeTrue(Files.isExecutable(script) && Files.isExecutable(Path.of("/bin/sh")), "no script");
    Files.copy(script, home.resolve("dynaxx"));
    jar(home.resolve("classes.jar"));
    Path mvn = Files.createDirectories(home.resolve("bin")).resolve("mvn");
    Files.writeString(
        mvn,
        """
        #!/bin/sh
        sleep "${BUILD_SECONDS:-1}"
        cp classes.jar app/target/dynaxx-app.jar
        echo built >> builds
        """);
    Files.setPosixFilePermissions(mvn, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /** A jar that leads to the classes under test. */
  private static void jar(Path file) throws IOException {
    StringBuilder path = new StringBuilder();
    String all =
        System.getProperty("surefire.test.class.path", System.getProperty("java.class.path"))
            + File.pathSeparator
            + System.getProperty("jdk.module.path", "");
    for (String entry : all.split(File.pathSeparator)) {
      if (!entry.isEmpty()) {
        path.append(Path.of(entry).toUri()).append(' ');
      }
    }
    Manifest manifest = new Manifest();
    manifest.getMainAttributes().put(Attributes.Name.MANIFEST_VERSION, "1.0");
    manifest.getMainAttributes().put(Attributes.Name.CLASS_PATH, path.toString());
    try (OutputStream out = Files.newOutputStream(file)) {
      new JarOutputStream(out, manifest).close();
    }
  }

  private Process start(Map<String, String> environment, String... arguments) throws IOException {
    return builder(environment, arguments).start();
  }

  private ProcessBuilder builder(Map<String, String> environment, String... arguments) {
    List<String> command = new ArrayList<>(List.of("/bin/sh", "./dynaxx"));
    command.addAll(List.of(arguments));
    ProcessBuilder builder = new ProcessBuilder(command).directory(home.toFile());
    builder.environment().put("JAVA_HOME", System.getProperty("java.home"));
    builder
        .environment()
        .merge("PATH", home.resolve("bin").toString(), (old, own) -> own + ":" + old);
    builder.environment().putAll(environment);
    return builder;
  }

  private static Outcome end(Process process) throws Exception {
    // Both are short enough for the pipes' buffers.
    assertTrue(process.waitFor(PATIENCE_SECONDS, TimeUnit.SECONDS), "it still runs");
    return new Outcome(
        process.exitValue(),
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8),
        new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8));
  }

  private Outcome run(Map<String, String> environment, String... arguments) throws Exception {
    return end(start(environment, arguments));
  }

  private long builds() throws IOException {
    return Files.readAllLines(home.resolve("builds")).size();
  }

  private Path lock() {
    return home.resolve(".dynaxx-build.pid");
  }

  @Test
  void ofTwoLaunchesOneBuildsAndTheOtherSaysWhomItWaitsFor() throws Exception {
    Process first = start(Map.of("BUILD_SECONDS", "4"), "--version");
    for (int i = 0; i < 500 && !Files.exists(lock()); i++) {
      Thread.sleep(20);
    }
    Outcome second = run(Map.of(), "--version");
    assertEquals(0, end(first).status());
    assertEquals(0, second.status(), second.err());
    String waiting = "dynaxx: waiting for process " + first.pid() + " of ";
    assertTrue(second.err().startsWith(waiting), second.err());
    assertEquals(1, builds());
    assertFalse(Files.exists(lock()));
  }

  @Test
  void theLockOfAProcessThatIsGoneHoldsNobodyUp() throws Exception {
    Process gone = new ProcessBuilder("/bin/sh", "-c", ":").start();
    gone.waitFor();
    String machine =
        new String(
                new ProcessBuilder("uname", "-n").start().getInputStream().readAllBytes(),
                StandardCharsets.UTF_8)
            .strip();
    Files.writeString(lock(), gone.pid() + "\n12345\n" + machine + "\nsomebody\n");
    Outcome outcome = run(Map.of(), "--version");
    assertEquals(0, outcome.status(), outcome.err());
    assertTrue(
        outcome.err().contains("process " + gone.pid() + ", which was building here, is gone"));
    assertEquals(1, builds());
    // A number that another process has been given since.
    Files.delete(home.resolve("app/target/dynaxx-app.jar"));
    long other = ProcessHandle.current().pid();
    Files.writeString(lock(), other + "\n12345\n" + machine + "\nsomebody\n");
    outcome = run(Map.of(), "--version");
    assertEquals(0, outcome.status(), outcome.err());
    assertEquals(2, builds());
    assertFalse(Files.exists(lock()));
  }

  /**
   * Nothing but the answer: no line of the JVM about incubator modules, and vectors all the same.
   */
  @Test
  void commandsBeginWithoutWarnings() throws Exception {
    run(Map.of(), "--version");
    Outcome outcome = run(Map.of(), "doctor");
    assertEquals("", outcome.err());
    assertTrue(outcome.out().contains("Vector API"), outcome.out());
    assertEquals(0, outcome.status());
    assertEquals(2, run(Map.of(), "doctor", "--wrong").status());
    // Others of the JVM's warnings are still there.
    Outcome warned = run(Map.of("DYNAXX_JAVA_OPTS", "--add-exports=java.base/no.such=x"), "doctor");
    assertTrue(warned.err().contains("WARNING: package no.such"), warned.err());
  }

  @Test
  void pathsBeyondAsciiAreNamedInAnAsciiLocale() throws Exception {
    for (String locale : List.of("C", "POSIX", "xx_XX.UTF-8")) {
      Map<String, String> ascii = Map.of("LC_ALL", locale);
      Outcome built = run(ascii, "--version");
      assertEquals(0, built.status(), built.err());
      Outcome missing = run(ascii, "replay", "Läufe/größe.csv");
      assertEquals(
          "dynaxx: Läufe/größe.csv: found no such file, expected the metrics of a run\n",
          missing.err());
      Path folder = Files.createDirectories(home.resolve("Läufe-" + locale));
      Files.writeString(folder.resolve("größe.csv"), "step,loss\n0,1\n1,2\n");
      Outcome read = run(ascii, "replay", folder + "/größe.csv");
      assertEquals(0, read.status(), read.err());
      Outcome listed = run(ascii, "profile", "list", "--profiles", folder.toString());
      assertEquals(0, listed.status(), listed.err());
    }
  }

  @Test
  void outputThatDoesNotArriveIsNoSuccess() throws Exception {
    run(Map.of(), "--version");
    Path full = Path.of("/dev/full");
    assumeTrue(Files.exists(full), "no /dev/full on this system");
    ProcessBuilder onto = builder(Map.of(), "doctor").redirectOutput(full.toFile());
    Outcome outcome = end(onto.start());
    assertEquals(1, outcome.status());
    assertTrue(outcome.err().startsWith("dynaxx: standard output cannot be"), outcome.err());
  }

  @Test
  void aCheckoutThatCannotBeBuiltInIsToldAtOnce() throws Exception {
    Files.createDirectory(lock());
    long begin = System.nanoTime();
    Outcome outcome = run(Map.of(), "--version");
    assertEquals(1, outcome.status());
    assertTrue(outcome.err().contains("which names no process; remove it"), outcome.err());
    assertTrue(System.nanoTime() - begin < TimeUnit.SECONDS.toNanos(60));
  }
}

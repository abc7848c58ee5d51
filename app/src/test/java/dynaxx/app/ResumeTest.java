package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Going on from a checkpoint gives the bits of a run that was never stopped. */
class ResumeTest {

  private static final int KILLS = Integer.getInteger("dynaxx.kills", 2);

  /** All optimizers and families; each starts a process that is killed. */
  private static final boolean FULL = Boolean.getBoolean("dynaxx.test.full");

  @TempDir private static Path shared;
  @TempDir private Path temporary;

  /** A run that was never stopped; made once, and left as it is. */
  private static synchronized Path whole() {
    Path folder = shared.resolve("whole");
    if (!Files.exists(folder)) {
      Outcome outcome = run(demo(folder));
      assertEquals(0, outcome.status(), outcome.err());
    }
    return folder;
  }

  private static Outcome run(List<String> arguments) {
    return Outcome.of(arguments);
  }

  private static List<String> demo(Path folder, String... more) {
    return demo(36, folder, more);
  }

  private static List<String> demo(int steps, Path folder, String... more) {
    List<String> all =
        new ArrayList<>(
            List.of("demo --every 18 --lanczos 6 --probes 3 --subset 16 --no-certify".split(" ")));
    all.addAll(List.of("--steps", Integer.toString(steps)));
    all.addAll(List.of("--checkpoint-every", "5", "--out", folder.toString()));
    all.addAll(Arrays.asList(more));
    return all;
  }

  private static JsonNode json(Path folder) throws IOException {
    return new ObjectMapper().readTree(folder.resolve("run.json").toFile());
  }

  private static String hash(Path folder) throws IOException {
    return json(folder).get("parameters_sha256").asText();
  }

  /** All but the times. */
  private static List<String> metrics(Path folder) throws IOException {
    return MetricsRows.withoutTimes(folder);
  }

  private static boolean kept(Path checkpoints) throws IOException {
    return Files.isDirectory(checkpoints) && !files(checkpoints).isEmpty();
  }

  private static List<Path> files(Path checkpoints) throws IOException {
    try (Stream<Path> all = Files.list(checkpoints)) {
      return all.filter(f -> f.toString().endsWith(".ckpt")).toList();
    }
  }

  /** A process of its own, killed as by kill -9 after some steps. */
  private void killed(List<String> arguments, Path folder, int rows) throws Exception {
    List<String> command =
        new ArrayList<>(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--add-modules",
                "jdk.incubator.vector",
                "-cp",
                System.getProperty(
                        "surefire.test.class.path", System.getProperty("java.class.path"))
                    + File.pathSeparator
                    + System.getProperty("jdk.module.path", ""),
                Main.class.getName()));
    command.addAll(arguments);
    Process process =
        new ProcessBuilder(command)
            .redirectErrorStream(true)
            .redirectOutput(temporary.resolve("killed.log").toFile())
            .start();
    Path csv = folder.resolve("metrics.csv");
    Path first = folder.resolve("checkpoints");
    while (process.isAlive() && !(kept(first) && Files.readAllLines(csv).size() >= rows)) {
      Thread.sleep(5);
    }
    process.destroyForcibly();
    assertTrue(process.waitFor(20, TimeUnit.SECONDS));
    assertFalse(
        Files.readString(folder.resolve("run.json")).contains("completed"),
        Files.readString(temporary.resolve("killed.log")));
  }

  @Test
  void everyKilledRunGoesOnToTheSameBits() throws Exception {
    Path whole = whole();
    Random random = new Random(KILLS);
    for (int kill = 0; kill < KILLS; kill++) {
      Path folder = temporary.resolve("killed" + kill);
      killed(demo(folder), folder, 7 + random.nextInt(22));
      Path begun = folder.resolve(".run.json." + new UUID(kill, kill) + ".tmp");
      Files.writeString(begun, "{");
      Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
      assertEquals(0, resumed.status(), resumed.err());
      assertTrue(resumed.out().contains("Resumed from the checkpoint of step"), resumed.out());
      assertEquals(hash(whole), hash(folder));
      assertEquals(metrics(whole), metrics(folder));
      assertFalse(Files.exists(begun));
      double training =
          MetricsRows.of(folder).stream()
              .mapToDouble(row -> Double.parseDouble(row.get("step_seconds")))
              .sum();
      double all = json(folder).get("seconds").asDouble();
      assertTrue(all >= training, all + " seconds, of which training " + training);
    }
    System.out.println(KILLS + " runs killed and resumed to the same bits");
  }

  /** Optimizers keep all their state, and a policy all that it knows. */
  @Test
  void whatIsResumedDoesNotDependOnTheOptimizer() throws Exception {
    for (String optimizer : FULL ? List.of("sgd", "sam", "asam") : List.of("asam")) {
      String[] more = {
        "--optimizer",
        optimizer,
        "--learning-rate",
        "0.01",
        "--schedule",
        "cyclic",
        "--policy",
        "ride"
      };
      Path whole = temporary.resolve("whole-" + optimizer);
      Path folder = temporary.resolve("cut-" + optimizer);
      assertEquals(0, run(demo(whole, more)).status());
      killed(demo(folder, more), folder, 20);
      Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
      assertEquals(0, resumed.status(), resumed.err());
      assertEquals(hash(whole), hash(folder), optimizer);
      assertEquals(metrics(whole), metrics(folder), optimizer);
    }
  }

  /** The last row is written, and the parameters are being measured once more. */
  @Test
  void aRunKilledAfterItsLastStepGoesOn() throws Exception {
    Path whole = temporary.resolve("whole");
    Path folder = temporary.resolve("cut");
    killed(certified(folder), folder, 14);
    Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
    assertEquals(0, resumed.status(), resumed.err());
    assertEquals(0, run(certified(whole)).status());
    assertEquals(hash(whole), hash(folder));
    assertEquals(metrics(whole), metrics(folder));
  }

  private static List<String> certified(Path folder) {
    List<String> all =
        new ArrayList<>(
            List.of(
                "demo --steps 12 --every 6 --subset 32 --checkpoint-every 6 --lanczos 6"
                    .split(" ")));
    all.addAll(List.of("--probes", "3", "--certify", "--out", folder.toString()));
    return all;
  }

  /** With a checkpoint after each step, rules and policy go on from about where rules notice. */
  @Test
  void whatTheRulesKnewIsKnownAgain() throws Exception {
    Path whole = temporary.resolve("whole");
    assertEquals(0, run(ridden(whole)).status());
    List<String> rows = metrics(whole);
    int noticed = row(rows, "CATAPULT");
    assertTrue(noticed > 0, rows.getLast());
    List<Integer> kept =
        files(whole.resolve("checkpoints")).stream().map(ResumeTest::number).sorted().toList();
    assertEquals(0, kept.getFirst());
    assertTrue(kept.containsAll(List.of(136, 137, 138, 139, 140)), kept.toString());
    for (int i = 1; i + 5 < kept.size(); i++) {
      int age = 140 - kept.get(i - 1);
      assertTrue(age <= 4 * (140 - kept.get(i)), kept.toString());
    }
    assertTrue(kept.size() <= 14, kept.toString());

    Path folder = temporary.resolve("cut");
    killed(ridden(folder), folder, noticed);
    Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
    assertEquals(0, resumed.status(), resumed.err());
    assertEquals(hash(whole), hash(folder));
    assertEquals(rows, metrics(folder));
  }

  private static int row(List<String> rows, String event) {
    for (int i = 0; i < rows.size(); i++) {
      if (rows.get(i).contains(event)) {
        return i;
      }
    }
    return -1;
  }

  private static List<String> ridden(Path folder) {
    String options =
        "demo --arch mlp --steps 140 --every 2 --lanczos 10 --probes 2 --subset 64 --no-certify"
            + " --learning-rate 0.03 --schedule constant --policy ride --checkpoint-every 1";
    List<String> all = new ArrayList<>(List.of(options.split(" ")));
    all.addAll(List.of("--out", folder.toString()));
    return all;
  }

  /** Enough steps that a kill comes in time. */
  @Test
  void whatIsResumedDoesNotDependOnTheFamily() throws Exception {
    List<String> families = List.of("mlp 400", "lm 60", "cnn 60", "gru 90");
    for (String family : FULL ? families : families.subList(0, 2)) {
      String name = family.split(" ")[0];
      int steps = Integer.parseInt(family.split(" ")[1]);
      String[] more = {"--arch", name, "--optimizer", "sam", "--policy", "ride"};
      Path whole = temporary.resolve("whole-" + name);
      Path folder = temporary.resolve("cut-" + name);
      Outcome outcome = run(demo(steps, whole, more));
      assertEquals(0, outcome.status(), outcome.err());
      killed(demo(steps, folder, more), folder, 20);
      Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
      assertEquals(0, resumed.status(), resumed.err());
      assertEquals(hash(whole), hash(folder), name);
      assertEquals(metrics(whole), metrics(folder), name);
    }
  }

  private static void refused(Outcome outcome, String... parts) {
    assertEquals(2, outcome.status(), outcome.err());
    for (String part : parts) {
      assertTrue(outcome.err().contains(part), part + " in " + outcome.err());
    }
    assertFalse(outcome.err().contains("\tat "), outcome.err());
  }

  @Test
  void damagedCheckpointsAreRefusedByName() throws Exception {
    Path folder = temporary.resolve("run");
    killed(demo(folder), folder, 15);
    Path checkpoints = folder.resolve("checkpoints");
    List<Path> files = files(checkpoints);
    Path newest = files.stream().max((a, b) -> Integer.compare(number(a), number(b))).orElseThrow();
    byte[] whole = Files.readAllBytes(newest);
    List<String> resume = List.of("demo", "--resume", folder.toString());

    Files.write(newest, Arrays.copyOf(whole, whole.length / 2));
    refused(run(resume), newest + ": found " + whole.length / 2 + " bytes, expected");
    Files.write(newest, Arrays.copyOf(whole, 10));
    refused(run(resume), newest + ": found 10 bytes, expected at least");
    byte[] damaged = whole.clone();
    damaged[whole.length / 3] ^= 1;
    Files.write(newest, damaged);
    refused(run(resume), newest + ": found a checksum that does not match");
    Files.writeString(newest, "something else altogether");
    refused(run(resume), newest + ": found something else than a checkpoint");
    Files.write(newest, whole);

    refused(
        run(List.of("demo", "--resume", folder.toString(), "--steps", "9")),
        "--resume: found --steps as well");
    refused(run(List.of("demo", "--resume", temporary.toString())), "found no run.json");
    Path json = folder.resolve("run.json");
    String asked = Files.readString(json);
    Files.writeString(json, asked.replace("\"--steps\", \"36\"", "\"--steps\", \"30\""));
    Outcome shorter = run(resume);
    refused(shorter, newest + ": found a checkpoint of Settings[steps=36, ");
    assertFalse(shorter.err().contains("Network["), shorter.err());
    Files.writeString(json, asked);
    Files.write(folder.resolve("metrics.csv"), new byte[3]);
    refused(
        run(resume),
        "metrics.csv: found '",
        "as its first line, expected a header with the column step");
  }

  /** Rows that were deleted are missing, and nothing else is. */
  @Test
  void whatWasDeletedOfTheMetricsIsNotMissed() throws Exception {
    Path whole = whole();
    Path folder = temporary.resolve("cut");
    killed(demo(folder), folder, 15);
    Path csv = folder.resolve("metrics.csv");
    List<String> lines = new ArrayList<>(Files.readAllLines(csv));
    lines.subList(2, 5).clear();
    Files.write(csv, lines);
    Outcome resumed = run(List.of("demo", "--resume", folder.toString()));
    assertEquals(0, resumed.status(), resumed.err());
    assertTrue(
        resumed.out().contains("Going on without 3 rows that metrics.csv no longer has"),
        resumed.out());
    assertEquals(hash(whole), hash(folder));
    List<String> expected = new ArrayList<>(metrics(whole));
    expected.subList(1, 4).clear();
    assertEquals(expected, metrics(folder));
  }

  /** The text of one's own images is part of what was trained. */
  @Test
  void otherDataAreNotGoneOnWith() throws Exception {
    Path data = temporary.resolve("data");
    images(data);
    Path folder = temporary.resolve("run");
    killed(demo(400, folder, "--data", data.toString(), "--arch", "mlp"), folder, 15);
    Path labels = data.resolve("train-labels-idx1-ubyte");
    byte[] bytes = Files.readAllBytes(labels);
    bytes[bytes.length - 1] = (byte) ((bytes[bytes.length - 1] + 1) % 10);
    Files.write(labels, bytes);
    refused(
        run(List.of("demo", "--resume", folder.toString())), "found a checkpoint of 80 images ");
  }

  private static void images(Path folder) throws IOException {
    Files.createDirectories(folder);
    int count = 80;
    for (String part : List.of("train", "t10k")) {
      ByteBuffer images = ByteBuffer.allocate(16 + count * 28 * 28);
      images.putInt(0x803).putInt(count).putInt(28).putInt(28);
      ByteBuffer labels = ByteBuffer.allocate(8 + count);
      labels.putInt(0x801).putInt(count);
      Random random = new Random(5);
      while (images.hasRemaining()) {
        images.put((byte) random.nextInt(256));
      }
      while (labels.hasRemaining()) {
        labels.put((byte) random.nextInt(10));
      }
      Files.write(folder.resolve(part + "-images-idx3-ubyte"), images.array());
      Files.write(folder.resolve(part + "-labels-idx1-ubyte"), labels.array());
    }
  }

  private static int number(Path file) {
    return Integer.parseInt(file.getFileName().toString().replaceAll("\\D", ""));
  }

  @Test
  void badOptionsAreRefused() {
    refused(run(List.of("demo", "--budget", "2")), "--budget: found 2.0, expected");
    refused(run(List.of("demo", "--learning-rate", "0")), "--learning-rate: found 0.0");
    refused(run(List.of("demo", "--cycle", "1")), "--cycle: found 1, expected from 2 to");
    refused(run(List.of("demo", "--checkpoint-every", "-1")), "--checkpoint-every: found -1");
    refused(run(List.of("demo", "--optimizer", "lion")), "lion");
  }

  @Test
  void aCompletedRunIsNotResumed() throws Exception {
    refused(run(List.of("demo", "--resume", whole().toString())), "found a completed run");
  }
}

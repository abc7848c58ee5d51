package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.data.ArrayFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.CaseFiles;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgSpec;

/** What all commands have in common: help, wrong options, wrong files, errors. */
class CommandLineTest {

  private static final int WIDTH = 80;

  @TempDir private Path temporary;

  private static Outcome run(List<String> arguments) {
    return Outcome.of(arguments);
  }

  private static Outcome run(String line) {
    return run(List.of(line.split(" ")));
  }

  private static List<CommandLine> all() {
    List<CommandLine> all = new ArrayList<>(List.of(Main.commandLine()));
    for (int i = 0; i < all.size(); i++) {
      all.addAll(all.get(i).getSubcommands().values());
    }
    return all;
  }

  @Test
  void helpOfEveryCommandIsWhole() {
    assertEquals(16, all().size());
    for (CommandLine command : all()) {
      String name = command.getCommandSpec().qualifiedName();
      String help = command.getUsageMessage();
      assertFalse(help.contains("<"), help);
      help.lines().forEach(line -> assertTrue(line.length() <= WIDTH, name + ": " + line));
      assertTrue(help.contains("--debug"), help);
      sentence(name, command.getCommandSpec().usageMessage().description());
      for (ArgSpec argument : command.getCommandSpec().args()) {
        sentence(name + " " + argument.paramLabel(), argument.description());
      }
    }
  }

  private static void sentence(String what, String[] description) {
    assertEquals(1, description.length, what + " is cut into lines");
    assertTrue(description[0].matches("(?s)[A-Z$a-z].*\\."), what + ": " + description[0]);
    assertTrue(description[0].length() > 15, what + ": " + description[0]);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "demo --steps 0",
        "demo --steps x",
        "demo --steps 3000000000",
        "demo --steps",
        "demo --stps 3",
        "demo --steps 3 --steps 4",
        "demo --threads 100000",
        "demo --threads -1",
        "demo --lanczos 100000",
        "demo --probes 100000000",
        "demo --subset -4",
        "demo --cycle 1",
        "demo --cycle 2000000000 --schedule cyclic",
        "demo --checkpoint-every -1",
        "demo --checkpoint-every 2000000000",
        "demo --every 0",
        "demo --every 5 --budget 0.1",
        "demo --budget nan",
        "demo --budget x",
        "demo --learning-rate infinity",
        "demo --preset huge",
        "demo --scenario spike --steps 3",
        "demo --resume . --steps 3",
        "demo --resume x --threads 100000",
        "demo --out= --steps 1",
        "dmo",
        "probe",
        "probe --model m",
        "probe --model m --inputs i --targets t --loss hinge",
        "probe --model m --inputs i --targets t --loss mse --threads 100000",
        "probe --model m --inputs i --targets t --loss mse --iterations 100000",
        "probe --model m --inputs i --targets t --loss mse --probes 1",
        "probe --model m --inputs i --targets t --loss mse --micro-batch 0",
        "probe --model m --inputs i --targets t --loss mse --mode fast",
        "probe --model m --inputs i --targets t --loss mse --operator bfgs",
        "probe --model m --inputs i --targets t --loss mse --draws 2",
        "probe --model m --inputs i --targets t --loss mse --influence j",
        "probe --model m --inputs i --targets t --loss mse --top 2",
        "probe --model m --inputs i --targets t --loss mse --seed 1.5",
        "probe --model m --inputs i --targets t --loss mse --hvp v",
        "replay",
        "replay a b",
        "replay a --rules best",
        "replay a --depth -1",
        "replay a --depth 99999999",
        "replay a --momentum 1",
        "profile save r",
        "profile drop",
        "profile list --all",
        "plan",
        "plan --parameters",
        "plan --parameters 350Q",
        "plan --parameters -5M",
        "plan --parameters 1000",
        "plan --parameters 999999999B",
        "plan --parameters 1M --budget 0",
        "plan --parameters 1M --budget 1.5",
        "plan --parameters 1M --budget nan",
        "plan --parameters 1M --batch 0",
        "plan --parameters 1M --sequence 1",
        "plan --parameters 1M --device tpu",
        "plan --parameters 1M --step-ms -1",
        "plan --parameters 1M --step-ms infinity",
        "doctor now"
      })
  void wrongOptionsAreToldInOneLineWithAHint(String line) {
    Outcome outcome = run(line);
    assertEquals(2, outcome.status(), outcome.err());
    List<String> lines = outcome.err().lines().toList();
    assertEquals(2, lines.size(), outcome.err());
    assertTrue(lines.get(0).startsWith("dynaxx: "), outcome.err());
    assertTrue(lines.get(1).matches("Try 'dynaxx[ a-z]* --help'\\."), outcome.err());
    assertEquals("", outcome.out());
  }

  @Test
  void countsNameTheirLimits() {
    String threads = run("demo --threads 100000").err();
    assertTrue(threads.contains("--threads: found 100000, expected from 1 to "), threads);
    assertTrue(threads.contains("processors)"), threads);
    String probes = run("demo --probes 100000000").err();
    assertTrue(probes.contains("--probes: found 100000000, expected from 2 to 1000000"), probes);
    String number = run("demo --every 5x").err();
    assertTrue(number.contains("--every: found '5x'") && number.contains("a whole number"), number);
    String close = run("demo --stesp 3").err();
    assertTrue(close.contains("did you mean --steps or --stay?"), close);
    assertTrue(run("serv").err().contains("found 'serv', expected a command; did you mean serve?"));
    String far = run("dmeo").err();
    assertTrue(far.startsWith("dynaxx: found 'dmeo', expected one of demo, "), far);
  }

  private static Path known(String file) {
    return CaseFiles.path("gru", file);
  }

  private static List<String> probe(String... more) {
    List<String> all = new ArrayList<>(List.of("probe", "--loss", "cross-entropy"));
    all.addAll(List.of("--model", known("model.onnx").toString()));
    all.addAll(List.of("--inputs", known("inputs.npy").toString()));
    all.addAll(List.of("--targets", known("targets.npy").toString()));
    all.addAll(List.of(more));
    return all;
  }

  /** Nothing has been printed yet, not even what the model is: that comes before measuring. */
  private static void refusedAtOnce(List<String> arguments, String... parts) {
    Outcome outcome = run(arguments);
    assertEquals(2, outcome.status(), outcome.out() + outcome.err());
    assertEquals("", outcome.out());
    assertFalse(outcome.err().contains("\tat "), outcome.err());
    for (String part : parts) {
      assertTrue(outcome.err().contains(part), part + " in " + outcome.err());
    }
  }

  @Test
  void whatCannotBeWrittenIsFoundBeforeMeasuring() throws IOException {
    Path vectors = temporary.resolve("v.npy");
    try (Scope scope = Scope.open()) {
      ArrayFile.write(vectors, List.of(1706L), scope.allocate(1706));
    }
    String long300 = "x".repeat(300);
    for (String place : List.of("/proc/results", temporary.resolve(long300).toString())) {
      refusedAtOnce(probe("--json", place), place + ": cannot be written (");
      refusedAtOnce(probe("--plot", place + ".svg"), place + ".svg: cannot be written (");
      refusedAtOnce(probe("--gradient", place), place + ": cannot be written (");
      refusedAtOnce(
          probe("--hvp", vectors.toString(), "--out", place), place + ": cannot be written (");
      refusedAtOnce(List.of("demo", "--out", "/proc/run"), "/proc/run: cannot be written (");
      refusedAtOnce(
          List.of("demo", "--scenario", "spike", "--out", "/proc/run"),
          "/proc/run: cannot be written (");
    }
    Path file = Files.writeString(temporary.resolve("file"), "");
    refusedAtOnce(
        List.of("demo", "--out", file.resolve("run").toString()), "found a file at " + file);
    refusedAtOnce(
        List.of("profile", "save", "none", "--name", "a", "--profiles", "/proc/profiles"),
        "/proc/profiles: cannot be written (");
    try (var left = Files.list(temporary)) {
      assertEquals(2, left.count(), "nothing is left of what was tried");
    }
  }

  @Test
  void resultsReplaceNoInputAndNoOtherResult() throws IOException {
    String model = Files.copy(known("model.onnx"), temporary.resolve("m.onnx")).toString();
    List<String> onto = probe("--json", model);
    onto.set(4, model);
    refusedAtOnce(onto, "--json: found " + model + " of --model, expected a file of its own");
    String one = temporary.resolve("one").toString();
    refusedAtOnce(
        probe("--json", one, "--gradient", temporary + "/./one"), "of --json, expected a file of");
  }

  @Test
  void tracesAreForThoseWhoAskForThem() throws IOException {
    Path empty = Files.writeString(temporary.resolve("empty"), "");
    List<List<String>> failing =
        List.of(
            List.of("demo", "--steps", "0"),
            List.of("demo", "--data", empty.toString()),
            List.of("demo", "--resume", temporary.toString()),
            List.of("probe"),
            probe("--json", "/proc/x"),
            List.of("replay", empty.toString()),
            List.of("profile", "save", empty.toString(), "--name", "a"),
            List.of("profile", "compare", empty.toString()),
            List.of("profile", "list", "--wrong"),
            List.of("doctor", "now"));
    for (List<String> arguments : failing) {
      Outcome outcome = run(arguments);
      assertEquals(2, outcome.status(), outcome.err());
      assertFalse(outcome.err().contains("\tat "), outcome.err());
      List<String> debugging = new ArrayList<>(arguments);
      debugging.add("--debug");
      outcome = run(debugging);
      assertEquals(2, outcome.status(), outcome.err());
      assertTrue(outcome.err().contains("\tat dynaxx."), outcome.err());
    }
  }

  @Test
  void defectsAreOneLineThatNamesTheDebugOption() {
    for (Throwable defect :
        List.of(new IllegalStateException("several\n  lines"), new StackOverflowError())) {
      StringWriter err = new StringWriter();
      assertEquals(1, Failures.execution(defect, new PrintWriter(err), false));
      assertEquals(1, err.toString().lines().count(), err.toString());
      assertTrue(err.toString().startsWith("dynaxx: internal error: java.lang."), err.toString());
      assertTrue(err.toString().contains("--debug"), err.toString());
    }
  }

  @Test
  void tooLittleMemoryIsNoDefect() {
    StringWriter err = new StringWriter();
    OutOfMemoryError error = new OutOfMemoryError("Java heap space");
    assertEquals(2, Failures.execution(error, new PrintWriter(err), false));
    assertTrue(err.toString().startsWith("dynaxx: not enough memory (Java heap space); "));
    assertEquals(1, err.toString().lines().count());
  }

  @Test
  void whatFilesHoldIsChecked() throws IOException {
    Path vectors = temporary.resolve("v.npy");
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(1706);
      values.set(5, Float.NaN);
      ArrayFile.write(vectors, List.of(1706L), values);
    }
    Path products = temporary.resolve("hv.npy");
    Outcome outcome =
        run(probe("--hvp", vectors.toString(), "--out", products.toString(), "--threads", "1"));
    assertEquals(2, outcome.status());
    assertTrue(outcome.err().contains("v.npy: found NaN at 5, expected finite"), outcome.err());
    assertFalse(Files.exists(products));
    Path folder = Files.createDirectories(temporary.resolve("run/checkpoints")).getParent();
    Path json = folder.resolve("run.json");
    String interrupted = "{\"status\":\"interrupted\",\"arguments\":[\"--steps\",\"%s\"]}";
    Files.writeString(json, interrupted.formatted("x"));
    refusedAtOnce(
        List.of("demo", "--resume", folder.toString()),
        json + ": found arguments of no run: ",
        "found 'x', expected a whole number");
    Files.writeString(json, interrupted.formatted("4"));
    Files.writeString(folder.resolve("checkpoints/step-" + "9".repeat(20) + ".ckpt"), "");
    refusedAtOnce(
        List.of("demo", "--resume", folder.toString()), "--resume: found no checkpoint in ");
    refusedAtOnce(
        List.of("profile", "list", "--profiles", json.toString()), "--profiles: found a file at ");
    refusedAtOnce(probe("--backend", "tpu"), "--backend: 'tpu' is not available");
  }

  /** Read-only folders, missing files and folders where files are expected, all in one line. */
  @Test
  void wrongFilesAreToldInOneLine() throws IOException {
    Path empty = Files.writeString(temporary.resolve("empty"), "");
    Path text = Files.writeString(temporary.resolve("text"), "step,loss\n1,2\n");
    for (int at : new int[] {4, 6, 8}) {
      for (Path wrong : List.of(empty, text, temporary, temporary.resolve("none"))) {
        List<String> arguments = probe();
        arguments.set(at, wrong.toString());
        refusedAtOnce(arguments, "dynaxx: " + wrong + ": found ");
        assertEquals(1, run(arguments).err().lines().count());
      }
    }
  }
}

package dynaxx.app;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.app.run.Checkpoints;
import dynaxx.app.run.Hardware;
import dynaxx.app.run.RunFolder;
import dynaxx.app.run.StepRow;
import dynaxx.app.scenario.Scenario;
import dynaxx.app.scenario.ScenarioRun;
import dynaxx.app.train.Checkpoint;
import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.monitor.MetricsFormat;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.spectrum.CurvatureProbe;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Trains a network on real data and prints the curvature of its loss on the way. */
@Command(
    name = "demo",
    description =
        "Trains a network on images or text and prints the curvature of its loss on the way.",
    mixinStandardHelpOptions = true,
    showDefaultValues = false)
final class DemoCommand implements Callable<Integer> {

  private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");
  private static final int MICRO_BATCHES = 8;

  @Spec private CommandSpec spec;

  @Option(
      names = "--preset",
      defaultValue = "quick",
      description = "${COMPLETION-CANDIDATES}; quick is the default.")
  private Preset preset;

  @Option(
      names = "--arch",
      defaultValue = "vit",
      description =
          "${COMPLETION-CANDIDATES}; vit is the default. All learn Fashion-MNIST, lm the characters"
              + " of a text.")
  private Arch arch;

  @Option(names = "--steps", paramLabel = "N", description = "Training steps.")
  private Integer steps;

  @Option(names = "--every", paramLabel = "N", description = "Steps between snapshots.")
  private Integer every;

  @Option(names = "--lanczos", paramLabel = "M", description = "Lanczos steps of a snapshot.")
  private Integer lanczos;

  @Option(names = "--probes", paramLabel = "P", description = "Rademacher probes of the trace.")
  private Integer probes;

  @Option(
      names = "--subset",
      paramLabel = "N",
      description = "Training examples that snapshots measure on, the same all through the run.")
  private Integer subset;

  @Option(
      names = "--certify",
      negatable = true,
      description =
          "Measure the last parameters once more, until converged, with bounds; default: for"
              + " quick.")
  private Boolean certify;

  @Option(
      names = "--scenario",
      description =
          "${COMPLETION-CANDIDATES}: trains something small in which that happens instead, and"
              + " says what both rule sets make of it; only --seed, --threads and --out apply.")
  private Scenario scenario;

  @Mixin private TrainingOptions training;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description =
          "Goes on with the run in this folder from its newest checkpoint, with the options it was"
              + " started with.")
  private Path resume;

  /** Whether the folder holds a run to go on with. */
  private boolean resumed;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with the four IDX files of the full Fashion-MNIST; default: the 10,000 training"
              + " and 2,000 test images that come with dynaxx.")
  private Path data;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description = "Folder for metrics.csv and run.json; default: runs/demo-DATE-TIME.")
  private Path out;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Fixes every random choice; default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description = "Worker threads; default: one for each processor. Results do not depend on it.")
  private Integer threads;

  @Override
  public Integer call() throws IOException {
    if (resume != null) {
      return original().call();
    }
    if (scenario == null) {
      training.check(given());
    }
    try {
      if (scenario != null) {
        play();
      } else {
        train(plan());
      }
      return 0;
    } catch (OutOfMemoryError e) {
      throw new UserException(
          "not enough memory ("
              + e.getMessage()
              + "); try a smaller --subset, --lanczos or --probes");
    }
  }

  private void play() throws IOException {
    only("--scenario", List.of("--scenario", "--seed", "--threads", "--out"));
    ScenarioRun run = new ScenarioRun(scenario, seed, spec.commandLine().getOut());
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("command", "demo");
    facts.put("dynaxx", Main.version());
    facts.put("settings", run.describe());
    facts.put("hardware", Hardware.describe());
    try (Device device = openDevice();
        RunFolder folder = RunFolder.create(folder(), run.format(), facts)) {
      failing(folder, () -> run.run(device, folder));
    }
  }

  /** Names of the options on the command line. */
  private Set<String> given() {
    return spec.commandLine().getParseResult().matchedOptions().stream()
        .map(OptionSpec::longestName)
        .collect(Collectors.toSet());
  }

  /** What goes wrong is kept in run.json, and told. */
  private static void failing(RunFolder folder, Runnable run) {
    try {
      run.run();
    } catch (RuntimeException | Error e) {
      try {
        folder.fail(e);
      } catch (RuntimeException again) {
        e.addSuppressed(again);
      }
      throw e;
    }
  }

  private void only(String option, List<String> allowed) {
    for (OptionSpec other : spec.commandLine().getParseResult().matchedOptions()) {
      if (!allowed.contains(other.longestName())) {
        throw new ParameterException(
            spec.commandLine(),
            option
                + ": found "
                + other.longestName()
                + " as well, expected no other option than "
                + String.join(", ", allowed.subList(1, allowed.size())));
      }
    }
  }

  /** The command that the run to go on with was started by. */
  private DemoCommand original() {
    only("--resume", List.of("--resume", "--threads"));
    JsonNode run = RunFolder.json(resume);
    String status = run.path("status").asText();
    if (!run.path("arguments").isArray() || status.equals("completed")) {
      throw new UserException(
          "--resume: found "
              + (status.equals("completed") ? "a completed run" : "no run of demo")
              + " in "
              + resume
              + ", expected one that was interrupted");
    }
    List<String> arguments = new ArrayList<>();
    run.get("arguments").forEach(argument -> arguments.add(argument.asText()));
    DemoCommand original = new DemoCommand();
    new CommandLine(original)
        .setCaseInsensitiveEnumValuesAllowed(true)
        .setOut(spec.commandLine().getOut())
        .setErr(spec.commandLine().getErr())
        .parseArgs(arguments.toArray(String[]::new));
    original.out = resume;
    original.resumed = true;
    original.data = original.data == null ? null : Path.of(run.path("data").asText());
    original.threads = threads;
    return original;
  }

  private List<String> arguments() {
    List<String> all = spec.commandLine().getParseResult().originalArgs();
    return !all.isEmpty() && all.getFirst().equals("demo") ? all.subList(1, all.size()) : all;
  }

  private void train(DemoRun.Plan plan) throws IOException {
    Arch.Data examples = arch.data(data);
    Network network = arch.network(preset, examples);
    Preset.Training how = how();
    try (Device device = openDevice();
        Scope scope = Scope.open();
        Trainer trainer =
            new Trainer(
                network, examples.train(), how.batch(), training.optimizer(how), device, seed)) {
      Batch measured =
          ExampleBatch.subset(
              scope, network, trainer.loss(), examples.train(), plan.subset(), seed);
      Map<String, Object> facts = facts(plan, network, examples, device);
      String data = examples.train().sha256() + " " + examples.validation().sha256();
      facts.put("data_sha256", data);
      MetricsFormat format = StepRow.format(CurvatureProbe.layers(network));
      Checkpoints checkpoints = new Checkpoints(folder(), made(network, examples, data));
      Checkpoint.Run from = resumed ? checkpoints.load(trainer, Long.MAX_VALUE) : null;
      if (resumed && from == null) {
        throw new UserException("--resume: found no checkpoint in " + folder());
      }
      try (CurvatureProbe probe = new CurvatureProbe(network, trainer.loss(), measured, device);
          RunFolder folder =
              from == null
                  ? RunFolder.create(folder(), format, facts)
                  : RunFolder.resume(folder(), facts, from.metricsBytes());
          DemoReport report = new DemoReport(plan.steps(), spec.commandLine().getOut())) {
        report.header(arch, network, examples, plan, device);
        DemoRun.Parts parts =
            new DemoRun.Parts(
                plan,
                how,
                training,
                training.policy(how),
                trainer,
                examples,
                probe,
                folder,
                checkpoints);
        try (DemoRun run = DemoRun.start(parts, report, from)) {
          failing(folder, run::run);
        }
      }
    }
  }

  /** The family's usual training, or the preset's, with what was asked for. */
  private Preset.Training how() {
    return training.of(arch.training(preset));
  }

  /** What a checkpoint has to agree with. */
  private String made(Network network, Arch.Data examples, String data) {
    return String.join(
        "; ",
        arch + " " + network,
        training.optimizer(how()).name(),
        training.toString(),
        how().toString(),
        examples.train().count() + " " + examples.noun() + " " + data,
        plan().toString());
  }

  private DemoRun.Plan plan() {
    return new DemoRun.Plan(
        atLeast("--steps", steps, preset.schedule.steps(), 1),
        atLeast("--every", every, preset.schedule.every(), 1),
        preset.schedule.validateEvery(),
        atMost("--lanczos", atLeast("--lanczos", lanczos, preset.measurement.lanczos(), 1), 1000),
        atLeast("--probes", probes, preset.measurement.probes(), 2),
        atLeast("--subset", subset, usualSubset(), 2 * MICRO_BATCHES),
        certify == null ? preset.measurement.certify() : certify,
        seed);
  }

  /** Under a budget a snapshot's gradients cost what a training step's do. */
  private int usualSubset() {
    return training.budget() == null ? preset.measurement.subset() : how().batch();
  }

  private Device openDevice() {
    String name = System.getProperty(Devices.DEVICE_PROPERTY, "auto");
    int count = atLeast("--threads", threads, 1, 1);
    try {
      return threads == null ? Devices.open() : Devices.open(name, count);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new UserException(e.getMessage());
    }
  }

  private int atLeast(String option, Integer given, int otherwise, int least) {
    int value = given == null ? otherwise : given;
    if (value < least) {
      throw new ParameterException(
          spec.commandLine(), option + ": found " + value + ", expected at least " + least);
    }
    return value;
  }

  private int atMost(String option, int value, int most) {
    if (value > most) {
      throw new ParameterException(
          spec.commandLine(), option + ": found " + value + ", expected at most " + most);
    }
    return value;
  }

  private Path folder() {
    if (out == null) {
      out =
          Path.of(
              "runs",
              (scenario == null ? "demo" : scenario) + "-" + LocalDateTime.now().format(STAMP));
    }
    return out;
  }

  private Map<String, Object> facts(
      DemoRun.Plan plan, Network network, Arch.Data examples, Device device) {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("preset", preset.toString());
    settings.put("arch", arch.toString());
    settings.put("steps", plan.steps());
    settings.put("every", plan.every());
    settings.put("validate_every", plan.validateEvery());
    settings.put("lanczos", plan.lanczos());
    settings.put("probes", plan.probes());
    settings.put("subset", plan.subset());
    settings.put("micro_batch", plan.subset() / MICRO_BATCHES);
    settings.put("certify", plan.certify());
    Preset.Training how = how();
    settings.put("batch_size", how.batch());
    settings.put("optimizer", training.optimizer(how).name());
    settings.put("momentum", training.optimizer(how).momentum());
    settings.put("learning_rate", how.learningRate());
    training.describe(how, plan.steps(), settings);
    settings.put("weight_decay", how.weightDecay());
    settings.put("seed", seed);
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("command", "demo");
    facts.put("dynaxx", Main.version());
    facts.put("arguments", arguments());
    facts.put("settings", settings);
    facts.put("network", network.toString());
    facts.put("parameters", network.parameterCount());
    facts.put(
        "data", data == null ? "embedded " + examples.name() : data.toAbsolutePath().toString());
    facts.put("training_" + examples.noun(), examples.train().count());
    facts.put("validation_" + examples.noun(), examples.validation().count());
    facts.put("backend", device.name() + ": " + device.description());
    facts.put("hardware", Hardware.describe());
    return facts;
  }
}

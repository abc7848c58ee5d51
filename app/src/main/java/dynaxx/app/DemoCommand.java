package dynaxx.app;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.app.run.Checkpoints;
import dynaxx.app.run.Hardware;
import dynaxx.app.run.RunFolder;
import dynaxx.app.run.StepRow;
import dynaxx.app.scenario.Scenario;
import dynaxx.app.scenario.ScenarioRun;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.app.train.Checkpoint;
import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.cost.SnapshotPlan;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.monitor.MetricsFormat;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
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
  private static final int MOST_LANCZOS = 1000;

  @Spec private CommandSpec spec;

  @Option(
      names = "--preset",
      paramLabel = "NAME",
      defaultValue = "quick",
      description = "Size of the run: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private Preset preset;

  @Option(
      names = "--arch",
      paramLabel = "NAME",
      defaultValue = "vit",
      description =
          "Network to train: ${COMPLETION-CANDIDATES}. lm learns the characters of a text, the"
              + " others learn Fashion-MNIST. Default: ${DEFAULT-VALUE}.")
  private Arch arch;

  @Option(
      names = "--steps",
      paramLabel = "N",
      description = "Number of training steps. Default: the preset decides.")
  private Integer steps;

  @Option(
      names = "--every",
      paramLabel = "N",
      description = "Training steps between two snapshots. Default: the preset decides.")
  private Integer every;

  @Option(
      names = "--lanczos",
      paramLabel = "M",
      description =
          "Number of Lanczos steps of a snapshot, at most 1000. Default: the preset decides.")
  private Integer lanczos;

  @Option(
      names = "--probes",
      paramLabel = "P",
      description =
          "Number of random probes for the trace, at least 2. Default: the preset decides.")
  private Integer probes;

  @Option(
      names = "--subset",
      paramLabel = "N",
      description =
          "Number of training examples that snapshots measure on, the same in the whole run."
              + " Default: the preset decides; with --budget, as"
              + " many as it covers, at least 8 and at most a batch.")
  private Integer subset;

  @Option(
      names = "--certify",
      negatable = true,
      description =
          "Measure the last parameters once more, until Lanczos has converged, and print bounds."
              + " Default: only with the quick preset.")
  private Boolean certify;

  @Option(
      names = "--scenario",
      paramLabel = "NAME",
      description =
          "Train a small network with a known outcome, and print what both rule sets report:"
              + " ${COMPLETION-CANDIDATES}. The only other options allowed are --seed, --threads"
              + " and --out.")
  private Scenario scenario;

  @Mixin private TrainingOptions training;

  @Option(
      names = "--resume",
      paramLabel = "DIR",
      description =
          "Continue the interrupted run in this folder from its newest checkpoint, with the"
              + " options it was started with. The only other option allowed is --threads.")
  private Path resume;

  /** Whether the folder holds a run to go on with. */
  private boolean resumed;

  @Option(
      names = "--data",
      paramLabel = "DIR",
      description =
          "Folder with the four IDX files of the full Fashion-MNIST. Default: the 10,000 training"
              + " and 2,000 test images that come with dynaxx.")
  private Path data;

  @Option(
      names = "--out",
      paramLabel = "DIR",
      description =
          "Folder for metrics.csv, run.json and the checkpoints. Default: runs/demo-DATE-TIME.")
  private Path out;

  @Option(
      names = "--seed",
      paramLabel = "S",
      defaultValue = "1",
      description = "Fixes all random choices. Default: ${DEFAULT-VALUE}.")
  private long seed;

  @Option(
      names = "--port",
      paramLabel = "P",
      defaultValue = LivePage.PORT,
      description =
          "Port of the live page on this machine, or the next one up that is free. Default:"
              + " ${DEFAULT-VALUE}.")
  private int port;

  @Option(names = "--open", description = "Open the live page in the browser.")
  private boolean open;

  @Option(names = "--no-serve", description = "Without the live page.")
  private boolean noServe;

  @Option(
      names = "--stay",
      description =
          "Keep the live page after the run, until Ctrl+C. Default: it ends with the run.")
  private boolean stay;

  @Option(
      names = "--threads",
      paramLabel = "T",
      description =
          "Worker threads on the CPU; the results do not depend on it. Default: one for each"
              + " processor.")
  private Integer threads;

  @Override
  public Integer call() throws IOException {
    Bounds.threads(spec, threads);
    Bounds.check(spec, "--port", port, 0, LivePage.MOST_PORT);
    if (noServe && (open || stay)) {
      throw new ParameterException(
          spec.commandLine(),
          "--no-serve: found --open or --stay as well, expected only one of them");
    }
    if (resume != null) {
      return original().call();
    }
    if (scenario == null) {
      training.check(spec, given());
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
              + "); try a smaller --subset, --lanczos or --probes",
          e);
    }
  }

  private void play() throws IOException {
    only("--scenario", List.of("--scenario", "--seed", "--threads", "--out"));
    WholeFile.checkFolder(folder());
    try (ProgressLine progress = ProgressLine.open()) {
      ScenarioRun run = new ScenarioRun(scenario, seed, spec.commandLine().getOut(), progress);
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
  }

  /** Names of the options on the command line. */
  private Set<String> given() {
    return spec.commandLine().getParseResult().matchedOptions().stream()
        .map(OptionSpec::longestName)
        .filter(name -> !name.equals(Failures.DEBUG))
        .collect(Collectors.toCollection(LinkedHashSet::new));
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
    for (String other : given()) {
      if (!allowed.contains(other)) {
        throw new ParameterException(
            spec.commandLine(),
            option
                + ": found "
                + other
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
    CommandLine again =
        Converters.addTo(new CommandLine(original))
            .setCaseInsensitiveEnumValuesAllowed(true)
            .setOut(spec.commandLine().getOut())
            .setErr(spec.commandLine().getErr());
    try {
      again.parseArgs(arguments.toArray(String[]::new));
    } catch (ParameterException e) {
      throw new UserException(
          resume.resolve("run.json") + ": found arguments of no run: " + e.getMessage(), e);
    }
    original.out = resume;
    original.resumed = true;
    original.data = original.data == null ? null : Path.of(run.path("data").asText());
    original.threads = threads;
    return original;
  }

  private List<String> arguments() {
    List<String> all = new ArrayList<>(spec.commandLine().getParseResult().originalArgs());
    all.removeAll(List.of(Failures.DEBUG));
    return !all.isEmpty() && all.getFirst().equals("demo") ? all.subList(1, all.size()) : all;
  }

  private void train(DemoRun.Settings plan) throws IOException {
    if (!resumed) {
      WholeFile.checkFolder(folder());
    }
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
                  : RunFolder.resume(folder(), facts);
          DemoPage page = DemoPage.open(serves() ? port : -1, spec.commandLine().getErr());
          DemoReport report = new DemoReport(plan.steps(), spec.commandLine().getOut())) {
        report.header(arch, network, examples, plan, device);
        if (training.budget() != null && plan.subset() < preset.measurement.subset()) {
          report.planned(plan, preset.measurement, training.budget());
        }
        page.announce(report, open);
        report.columns();
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
                checkpoints,
                page.sink(folder().getFileName().toString(), facts));
        try (DemoRun run = DemoRun.start(parts, report, from)) {
          failing(folder, run::run);
        }
        if (stay) {
          page.stay(report);
        }
      }
    }
  }

  private boolean serves() {
    return !noServe && Boolean.parseBoolean(System.getProperty("dynaxx.demo.serve", "true"));
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

  private DemoRun.Settings plan() {
    int length = count("--steps", steps, preset.schedule.steps(), 1, Bounds.MOST_STEPS);
    SnapshotPlan usual = usual(length);
    Lanczos usualSteps = usual.settings().lanczos().orElseThrow();
    boolean all = usual.settings().ofUpdate().contains(Signal.PRECONDITIONED_LAMBDA_MAX);
    return new DemoRun.Settings(
        length,
        count("--every", every, preset.schedule.every(), 1, Bounds.MOST_STEPS),
        preset.schedule.validateEvery(),
        count("--lanczos", lanczos, usualSteps.cap(), 1, MOST_LANCZOS),
        count("--probes", probes, usual.settings().probes(), 2, Bounds.MOST_PROBES),
        count("--subset", subset, usual.examples(), MICRO_BATCHES, Integer.MAX_VALUE),
        !all && lanczos == null,
        certify == null ? preset.measurement.certify() : certify,
        seed);
  }

  /** The preset's measurement, or as much of it as a budget covers often enough. */
  private SnapshotPlan usual(int length) {
    Preset.Measurement wanted = preset.measurement;
    ProbeSettings full =
        ProbeSettings.article()
            .withLanczos(Lanczos.fixed(wanted.lanczos()))
            .withProbes(wanted.probes());
    return training.budget() == null
        ? new SnapshotPlan(full, wanted.subset())
        : SnapshotPlan.ofTraining(full, how().batch(), length, training.budget());
  }

  private int count(String option, Integer given, int otherwise, int least, int most) {
    return given == null ? otherwise : Bounds.check(spec, option, given, least, most);
  }

  private Device openDevice() {
    String name = System.getProperty(Devices.DEVICE_PROPERTY, "auto");
    try {
      return threads == null ? Devices.open() : Devices.open(name, threads);
    } catch (IllegalArgumentException | IllegalStateException e) {
      throw new UserException(e.getMessage(), e);
    }
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
      DemoRun.Settings plan, Network network, Arch.Data examples, Device device) {
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

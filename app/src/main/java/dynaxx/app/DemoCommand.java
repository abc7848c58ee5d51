package dynaxx.app;

import dynaxx.app.run.Hardware;
import dynaxx.app.run.RunFolder;
import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.spectrum.CurvatureProbe;
import java.io.IOException;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
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
      description = "Training images that snapshots measure on, the same all through the run.")
  private Integer subset;

  @Option(
      names = "--certify",
      negatable = true,
      description =
          "Measure the last parameters once more, until converged, with bounds; default: for"
              + " quick.")
  private Boolean certify;

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
    try {
      train(plan());
      return 0;
    } catch (OutOfMemoryError e) {
      throw new UserException(
          "not enough memory ("
              + e.getMessage()
              + "); try a smaller --subset, --lanczos or --probes");
    }
  }

  private void train(DemoRun.Plan plan) throws IOException {
    Arch.Data examples = arch.data(data);
    Network network = arch.network(preset, examples);
    Preset.Training training = arch.training(preset);
    try (Backend backend = openBackend();
        Scope scope = Scope.open();
        Trainer trainer =
            new Trainer(
                network, examples.train(), training.batch(), training.optimizer(), backend, seed)) {
      Batch measured =
          ExampleBatch.subset(
              scope, network, trainer.loss(), examples.train(), plan.subset(), seed);
      try (CurvatureProbe probe = new CurvatureProbe(network, trainer.loss(), measured, backend);
          RunFolder folder = RunFolder.create(folder(), facts(plan, network, examples, backend));
          DemoReport report = new DemoReport(plan.steps(), spec.commandLine().getOut())) {
        report.header(arch, network, examples, plan, backend);
        new DemoRun(plan, training, trainer, examples, probe, folder, report).run();
      }
    }
  }

  private DemoRun.Plan plan() {
    return new DemoRun.Plan(
        atLeast("--steps", steps, preset.schedule.steps(), 1),
        atLeast("--every", every, preset.schedule.every(), 1),
        preset.schedule.validateEvery(),
        atMost("--lanczos", atLeast("--lanczos", lanczos, preset.measurement.lanczos(), 1), 1000),
        atLeast("--probes", probes, preset.measurement.probes(), 2),
        atLeast("--subset", subset, preset.measurement.subset(), 2 * MICRO_BATCHES),
        certify == null ? preset.measurement.certify() : certify,
        seed);
  }

  private Backend openBackend() {
    String name = System.getProperty(Backends.BACKEND_PROPERTY, "auto");
    int count = atLeast("--threads", threads, 1, 1);
    try {
      return threads == null ? Backends.open() : Backends.open(name, count);
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
    return out == null ? Path.of("runs", "demo-" + LocalDateTime.now().format(STAMP)) : out;
  }

  private Map<String, Object> facts(
      DemoRun.Plan plan, Network network, Arch.Data examples, Backend backend) {
    Preset.Training training = arch.training(preset);
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
    settings.put("batch_size", training.batch());
    settings.put("optimizer", training.optimizer().name());
    settings.put("learning_rate", training.learningRate());
    settings.put("weight_decay", training.weightDecay());
    settings.put("warmup_steps", training.warmup());
    settings.put("seed", seed);
    Map<String, Object> facts = new LinkedHashMap<>();
    facts.put("command", "demo");
    facts.put("dynaxx", Main.version());
    facts.put("settings", settings);
    facts.put("network", network.toString());
    facts.put("parameters", network.parameterCount());
    facts.put("data", data == null ? "embedded " + examples.name() : data.toString());
    facts.put("training_" + examples.noun(), examples.train().count());
    facts.put("validation_" + examples.noun(), examples.validation().count());
    facts.put("backend", backend.name() + ": " + backend.description());
    facts.put("hardware", Hardware.describe());
    return facts;
  }
}

package dynaxx.app;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.app.run.RunFolder;
import dynaxx.app.train.AdamW;
import dynaxx.app.train.LearningRates;
import dynaxx.app.train.Optimizer;
import dynaxx.app.train.Sam;
import dynaxx.app.train.Sgd;
import dynaxx.app.train.Triangular;
import dynaxx.app.train.WarmupConstant;
import dynaxx.app.train.WarmupCosine;
import dynaxx.monitor.Policy;
import dynaxx.spectrum.Update.StabilityLimit;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** How to train, and what the monitor may do about it. */
final class TrainingOptions {

  private static final double SAM_RADIUS = 0.05;
  private static final double ASAM_RADIUS = 0.5;
  private static final double MOMENTUM = 0.9;

  /** Part of the learning rate that the lower end of a cycle is. */
  private static final double CYCLE_LEAST = 0.1;

  enum OptimizerName {
    SGD,
    ADAMW,
    SAM,
    ASAM;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  enum ScheduleName {
    CONSTANT,
    COSINE,
    CYCLIC;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  enum PolicyName {
    OBSERVE,
    SMOOTH,
    RIDE,
    ESCAPE,
    STABILISE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--optimizer",
      paramLabel = "NAME",
      defaultValue = "adamw",
      description =
          "Optimizer: ${COMPLETION-CANDIDATES}. sgd has momentum 0.9; sam and asam build on adamw,"
              + " with rho 0.05 and 0.5. Default: ${DEFAULT-VALUE}.")
  private OptimizerName optimizer;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description = "Peak learning rate. Default: the network's usual one with adamw.")
  private Double learningRate;

  @Option(
      names = "--schedule",
      paramLabel = "NAME",
      defaultValue = "cosine",
      description = "Learning rates: ${COMPLETION-CANDIDATES}. Default: ${DEFAULT-VALUE}.")
  private ScheduleName schedule;

  @Option(
      names = "--cycle",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps of one cycle; needs --schedule cyclic. Default: ${DEFAULT-VALUE}.")
  private int cycle;

  @Option(
      names = "--policy",
      paramLabel = "NAME",
      defaultValue = "observe",
      description =
          "What the monitor does about what it sees: ${COMPLETION-CANDIDATES}. observe does"
              + " nothing. Default: ${DEFAULT-VALUE}.")
  private PolicyName policy;

  @Option(
      names = "--budget",
      paramLabel = "SHARE",
      description =
          "Largest share of the time that measuring may take, for example 0.05. The monitor then"
              + " chooses when and how to measure, so two runs differ. Default: no budget, a"
              + " snapshot every N steps (--every).")
  private Double budget;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps between two checkpoints; 0 for none. Default: ${DEFAULT-VALUE}.")
  private int checkpointEvery;

  /** Checks what picocli does not. */
  void check(CommandSpec spec, Set<String> given) {
    if (learningRate != null && !(learningRate > 0 && Double.isFinite(learningRate))) {
      throw new ParameterException(
          spec.commandLine(), "--learning-rate: found " + learningRate + ", expected above 0");
    }
    Bounds.check(spec, "--cycle", cycle, 2, Bounds.MOST_STEPS);
    Bounds.check(spec, "--checkpoint-every", checkpointEvery, 0, Bounds.MOST_STEPS);
    if (budget != null && !(budget > 0 && budget < 1)) {
      throw new ParameterException(
          spec.commandLine(), "--budget: found " + budget + ", expected above 0 and below 1");
    }
    if (given.contains("--cycle") && schedule != ScheduleName.CYCLIC) {
      throw new ParameterException(
          spec.commandLine(), "--cycle: found --schedule " + schedule + ", expected cyclic");
    }
    if (given.contains("--every") && budget != null) {
      throw new ParameterException(
          spec.commandLine(), "--every: found --budget as well, expected only one of them");
    }
  }

  Preset.Training of(Preset.Training training) {
    return learningRate == null ? training : training.withLearningRate(learningRate);
  }

  Optimizer optimizer(Preset.Training training) {
    return switch (optimizer) {
      case SGD -> new Sgd(MOMENTUM, training.weightDecay());
      case ADAMW -> new AdamW(training.weightDecay());
      case SAM -> new Sam(new AdamW(training.weightDecay()), SAM_RADIUS, false);
      case ASAM -> new Sam(new AdamW(training.weightDecay()), ASAM_RADIUS, true);
    };
  }

  LearningRates rates(Preset.Training training, int steps) {
    double peak = training.learningRate();
    int warmup = Math.min(training.warmup(), steps);
    return switch (schedule) {
      case CONSTANT -> new WarmupConstant(peak, warmup);
      case COSINE -> new WarmupCosine(peak, warmup, steps);
      case CYCLIC -> new Triangular(CYCLE_LEAST * peak, peak, cycle);
    };
  }

  /** A limit that the sharpness of the plain Hessian can be compared with only for sgd. */
  StabilityLimit stability(Preset.Training training) {
    return stability(optimizer == OptimizerName.SGD, MOMENTUM, training.weightDecay());
  }

  private static StabilityLimit stability(boolean sgd, double momentum, double weightDecay) {
    return sgd ? StabilityLimit.momentum(momentum, weightDecay) : StabilityLimit.adam(momentum);
  }

  /** The limit of the optimizer that a run's run.json names; plain descent without one. */
  static StabilityLimit stability(Path run) {
    if (!Files.isReadable(run.resolve("run.json"))) {
      return StabilityLimit.sgd(0);
    }
    JsonNode settings = RunFolder.json(run).path("settings");
    boolean sgd = settings.path("optimizer").asText("sgd").equals("sgd");
    return stability(
        sgd,
        settings.path("momentum").asDouble(sgd ? 0 : MOMENTUM),
        settings.path("weight_decay").asDouble(0));
  }

  Policy policy(Preset.Training training) {
    return switch (policy) {
      case OBSERVE -> Policy.observe();
      case SMOOTH -> Policy.smooth();
      case RIDE -> Policy.ride();
      case ESCAPE -> Policy.escape(stability(training));
      case STABILISE -> Policy.stabilise(stability(training));
    };
  }

  Double budget() {
    return budget;
  }

  int checkpointEvery() {
    return checkpointEvery;
  }

  /** All that decides the course of a training. */
  @Override
  public String toString() {
    return String.join(
        ", ",
        "schedule " + schedule,
        "cycle " + cycle,
        "policy " + policy,
        "budget " + budget,
        "checkpoints every " + checkpointEvery);
  }

  void describe(Preset.Training training, int steps, Map<String, Object> settings) {
    settings.put("schedule", schedule.toString());
    if (schedule == ScheduleName.CYCLIC) {
      settings.put("cycle", cycle);
    } else {
      settings.put("warmup_steps", Math.min(training.warmup(), steps));
    }
    if (optimizer == OptimizerName.SAM || optimizer == OptimizerName.ASAM) {
      settings.put("rho", optimizer == OptimizerName.SAM ? SAM_RADIUS : ASAM_RADIUS);
    }
    settings.put("policy", policy.toString());
    settings.put("budget", budget);
    settings.put("checkpoint_every", checkpointEvery);
  }
}

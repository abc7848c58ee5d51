package dynaxx.app;

import dynaxx.app.train.AdamW;
import dynaxx.app.train.LearningRates;
import dynaxx.app.train.Optimizer;
import dynaxx.app.train.Sam;
import dynaxx.app.train.Sgd;
import dynaxx.app.train.Triangular;
import dynaxx.app.train.WarmupConstant;
import dynaxx.app.train.WarmupCosine;
import dynaxx.monitor.Policies;
import dynaxx.monitor.Policy;
import dynaxx.monitor.StabilityLimit;
import java.util.Locale;
import java.util.Map;
import picocli.CommandLine.Option;

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
    ESCAPE;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  @Option(
      names = "--optimizer",
      defaultValue = "adamw",
      description =
          "${COMPLETION-CANDIDATES}; adamw is the default. sgd has momentum 0.9; sam and asam"
              + " are on adamw, with rho 0.05 and 0.5.")
  private OptimizerName optimizer;

  @Option(
      names = "--learning-rate",
      paramLabel = "R",
      description = "Peak learning rate; default: the family's, which suits adamw.")
  private Double learningRate;

  @Option(
      names = "--schedule",
      defaultValue = "cosine",
      description = "${COMPLETION-CANDIDATES}; cosine is the default.")
  private ScheduleName schedule;

  @Option(
      names = "--cycle",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps of a cycle of the cyclic schedule; default: ${DEFAULT-VALUE}.")
  private int cycle;

  @Option(
      names = "--policy",
      defaultValue = "observe",
      description =
          "${COMPLETION-CANDIDATES}: what the monitor does about what it sees; observe, the"
              + " default, does nothing.")
  private PolicyName policy;

  @Option(
      names = "--budget",
      paramLabel = "SHARE",
      description =
          "Largest share of the time for measuring, for example 0.05; the monitor then chooses"
              + " when and how to measure, and runs differ; --subset then defaults to the size of"
              + " a batch. Default: every N steps (--every).")
  private Double budget;

  @Option(
      names = "--checkpoint-every",
      paramLabel = "N",
      defaultValue = "100",
      description = "Steps between checkpoints, 0 for none; default: ${DEFAULT-VALUE}.")
  private int checkpointEvery;

  /** Checks what picocli does not. */
  void check() {
    if (learningRate != null && !(learningRate > 0 && Double.isFinite(learningRate))) {
      throw new UserException("--learning-rate: found " + learningRate + ", expected above 0");
    }
    if (cycle < 2) {
      throw new UserException("--cycle: found " + cycle + ", expected at least 2");
    }
    if (budget != null && !(budget > 0 && budget < 1)) {
      throw new UserException("--budget: found " + budget + ", expected above 0 and below 1");
    }
    if (checkpointEvery < 0) {
      throw new UserException(
          "--checkpoint-every: found " + checkpointEvery + ", expected at least 0");
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
  StabilityLimit stability() {
    return optimizer == OptimizerName.SGD
        ? new StabilityLimit.Momentum(MOMENTUM, 0)
        : new StabilityLimit.Adam(MOMENTUM);
  }

  Policy policy() {
    return switch (policy) {
      case OBSERVE -> Policies.observe();
      case SMOOTH -> Policies.smooth();
      case RIDE -> Policies.ride();
      case ESCAPE -> Policies.escape(stability());
    };
  }

  Double budget() {
    return budget;
  }

  int checkpointEvery() {
    return checkpointEvery;
  }

  void describe(Map<String, Object> settings) {
    settings.put("schedule", schedule.toString());
    settings.put("policy", policy.toString());
    settings.put("budget", budget);
    settings.put("checkpoint_every", checkpointEvery);
  }
}

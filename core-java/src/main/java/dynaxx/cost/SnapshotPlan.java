package dynaxx.cost;

import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;

/**
 * What to measure on how many examples, so that a budget covers it.
 *
 * @param settings of a full snapshot
 * @param examples of the subset
 */
public record SnapshotPlan(ProbeSettings settings, int examples) {

  /** Examples of the smallest subset: one for each micro-batch of the gradient's variance. */
  public static final int LEAST_EXAMPLES = 8;

  /** Steps in which lambda_max has usually converged. */
  private static final int FEW_STEPS = 10;

  private static final int FEW_PROBES = 4;

  /** Fewest steps and probes; lambda_max is a rough one then. */
  private static final int FEWEST_STEPS = 4;

  private static final int FEWEST_PROBES = 2;

  /** What few steps measure of an update. */
  private static final Signal ONE_FORM = Signal.DIRECTIONAL_CURVATURE_RATIO;

  /** A subset is cut to this part of the batch before fewer steps are taken. */
  private static final int SPARED = 4;

  /** The gradients for which the first operator is checked. */
  private static final double CHECK = 11;

  /** Price of a gradient while its code is cold, in warm ones. */
  private static final double COLD = 5;

  /** Part of a budget that snapshots get; rules and files take the rest. */
  private static final double USABLE = 0.6;

  /** Snapshots of a training at least. */
  private static final int FEWEST_SNAPSHOTS = 5;

  private static final int STEPS_FOR_EACH = 300;

  /**
   * Steps between two snapshots that a budget allows.
   *
   * @param snapshot its time
   * @param step time of a training step, in the same unit
   * @param budget largest share of the time, above 0 and at most 1
   * @return steps, at least 1
   */
  public static long interval(double snapshot, double step, double budget) {
    return (long) Math.max(1, Math.ceil(snapshot * (1 - budget) / (budget * step)));
  }

  /**
   * What may be measured, from the most on: the subset shrinks to a quarter of the batch, then
   * Lanczos takes 10 steps, then the subset shrinks to 8 examples, then Lanczos takes 4 steps.
   *
   * @param settings wanted
   * @param examples wanted, at least 1
   * @return plans, each cheaper than the one before
   */
  public static List<SnapshotPlan> from(ProbeSettings settings, int examples) {
    // As many micro-batches as there are examples, and none of a single one.
    ProbeSettings full =
        examples >= settings.microBatches()
            ? settings
            : settings.withMicroBatches(examples < 2 ? 0 : examples);
    ProbeSettings few = fewer(full, FEW_STEPS, FEW_PROBES);
    ProbeSettings fewest = fewer(full, FEWEST_STEPS, FEWEST_PROBES);
    int least = Math.min(LEAST_EXAMPLES, examples);
    List<SnapshotPlan> plans = new ArrayList<>();
    int subset = examples;
    plans.add(new SnapshotPlan(full, subset));
    while (subset > least && subset > examples / SPARED) {
      subset = Math.max(least, subset / 2);
      plans.add(new SnapshotPlan(full, subset));
    }
    addCheaper(plans, new SnapshotPlan(few, subset));
    while (subset > least) {
      subset = Math.max(least, subset / 2);
      plans.add(new SnapshotPlan(few, subset));
    }
    addCheaper(plans, new SnapshotPlan(fewest, subset));
    return List.copyOf(plans);
  }

  private static void addCheaper(List<SnapshotPlan> plans, SnapshotPlan next) {
    double before = SnapshotWork.gradients(plans.getLast().settings());
    if (SnapshotWork.gradients(next.settings()) < before) {
      plans.add(next);
    }
  }

  /**
   * The same with fewer Lanczos steps and probes, of an update what costs no more than a form, and
   * without what is measured of each example and each part.
   *
   * @param full settings
   * @param steps the most Lanczos steps
   * @param probes the most probes
   * @return cheaper settings
   */
  public static ProbeSettings fewer(ProbeSettings full, int steps, int probes) {
    int most = full.lanczos().map(Lanczos::cap).orElse(steps);
    return full.withLanczos(Lanczos.fixed(Math.min(steps, most)))
        .withProbes(Math.min(probes, full.probes()))
        .withPerExample(false)
        .withUpdateSignals(full.ofUpdate().stream().filter(ONE_FORM::equals).toArray(Signal[]::new))
        .withParts(0);
  }

  /**
   * The most of what a budget covers, or the least there is.
   *
   * @param plans from the most on
   * @param allowed time for one
   * @param price time of each, in the same unit
   * @return one of them
   */
  public static SnapshotPlan affordable(
      List<SnapshotPlan> plans, double allowed, ToDoubleFunction<SnapshotPlan> price) {
    return plans.stream()
        .filter(plan -> price.applyAsDouble(plan) <= allowed)
        .findFirst()
        .orElse(plans.getLast());
  }

  /**
   * For a training of some steps: what leaves a snapshot for every 300 of them, and five at least.
   * Times are counted in training steps, a gradient as its part of the batch; the first snapshot
   * also checks the operator, and its code is cold.
   *
   * @param full settings wanted
   * @param batch examples of a training step
   * @param steps of the training
   * @param budget largest share of the time, above 0 and below 1
   * @return settings, and a subset no larger than a batch
   */
  public static SnapshotPlan ofTraining(ProbeSettings full, int batch, long steps, double budget) {
    long count = Math.max(FEWEST_SNAPSHOTS, steps / STEPS_FOR_EACH);
    double allowed = USABLE * budget / (1 - budget) * steps;
    return affordable(
        from(full, batch),
        allowed,
        plan -> {
          double each = SnapshotWork.gradients(plan.settings());
          double first = COLD * (SnapshotWork.gradients(fewest(plan)) + CHECK);
          return (first + (count - 1) * each) * plan.examples() / batch;
        });
  }

  /** The first snapshot of a monitor with a budget takes no more steps than are needed. */
  private static ProbeSettings fewest(SnapshotPlan plan) {
    return fewer(plan.settings(), FEWEST_STEPS, FEWEST_PROBES);
  }
}

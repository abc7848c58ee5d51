package dynaxx.app.corpus;

import dynaxx.app.train.AdamW;
import dynaxx.app.train.Optimizer;
import dynaxx.app.train.Sgd;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.Locale;
import java.util.SplittableRandom;

/**
 * All that there is to say about a run before it is made; it follows from a seed and a number.
 *
 * @param index number of the run
 * @param seed of its parameters, data and measurements; its last bit says which half it belongs to
 * @param family of the network
 * @param variant of the network
 * @param squaredErrors whether the loss is the mean squared error, and not cross entropy
 * @param examples most training examples
 * @param batch examples of a batch; all of them for gradient descent without noise
 * @param optimizer that trains
 * @param ratio learning rate, as a multiple of the stability limit measured at the beginning
 * @param warmup steps in which the learning rate rises to it, or 0
 * @param fault that is put in
 * @param faultAt step at which it begins; the ramp's is its beginning; -1 if there is none
 * @param steps of the run
 * @param every steps between snapshots
 */
public record Specification(
    int index,
    long seed,
    Family family,
    int variant,
    boolean squaredErrors,
    int examples,
    int batch,
    OptimizerKind optimizer,
    double ratio,
    int warmup,
    Fault fault,
    int faultAt,
    int steps,
    int every) {

  private static final int STEPS = 400;
  private static final int CONVOLUTIONAL_STEPS = 300;

  private static final int RUNS_OF_A_SEED = 100_000;
  private static final int FULL_BATCH = 256;
  private static final int CONVOLUTIONAL_FULL_BATCH = 128;
  private static final int MINI_BATCH = 32;
  private static final int WARMUP = 40;
  private static final double[] RATIOS = {0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8};

  /** A fault is put into a run that would be quiet. */
  private static final int QUIET_RATIOS = 3;

  /** Only one family has statistics to freeze. */
  private static final int FROZEN_EVERY = 3;

  /** As many as do not share a factor with the families, so that both halves have all of them. */
  private static final Fault[] FAULTS = {
    Fault.NONE,
    Fault.RATE,
    Fault.NONE,
    Fault.RAMP,
    Fault.NONE,
    Fault.BATCH,
    Fault.NONE,
    Fault.NONE,
    Fault.LABELS,
    Fault.NONE,
    Fault.RAMP,
    Fault.NONE,
    Fault.LOSS_SCALE,
    Fault.NONE,
    Fault.RAMP,
    Fault.NONE,
    Fault.SORTED
  };

  /** Optimizers, with the limit of the learning rate that each is stable at. */
  public enum OptimizerKind {
    SGD(StabilityLimit.sgd(0)),
    MOMENTUM(StabilityLimit.momentum(0.9, 0)),
    ADAMW(StabilityLimit.adam(0.9));

    private final StabilityLimit limit;

    OptimizerKind(StabilityLimit limit) {
      this.limit = limit;
    }

    /** Largest stable eigenvalue at a learning rate. */
    public StabilityLimit limit() {
      return limit;
    }

    Optimizer fresh() {
      return switch (this) {
        case SGD -> new Sgd(0, 0);
        case MOMENTUM -> new Sgd(0.9, 0);
        case ADAMW -> new AdamW(0.01);
      };
    }

    /** As it is written in files. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /** A run of a corpus. */
  public static Specification of(long corpusSeed, int index) {
    long seed = corpusSeed * RUNS_OF_A_SEED + index;
    SplittableRandom random = new SplittableRandom(seed);
    Family family = Family.values()[index % Family.values().length];
    Fault fault = fault(family, index / Family.values().length);
    boolean needsBatches = fault == Fault.SORTED;
    boolean full = random.nextDouble() < 0.4 && !needsBatches;
    boolean ready = fault == Fault.NONE;
    int variant = random.nextInt(family.variants());
    boolean squared = random.nextDouble() < 0.5 && family.squaredErrors();
    OptimizerKind optimizer = optimizer(random.nextDouble());
    int ratio = random.nextInt(ready ? RATIOS.length : QUIET_RATIOS);
    boolean warm = random.nextDouble() < 0.4;
    // Convolutions take most of the time.
    boolean slow = family == Family.CNN;
    int steps = slow ? CONVOLUTIONAL_STEPS : STEPS;
    int fullBatch = slow ? CONVOLUTIONAL_FULL_BATCH : FULL_BATCH;
    int at = random.nextInt(steps * 2 / 5, steps * 3 / 4);
    return new Specification(
        index,
        seed,
        family,
        variant,
        squared,
        full ? fullBatch : CorpusData.MOST_EXAMPLES,
        full ? fullBatch : MINI_BATCH,
        optimizer,
        RATIOS[ratio],
        warm ? WARMUP : 0,
        fault,
        fault == Fault.RAMP ? Fault.RAMP_FROM : fault.injected() ? at : -1,
        steps,
        family == Family.PERCEPTRON ? 5 : 10);
  }

  private static Fault fault(Family family, int number) {
    Fault fault = FAULTS[number % FAULTS.length];
    boolean free = number % FROZEN_EVERY == 1 && fault == Fault.NONE;
    return family == Family.CNN && free ? Fault.FROZEN_STATISTICS : fault;
  }

  private static OptimizerKind optimizer(double draw) {
    return draw < 0.4
        ? OptimizerKind.SGD
        : draw < 0.7 ? OptimizerKind.MOMENTUM : OptimizerKind.ADAMW;
  }

  /** Learning rate of a step, where the rate meant is known. */
  double rate(double meant, int step) {
    double rate = step < warmup ? meant * (step + 1) / warmup : meant;
    if (fault == Fault.RAMP && step >= faultAt) {
      return rate * Math.pow(Fault.RAMP_FACTOR, (step - faultAt) / (double) (steps - faultAt));
    }
    boolean high = fault == Fault.RATE && step >= faultAt && step < faultAt + Fault.RATE_LENGTH;
    return high ? rate * Fault.RATE_FACTOR : rate;
  }

  /** Whether it belongs to the half that is tuned on; the other is reported on. */
  public boolean tuning() {
    return Math.floorMod(seed, 2) == 0;
  }

  /** Name of its folder. */
  public String name() {
    return String.format(Locale.ROOT, "%05d", index);
  }
}

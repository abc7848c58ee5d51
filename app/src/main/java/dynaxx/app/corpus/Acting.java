package dynaxx.app.corpus;

import dynaxx.app.corpus.Specification.OptimizerKind;
import dynaxx.app.io.UserException;
import dynaxx.app.io.WholeFile;
import dynaxx.app.train.ExampleBatch;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.concurrent.Callable;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A folder of trainings that are made several times each, with the same seed, data and network:
 * without anything, with the policies of the monitor, and with what else keeps a training stable.
 */
public final class Acting {

  /** Learning rates, as multiples of the stability limit at the beginning. */
  static final double[] RATIOS = {0.25, 0.5, 1, 2, 4, 8};

  private static final int STEPS = 300;
  private static final int CONVOLUTIONAL_STEPS = 200;
  private static final int EVERY = 10;
  private static final int FULL_BATCH = 256;
  private static final int CONVOLUTIONAL_FULL_BATCH = 128;
  private static final int MINI_BATCH = 32;
  private static final double FULL = 0.3;
  private static final int RUNS_OF_A_SEED = 100_000;
  private static final int SUBSET = 128;
  private static final double[] QUIET_RATIOS = {0.25, 0.5};
  private static final Fault[] FAULTS = {Fault.LABELS, Fault.BATCH, Fault.RATE};

  private final Path folder;

  public Acting(Path folder) {
    this.folder = folder;
  }

  /**
   * What is known of a training with all that was done in it.
   *
   * @param specification without what is done
   * @param sharpness at the beginning; the preconditioned one for Adam
   * @param stableRate learning rate whose limit that is
   * @param traces of the arms, in their order
   */
  record Pair(
      Specification specification,
      double sharpness,
      double stableRate,
      List<ArmRun.Trace> traces) {}

  /** All that is in a folder. */
  record Results(List<Pair> pairs, List<Reversal.Result> reversals) {}

  /**
   * The trainings; family, learning rate and optimizer take turns, so that 90 have all of each.
   *
   * @param seed all follows from it and from the half
   * @param tuning whether they are of the half to tune on, whose seeds are even
   */
  static List<Specification> plan(long seed, int pairs, boolean tuning) {
    return IntStream.range(0, pairs).mapToObj(i -> specification(seed, i, tuning)).toList();
  }

  /** Trainings with a fault of a few steps. */
  static List<Specification> faults(long seed, int reversals, boolean tuning) {
    return IntStream.range(0, reversals)
        .mapToObj(i -> withFault(specification(seed, i, tuning)))
        .toList();
  }

  private static Specification specification(long seed, int index, boolean tuning) {
    long own = 2 * (seed * RUNS_OF_A_SEED + index) + (tuning ? 0 : 1);
    SplittableRandom random = new SplittableRandom(own);
    Family family = Family.values()[index % Family.values().length];
    int turn = index / Family.values().length;
    double ratio = RATIOS[turn % RATIOS.length];
    OptimizerKind[] optimizers = OptimizerKind.values();
    OptimizerKind optimizer = optimizers[turn / RATIOS.length % optimizers.length];
    boolean slow = family == Family.CNN;
    boolean full = random.nextDouble() < FULL;
    int fullBatch = slow ? CONVOLUTIONAL_FULL_BATCH : FULL_BATCH;
    return new Specification(
        index,
        own,
        family,
        random.nextInt(family.variants()),
        random.nextDouble() < 0.5 && family.squaredErrors(),
        full ? fullBatch : CorpusData.MOST_EXAMPLES,
        full ? fullBatch : MINI_BATCH,
        optimizer,
        ratio,
        0,
        Fault.NONE,
        -1,
        slow ? CONVOLUTIONAL_STEPS : STEPS,
        EVERY);
  }

  /** The same network and data at a quiet rate, with one of the faults in turn. */
  private static Specification withFault(Specification run) {
    int turn = run.index() / Family.values().length;
    SplittableRandom random = new SplittableRandom(~run.seed());
    return new Specification(
        run.index(),
        run.seed(),
        run.family(),
        run.variant(),
        run.squaredErrors(),
        run.examples(),
        run.batch(),
        OptimizerKind.values()[turn / FAULTS.length % OptimizerKind.values().length],
        QUIET_RATIOS[random.nextInt(QUIET_RATIOS.length)],
        0,
        FAULTS[turn % FAULTS.length],
        random.nextInt(run.steps() * 2 / 5, run.steps() * 3 / 4),
        run.steps(),
        run.every());
  }

  /**
   * Makes what is not there yet.
   *
   * @param threads how many trainings at once
   * @param made called with each that is there, in the order in which they are done
   * @throws UserException if there is a training of another seed
   */
  public void make(Trials plan, int threads, Consumer<String> made)
      throws IOException, InterruptedException {
    make(
        plan(plan.seed(), plan.pairs(), plan.tuning()),
        faults(plan.seed(), plan.reversals(), plan.tuning()),
        threads,
        made);
  }

  /**
   * What is to be made.
   *
   * @param seed all follows from it
   * @param pairs trainings without faults
   * @param reversals trainings with a fault
   * @param tuning whether they are of the half to tune on
   */
  public record Trials(long seed, int pairs, int reversals, boolean tuning) {}

  void make(
      List<Specification> pairs, List<Specification> reversals, int threads, Consumer<String> made)
      throws IOException, InterruptedException {
    Files.createDirectories(folder);
    WholeFile.sweep(folder);
    List<Callable<String>> tasks = new ArrayList<>();
    pairs.forEach(run -> tasks.add(() -> ensurePair(run)));
    reversals.forEach(run -> tasks.add(() -> ensureReversal(run)));
    Workers.run(tasks, threads, made);
  }

  private String ensurePair(Specification run) throws IOException {
    Path file = pairFile(run);
    if (!Files.exists(file)) {
      write(file, pair(run));
    }
    Pair pair = Corpus.JSON.readValue(file.toFile(), Pair.class);
    requireSame(file, pair.specification(), run);
    StringBuilder line = new StringBuilder(line(run));
    for (ArmRun.Trace trace : pair.traces()) {
      line.append(' ').append(trace.arm()).append('=').append(trace.outcome().what());
    }
    return line.toString();
  }

  private String ensureReversal(Specification run) throws IOException {
    Path file = reversalFile(run);
    if (!Files.exists(file)) {
      write(file, Reversal.make(run));
    }
    Reversal.Result result = Corpus.JSON.readValue(file.toFile(), Reversal.Result.class);
    requireSame(file, result.specification(), run);
    return line(run) + " " + run.fault();
  }

  private static String line(Specification run) {
    return String.join(
        " ",
        run.name(),
        run.family().toString(),
        run.optimizer().toString(),
        Double.toString(run.ratio()));
  }

  private static void requireSame(Path file, Specification found, Specification expected) {
    if (!found.equals(expected)) {
      throw new UserException(file + ": found the run " + found + ", expected " + expected);
    }
  }

  private Path pairFile(Specification run) {
    return folder.resolve("pair-" + run.name() + ".json");
  }

  private Path reversalFile(Specification run) {
    return folder.resolve("fault-" + run.name() + ".json");
  }

  private static void write(Path file, Object value) throws IOException {
    byte[] bytes = Corpus.JSON.writeValueAsBytes(value);
    WholeFile.write(file, out -> out.write(bytes));
  }

  /** Reads what {@link #make} has made. */
  Results results(List<Specification> pairs, List<Specification> reversals) throws IOException {
    List<Pair> all = new ArrayList<>();
    for (Specification run : pairs) {
      all.add(Corpus.JSON.readValue(pairFile(run).toFile(), Pair.class));
    }
    List<Reversal.Result> others = new ArrayList<>();
    for (Specification run : reversals) {
      others.add(Corpus.JSON.readValue(reversalFile(run).toFile(), Reversal.Result.class));
    }
    return new Results(all, others);
  }

  /** What all of it says. */
  public ActingReport report(Trials plan) throws IOException {
    return ActingReport.of(
        results(
            plan(plan.seed(), plan.pairs(), plan.tuning()),
            faults(plan.seed(), plan.reversals(), plan.tuning())));
  }

  /** Trains with each arm, one after the other, on one thread. */
  private static Pair pair(Specification run) {
    Family.Task task = run.family().task(run);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      StableRate stable = StableRate.measure(run, task, subset(scope, run, task, SUBSET), device);
      Batch watched = subset(scope, run, task, ArmRun.watched(run));
      List<ArmRun.Trace> traces =
          Arrays.stream(Arm.values())
              .map(arm -> ArmRun.make(run, task, arm, run.ratio() * stable.rate(), watched, device))
              .toList();
      return new Pair(run, stable.sharpness(), stable.rate(), traces);
    }
  }

  private static Batch subset(Scope scope, Specification run, Family.Task task, int most) {
    int size = Math.min(most, task.training().count());
    return ExampleBatch.subset(
        scope, task.network(), task.loss(), task.training(), size, run.seed());
  }
}

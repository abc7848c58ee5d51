package dynaxx.app.corpus;

import dynaxx.app.train.Trainer;
import dynaxx.app.train.TrainerSource;
import dynaxx.device.Device;
import dynaxx.monitor.Observation;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Policy;
import dynaxx.monitor.Rules;
import dynaxx.monitor.StepReport;
import dynaxx.monitor.TrainingControl;
import dynaxx.network.Batch;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** One training of a pair, on one thread; its work is counted, and not timed. */
final class ArmRun implements TrainingControl {

  /** Snapshots are of this many times fewer examples than a full batch. */
  private static final int FEWER = 4;

  /** Fewest examples of a snapshot, which are those of a small batch. */
  private static final int LEAST_EXAMPLES = 32;

  private static final int LANCZOS_STEPS = 6;
  private static final int PROBES = 2;
  private static final int VALIDATE_EVERY = 10;

  /** A forward pass, in gradients. */
  private static final double LOSS_WORK = 1 / 3.0;

  private final Specification run;
  private final Family.Task task;
  private final Arm arm;
  private final double meant;
  private final Trainer trainer;
  private final double batch;
  private final List<Point> curve = new ArrayList<>();
  private final Map<Long, byte[]> checkpoints = new HashMap<>();
  private final double[] losses;
  private double work;
  private double factor = 1;
  private double leastFactor = 1;
  private int reverts;
  private int done;
  private long revertedTo = -1;

  /**
   * The validation set at some point of the training.
   *
   * @param step of the parameters
   * @param work so far, in gradients over a batch
   * @param loss mean; NaN if the parameters are of no use
   * @param accuracy from 0 to 1
   */
  record Point(int step, double work, double loss, double accuracy) {}

  /**
   * What came of a training.
   *
   * @param arm what was done in it
   * @param outcome by the rules of the corpus; of what was not taken back
   * @param steps that are in the network; fewer than planned if the loss was not finite
   * @param work of training and measuring, in gradients over a batch
   * @param leastFactor smallest part of the host's learning rate that was used
   * @param reverts how often it went back to a checkpoint
   * @param curve validation, in the order of the work
   */
  record Trace(
      Arm arm,
      Outcome outcome,
      int steps,
      double work,
      double leastFactor,
      int reverts,
      List<Point> curve) {}

  /** Examples that snapshots of a training are measured on. */
  static int watched(Specification run) {
    return Math.max(LEAST_EXAMPLES, run.batch() / FEWER);
  }

  private ArmRun(Specification run, Family.Task task, Arm arm, double meant, Trainer trainer) {
    this.run = run;
    this.task = task;
    this.arm = arm;
    this.meant = meant;
    this.trainer = trainer;
    this.batch = Math.min(run.batch(), task.training().count());
    this.losses = new double[run.steps()];
  }

  /**
   * Trains.
   *
   * @param meant learning rate without what the arm does
   * @param subset that snapshots are measured on
   */
  static Trace make(
      Specification run, Family.Task task, Arm arm, double meant, Batch subset, Device device) {
    try (Trainer trainer = CorpusRun.trainer(run, task, task.training(), device)) {
      ArmRun made = new ArmRun(run, task, arm, meant, trainer);
      Policy policy = arm.policy(run.optimizer().limit()).orElse(null);
      if (policy == null) {
        made.train(null);
      } else {
        made.watched(policy, subset, device);
      }
      return made.trace();
    }
  }

  private void watched(Policy policy, Batch subset, Device device) {
    try (CurvatureProbe probe = new CurvatureProbe(task.network(), task.loss(), subset, device);
        PhaseMonitor monitor =
            PhaseMonitor.of(new TrainerSource(trainer, probe))
                .every(run.every())
                .settings(settings())
                .rules(Rules.calibration().stability(run.optimizer().limit()).build())
                .policy(policy)
                .control(this)
                .build()) {
      train(monitor);
    }
  }

  private ProbeSettings settings() {
    return ProbeSettings.article()
        .withLanczos(Lanczos.fixed(LANCZOS_STEPS))
        .withProbes(PROBES)
        .withMicroBatches(0)
        .withUpdateSignals(Signal.PRECONDITIONED_LAMBDA_MAX, Signal.DIRECTIONAL_CURVATURE_RATIO)
        .withSeed(run.seed());
  }

  private Trace trace() {
    double[] kept = Arrays.copyOf(losses, done);
    return new Trace(
        arm, Outcome.of(kept, 0), done, work, leastFactor, reverts, List.copyOf(curve));
  }

  private void train(PhaseMonitor monitor) {
    int step = 0;
    boolean finite = true;
    while (finite && step < run.steps()) {
      Trainer.Validation found = step % VALIDATE_EVERY == 0 ? validate(step) : null;
      finite = step(monitor, step, found);
      step = revertedTo >= 0 ? (int) revertedTo : step + 1;
      revertedTo = -1;
      done = step;
    }
    if (finite) {
      validate(step);
    } else {
      curve.add(new Point(step, work, Double.NaN, Double.NaN));
    }
  }

  private Trainer.Validation validate(int step) {
    Trainer.Validation found = trainer.validate(task.validation());
    curve.add(new Point(step, work, found.loss(), found.accuracy()));
    return found;
  }

  /** False if the loss was not finite and there is nothing more to train. */
  private boolean step(PhaseMonitor monitor, int step, Trainer.Validation validation) {
    work++;
    Trainer.Step trained;
    try {
      trained = trainer.evaluate();
    } catch (NonFiniteException e) {
      losses[step] = Double.NaN;
      if (monitor != null) {
        monitor.afterStep(
            StepReport.at(step).loss(Double.NaN).learningRate(warm(step) * meant * factor));
      }
      return revertedTo >= 0;
    }
    losses[step] = trained.loss();
    double host = warm(step) * meant;
    if (arm == Arm.CLIPPING) {
      trainer.clip(Arm.CLIPPED_NORM);
    }
    if (monitor != null) {
      watch(monitor, report(step, trained, host * factor, validation));
    }
    if (revertedTo < 0) {
      leastFactor = Math.min(leastFactor, factor);
      trainer.update(host * factor);
    }
    return true;
  }

  private double warm(int step) {
    return arm == Arm.WARMUP ? Math.min(1, (step + 1) / (double) Arm.WARMUP_STEPS) : 1;
  }

  private StepReport report(
      int step, Trainer.Step trained, double rate, Trainer.Validation validation) {
    StepReport told =
        StepReport.at(step)
            .loss(trained.loss())
            .gradientNorm(trained.gradientNorm())
            .learningRate(rate)
            .batchSize((long) batch)
            .momentum(trainer.optimizer().momentum())
            .update(() -> trainer.coming(rate));
    return validation == null ? told : told.validation(validation.loss(), validation.accuracy());
  }

  private void watch(PhaseMonitor monitor, StepReport report) {
    monitor
        .afterStep(report)
        .snapshot()
        .ifPresent(snapshot -> work += snapshot.gradientEquivalents() * watched(run) / batch);
  }

  static byte[] saved(Trainer trainer) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    try {
      trainer.save(new DataOutputStream(bytes));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return bytes.toByteArray();
  }

  static void load(Trainer trainer, byte[] bytes) {
    try {
      trainer.load(new DataInputStream(new ByteArrayInputStream(bytes)));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void learningRate(double value, double by) {
    factor *= by;
  }

  @Override
  public void momentum(double value) {
    trainer.optimizer().setMomentum(value);
  }

  /** Of before the update of this step, whose batch is not seen again after going back. */
  @Override
  public void checkpoint(long step) {
    checkpoints.put(step, saved(trainer));
  }

  @Override
  public Observation validate(long step) {
    work += LOSS_WORK * task.validation().count() / batch;
    Trainer.Validation found = trainer.validate(task.validation());
    return Observation.at(step)
        .with(Signal.VALIDATION_LOSS, found.loss())
        .with(Signal.VALIDATION_ACCURACY, found.accuracy());
  }

  @Override
  public long revert(long step) {
    load(trainer, checkpoints.get(step));
    reverts++;
    revertedTo = trainer.steps();
    return revertedTo;
  }
}

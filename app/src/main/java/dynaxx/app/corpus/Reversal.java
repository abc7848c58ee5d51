package dynaxx.app.corpus;

import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.operator.NonFiniteException;
import java.util.function.IntToDoubleFunction;

/**
 * A training with a fault that lasts a few steps, and what comes of it: going on as if nothing had
 * happened, or going back to the checkpoint before the fault with half the learning rate. Both end
 * after as many updates, those that were taken back counted.
 */
final class Reversal {

  /** Steps from the beginning of a fault to the decision. */
  static final int NOTICED_AFTER = 10;

  private static final int SUBSET = 128;
  private static final double LOWERED = 0.5;

  private final Specification run;
  private final Family.Task task;
  private final DisturbedExamples examples;

  /**
   * What came of it.
   *
   * @param specification of the training
   * @param before validation where the checkpoint was kept
   * @param decided validation where it was decided
   * @param goneOn validation at the end without going back; NaN where the loss was not finite
   * @param takenBack validation at the end after going back
   */
  record Result(
      Specification specification,
      Trainer.Validation before,
      Trainer.Validation decided,
      Trainer.Validation goneOn,
      Trainer.Validation takenBack) {}

  private Reversal(Specification run) {
    this.run = run;
    this.task = run.family().task(run);
    this.examples = new DisturbedExamples(task, run);
  }

  static Result make(Specification run) {
    return new Reversal(run).make();
  }

  private Result make() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      int size = Math.min(SUBSET, task.training().count());
      Batch subset =
          ExampleBatch.subset(
              scope, task.network(), task.loss(), task.training(), size, run.seed());
      double meant = run.ratio() * StableRate.measure(run, task, subset, device).rate();
      try (Trainer trainer = CorpusRun.trainer(run, task, examples, device)) {
        return train(trainer, step -> run.rate(meant, step), LOWERED * meant);
      }
    }
  }

  private Result train(Trainer trainer, IntToDoubleFunction rates, double lowered) {
    int fault = run.faultAt();
    int decision = fault + NOTICED_AFTER;
    steps(trainer, 0, fault, rates);
    Trainer.Validation before = trainer.validate(task.validation());
    byte[] checkpoint = ArmRun.saved(trainer);
    boolean finite = steps(trainer, fault, decision, rates);
    Trainer.Validation decided = trainer.validate(task.validation());
    finite = finite && steps(trainer, decision, run.steps(), rates);
    Trainer.Validation goneOn =
        finite
            ? trainer.validate(task.validation())
            : new Trainer.Validation(Double.NaN, Double.NaN);
    ArmRun.load(trainer, checkpoint);
    // The fault is over, and its steps are lost.
    for (int step = decision; step < run.steps(); step++) {
      step(trainer, step, lowered);
    }
    return new Result(run, before, decided, goneOn, trainer.validate(task.validation()));
  }

  /** False if the loss was not finite and there is nothing more to train. */
  private boolean steps(Trainer trainer, int from, int to, IntToDoubleFunction rates) {
    try {
      for (int step = from; step < to; step++) {
        step(trainer, step, rates.applyAsDouble(step));
      }
      return true;
    } catch (NonFiniteException e) {
      return false;
    }
  }

  private void step(Trainer trainer, int step, double rate) {
    boolean over = step >= run.faultAt() + Fault.BATCH_LENGTH;
    examples.at(over ? -1 : step);
    trainer.evaluate();
    trainer.update(rate);
  }
}

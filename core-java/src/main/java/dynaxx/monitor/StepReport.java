package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Supplier;

/**
 * What the host reports about a step. Everything except the step may be missing; values need not be
 * finite.
 *
 * @param observation loss, gradient norm, learning rate and so on
 * @param momentum of the optimizer
 * @param seconds the step took; empty to let the monitor measure the time between reports
 * @param update gives the coming update; empty if the host does not report it
 */
public record StepReport(
    Observation observation,
    OptionalDouble momentum,
    OptionalDouble seconds,
    Optional<Supplier<Update>> update) {

  /**
   * A report of nothing but the step.
   *
   * @param step number of updates made so far, at least 0, later than that of the report before
   * @return the report
   */
  public static StepReport at(long step) {
    return new StepReport(
        Observation.at(step), OptionalDouble.empty(), OptionalDouble.empty(), Optional.empty());
  }

  /**
   * The step.
   *
   * @return number of updates made so far
   */
  public long step() {
    return observation.step();
  }

  /**
   * The same with the loss.
   *
   * @param value mean over the step's batch
   * @return a new report
   */
  public StepReport loss(double value) {
    return with(Signal.LOSS, value);
  }

  /**
   * The same with the gradient's norm.
   *
   * @param value of the step's batch
   * @return a new report
   */
  public StepReport gradientNorm(double value) {
    return with(Signal.GRADIENT_NORM, value);
  }

  /**
   * The same with the learning rate.
   *
   * @param value of the update
   * @return a new report
   */
  public StepReport learningRate(double value) {
    return with(Signal.LEARNING_RATE, value);
  }

  /**
   * The same with the batch size.
   *
   * @param examples of the update's batch
   * @return a new report
   */
  public StepReport batchSize(long examples) {
    return with(Signal.BATCH_SIZE, examples);
  }

  /**
   * The same with the validation metrics.
   *
   * @param loss mean over the validation set
   * @param accuracy from 0 to 1
   * @return a new report
   */
  public StepReport validation(double loss, double accuracy) {
    return with(Signal.VALIDATION_LOSS, loss).with(Signal.VALIDATION_ACCURACY, accuracy);
  }

  /**
   * The same with the validation loss alone.
   *
   * @param loss mean over the validation set
   * @return a new report
   */
  public StepReport validationLoss(double loss) {
    return with(Signal.VALIDATION_LOSS, loss);
  }

  /**
   * The same with any signal that the host has measured.
   *
   * @param signal what
   * @param value its value
   * @return a new report
   */
  public StepReport with(Signal signal, double value) {
    return new StepReport(observation.with(signal, value), momentum, seconds, update);
  }

  /**
   * The same with the momentum.
   *
   * @param value from 0 to below 1
   * @return a new report
   */
  public StepReport momentum(double value) {
    return new StepReport(observation, OptionalDouble.of(value), seconds, update);
  }

  /**
   * The same with the step's time, for hosts whose reports do not come in the rhythm of the steps.
   *
   * @param value seconds of training since the report before, at least 0
   * @return a new report
   * @throws IllegalArgumentException if the value is NaN or negative
   */
  public StepReport seconds(double value) {
    if (!(value >= 0)) {
      throw new IllegalArgumentException("seconds: found " + value + ", expected at least 0");
    }
    return new StepReport(observation, momentum, OptionalDouble.of(value), update);
  }

  /**
   * The same with the update that the host will make after this report. It is asked for only where
   * a snapshot is made, on the thread of the report; batch size and gradient norm of this report
   * need not be told in it again. For snapshots beside the training its buffers are copied, so they
   * must lie in host memory.
   *
   * @param coming gives optimizer, learning rate, and the step if it is known
   * @return a new report
   */
  public StepReport update(Supplier<Update> coming) {
    return new StepReport(observation, momentum, seconds, Optional.of(coming));
  }

  /** The coming update, with what the report says of its batch. */
  Optional<Update> comingUpdate() {
    return update.map(
        coming ->
            coming
                .get()
                .batch(
                    (long) observation.value(Signal.BATCH_SIZE).orElse(0),
                    observation.value(Signal.GRADIENT_NORM)));
  }
}

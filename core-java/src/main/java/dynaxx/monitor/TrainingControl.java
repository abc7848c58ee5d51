package dynaxx.monitor;

/**
 * Lets a monitor act on its own advice. Called within {@link PhaseMonitor#afterStep}, on the thread
 * of the host; what it takes counts as the host's time.
 */
public interface TrainingControl {

  /**
   * Changes the learning rate from the next update on.
   *
   * @param value the rate if it stays what it was at this step otherwise
   * @param factor the same as a factor, for hosts with a schedule
   */
  void learningRate(double value, double factor);

  /**
   * Changes the momentum from the next update on.
   *
   * @param value from 0 to below 1
   */
  void momentum(double value);

  /**
   * Keeps a checkpoint of the current state, until it is replaced by later ones.
   *
   * @param step its name in {@link #revert}
   */
  void checkpoint(long step);

  /**
   * Measures the validation metric.
   *
   * @param step of which the parameters are
   * @return an observation of that step with the validation loss, the accuracy or both
   */
  Observation validate(long step);

  /**
   * Goes back to a checkpoint: parameters, optimizer, random state and position in the data.
   *
   * @param step of the checkpoint
   * @return step of the first report after it, usually the checkpoint's
   */
  long revert(long step);
}

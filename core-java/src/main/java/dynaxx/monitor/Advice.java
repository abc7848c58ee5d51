package dynaxx.monitor;

/**
 * One piece of what a policy would do. The host does it, or a {@link TrainingControl}, or nobody.
 */
public sealed interface Advice {

  /**
   * Why it is given.
   *
   * @return one clause
   */
  String reason();

  /**
   * Another learning rate from the next update on.
   *
   * @param value the rate if it stays what it was at this step otherwise; NaN if the host did not
   *     report that
   * @param factor the same as a factor, by which a host with a schedule multiplies the schedule
   *     from now on
   * @param reason one clause
   */
  record LearningRate(double value, double factor, String reason) implements Advice {}

  /**
   * Another momentum from the next update on.
   *
   * @param value from 0 to below 1
   * @param reason one clause
   */
  record Momentum(double value, String reason) implements Advice {}

  /**
   * Keep a checkpoint of this step, and say so ({@link PhaseMonitor#checkpointed}).
   *
   * @param reason one clause
   */
  record Checkpoint(String reason) implements Advice {}

  /**
   * Measure the validation metric, and report it with the next step.
   *
   * @param reason one clause
   */
  record Validate(String reason) implements Advice {}

  /**
   * Go back to a checkpoint, and say so ({@link PhaseMonitor#restarted}).
   *
   * @param step of the checkpoint
   * @param reason one clause
   */
  record Revert(long step, String reason) implements Advice {}
}

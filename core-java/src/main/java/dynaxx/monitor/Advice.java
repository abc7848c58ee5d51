package dynaxx.monitor;

import java.util.List;

/** What a policy would do. The host does it, or a {@link TrainingControl}, or nobody. */
public sealed interface Advice {

  /** No advice. */
  Advice NOTHING = new Nothing();

  /**
   * The single pieces, in the order in which they are to be done.
   *
   * @return empty for no advice
   */
  default List<Advice> parts() {
    return List.of(this);
  }

  /** Go on. */
  record Nothing() implements Advice {
    @Override
    public List<Advice> parts() {
      return List.of();
    }
  }

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

  /**
   * More than one piece of advice.
   *
   * @param parts at least two single pieces
   */
  record Several(List<Advice> parts) implements Advice {

    /** Copies the pieces. */
    public Several {
      parts = List.copyOf(parts);
    }
  }

  /**
   * One piece of advice from many.
   *
   * @param parts single pieces, may be empty
   * @return nothing, the only one, or several
   */
  static Advice of(List<Advice> parts) {
    return switch (parts.size()) {
      case 0 -> NOTHING;
      case 1 -> parts.getFirst();
      default -> new Several(parts);
    };
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Decides what to do. It holds the state of one run, is asked at every step, and must decide from
 * what it is told alone, so that a run can be repeated.
 *
 * <p>Of those that come with the monitor, all but {@link #observe} and {@link #stabilise} also:
 * keep a checkpoint at least every ten snapshots; after a {@link Event.Kind#HARMFUL} go back to the
 * checkpoint before the transition, at most five times in a run, and halve the learning rate; with
 * batches above 4096 halve it when lambda_min approaches zero; ask for the validation metric after
 * a transition; and leave five snapshots between two changes of the rate, which stays within a
 * sixteenth and four times what it would be without them.
 */
@FunctionalInterface
public interface Policy {

  /**
   * Decides.
   *
   * @param situation after a step
   * @return pieces of advice, in the order in which they are to be done; mostly none
   */
  List<Advice> decide(Situation situation);

  /**
   * Reports that training was restarted.
   *
   * @param step of the first update after the restart
   */
  default void restarted(long step) {}

  /**
   * Observes only: gives no advice.
   *
   * @return the policy
   */
  static Policy observe() {
    return situation -> List.of();
  }

  /**
   * Halves the learning rate at the signs that come before a transition: the precursors of the
   * article "dynaxx dissection: probing phase transitions in neural network loss landscapes",
   * shifts of curvature or gradient, and the edge of stability.
   *
   * <p>It does not help in short trainings of small networks: of 55 that diverged, at learning
   * rates from a quarter to eight times the stability limit, it kept one from it, and left the
   * validation loss as it was (docs/acting.md).
   *
   * @return a policy for one run
   */
  static Policy smooth() {
    return new SmoothPolicy();
  }

  /**
   * Lets a transition happen: keeps a checkpoint at the signs before it, and halves the learning
   * rate once the loss has dropped or the validation metric says that no harm was done.
   *
   * <p>It does not help in short trainings of small networks: in the 270 of docs/acting.md it never
   * changed a rate, kept none from diverging, and left the validation loss as it was.
   *
   * @return a policy for one run
   */
  static Policy ride() {
    return new RidePolicy();
  }

  /**
   * Raises the learning rate by half where the loss stands still and lambda_min is firmly negative,
   * as far as gradient descent with the reported momentum stays stable, and the momentum otherwise;
   * takes it back when the loss moves.
   *
   * @return a policy for one run
   */
  static Policy escape() {
    return new EscapePolicy(null);
  }

  /**
   * The same with the stability limit of another optimizer.
   *
   * @param limit that the sharpness must stay below
   * @return a policy for one run
   */
  static Policy escape(StabilityLimit limit) {
    return new EscapePolicy(limit);
  }

  /**
   * Keeps the learning rate below a fraction of the measured stability limit, and never above what
   * the host would have without it: curvature-aware warm-up and tuning (Gilmer et al., 2021; CDAT,
   * Roulet et al., 2024). It lowers the rate at once where a snapshot finds a ratio beyond the
   * fraction ({@link Signal#SHARPNESS_RATIO}, {@link Signal#DIRECTIONAL_CURVATURE_RATIO}, {@link
   * Signal#BATCH_SHARPNESS_RATIO}, {@link Signal#CRITICAL_RATE_RATIO}; without them the sharpness
   * against the limit), halves it after a jump of the loss and after {@link
   * Event.Kind#INSTABILITY_AHEAD}, and lets it grow again slowly where there is room. An update
   * along a direction whose curvature is far beyond the limit is all but skipped, by {@link
   * Advice.LearningRate}: a much smaller rate for that step, which the next step takes back. After
   * a jump of the loss it also goes back to the newest checkpoint, at most ten times in a run; it
   * asks for one at each snapshot where the loss is at its level. A loss that is NaN is a jump,
   * too.
   *
   * <p>In docs/acting.md it kept 51 of 55 trainings of small networks from diverging; those left
   * are with momentum. Far below the limit measuring costs more than it gives.
   *
   * @param limit that the sharpness must stay below where the host does not tell its update; null
   *     for that of gradient descent with the reported momentum
   * @return a policy for one run
   */
  static Policy stabilise(StabilityLimit limit) {
    return new StabilisePolicy(limit);
  }

  /**
   * What a policy decides from.
   *
   * @param observation what the host and a snapshot, if there was one, measured at this step
   * @param momentum of the optimizer, if reported
   * @param measured whether there was a snapshot
   * @param events noticed at this step
   * @param checkpoint step of the newest checkpoint
   * @param safeCheckpoint step of the newest checkpoint from before the last transition; empty
   *     without transition or checkpoint
   */
  record Situation(
      Observation observation,
      OptionalDouble momentum,
      boolean measured,
      List<Event> events,
      OptionalLong checkpoint,
      OptionalLong safeCheckpoint) {

    /** Copies the events. */
    public Situation {
      events = List.copyOf(events);
    }

    /**
     * Whether an event of a kind was noticed.
     *
     * @param kind of event
     * @return true if at least one was
     */
    public boolean saw(Event.Kind kind) {
      return events.stream().anyMatch(event -> event.kind() == kind);
    }
  }
}

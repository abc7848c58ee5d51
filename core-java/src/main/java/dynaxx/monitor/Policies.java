package dynaxx.monitor;

import java.util.List;

/**
 * Policies to choose from. All that act also: keep a checkpoint at least every ten snapshots; after
 * a {@link EventKind#HARMFUL} go back to the checkpoint before the transition, at most five times
 * in a run, and halve the learning rate; with batches above 4096 halve it when lambda_min
 * approaches zero; ask for the validation metric after a transition; and leave five snapshots
 * between two changes of the rate, which stays within a sixteenth and four times what it would be
 * without them.
 */
public final class Policies {

  private Policies() {}

  /**
   * Looks on: never any advice.
   *
   * @return the policy
   */
  public static Policy observe() {
    return situation -> List.of();
  }

  /**
   * Halves the learning rate at the signs that come before a transition: the article's precursors,
   * shifts of curvature or gradient, and the edge of stability.
   *
   * @return a policy for one run
   */
  public static Policy smooth() {
    return new SmoothPolicy();
  }

  /**
   * Lets a transition happen: keeps a checkpoint at the signs before it, and halves the learning
   * rate once the loss has dropped or the validation metric says that no harm was done.
   *
   * @return a policy for one run
   */
  public static Policy ride() {
    return new RidePolicy();
  }

  /**
   * Raises the learning rate by half where the loss stands still and lambda_min is firmly negative,
   * as far as gradient descent with the reported momentum stays stable, and the momentum otherwise;
   * takes it back when the loss moves.
   *
   * @return a policy for one run
   */
  public static Policy escape() {
    return new EscapePolicy(null);
  }

  /**
   * The same with the stability limit of another optimizer.
   *
   * @param limit that the sharpness must stay below
   * @return a policy for one run
   */
  public static Policy escape(StabilityLimit limit) {
    return new EscapePolicy(limit);
  }
}

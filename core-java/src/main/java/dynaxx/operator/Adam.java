package dynaxx.operator;

/**
 * Settings of Adam (Kingma and Ba, 2015) and where it stands.
 *
 * @param step number t of updates that the second moment holds, at least 1
 * @param beta1 decay of the first moment, at least 0 and below 1
 * @param beta2 decay of the second moment, at least 0 and below 1
 * @param epsilon added to the square root, at least 0
 */
public record Adam(long step, double beta1, double beta2, double epsilon) {

  /**
   * Checks the values.
   *
   * @param step number of updates
   * @param beta1 decay of the first moment
   * @param beta2 decay of the second moment
   * @param epsilon added to the square root
   * @throws IllegalArgumentException if a value is outside its range
   */
  public Adam {
    if (step < 1) {
      throw new IllegalArgumentException("step: found " + step + ", expected at least 1");
    }
    requireDecay("beta1", beta1);
    requireDecay("beta2", beta2);
    if (!(epsilon >= 0 && Double.isFinite(epsilon))) {
      throw new IllegalArgumentException(
          "epsilon: found " + epsilon + ", expected a finite value of at least 0");
    }
  }

  private static void requireDecay(String argument, double beta) {
    if (!(beta >= 0 && beta < 1)) {
      throw new IllegalArgumentException(
          argument + ": found " + beta + ", expected at least 0 and below 1");
    }
  }
}

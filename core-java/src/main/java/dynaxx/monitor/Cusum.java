package dynaxx.monitor;

/**
 * Two-sided cumulative sum of standardised values (Page, 1954): {@code S+ = max(0, S+ + z - k)},
 * and the same for {@code -z}.
 */
final class Cusum {

  private final double reference;
  private double up;
  private double down;
  private int upLength;
  private int downLength;

  /** A sum with a reference value k, half of the shift it finds soonest, in standard deviations. */
  Cusum(double reference) {
    this.reference = reference;
  }

  /** Adds a standardised value and returns the larger of the two sums. */
  double add(double z) {
    up = Math.max(0, up + z - reference);
    down = Math.max(0, down - z - reference);
    upLength = up == 0 ? 0 : upLength + 1;
    downLength = down == 0 ? 0 : downLength + 1;
    return value();
  }

  double value() {
    return Math.max(up, down);
  }

  /** +1 if the larger sum is that of a rise, else -1. */
  int direction() {
    return up >= down ? 1 : -1;
  }

  /** Values since the larger sum was last zero: the estimate of when the change began. */
  int length() {
    return up >= down ? upLength : downLength;
  }

  void reset() {
    up = 0;
    down = 0;
    upLength = 0;
    downLength = 0;
  }
}

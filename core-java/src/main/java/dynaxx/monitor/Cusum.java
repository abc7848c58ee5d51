package dynaxx.monitor;

import java.util.function.DoubleUnaryOperator;

/**
 * Two-sided cumulative sum of standardised values (Page, 1954): {@code S+ = max(0, S+ + z - k)},
 * and the same for {@code -z}.
 */
final class Cusum implements ShiftStatistic {

  private static final double FLATTEST = 0.02;
  private static final double STEEPEST = 20;
  private static final int NEWTON = 20;

  private final double reference;
  private double up;
  private double down;
  private int upLength;
  private int downLength;

  /** A sum with a reference value k, half of the shift it finds soonest, in standard deviations. */
  Cusum(double reference) {
    this.reference = reference;
  }

  @Override
  public double add(double z) {
    up = Math.max(0, up + z - reference);
    down = Math.max(0, down - z - reference);
    upLength = up == 0 ? 0 : upLength + 1;
    downLength = down == 0 ? 0 : downLength + 1;
    return value();
  }

  @Override
  public double value() {
    return Math.max(up, down);
  }

  @Override
  public int direction() {
    return up >= down ? 1 : -1;
  }

  @Override
  public int length() {
    return up >= down ? upLength : downLength;
  }

  @Override
  public void reset() {
    up = 0;
    down = 0;
    upLength = 0;
    downLength = 0;
  }

  @Override
  public double reference() {
    return reference;
  }

  /** An exponential tail (Siegmund, 1985). */
  @Override
  public DoubleUnaryOperator tail(double[] residuals) {
    double theta = rate(residuals);
    return h -> theta * h;
  }

  /**
   * The positive root of {@code log mean cosh(theta z) = theta k}, by Newton's method: the left
   * side is convex, starts below the right, and overtakes it at the root.
   */
  private double rate(double[] residuals) {
    double squares = 0;
    double most = 0;
    for (double z : residuals) {
      squares += z * z / residuals.length;
      most = Math.max(most, Math.abs(z));
    }
    if (most <= reference) {
      return STEEPEST;
    }
    double theta = Math.min(STEEPEST, 3 * reference / squares);
    for (int i = 0; i < NEWTON; i++) {
      double mean = 0;
      double slope = 0;
      for (double z : residuals) {
        double up = Math.exp(theta * z);
        double down = 1 / up;
        mean += (up + down) / 2;
        slope += (up - down) / 2 * z;
      }
      double excess = Math.log(mean / residuals.length) - theta * reference;
      double ascent = slope / mean - reference;
      double next = ascent > 0 ? theta - excess / ascent : 2 * theta;
      next = Math.clamp(next, FLATTEST, STEEPEST);
      if (Math.abs(next - theta) < 1e-3 * theta) {
        return next;
      }
      theta = next;
    }
    return theta;
  }
}

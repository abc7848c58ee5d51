package dynaxx.monitor;

import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * The largest standardised sum over the last 3 to 16 values (generalised likelihood ratio in a
 * window; Willsky and Jones, 1976): evidence for a step of any size that began a few values ago.
 * Whitening with an autocorrelation rho leaves of a step the whole in its first value and {@code 1
 * - rho} in those after it; the sums are weighted accordingly (Apley and Shi, 1999).
 */
final class StepStatistic implements ShiftStatistic {

  static final int SHORTEST = 3;
  private static final int LONGEST = 16;

  /** Standard deviations that every value of a sudden step is away from the trend. */
  private static final double FIRM = 1.4;

  private static final int TILTS = 60;
  private static final double STEEPEST = 8;

  private final double carried;
  private final double[] weights = new double[LONGEST + 1];
  private final double[] last = new double[LONGEST];
  private int count;
  private double value;
  private int direction = 1;
  private int length;

  /**
   * A statistic.
   *
   * @param carried part of a step that values after its first still show, in (0, 1]
   */
  StepStatistic(double carried) {
    this.carried = carried;
    for (int n = SHORTEST; n <= LONGEST; n++) {
      weights[n] = 1 / Math.sqrt(1 + (n - 1) * carried * carried);
    }
  }

  @Override
  public double add(double z) {
    System.arraycopy(last, 0, last, 1, LONGEST - 1);
    last[0] = z;
    count = Math.min(LONGEST, count + 1);
    value = 0;
    double later = 0;
    for (int n = 1; n <= count; n++) {
      double sum = last[n - 1] + later;
      double standardised = Math.abs(sum) * weights[n];
      if (n >= SHORTEST && standardised > value) {
        value = standardised;
        direction = sum < 0 ? -1 : 1;
        length = n;
      }
      later += carried * last[n - 1];
    }
    return value;
  }

  @Override
  public double value() {
    return value;
  }

  @Override
  public int direction() {
    return direction;
  }

  @Override
  public int length() {
    return length;
  }

  @Override
  public void reset() {
    Arrays.fill(last, 0);
    count = 0;
    value = 0;
    length = 0;
  }

  @Override
  public double reference() {
    return FIRM;
  }

  /** Cramer's exponent of the shortest sum, whose tail is the heaviest, on a grid of tilts. */
  @Override
  public DoubleUnaryOperator tail(double[] residuals) {
    double[] tilts = new double[TILTS];
    double[] cumulants = new double[TILTS];
    for (int i = 0; i < TILTS; i++) {
      tilts[i] = STEEPEST * i / (TILTS - 1);
      double tilt = tilts[i] * weights[SHORTEST];
      cumulants[i] =
          cumulant(residuals, tilt) + (SHORTEST - 1) * cumulant(residuals, carried * tilt);
    }
    return h -> {
      double exponent = 0;
      for (int i = 0; i < TILTS; i++) {
        exponent = Math.max(exponent, tilts[i] * h - cumulants[i]);
      }
      return exponent;
    };
  }

  private static double cumulant(double[] residuals, double tilt) {
    double sum = 0;
    for (double z : residuals) {
      sum += Math.cosh(tilt * z);
    }
    return Math.log(sum / residuals.length);
  }
}

package dynaxx.monitor;

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

  private static final int HELD = 8 * LONGEST;

  private final double carried;
  private final double[] weights = new double[LONGEST + 1];

  /** What each value adds to a sum that begins with it, less all that went before. */
  private final double[] begun = new double[HELD];

  private int end;
  private int count;
  private double total;
  private double value;

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
    if (end == HELD) {
      System.arraycopy(begun, HELD - LONGEST, begun, 0, LONGEST);
      end = LONGEST;
    }
    total += carried * z;
    begun[end++] = z - total;
    count = Math.min(LONGEST, count + 1);
    // Doubles that are not negative have the order of their bits, which are compared faster.
    long most = 0;
    for (int n = SHORTEST; n <= count; n++) {
      most = Math.max(most, Double.doubleToRawLongBits(Math.abs(sum(n)) * weights[n]));
    }
    value = Double.longBitsToDouble(most);
    return value;
  }

  /** The last values, up to that many; the first has its full weight. */
  private double sum(int n) {
    return total + begun[end - n];
  }

  @Override
  public double value() {
    return value;
  }

  @Override
  public int direction() {
    return value > 0 && sum(length()) < 0 ? -1 : 1;
  }

  @Override
  public int length() {
    for (int n = SHORTEST; n <= count; n++) {
      if (value > 0 && Math.abs(sum(n)) * weights[n] == value) {
        return n;
      }
    }
    return 0;
  }

  @Override
  public void reset() {
    end = 0;
    count = 0;
    total = 0;
    value = 0;
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
      double e = Math.exp(tilt * z);
      sum += e + 1 / e;
    }
    return Math.log(sum / (2 * residuals.length));
  }
}

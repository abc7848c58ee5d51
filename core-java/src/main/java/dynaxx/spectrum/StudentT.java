package dynaxx.spectrum;

/**
 * Student's t distribution (1908) with a whole number of degrees of freedom, by the finite series
 * in {@code theta = atan(t / sqrt(freedom))} (Abramowitz and Stegun, 1964, 26.7.3 and 26.7.4): all
 * terms are positive, so nothing cancels.
 */
final class StudentT {

  private static final int BISECTIONS = 64;

  private StudentT() {}

  /**
   * Half width of the central interval of a given probability, in standard errors.
   *
   * @param confidence probability of {@code |T| <= t}, above 0 and below 1
   * @param freedom degrees of freedom, at least 1
   * @return t
   */
  static double halfWidth(double confidence, int freedom) {
    if (!(confidence > 0 && confidence < 1)) {
      throw new IllegalArgumentException(
          "confidence: found " + confidence + ", expected above 0 and below 1");
    }
    if (freedom < 1) {
      throw new IllegalArgumentException(
          "degrees of freedom: found " + freedom + ", expected at least 1 (two samples)");
    }
    double low = 0;
    double high = Math.PI / 2;
    for (int i = 0; i < BISECTIONS; i++) {
      double middle = (low + high) / 2;
      if (central(middle, freedom) < confidence) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return Math.sqrt(freedom) * Math.tan(low);
  }

  /** Probability of {@code |T| <= sqrt(freedom) tan(theta)}. */
  private static double central(double theta, int freedom) {
    boolean odd = freedom % 2 == 1;
    double cosine = Math.cos(theta);
    double term = odd ? cosine : 1;
    double sum = freedom == 1 ? 0 : term;
    for (int power = odd ? 3 : 2; power <= freedom - 2; power += 2) {
      term *= (power - 1.0) / power * cosine * cosine;
      sum += term;
    }
    double product = Math.sin(theta) * sum;
    return odd ? 2 / Math.PI * (theta + product) : product;
  }
}

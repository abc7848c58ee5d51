package dynaxx.spectrum;

import java.util.Arrays;

/**
 * Bounds on the side where Ritz values give none: how far beyond the extreme Ritz value the extreme
 * eigenvalue can be, except with a stated probability over the random start vector.
 */
final class KrylovBound {

  private static final int BISECTIONS = 200;

  private KrylovBound() {}

  /**
   * A number that the component of a random unit vector along any fixed direction exceeds in
   * magnitude, except with a given probability: {@code P(|c| <= d) <= 2 d f(0)}, with the density
   * {@code f(c) = G(n/2) / (sqrt(pi) G((n-1)/2)) (1 - c^2)^((n-3)/2)} that is largest at 0, and
   * {@code G(n/2) / G((n-1)/2) <= sqrt((n-1)/2)}.
   *
   * @param n dimension
   * @param failure probability, between 0 and 1
   * @return d
   */
  static double smallestComponent(long n, double failure) {
    return switch ((int) Math.min(n, 3)) {
      case 1 -> 1;
      case 2 -> Math.sin(Math.PI * failure / 2);
      default -> failure / 2 * Math.sqrt(2 * Math.PI / (n - 1));
    };
  }

  /**
   * Distance d beyond the smallest Ritz value below which there is no eigenvalue (van Dorsselaer,
   * Hochstenbach and van der Vorst, 2000): the Lanczos polynomial p, whose value at H makes the
   * start vector the next unit basis vector, grows beyond its roots, the Ritz values, so that at an
   * eigenvalue in whose direction the start vector has a component of at least c it is at most 1 /
   * c. Solves {@code |p(theta_1 - d)| = prod of (theta_i - theta_1 + d) / beta_i = 1 / c}.
   *
   * @param ritz all Ritz values, ascending
   * @param couplings all beta_i, the last being the norm that was left over
   * @param component c
   * @return d, at least 0
   */
  static double below(double[] ritz, double[] couplings, double component) {
    double[] distances = Arrays.stream(ritz).map(theta -> theta - ritz[0]).toArray();
    double target = -Math.log(component);
    for (double beta : couplings) {
      target += Math.log(beta);
    }
    if (target == Double.NEGATIVE_INFINITY) {
      return 0; // the zero operator
    }
    double high = Math.max(distances[distances.length - 1], couplings[couplings.length - 1]);
    while (logarithm(distances, high) < target) {
      high *= 2;
    }
    double low = 0;
    for (int i = 0; i < BISECTIONS && high - low > Math.ulp(high); i++) {
      double middle = (low + high) / 2;
      if (logarithm(distances, middle) < target) {
        low = middle;
      } else {
        high = middle;
      }
    }
    return high;
  }

  /** The same beyond the largest Ritz value. */
  static double above(double[] ritz, double[] couplings, double component) {
    double[] mirrored = new double[ritz.length];
    Arrays.setAll(mirrored, i -> -ritz[ritz.length - 1 - i]);
    return below(mirrored, couplings, component);
  }

  private static double logarithm(double[] distances, double d) {
    double sum = 0;
    for (double distance : distances) {
      sum += Math.log(distance + d);
    }
    return sum;
  }
}

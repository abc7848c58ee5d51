package dynaxx.spectrum;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues of a symmetric tridiagonal matrix in float64, and of each normalised eigenvector the
 * first and the last component, which are all that Gauss quadrature weights and Lanczos residuals
 * need. Implicit QL with Wilkinson shifts (Dubrulle, Martin and Wilkinson, 1968), applied to two
 * rows of the identity.
 *
 * @param values ascending
 * @param first first component of each eigenvector
 * @param last last component of each eigenvector
 */
public record TridiagonalEigen(double[] values, double[] first, double[] last) {

  private static final int MAX_SWEEPS = 60;

  /**
   * Decomposes a matrix.
   *
   * @param diagonal m values
   * @param offDiagonal at least m - 1 values; entry i couples rows i and i + 1
   * @return the decomposition
   * @throws IllegalArgumentException if sizes do not fit or a value is not finite
   * @throws ArithmeticException if an eigenvalue does not converge
   */
  public static TridiagonalEigen of(double[] diagonal, double[] offDiagonal) {
    int m = diagonal.length;
    if (m == 0 || offDiagonal.length < m - 1) {
      throw new IllegalArgumentException(
          "tridiagonal: found "
              + m
              + " and "
              + offDiagonal.length
              + " values, expected m > 0 and m - 1");
    }
    if (!Arrays.stream(diagonal).allMatch(Double::isFinite)
        || !Arrays.stream(offDiagonal, 0, m - 1).allMatch(Double::isFinite)) {
      throw new IllegalArgumentException("tridiagonal: found a value that is not finite");
    }
    double[] d = diagonal.clone();
    double[] e = Arrays.copyOf(offDiagonal, m);
    e[m - 1] = 0;
    double[] first = new double[m];
    double[] last = new double[m];
    first[0] = 1;
    last[m - 1] = 1;
    for (int l = 0; l < m; l++) {
      converge(l, d, e, first, last);
    }
    return sorted(d, first, last);
  }

  private static void converge(int l, double[] d, double[] e, double[] first, double[] last) {
    for (int sweep = 0; ; sweep++) {
      int m = l;
      while (m < d.length - 1 && Math.abs(e[m]) > Math.ulp(Math.abs(d[m]) + Math.abs(d[m + 1]))) {
        m++;
      }
      if (m == l) {
        return;
      }
      if (sweep == MAX_SWEEPS) {
        throw new ArithmeticException(
            "tridiagonal: no convergence after " + MAX_SWEEPS + " sweeps");
      }
      sweep(l, m, d, e, first, last);
    }
  }

  /**
   * One implicit QL sweep over rows l to m, chasing the bulge with Givens rotations from the bottom
   * up.
   */
  private static void sweep(int l, int m, double[] d, double[] e, double[] first, double[] last) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    double r = Math.hypot(g, 1);
    g = d[m] - d[l] + e[l] / (g + Math.copySign(r, g));
    double s = 1;
    double c = 1;
    double p = 0;
    for (int i = m - 1; i >= l; i--) {
      double f = s * e[i];
      double b = c * e[i];
      r = Math.hypot(f, g);
      e[i + 1] = r;
      if (r == 0) {
        d[i + 1] -= p;
        e[m] = 0;
        return;
      }
      s = f / r;
      c = g / r;
      g = d[i + 1] - p;
      r = (d[i] - g) * s + 2 * c * b;
      p = s * r;
      d[i + 1] = g + p;
      g = c * r - b;
      rotate(first, i, c, s);
      rotate(last, i, c, s);
    }
    d[l] -= p;
    e[l] = g;
    e[m] = 0;
  }

  private static void rotate(double[] row, int i, double c, double s) {
    double f = row[i + 1];
    row[i + 1] = s * row[i] + c * f;
    row[i] = c * row[i] - s * f;
  }

  private static TridiagonalEigen sorted(double[] d, double[] first, double[] last) {
    int[] order =
        IntStream.range(0, d.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> d[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new TridiagonalEigen(pick(d, order), pick(first, order), pick(last, order));
  }

  private static double[] pick(double[] values, int[] order) {
    return Arrays.stream(order).mapToDouble(i -> values[i]).toArray();
  }
}

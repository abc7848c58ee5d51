package dynaxx.dense;

/** Implicit QL with Wilkinson shifts (Dubrulle, Martin and Wilkinson, 1968). */
final class ImplicitQl {

  private static final int MAX_SWEEPS = 60;

  private ImplicitQl() {}

  /**
   * Diagonalises a symmetric tridiagonal matrix T in place.
   *
   * @param d diagonal; becomes the eigenvalues, in no order
   * @param e entry i couples rows i and i + 1, the last is 0; destroyed
   * @param rows row i of a matrix M with as many rows as T; becomes row i of S'M, the columns of S
   *     being the eigenvectors of T; null if only values are wanted
   * @throws ArithmeticException if an eigenvalue does not converge
   */
  static void diagonalise(double[] d, double[] e, double[][] rows) {
    for (int l = 0; l < d.length; l++) {
      for (int sweep = 0; ; sweep++) {
        int end = l;
        while (end < d.length - 1
            && Math.abs(e[end]) > Math.ulp(Math.abs(d[end]) + Math.abs(d[end + 1]))) {
          end++;
        }
        if (end == l) {
          break;
        }
        if (sweep == MAX_SWEEPS) {
          throw new ArithmeticException(
              "eigenvalues: no convergence after " + MAX_SWEEPS + " sweeps");
        }
        sweep(l, end, d, e, rows);
      }
    }
  }

  /** One sweep over rows l to end, chasing the bulge with Givens rotations from the bottom up. */
  private static void sweep(int l, int end, double[] d, double[] e, double[][] rows) {
    double g = (d[l + 1] - d[l]) / (2 * e[l]);
    g = d[end] - d[l] + e[l] / (g + Math.copySign(Math.hypot(g, 1), g));
    double s = 1;
    double c = 1;
    double p = 0;
    for (int i = end - 1; i >= l; i--) {
      double f = s * e[i];
      double b = c * e[i];
      double r = Math.hypot(f, g);
      e[i + 1] = r;
      if (r == 0) {
        d[i + 1] -= p;
        e[end] = 0;
        return;
      }
      s = f / r;
      c = g / r;
      g = d[i + 1] - p;
      r = (d[i] - g) * s + 2 * c * b;
      p = s * r;
      d[i + 1] = g + p;
      g = c * r - b;
      if (rows != null) {
        rotate(rows[i], rows[i + 1], c, s);
      }
    }
    d[l] -= p;
    e[l] = g;
    e[end] = 0;
  }

  private static void rotate(double[] x, double[] y, double c, double s) {
    for (int j = 0; j < x.length; j++) {
      double f = y[j];
      y[j] = s * x[j] + c * f;
      x[j] = c * x[j] - s * f;
    }
  }
}

package dynaxx.spectrum;

/**
 * The estimates of {@link XTrace}, and what {@link XDiag} needs, from small matrices in float64.
 *
 * <p>Without column i, Y spans what Q spans except one direction {@code Q s_i}: {@code Q_i Q_i' = Q
 * (I - s_i s_i') Q'} with the unit vector s_i orthogonal to all other columns of R (Epperly, Tropp
 * and Webber, 2024, section 2). Where column i depends on the others, nothing is missing and s_i is
 * zero.
 */
final class LeaveOneOut {

  /** Above this leverage a column counts as independent of the others. */
  private static final double INDEPENDENT = 1 - 1e-8;

  private final int rank;
  private final double[][] r;
  private final double[][] w;
  private final double[][] h;
  private final double[][] rows;
  private final double[][] triangle;

  /**
   * Takes what one pass over the vectors gave.
   *
   * @param factor Y = Q R, R by columns
   * @param w Q'z_i for each probe
   * @param h Q'HQ
   */
  LeaveOneOut(GramSchmidt.Factor factor, double[][] w, double[][] h) {
    this.rank = factor.rank();
    this.r = factor.columns();
    this.w = w;
    this.h = h;
    this.rows = new double[rank][r.length];
    this.triangle = new double[rank][rank];
    factorTranspose();
  }

  /** R' = U T with orthonormal columns of U, kept as rows, and T upper triangular. */
  private void factorTranspose() {
    for (int a = 0; a < rank; a++) {
      double[] row = rows[a];
      for (int j = 0; j < row.length; j++) {
        row[j] = r[j][a];
      }
      for (int pass = 0; pass < 2; pass++) {
        for (int b = 0; b < a; b++) {
          double c = dot(rows[b], row);
          triangle[b][a] += c;
          addScaled(-c, rows[b], row);
        }
      }
      triangle[a][a] = Math.sqrt(dot(row, row));
      scale(1 / triangle[a][a], row);
    }
  }

  double[] estimates() {
    double inside = 0;
    for (int a = 0; a < rank; a++) {
      inside += h[a][a];
    }
    double[] estimates = new double[r.length];
    for (int i = 0; i < estimates.length; i++) {
      double[] s = missing(i);
      double[] projected = w[i].clone();
      addScaled(-dot(s, w[i]), s, projected);
      double outside = dot(w[i], r[i]) - 2 * dot(projected, r[i]) + form(projected);
      estimates[i] = inside - form(s) + outside;
    }
    return estimates;
  }

  /**
   * The direction s_i. It is proportional to {@code (R R')^-1 r_i = T^-1 u_i} with u_i the i-th row
   * of U, and the squared norm of u_i, the leverage, is one exactly when column i is independent of
   * the others.
   */
  double[] missing(int i) {
    double[] s = new double[rank];
    double leverage = 0;
    for (int a = 0; a < rank; a++) {
      s[a] = rows[a][i];
      leverage += s[a] * s[a];
    }
    if (leverage < INDEPENDENT) {
      return new double[rank];
    }
    for (int a = rank - 1; a >= 0; a--) {
      for (int b = a + 1; b < rank; b++) {
        s[a] -= triangle[a][b] * s[b];
      }
      s[a] /= triangle[a][a];
    }
    scale(1 / Math.sqrt(dot(s, s)), s);
    return s;
  }

  private double form(double[] x) {
    double sum = 0;
    for (int a = 0; a < rank; a++) {
      sum += x[a] * dot(h[a], x);
    }
    return sum;
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  private static void addScaled(double factor, double[] x, double[] to) {
    for (int i = 0; i < x.length; i++) {
      to[i] += factor * x[i];
    }
  }

  private static void scale(double factor, double[] x) {
    for (int i = 0; i < x.length; i++) {
      x[i] *= factor;
    }
  }
}

package dynaxx.dense;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues and eigenvectors of a small dense symmetric matrix in float64: Householder reduction
 * to tridiagonal form (Householder, 1958), then implicit QL with Wilkinson shifts (Dubrulle, Martin
 * and Wilkinson, 1968). Both are backward stable: values are exact to a few units of roundoff times
 * the norm of the matrix, vectors orthonormal to the same order. One thread, about {@code 9 m^3}
 * operations; {@link #valuesOf} does with {@code 4/3 m^3}.
 *
 * @param values ascending
 * @param vectors entry i is the unit eigenvector of {@code values[i]}
 */
public record SymmetricEigen(double[] values, double[][] vectors) {

  /**
   * Decomposes a matrix.
   *
   * @param symmetric m rows of m values, m at least 1; the lower triangle is read, nothing is
   *     changed
   * @return the decomposition
   * @throws IllegalArgumentException if a row has another length or a value is not finite
   * @throws ArithmeticException if an eigenvalue does not converge
   */
  public static SymmetricEigen of(double[][] symmetric) {
    Tridiagonal t = Tridiagonal.reduce(symmetric);
    double[][] vectors = t.basis();
    ImplicitQl.diagonalise(t.d, t.e, vectors);
    int[] order =
        IntStream.range(0, vectors.length)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> t.d[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new SymmetricEigen(
        Arrays.stream(order).mapToDouble(i -> t.d[i] * t.scale).toArray(),
        Arrays.stream(order).mapToObj(i -> vectors[i]).toArray(double[][]::new));
  }

  /**
   * Eigenvalues only.
   *
   * @param symmetric as for {@link #of}
   * @return m values, ascending
   * @throws IllegalArgumentException if a row has another length or a value is not finite
   * @throws ArithmeticException if an eigenvalue does not converge
   */
  public static double[] valuesOf(double[][] symmetric) {
    Tridiagonal t = Tridiagonal.reduce(symmetric);
    ImplicitQl.diagonalise(t.d, t.e, null);
    return Arrays.stream(t.d).map(d -> d * t.scale).sorted().toArray();
  }

  /**
   * {@code A / scale = Q T Q'}, Q the product of the reflections {@code I - beta u u'} of rows m -
   * 1 down to 2; u is kept in the row it makes zero.
   *
   * @param a reflection vectors in the lower triangle
   * @param beta factor of each reflection, 0 for none
   * @param d diagonal of T
   * @param e entry i couples rows i and i + 1; the last is 0
   * @param scale a power of two that keeps squares from overflowing
   */
  private record Tridiagonal(double[][] a, double[] beta, double[] d, double[] e, double scale) {

    static Tridiagonal reduce(double[][] symmetric) {
      int m = symmetric.length;
      double scale = scale(symmetric);
      double[][] a = new double[m][];
      for (int i = 0; i < m; i++) {
        a[i] = Arrays.stream(symmetric[i], 0, i + 1).map(x -> x / scale).toArray();
      }
      Tridiagonal t = new Tridiagonal(a, new double[m], new double[m], new double[m], scale);
      for (int k = m - 1; k >= 1; k--) {
        t.reflect(k);
      }
      for (int i = 0; i < m; i++) {
        t.d[i] = a[i][i];
      }
      return t;
    }

    private static double scale(double[][] symmetric) {
      int m = symmetric.length;
      if (m == 0) {
        throw new IllegalArgumentException("symmetric: found no rows, expected at least one");
      }
      double largest = 0;
      for (int i = 0; i < m; i++) {
        if (symmetric[i].length != m) {
          throw new IllegalArgumentException(
              "symmetric: found "
                  + symmetric[i].length
                  + " values in row "
                  + i
                  + ", expected "
                  + m);
        }
        for (int j = 0; j <= i; j++) {
          double size = Math.abs(symmetric[i][j]);
          if (!(size <= Double.MAX_VALUE)) {
            throw new IllegalArgumentException(
                "symmetric: found "
                    + symmetric[i][j]
                    + " at ("
                    + i
                    + ", "
                    + j
                    + "), expected a finite value");
          }
          largest = Math.max(largest, size);
        }
      }
      return largest < Double.MIN_NORMAL ? 1 : Math.scalb(1.0, Math.getExponent(largest));
    }

    /** Makes row k zero left of its subdiagonal entry. */
    private void reflect(int k) {
      double[] u = a[k];
      double corner = u[k - 1];
      double rest = dot(u, u, k - 1);
      if (rest == 0) {
        e[k - 1] = corner;
        return;
      }
      double norm = Math.sqrt(rest + corner * corner);
      beta[k] = 1 / (norm * (norm + Math.abs(corner)));
      e[k - 1] = -Math.copySign(norm, corner);
      u[k - 1] = corner - e[k - 1];
      double[] q = times(u, k);
      double half = beta[k] / 2 * dot(u, q, k) * beta[k];
      for (int i = 0; i < k; i++) {
        q[i] = beta[k] * q[i] - half * u[i];
      }
      for (int i = 0; i < k; i++) {
        double[] row = a[i];
        for (int j = 0; j <= i; j++) {
          row[j] -= u[i] * q[j] + q[i] * u[j];
        }
      }
    }

    /** Leading k rows and columns times u. */
    private double[] times(double[] u, int k) {
      double[] product = new double[k];
      for (int i = 0; i < k; i++) {
        double[] row = a[i];
        double sum = row[i] * u[i];
        for (int j = 0; j < i; j++) {
          sum += row[j] * u[j];
          product[j] += row[j] * u[i];
        }
        product[i] += sum;
      }
      return product;
    }

    /** The columns of Q, one in each row. */
    double[][] basis() {
      int m = d.length;
      double[][] rows = new double[m][m];
      for (int i = 0; i < m; i++) {
        rows[i][i] = 1;
      }
      for (int k = 2; k < m; k++) {
        for (int r = 0; r < k && beta[k] != 0; r++) {
          double s = beta[k] * dot(rows[r], a[k], k);
          for (int j = 0; j < k; j++) {
            rows[r][j] -= s * a[k][j];
          }
        }
      }
      return rows;
    }

    private static double dot(double[] x, double[] y, int count) {
      double sum = 0;
      for (int i = 0; i < count; i++) {
        sum += x[i] * y[i];
      }
      return sum;
    }
  }
}

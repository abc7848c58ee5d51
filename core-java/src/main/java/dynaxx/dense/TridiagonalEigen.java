package dynaxx.dense;

import java.util.Arrays;
import java.util.Comparator;
import java.util.stream.IntStream;

/**
 * Eigenvalues of a symmetric tridiagonal matrix in float64, and of each normalised eigenvector the
 * first and the last component, which are all that Gauss quadrature weights and Lanczos residuals
 * need: implicit QL applied to two columns of the identity.
 *
 * @param values ascending
 * @param first first component of each eigenvector
 * @param last last component of each eigenvector
 */
public record TridiagonalEigen(double[] values, double[] first, double[] last) {

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
    double[][] rows = new double[m][2];
    rows[0][0] = 1;
    rows[m - 1][1] = 1;
    ImplicitQl.diagonalise(d, e, rows);
    int[] order =
        IntStream.range(0, m)
            .boxed()
            .sorted(Comparator.comparingDouble(i -> d[i]))
            .mapToInt(Integer::intValue)
            .toArray();
    return new TridiagonalEigen(
        IntStream.of(order).mapToDouble(i -> d[i]).toArray(),
        IntStream.of(order).mapToDouble(i -> rows[i][0]).toArray(),
        IntStream.of(order).mapToDouble(i -> rows[i][1]).toArray());
  }
}

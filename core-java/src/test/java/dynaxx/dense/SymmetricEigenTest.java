package dynaxx.dense;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.testing.Dense;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class SymmetricEigenTest {

  /** Values ascending, A v = lambda v, v'v = I, each to a multiple of roundoff times the norm. */
  private static SymmetricEigen check(double[][] a, double tolerance) {
    double[][] before = Arrays.stream(a).map(double[]::clone).toArray(double[][]::new);
    SymmetricEigen eigen = SymmetricEigen.of(a);
    assertArrayEquals(before, a, "the matrix was changed");
    int m = a.length;
    assertEquals(m, eigen.values().length);
    double norm = Arrays.stream(a).mapToDouble(Numbers::norm).max().orElseThrow();
    for (int i = 0; i < m; i++) {
      double[] v = eigen.vectors()[i];
      for (int r = 0; r < m; r++) {
        double expected = eigen.values()[i] * v[r];
        assertEquals(expected, Numbers.dot(a[r], v), tolerance * norm, "A v = lambda v");
      }
      for (int j = 0; j <= i; j++) {
        assertEquals(i == j ? 1 : 0, Numbers.dot(v, eigen.vectors()[j]), tolerance, "v'v");
      }
      assertTrue(i == 0 || eigen.values()[i] >= eigen.values()[i - 1], "ascending");
    }
    double[] only = SymmetricEigen.valuesOf(a);
    assertArrayEquals(eigen.values(), only, tolerance * norm + Double.MIN_VALUE);
    return eigen;
  }

  @Test
  void wilkinson() {
    double[][] w = new double[21][21];
    for (int i = 0; i < 21; i++) {
      w[i][i] = Math.abs(i - 10);
      if (i > 0) {
        w[i][i - 1] = 1;
        w[i - 1][i] = 1;
      }
    }
    double[] values = check(w, 1e-14).values();
    assertEquals(10.746194182903393, values[20], 2e-14);
    assertEquals(10.746194182903322, values[19], 2e-14);
    assertEquals(-1.1254415221199854, values[0], 1e-14);
  }

  @Test
  void rotatedMatricesWithRepeatedValues() {
    double[] values = {-3, -3, -3, 0, 0, 1e-9, 2, 2, 5, 5, 5, 7};
    assertArrayEquals(values, check(Dense.rotated(4, values).matrix(), 1e-14).values(), 1e-13);
    double[] ones = new double[30];
    Arrays.fill(ones, 1);
    assertArrayEquals(ones, check(Dense.rotated(9, ones).matrix(), 1e-14).values(), 1e-14);
  }

  /** The Hilbert matrix is positive definite with a condition number of 1.6e13 at order 10. */
  @Test
  void hilbert() {
    double[][] h = new double[10][10];
    for (int i = 0; i < 10; i++) {
      for (int j = 0; j < 10; j++) {
        h[i][j] = 1.0 / (i + j + 1);
      }
    }
    double[] values = check(h, 1e-14).values();
    assertEquals(1.7519196702651775, values[9], 1e-14);
    assertEquals(0.34292954848350904, values[8], 1e-15);
    assertEquals(1.0931538193796657e-13, values[0], 1e-16);
  }

  /** The two-dimensional Laplacian: 4 sin^2(i pi / 2(k + 1)) + 4 sin^2(j pi / 2(k + 1)). */
  @Test
  void laplacian() {
    int k = 7;
    double[][] a = new double[k * k][k * k];
    double[] expected = new double[k * k];
    for (int i = 0; i < k * k; i++) {
      for (int j = 0; j < k * k; j++) {
        int apart = Math.abs(i / k - j / k) + Math.abs(i % k - j % k);
        a[i][j] = apart == 0 ? 4 : apart == 1 ? -1 : 0;
      }
      expected[i] = sine(i / k + 1, k) + sine(i % k + 1, k);
    }
    Arrays.sort(expected);
    assertArrayEquals(expected, check(a, 1e-14).values(), 1e-13);
  }

  private static double sine(int i, int k) {
    double sin = Math.sin(i * Math.PI / (2 * (k + 1)));
    return 4 * sin * sin;
  }

  @Test
  void randomMatrices() {
    Random random = new Random(6);
    for (int m : new int[] {2, 3, 5, 40, 120}) {
      double[][] a = new double[m][m];
      double trace = 0;
      double squares = 0;
      for (int i = 0; i < m; i++) {
        for (int j = 0; j <= i; j++) {
          a[i][j] = random.nextGaussian();
          a[j][i] = a[i][j];
          squares += (i == j ? 1 : 2) * a[i][j] * a[i][j];
        }
        trace += a[i][i];
      }
      double[] values = check(a, 1e-13).values();
      assertEquals(trace, Arrays.stream(values).sum(), 1e-12 * m);
      assertEquals(squares, Numbers.dot(values, values), 1e-12 * squares);
    }
  }

  @Test
  void degenerateMatrices() {
    SymmetricEigen one = check(new double[][] {{-4}}, 0);
    assertEquals(-4, one.values()[0]);
    assertEquals(1, Math.abs(one.vectors()[0][0]));
    check(new double[5][5], 0);
    double[] diagonal = {4, -1, 3, 3, 0};
    double[] sorted = {-1, 0, 3, 3, 4};
    assertArrayEquals(sorted, check(Dense.diagonal(diagonal).matrix(), 0).values());
    double[][] rankOne = new double[6][6];
    for (double[] row : rankOne) {
      Arrays.fill(row, 2);
    }
    assertArrayEquals(new double[] {0, 0, 0, 0, 0, 12}, check(rankOne, 1e-15).values(), 1e-14);
    double[][] huge = {{0, 1e300, 0}, {1e300, 0, 0}, {0, 0, 1e300}};
    assertArrayEquals(new double[] {-1e300, 1e300, 1e300}, SymmetricEigen.valuesOf(huge), 1e285);
    double[][] tiny = {{0, 1e-300, 0}, {1e-300, 0, 0}, {0, 0, 1e-300}};
    assertArrayEquals(
        new double[] {-1e-300, 1e-300, 1e-300}, SymmetricEigen.valuesOf(tiny), 1e-315);
  }

  @Test
  void refusesWhatIsNotAMatrix() {
    assertEquals(
        "symmetric: found 1 values in row 1, expected 2",
        assertThrows(
                IllegalArgumentException.class,
                () -> SymmetricEigen.of(new double[][] {{1, 2}, {2}}))
            .getMessage());
    assertEquals(
        "symmetric: found NaN at (1, 0), expected a finite value",
        assertThrows(
                IllegalArgumentException.class,
                () -> SymmetricEigen.of(new double[][] {{1, Double.NaN}, {Double.NaN, 1}}))
            .getMessage());
    assertThrows(IllegalArgumentException.class, () -> SymmetricEigen.of(new double[0][]));
  }
}

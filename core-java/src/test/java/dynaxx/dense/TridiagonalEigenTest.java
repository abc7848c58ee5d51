package dynaxx.dense;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TridiagonalEigenTest {

  /**
   * Wilkinson's W21+: |i - 10| on the diagonal, ones beside it; its two largest eigenvalues agree
   * to 14 digits.
   */
  @Test
  void wilkinson() {
    double[] diagonal = new double[21];
    Arrays.setAll(diagonal, i -> Math.abs(i - 10));
    double[] ones = new double[20];
    Arrays.fill(ones, 1);
    double[] values = TridiagonalEigen.of(diagonal, ones).values();
    assertEquals(10.746194182903393, values[20], 2e-14);
    assertEquals(10.746194182903322, values[19], 2e-14);
    assertEquals(-1.1254415221199854, values[0], 1e-14);
  }

  /**
   * The second difference matrix: 2 - 2 cos(j pi / (m + 1)), eigenvectors sqrt(2 / (m + 1)) sin(i j
   * pi / (m + 1)).
   */
  @Test
  void secondDifferences() {
    int m = 17;
    double[] diagonal = new double[m];
    double[] off = new double[m - 1];
    Arrays.fill(diagonal, 2);
    Arrays.fill(off, -1);
    TridiagonalEigen eigen = TridiagonalEigen.of(diagonal, off);
    for (int j = 1; j <= m; j++) {
      double angle = j * Math.PI / (m + 1);
      assertEquals(2 - 2 * Math.cos(angle), eigen.values()[j - 1], 1e-14);
      double component = Math.sqrt(2.0 / (m + 1)) * Math.sin(angle);
      assertEquals(Math.abs(component), Math.abs(eigen.first()[j - 1]), 1e-14);
      assertEquals(Math.abs(component), Math.abs(eigen.last()[j - 1]), 1e-14);
    }
  }

  @Test
  void degenerateMatrices() {
    assertArrayEquals(
        new double[] {5}, TridiagonalEigen.of(new double[] {5}, new double[0]).values());
    double[] zeros = new double[4];
    assertArrayEquals(zeros, TridiagonalEigen.of(zeros, zeros).values());
    assertArrayEquals(
        new double[] {1, 2, 3},
        TridiagonalEigen.of(new double[] {3, 1, 2}, new double[3]).values());
    TridiagonalEigen huge =
        TridiagonalEigen.of(new double[] {1e300, -1e300}, new double[] {1e-300});
    assertArrayEquals(new double[] {-1e300, 1e300}, huge.values(), 1e285);
  }

  @Test
  void refusesWhatIsNotFinite() {
    assertThrows(
        IllegalArgumentException.class,
        () -> TridiagonalEigen.of(new double[] {1, Double.NaN}, new double[1]));
    assertThrows(
        IllegalArgumentException.class, () -> TridiagonalEigen.of(new double[3], new double[1]));
    assertThrows(
        IllegalArgumentException.class, () -> TridiagonalEigen.of(new double[0], new double[0]));
  }
}

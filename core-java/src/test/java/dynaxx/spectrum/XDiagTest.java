package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.random.Philox;
import dynaxx.testing.DenseForms;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** XDiag against its definition and against exact diagonals. */
class XDiagTest {

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static DenseForms spectrum(int n, int rank, double power) {
    double[] values = new double[n];
    Arrays.setAll(values, i -> i < rank ? 10 * Math.pow(i + 1, -power) : 0);
    return new DenseForms(DenseForms.withSpectrum(9, values), device);
  }

  private static double[][] found(SymmetricOperator matrix, int products, long seed) {
    try (Scope scope = Scope.open()) {
      Vectors found = SpectrumProbe.diagonal(matrix, products, seed, scope);
      return new double[][] {Numbers.doubles(found.vector(0)), Numbers.doubles(found.vector(1))};
    }
  }

  private static double[] exact(DenseForms matrix) {
    return IntStream.range(0, matrix.matrix().length)
        .mapToDouble(i -> matrix.matrix()[i][i])
        .toArray();
  }

  /** d_i as it is defined, with a basis of its own for each i. */
  private static double[][] byDefinition(DenseForms matrix, int count, long seed) {
    int n = matrix.matrix().length;
    double[][] probes = new double[count][n];
    for (int i = 0; i < count; i++) {
      for (int j = 0; j < n; j++) {
        probes[i][j] = Philox.sign(seed, i, j);
      }
    }
    double[][] images = Arrays.stream(probes).map(matrix::times).toArray(double[][]::new);
    double[][] estimates = new double[count][n];
    for (int i = 0; i < count; i++) {
      double[] rest = images[i].clone();
      for (double[] q : XTraceTest.basisWithout(images, i)) {
        double[] image = matrix.times(q);
        DenseForms.addScaled(-Numbers.dot(q, images[i]), q, rest);
        for (int j = 0; j < n; j++) {
          estimates[i][j] += q[j] * image[j];
        }
      }
      for (int j = 0; j < n; j++) {
        estimates[i][j] += probes[i][j] * rest[j];
      }
    }
    return estimates;
  }

  @Test
  void agreesWithItsDefinition() {
    for (DenseForms matrix :
        new DenseForms[] {
          spectrum(80, 80, 1),
          spectrum(60, 60, 0),
          new DenseForms(DenseForms.gaussian(70, 3, 0.4), device)
        }) {
      int count = 6;
      double[][] estimates = byDefinition(matrix, count, 5);
      int n = estimates[0].length;
      double[] mean = new double[n];
      double[] error = new double[n];
      for (int j = 0; j < n; j++) {
        int at = j;
        double m = Arrays.stream(estimates).mapToDouble(e -> e[at]).average().orElseThrow();
        double squares = Arrays.stream(estimates).mapToDouble(e -> (e[at] - m) * (e[at] - m)).sum();
        mean[j] = m;
        error[j] = Math.sqrt(squares / (count - 1) / count);
      }
      double[][] found = found(matrix, 2 * count, 5);
      double scale = Numbers.norm(mean) / Math.sqrt(n);
      assertArrayEquals(mean, found[0], 2e-5 * scale);
      assertArrayEquals(error, found[1], 4e-5 * scale);
    }
  }

  /** More entries than are combined at a time, and a rank below the number of probes. */
  @Test
  void isExactWhereTheRankIsLow() {
    int n = 5000;
    double[] u = new double[n];
    Arrays.setAll(u, i -> Math.sin(i + 1));
    double[] w = new double[n];
    Arrays.setAll(w, i -> Math.cos(3 * i) / 2);
    SymmetricOperator matrix =
        SymmetricOperator.ofArrays(
            n,
            device,
            (v, hv) -> {
              double a = 0;
              double b = 0;
              for (int i = 0; i < n; i++) {
                a += u[i] * v[i];
                b += w[i] * v[i];
              }
              for (int i = 0; i < n; i++) {
                hv[i] = (float) (a * u[i] - b * w[i]);
              }
            });
    double[][] found = found(matrix, 8, 1);
    double[] exact = new double[n];
    Arrays.setAll(exact, i -> u[i] * u[i] - w[i] * w[i]);
    assertArrayEquals(exact, found[0], 2e-5);
    assertArrayEquals(new double[n], found[1], 2e-5);
  }

  @Test
  void aZeroMatrixHasAZeroDiagonal() {
    double[][] found = found(spectrum(20, 0, 1), 4, 1);
    assertArrayEquals(new double[20], found[0]);
    assertArrayEquals(new double[20], found[1]);
  }

  @Test
  void errorsCoverAndShrink() {
    DenseForms matrix = spectrum(300, 300, 1.5);
    double[] exact = exact(matrix);
    double before = Double.POSITIVE_INFINITY;
    for (int products : new int[] {8, 20, 60}) {
      double[][] found = found(matrix, products, 3);
      double[] difference = found[0].clone();
      DenseForms.addScaled(-1, exact, difference);
      int within = 0;
      for (int j = 0; j < difference.length; j++) {
        within += Math.abs(difference[j]) <= 3 * found[1][j] + 1e-6 ? 1 : 0;
      }
      assertTrue(within >= 0.85 * exact.length, products + " products: " + within + " of 300");
      double error = Numbers.norm(difference);
      assertTrue(error < before, products + " products: " + error + " after " + before);
      before = error;
    }
    double relative = before / Numbers.norm(exact);
    assertTrue(relative < 0.1, "relative error " + relative);
  }

  @Test
  void refusesWhatCannotBe() {
    DenseForms matrix = spectrum(10, 10, 1);
    for (int products : new int[] {-2, 0, 2, 7}) {
      String message =
          assertThrows(IllegalArgumentException.class, () -> found(matrix, products, 1))
              .getMessage();
      assertEquals(
          "products: found " + products + ", expected an even number of at least 4", message);
    }
    SymmetricOperator broken =
        SymmetricOperator.ofArrays(10, device, (v, hv) -> Arrays.fill(hv, Float.NaN));
    assertThrows(NonFiniteException.class, () -> found(broken, 4, 1));
  }
}

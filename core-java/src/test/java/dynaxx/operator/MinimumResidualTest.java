package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class MinimumResidualTest {

  private static final int N = 60;

  /** Gaussian elimination with pivots. */
  private static double[] solved(double[][] given, double[] b) {
    int n = b.length;
    double[][] a = new double[n][];
    double[] x = b.clone();
    for (int i = 0; i < n; i++) {
      a[i] = given[i].clone();
    }
    for (int i = 0; i < n; i++) {
      int pivot = i;
      for (int r = i + 1; r < n; r++) {
        pivot = Math.abs(a[r][i]) > Math.abs(a[pivot][i]) ? r : pivot;
      }
      double[] row = a[i];
      a[i] = a[pivot];
      a[pivot] = row;
      double value = x[i];
      x[i] = x[pivot];
      x[pivot] = value;
      for (int r = i + 1; r < n; r++) {
        double factor = a[r][i] / a[i][i];
        for (int c = i; c < n; c++) {
          a[r][c] -= factor * a[i][c];
        }
        x[r] -= factor * x[i];
      }
    }
    for (int i = n - 1; i >= 0; i--) {
      for (int c = i + 1; c < n; c++) {
        x[i] -= a[i][c] * x[c];
      }
      x[i] /= a[i][i];
    }
    return x;
  }

  private static double[][] symmetric(long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[][] a = new double[N][N];
    for (int i = 0; i < N; i++) {
      for (int j = 0; j <= i; j++) {
        a[i][j] = (float) random.nextGaussian();
        a[j][i] = a[i][j];
      }
    }
    return a;
  }

  private static SymmetricOperator operator(double[][] a, Device device) {
    return SymmetricOperator.ofArrays(
        a.length,
        device,
        (v, hv) -> {
          for (int i = 0; i < hv.length; i++) {
            double sum = 0;
            for (int j = 0; j < v.length; j++) {
              sum += a[i][j] * v[j];
            }
            hv[i] = (float) sum;
          }
        });
  }

  private static double[] random(HostBuffer b, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[(int) b.size()];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
      b.set(i, (float) values[i]);
    }
    return values;
  }

  private static void assertClose(double[] expected, HostBuffer found, double tolerance) {
    double difference = 0;
    double norm = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += Math.pow(expected[i] - found.get(i), 2);
      norm += expected[i] * expected[i];
    }
    double error = Math.sqrt(difference / norm);
    assertTrue(error < tolerance, "relative error " + error);
  }

  @Test
  void solvesAnIndefiniteSystem() {
    for (int seed = 1; seed <= 5; seed++) {
      double[][] a = symmetric(seed);
      try (Device device = Devices.cpu(1);
          Scope scope = Scope.open();
          SymmetricOperator operator = operator(a, device)) {
        HostBuffer b = scope.allocate(N);
        HostBuffer x = scope.allocate(N);
        double[] expected = solved(a, random(b, seed));
        assertTrue(operator.solve(b, x, 1e-6, 1000) <= 2e-6);
        assertClose(expected, x, 2e-4);
      }
    }
  }

  /** The Hessian of a network, made dense by products with unit vectors, and damped. */
  @Test
  void solvesADampedHessian() {
    Network network = Mlp.of(Activation.TANH, 4, 6, 3);
    int n = (int) network.parameterCount();
    Loss loss = Loss.crossEntropy();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, loss, 16, 1);
      HostBuffer w = scope.allocate(n);
      network.initialize(w, 1);
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        hessian.linearize(w);
        Vectors units = device.vectors(scope, n, n);
        Vectors columns = device.vectors(scope, n, n);
        for (int i = 0; i < n; i++) {
          ((HostBuffer) units.buffer()).set((long) i * n + i, 1);
        }
        hessian.apply(units, columns);
        double[][] dense = new double[n][n];
        for (int i = 0; i < n; i++) {
          for (int j = 0; j < n; j++) {
            dense[i][j] =
                ((HostBuffer) columns.buffer()).get((long) j * n + i) + (i == j ? 0.05 : 0);
          }
        }
        HostBuffer b = scope.allocate(n);
        HostBuffer x = scope.allocate(n);
        double[] expected = solved(dense, random(b, 3));
        double residual = hessian.shifted(0.05).solve(b, x, 1e-5, 500);
        assertTrue(residual <= 1e-5, "residual " + residual);
        assertClose(expected, x, 1e-3);
      }
    }
  }

  /** What is returned is the residual of the solution, also where the products do not suffice. */
  @Test
  void theResidualIsThatOfTheSolution() {
    double[][] a = symmetric(7);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SymmetricOperator operator = operator(a, device)) {
      HostBuffer b = scope.allocate(N);
      HostBuffer x = scope.allocate(N);
      double[] given = random(b, 7);
      double found = operator.solve(b, x, 1e-6, 20);
      double left = 0;
      double whole = 0;
      for (int i = 0; i < N; i++) {
        double sum = given[i];
        for (int j = 0; j < N; j++) {
          sum -= a[i][j] * x.get(j);
        }
        left += sum * sum;
        whole += given[i] * given[i];
      }
      assertTrue(found > 0.01 && found < 1, "residual " + found);
      assertEquals(Math.sqrt(left / whole), found, 1e-5);
    }
  }

  @Test
  void zeroAndSingularSystems() {
    double[][] a = new double[N][N];
    a[0][0] = 2;
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SymmetricOperator operator = operator(a, device)) {
      HostBuffer b = scope.allocate(N);
      HostBuffer x = scope.allocate(N);
      x.set(3, 5);
      assertEquals(0, operator.solve(b, x, 1e-6, 10));
      assertEquals(0, x.get(3));
      b.set(0, 4);
      assertEquals(0, operator.solve(b, x, 1e-6, 10), 1e-7);
      assertEquals(2, x.get(0), 1e-6);
      b.set(1, 3);
      assertEquals(0.6, operator.solve(b, x, 1e-6, 100), 1e-6);
    }
  }

  /**
   * Of b, what lies in the null space cannot be solved for; products of a nearly singular operator
   * carry rounding into it, which must not spoil the rest.
   */
  @Test
  void whatLiesInTheNullSpaceStays() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      int n = 400;
      float[] diagonal = new float[n];
      for (int i = 0; i < n; i++) {
        diagonal[i] = i < n / 2 ? (float) Math.pow(10, -4.0 * i / (n / 2 - 1)) : 1e-9f * (i % 7);
      }
      SymmetricOperator operator =
          SymmetricOperator.ofArrays(
              n,
              device,
              (v, hv) -> {
                for (int i = 0; i < n; i++) {
                  hv[i] = diagonal[i] * v[i] + 1e-8f * v[(i + 1) % n] + 1e-8f * v[(i + n - 1) % n];
                }
              });
      HostBuffer b = scope.allocate(n);
      for (int i = 0; i < n; i++) {
        b.set(i, 1);
      }
      HostBuffer x = scope.allocate(n);
      double residual = operator.solve(b, x, 1e-5, 3000);
      assertTrue(residual < Math.sqrt(0.5) + 0.02, Double.toString(residual));
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SymmetricOperator operator = operator(symmetric(1), device)) {
      HostBuffer b = scope.allocate(N);
      HostBuffer few = scope.allocate(3);
      assertEquals(
          "x: found 3 values, expected 60, the operator's dimension",
          assertThrows(IllegalArgumentException.class, () -> operator.solve(b, few, 1e-3, 10))
              .getMessage());
      assertThrows(IllegalArgumentException.class, () -> operator.solve(b, b, 0, 10));
      assertThrows(IllegalArgumentException.class, () -> operator.solve(b, b, 1e-3, 1));
      b.set(2, Float.NaN);
      HostBuffer x = scope.allocate(N);
      assertThrows(NonFiniteException.class, () -> operator.solve(b, x, 1e-3, 10));
    }
  }
}

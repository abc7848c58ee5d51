package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.testing.Dense;
import java.util.Arrays;
import java.util.stream.DoubleStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class LanczosTest {

  private static Backend backend;

  @BeforeAll
  static void open() {
    backend = Backends.cpu(2);
  }

  @AfterAll
  static void close() {
    backend.close();
  }

  private static Lanczos.Result run(Dense matrix, int steps) {
    return new Lanczos(steps, 11).run(matrix.on(backend));
  }

  @Test
  void findsAllEigenvaluesOfASmallMatrix() {
    for (Dense matrix :
        new Dense[] {Dense.diagonal(-2, -1, 3, 4, 5), Dense.rotated(3, -2, -1, 3, 4, 5)}) {
      Lanczos.Result result = run(matrix, 5);
      double[] values = result.ritz().stream().mapToDouble(RitzValue::value).toArray();
      assertArrayEquals(new double[] {-2, -1, 3, 4, 5}, values, 5e-6);
      assertEquals(5, result.products());
      assertTrue(result.exhausted());
      assertTrue(result.min().residual() < 1e-5);
      assertEquals(1, Arrays.stream(result.weights()).sum(), 1e-12);
    }
  }

  @Test
  void stopsAtTheDimension() {
    Lanczos.Result result = run(Dense.rotated(5, -1, 2, 7), 50);
    assertEquals(3, result.products());
    assertEquals(-1, result.min().value(), 1e-6);
    assertEquals(7, result.max().value(), 5e-6);
    Lanczos.Result scalar = run(Dense.diagonal(-4), 3);
    assertEquals(-4, scalar.min().value(), 1e-6);
    assertEquals(1, scalar.products());
  }

  @Test
  void zeroOperator() {
    Lanczos.Result result = run(Dense.diagonal(new double[30]), 10);
    assertEquals(1, result.products());
    assertTrue(result.exhausted());
    assertEquals(0, result.min().value());
    assertEquals(0, result.max().value());
    assertEquals(0, result.max().residual());
  }

  @Test
  void invariantSubspace() {
    double[] values = new double[40];
    Arrays.fill(values, 0, 20, 2);
    Arrays.fill(values, 20, 30, -1);
    Lanczos.Result result = run(Dense.rotated(8, values), 30);
    assertEquals(3, result.products());
    assertTrue(result.exhausted());
    double[] found = result.ritz().stream().mapToDouble(RitzValue::value).toArray();
    assertArrayEquals(new double[] {-1, 0, 2}, found, 2e-6);
    Lanczos.Result identity =
        run(Dense.diagonal(DoubleStream.generate(() -> 3).limit(9).toArray()), 9);
    assertEquals(1, identity.products());
    assertEquals(3, identity.max().value(), 1e-6);
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
    Lanczos.Result result = run(new Dense(w), 21);
    assertEquals(10.746194182903393, result.max().value(), 1e-5);
    assertEquals(-1.1254415221199854, result.min().value(), 1e-5);
    RitzValue second = result.ritz().get(result.ritz().size() - 3);
    assertEquals(9.210678647, second.value(), 2e-5);
  }

  /**
   * Strakos (1991): eigenvalues crowd at the small end; full reorthogonalisation keeps copies of
   * the large ones away.
   */
  @Test
  void strakos() {
    int n = 48;
    double[] values = new double[n];
    for (int i = 1; i <= n; i++) {
      values[i - 1] = 0.1 + (i - 1.0) / (n - 1) * (100 - 0.1) * Math.pow(0.8, n - i);
    }
    Lanczos.Result result = run(Dense.diagonal(values), n);
    assertEquals(100, result.max().value(), 1e-4);
    assertEquals(0.1, result.min().value(), 1e-4);
    double[] found = result.ritz().stream().mapToDouble(RitzValue::value).toArray();
    for (int i = 0; i < 10; i++) {
      assertEquals(values[n - 1 - i], found[found.length - 1 - i], 1e-4);
    }
  }

  @Test
  void residualsBoundTheErrorBeforeConvergence() {
    double[] values = new double[300];
    Arrays.setAll(values, i -> Math.pow(i / 299.0, 3) * 10 - 1);
    Lanczos.Result result = run(Dense.diagonal(values), 12);
    assertFalse(result.exhausted());
    for (RitzValue ritz : result.ritz()) {
      double nearest =
          Arrays.stream(values).map(x -> Math.abs(x - ritz.value())).min().orElseThrow();
      assertTrue(nearest <= ritz.residual());
    }
    assertTrue(result.min().value() >= -1 - 1e-5, "never below the smallest eigenvalue");
    assertTrue(result.max().value() <= 9 + 1e-5, "never above the largest eigenvalue");
  }

  @Test
  void sameSeedSameBits() {
    Dense matrix = Dense.rotated(2, 5, 4, 3, -2, 1, 0.5, 7, -6);
    double first = run(matrix, 4).max().value();
    assertEquals(first, run(matrix, 4).max().value());
    assertTrue(first != new Lanczos(4, 12).run(matrix.on(backend)).max().value());
  }

  @Test
  void refusesProductsThatAreNotFinite() {
    SymmetricOperator broken =
        SymmetricOperator.of(4, backend, (v, hv) -> backend.fill(hv.buffer(), Float.NaN));
    assertThrows(NonFiniteException.class, () -> new Lanczos(3, 1).run(broken));
    assertThrows(NonFiniteException.class, () -> new Hutchinson(3, 1).run(broken));
    assertThrows(IllegalArgumentException.class, () -> new Lanczos(0, 1));
    assertThrows(IllegalArgumentException.class, () -> new Hutchinson(1, 1));
  }
}

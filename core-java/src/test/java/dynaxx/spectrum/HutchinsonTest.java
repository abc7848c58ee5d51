package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.testing.Dense;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

class HutchinsonTest {

  private static Dense random(int n) {
    Random random = new Random(4);
    double[][] a = new double[n][n];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j <= i; j++) {
        a[i][j] = random.nextGaussian();
        a[j][i] = a[i][j];
      }
    }
    return new Dense(a);
  }

  /**
   * The variance of one Rademacher probe is 2 (||A||_F^2 - sum of a_ii^2), and the mean is the
   * trace.
   */
  @Test
  void meanAndVarianceOnADenseMatrix() {
    int n = 40;
    int probes = 20_000;
    double[][] a = random(n).matrix();
    double trace = 0;
    double offDiagonal = 0;
    for (int i = 0; i < n; i++) {
      trace += a[i][i];
      for (int j = 0; j < n; j++) {
        offDiagonal += i == j ? 0 : a[i][j] * a[i][j];
      }
    }
    try (Backend backend = Backends.cpu(2)) {
      Hutchinson.Trace estimate = new Hutchinson(probes, 99).run(new Dense(a).on(backend));
      double variance = 2 * offDiagonal;
      assertEquals(trace, estimate.value(), 4 * Math.sqrt(variance / probes));
      double measured = estimate.standardError() * estimate.standardError() * probes;
      // The relative standard deviation of a variance estimate is about sqrt(3 / probes) here: 1.2
      // %.
      assertEquals(1, measured / variance, 0.05);
    }
  }

  @Test
  void isExactForDiagonalMatrices() {
    try (Backend backend = Backends.cpu(1)) {
      Hutchinson.Trace estimate =
          new Hutchinson(3, 1).run(Dense.diagonal(1, -2, 4, 0.5).on(backend));
      assertEquals(3.5, estimate.value(), 1e-12);
      assertEquals(0, estimate.standardError(), 1e-12);
    }
  }

  @Test
  void fewerProbesAreThePrefixOfMore() {
    Dense a = random(12);
    try (Backend backend = Backends.cpu(2)) {
      double[] many = new Hutchinson(19, 5).run(a.on(backend)).samples();
      double[] few = new Hutchinson(4, 5).run(a.on(backend)).samples();
      assertArrayEquals(few, Arrays.copyOf(many, 4));
      double other = new Hutchinson(4, 6).run(a.on(backend)).value();
      assertTrue(other != new Hutchinson(4, 5).run(a.on(backend)).value());
    }
  }
}

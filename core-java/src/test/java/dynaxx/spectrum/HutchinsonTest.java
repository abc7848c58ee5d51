package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.testing.Dense;
import dynaxx.testing.DenseForms;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

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
    try (Device device = Devices.cpu(2)) {
      Estimate estimate = new Hutchinson(probes, 99).run(new Dense(a).on(device));
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
    try (Device device = Devices.cpu(1)) {
      Estimate estimate = new Hutchinson(3, 1).run(Dense.diagonal(1, -2, 4, 0.5).on(device));
      assertEquals(3.5, estimate.value(), 1e-12);
      assertEquals(0, estimate.standardError(), 1e-12);
    }
  }

  @Test
  void fewerProbesAreThePrefixOfMore() {
    Dense a = random(12);
    try (Device device = Devices.cpu(2)) {
      double[] many = new Hutchinson(19, 5).run(a.on(device)).samples();
      double[] few = new Hutchinson(4, 5).run(a.on(device)).samples();
      assertArrayEquals(few, Arrays.copyOf(many, 4));
      double other = new Hutchinson(4, 6).run(a.on(device)).value();
      assertTrue(other != new Hutchinson(4, 5).run(a.on(device)).value());
    }
  }

  @Test
  void intervalIsStudents() {
    Estimate trace = Estimate.of(new double[] {1, 2, 3, 4});
    assertEquals(2.5, trace.value());
    double error = Math.sqrt(5.0 / 3 / 4);
    assertEquals(error, trace.standardError(), 1e-15);
    assertEquals(3.182446305284 * error, trace.halfWidth(0.95), 1e-10);
    double end = trace.value() + trace.halfWidth(0.95);
    assertTrue(trace.covers(Math.nextDown(end), 0.95) && !trace.covers(4.6, 0.95));
    assertThrows(IllegalArgumentException.class, () -> trace.halfWidth(95));
    assertEquals(Math.sqrt(5.0 / 3), trace.standardDeviation(), 1e-15);
    Estimate one = Estimate.of(3);
    assertEquals(Double.POSITIVE_INFINITY, one.standardError());
    assertThrows(IllegalArgumentException.class, Estimate::of);
  }

  /** The first stage's deviation, where it is the larger one, with its own degrees of freedom. */
  @Test
  void halfWidthOfTwoStages() {
    Estimate trace = Estimate.of(1, 5, 3, 3, 3, 3);
    double first = Math.sqrt(8);
    assertEquals(12.706204736 * first / Math.sqrt(6), trace.halfWidth(0.95, 2), 1e-6);
    Estimate other = Estimate.of(1, 2, 9, -4);
    assertEquals(12.706204736 * other.standardError(), other.halfWidth(0.95, 2), 1e-6);
    assertThrows(IllegalArgumentException.class, () -> trace.halfWidth(0.95, 7));
  }

  /** With a basis of the whole space nothing is left to sample. */
  @Test
  void deflationIsExactInsideTheSpan() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      DenseForms matrix =
          new DenseForms(DenseForms.withSpectrum(2, 9, -4, 1, 0.5, -0.25, 2), device);
      Vectors all = SubspaceIteration.dominant(matrix, scope, 6, 5);
      Estimate trace = new Hutchinson(4, 8).run(matrix, all);
      assertEquals(8.25, trace.value(), 1e-5);
      assertEquals(0, trace.standardError(), 1e-5);
    }
  }

  /** Eigenvectors of another matrix serve as well, only with less gain. */
  @Test
  void deflationIsUnbiasedForAnyBasis() {
    int n = 24;
    int probes = 20_000;
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      DenseForms matrix = new DenseForms(DenseForms.gaussian(n, 4, 1), device);
      DenseForms other = new DenseForms(DenseForms.gaussian(n, 5, 0), device);
      Vectors foreign = SubspaceIteration.dominant(other, scope, 5, 3);
      Estimate trace = new Hutchinson(probes, 31).run(matrix, foreign);
      assertEquals(matrix.trace(), trace.value(), 4 * trace.standardError());
      Estimate plain = new Hutchinson(probes, 31).run(matrix);
      assertTrue(trace.standardError() < plain.standardError());
    }
  }

  @Test
  void sameProbesWithDeflationToo() {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      DenseForms matrix = new DenseForms(DenseForms.gaussian(30, 4, 0), device);
      Vectors top = SubspaceIteration.dominant(matrix, scope, 2, 40);
      double[] many = new Hutchinson(19, 5).run(matrix, top).samples();
      double[] few = new Hutchinson(4, 5).run(matrix, top).samples();
      assertArrayEquals(few, Arrays.copyOf(many, 4));
      Hutchinson.Goal goal = new Hutchinson.Goal(0.5, 0.9, 23);
      double[] towards = new Hutchinson(4, 5).run(matrix, top, goal).trace().samples();
      assertArrayEquals(Arrays.copyOf(many, 4), Arrays.copyOf(towards, 4));
    }
  }

  /** Common random numbers: what is the same in both matrices cancels, probe by probe. */
  @Test
  void differencesAreSharperThanValues() {
    int n = 60;
    double[][] a = DenseForms.gaussian(n, 4, 0);
    double[][] step = DenseForms.gaussian(n, 5, 0.5);
    double[][] b = new double[n][n];
    for (int i = 0; i < n; i++) {
      b[i] = a[i].clone();
      DenseForms.addScaled(0.01, step[i], b[i]);
    }
    try (Device device = Devices.cpu(1)) {
      DenseForms before = new DenseForms(a, device);
      DenseForms after = new DenseForms(b, device);
      double moved = after.trace() - before.trace();
      double values = 0;
      double differences = 0;
      double independent = 0;
      int runs = 300;
      for (int seed = 0; seed < runs; seed++) {
        double first = new Hutchinson(8, seed).run(before).value();
        double second = new Hutchinson(8, seed).run(after).value();
        double fresh = new Hutchinson(8, seed + runs).run(after).value();
        values += square(first - before.trace());
        differences += square(second - first - moved);
        independent += square(fresh - first - moved);
      }
      System.out.printf(
          "rms error: trace %.3f, difference with the same probes %.4f, with fresh probes %.3f%n",
          Math.sqrt(values / runs), Math.sqrt(differences / runs), Math.sqrt(independent / runs));
      assertTrue(differences < 2e-4 * values);
      assertTrue(independent > values);
    }
  }

  private static double square(double x) {
    return x * x;
  }

  @Test
  void goalStopsAtOnceOrAtTheLimit() {
    try (Device device = Devices.cpu(1)) {
      Hutchinson.Goal goal = new Hutchinson.Goal(0.01, 0.95, 50);
      Hutchinson.Outcome exact =
          new Hutchinson(3, 1).run(Dense.diagonal(1, -2, 4, 0.5).on(device), goal);
      assertTrue(exact.reached());
      assertEquals(3, exact.trace().samples().length);
      assertTrue(new Hutchinson(3, 1).run(Dense.diagonal(0, 0).on(device), goal).reached());
      DenseForms traceless = new DenseForms(DenseForms.withSpectrum(6, 3, -3, 1, -1), device);
      Hutchinson.Outcome hopeless = new Hutchinson(8, 1).run(traceless, goal);
      assertFalse(hopeless.reached());
      assertEquals(50, hopeless.trace().samples().length);
      assertTrue(hopeless.halfWidth() > 0.01 * Math.abs(hopeless.trace().value()));
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      SymmetricOperator four = Dense.diagonal(1, 2, 3, 4).on(device);
      Hutchinson hutchinson = new Hutchinson(8, 1);
      refused("vectors of length 3, expected 4", () -> hutchinson.run(four, pair(scope, 1, 0, 0)));
      refused("expected orthonormal", () -> hutchinson.run(four, pair(scope, 1, 1, 0, 0)));
      assertThrows(
          NonFiniteException.class, () -> hutchinson.run(four, pair(scope, Double.NaN, 0, 0, 0)));
      refused("maxProbes: found 4", () -> hutchinson.run(four, new Hutchinson.Goal(0.1, 0.9, 4)));
      refused("relativeError: found 0.0", () -> new Hutchinson.Goal(0, 0.9, 40));
      refused("confidence: found 95.0", () -> new Hutchinson.Goal(0.1, 95, 40));
      SymmetricOperator broken =
          SymmetricOperator.of(4, device, (v, hv) -> device.algebra().fill(hv.buffer(), Float.NaN));
      assertThrows(NonFiniteException.class, () -> hutchinson.run(broken));
      assertThrows(NonFiniteException.class, () -> hutchinson.run(broken, pair(scope, 1, 0, 0, 0)));
      assertThrows(
          NonFiniteException.class,
          () -> hutchinson.run(broken, new Hutchinson.Goal(0.1, 0.9, 40)));
    }
  }

  private static Vectors pair(Scope scope, double... vector) {
    return Numbers.vectors(scope, 1, vector);
  }

  private static void refused(String message, Executable action) {
    String found = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(found.contains(message), found);
  }
}

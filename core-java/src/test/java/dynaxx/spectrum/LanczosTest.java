package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.Lanczos.RitzValue;
import dynaxx.testing.Dense;
import dynaxx.testing.Diagonal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class LanczosTest {

  private static final int STARTS = 2000;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static Lanczos.Result run(Dense matrix, int steps) {
    return Lanczos.fixed(steps).withSeed(11).run(matrix.on(device));
  }

  private static double[] values(List<RitzValue> ritz) {
    return ritz.stream().mapToDouble(RitzValue::value).toArray();
  }

  private static double residual(ExtremeEigenvalue extreme) {
    return extreme.residual().orElseThrow();
  }

  private static double bound(ExtremeEigenvalue extreme) {
    return extreme.bound().orElseThrow();
  }

  @Test
  void findsAllEigenvaluesOfASmallMatrix() {
    for (Dense matrix :
        new Dense[] {Dense.diagonal(-2, -1, 3, 4, 5), Dense.rotated(3, -2, -1, 3, 4, 5)}) {
      Lanczos.Result result = run(matrix, 5);
      assertArrayEquals(new double[] {-2, -1, 3, 4, 5}, values(result.ritz()), 5e-6);
      assertArrayEquals(new double[] {-2, -1, 3, 4, 5}, values(result.eigenvalues()), 5e-6);
      assertEquals(5, result.products());
      assertTrue(result.exhausted());
      assertTrue(result.min().converged());
      assertTrue(residual(result.min()) < 1e-5);
      assertEquals(-2, bound(result.min()), 1e-4);
      assertEquals(5, bound(result.max()), 1e-4);
      assertEquals(1, Arrays.stream(result.density().orElseThrow().weights()).sum(), 1e-12);
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
  void tellsAListenerOfEveryStepAndChangesNothing() {
    double[] values = DoubleStream.iterate(-1, x -> x + 0.05).limit(200).toArray();
    SymmetricOperator operator = new Diagonal(values).on(device);
    List<Lanczos.Progress> told = new ArrayList<>();
    for (Lanczos lanczos : List.of(Lanczos.both(), Lanczos.fixed(12).withStarts(2))) {
      told.clear();
      Lanczos.Result silent = lanczos.run(operator);
      Lanczos.Result heard =
          lanczos.withListener(told::add).withTolerance(1e-2).withSeed(1).run(operator);
      assertEquals(silent.min(), heard.min());
      assertEquals(silent.max(), heard.max());
      assertArrayEquals(
          IntStream.rangeClosed(1, heard.steps()).toArray(),
          told.stream().mapToInt(Lanczos.Progress::steps).toArray());
      boolean looks = lanczos.end() != null;
      assertEquals(looks ? 100 : 12, told.getLast().cap());
      assertEquals(1e-2, told.getLast().tolerance());
      assertEquals(looks, told.getLast().min().isPresent());
      assertEquals(looks, told.getLast().max().isPresent());
    }
    assertThrows(NullPointerException.class, () -> Lanczos.both().withListener(null));
    Lanczos stopped =
        Lanczos.fixed(9)
            .withListener(
                progress -> {
                  throw new IllegalStateException("enough");
                });
    assertThrows(IllegalStateException.class, () -> stopped.run(operator));
  }

  @Test
  void zeroOperator() {
    for (Lanczos lanczos : List.of(Lanczos.fixed(10), Lanczos.both().withStarts(3))) {
      Lanczos.Result result = lanczos.run(Dense.diagonal(new double[30]).on(device));
      assertEquals(1, result.steps());
      assertTrue(result.exhausted());
      assertEquals(0, result.min().value());
      assertEquals(0, result.max().value());
      assertEquals(0, residual(result.max()));
      assertEquals(new Verdict.NotNegativeAt(0, 0.99), result.verdict());
    }
  }

  @Test
  void invariantSubspace() {
    double[] values = new double[40];
    Arrays.fill(values, 0, 20, 2);
    Arrays.fill(values, 20, 30, -1);
    Lanczos.Result result = run(Dense.rotated(8, values), 30);
    assertEquals(3, result.products());
    assertTrue(result.exhausted());
    assertArrayEquals(new double[] {-1, 0, 2}, values(result.ritz()), 2e-6);
    Lanczos.Result identity =
        run(Dense.diagonal(DoubleStream.generate(() -> 3).limit(9).toArray()), 9);
    assertEquals(1, identity.products());
    assertEquals(3, identity.max().value(), 1e-6);
  }

  /** The two largest eigenvalues are 7e-14 apart: no arithmetic here can tell them apart. */
  @Test
  void wilkinsonReportsAnUnresolvedPairOnce() {
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
    List<RitzValue> found = result.eigenvalues();
    assertEquals(10.746194182903393, found.getLast().value(), 1e-5);
    assertEquals(9.210678647, found.get(found.size() - 2).value(), 2e-5);
  }

  /** Full reorthogonalisation keeps copies of the large eigenvalues away. */
  @Test
  void strakosHasNoGhosts() {
    int n = 48;
    Diagonal matrix = Diagonal.strakos(n, 0.8);
    Lanczos.Result result = Lanczos.fixed(n).withSeed(11).run(matrix.on(device));
    assertEquals(100, result.max().value(), 1e-4);
    assertEquals(0.1, result.min().value(), 1e-4);
    double[] found = values(result.ritz());
    for (int i = 0; i < 10; i++) {
      assertEquals(matrix.values()[n - 1 - i], found[found.length - 1 - i], 1e-4);
    }
    double[] distinct = values(result.eigenvalues());
    for (int i = 0; i < 10; i++) {
      assertEquals(matrix.values()[n - 1 - i], distinct[distinct.length - 1 - i], 1e-3);
    }
  }

  @Test
  void residualsBoundTheErrorBeforeConvergence() {
    double[] values = new double[300];
    Arrays.setAll(values, i -> Math.pow(i / 299.0, 3) * 10 - 1);
    Lanczos.Result result = Lanczos.fixed(12).withSeed(11).run(new Diagonal(values).on(device));
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
  void lateInTrainingTwentyStepsDecideNothing() {
    Diagonal matrix = Diagonal.lateTraining();
    int undecided = 0;
    for (int seed = 0; seed < 20; seed++) {
      Lanczos.Result result = Lanczos.fixed(20).withSeed(seed).run(matrix.on(device));
      assertTrue(result.max().converged());
      assertFalse(result.min().converged());
      assertTrue(bound(result.min()) < -1.4e-3);
      if (result.min().value() >= -result.min().noiseFloor()) {
        assertEquals(new Verdict.Undecided(), result.verdict(), result.min().toString());
        undecided++;
      } else {
        assertInstanceOf(Verdict.Negative.class, result.verdict(), result.min().toString());
      }
    }
    assertTrue(undecided >= 12, "undecided " + undecided + " of 20");
    Lanczos.Result enough =
        Lanczos.lambdaMin().withCertificate(true).withSeed(3).run(matrix.on(device));
    assertTrue(enough.min().converged());
    assertTrue(enough.steps() > 25 && enough.steps() < 100, "steps " + enough.steps());
    assertEquals(-1.4e-3, enough.min().value(), 1e-2 * 1.4e-3);
    Verdict.Negative negative = assertInstanceOf(Verdict.Negative.class, enough.verdict());
    assertTrue(negative.certified());
    assertEquals(-1.4e-3, negative.upperBound(), 1e-2 * 1.4e-3);
  }

  @Test
  void stopsAtTheWantedEnd() {
    SymmetricOperator matrix = Diagonal.lateTraining().on(device);
    Lanczos.Result max = Lanczos.lambdaMax().run(matrix);
    Lanczos.Result min = Lanczos.lambdaMin().run(matrix);
    Lanczos.Result both = Lanczos.both().run(matrix);
    assertTrue(max.max().converged());
    assertFalse(max.min().converged());
    assertTrue(max.steps() <= 15, "lambda_max took " + max.steps());
    assertEquals(min.steps(), both.steps());
    SymmetricOperator spiked = Diagonal.spiked(400, -2.6, 5).on(device);
    int loose = Lanczos.lambdaMin().run(spiked).steps();
    assertTrue(Lanczos.lambdaMin().withTolerance(1e-4).run(spiked).steps() > loose);
    assertEquals(7, Lanczos.lambdaMin().withCap(7).run(matrix).steps());
  }

  private record Failures(int below, int above) {}

  private static Failures failures(Diagonal matrix, Lanczos lanczos) {
    SymmetricOperator operator = matrix.on(device);
    int below = 0;
    int above = 0;
    for (int seed = 0; seed < STARTS; seed++) {
      Lanczos.Result result = lanczos.withSeed(seed).run(operator);
      below += matrix.min() < bound(result.min()) ? 1 : 0;
      above += matrix.max() > bound(result.max()) ? 1 : 0;
    }
    System.out.printf("99 %% bounds failed in %d and %d of %d starts%n", below, above, STARTS);
    return new Failures(below, above);
  }

  /** A bound fails only if the start vector is nearly orthogonal to an eigenvector. */
  @Test
  void boundsHoldInNinetyNineOfAHundredStarts() {
    for (Diagonal matrix :
        List.of(
            Diagonal.strakos(48, 0.9),
            Diagonal.clustered(100),
            Diagonal.wilkinson(),
            Diagonal.spiked(150, -2.6, 3),
            Diagonal.spiked(150, -1.99, 5),
            Diagonal.lateTraining())) {
      Failures failures = failures(matrix, Lanczos.fixed(6));
      assertTrue(failures.below <= STARTS / 100, failures.toString());
      assertTrue(failures.above <= STARTS / 100, failures.toString());
    }
  }

  /**
   * One eigenvalue far from a bulk of three values: the bound then fails just when the start
   * vector's component is as small as is allowed for, so it has to fail in 1 % of all starts and
   * not in far fewer: within four standard deviations of that count.
   */
  @Test
  void boundsFailAsOftenAsTheySay() {
    double expected = STARTS / 100.0;
    double allowed = 4 * Math.sqrt(expected);
    double[] values = new double[200];
    Arrays.setAll(values, i -> i % 3 - 1);
    values[0] = -1000;
    for (int starts : new int[] {1, 2, 4}) {
      Failures failures = failures(new Diagonal(values), Lanczos.fixed(1).withStarts(starts));
      assertEquals(expected, failures.below, allowed, failures.toString());
    }
    values[0] = -2;
    Failures later = failures(new Diagonal(values), Lanczos.fixed(3));
    assertEquals(expected, later.below, allowed, later.toString());
    Failures three = failures(new Diagonal(-1, 0, 1), Lanczos.fixed(2));
    assertTrue(three.below <= expected + allowed, three.toString());
  }

  /**
   * Two values and nearly nothing else: the Krylov space is invariant up to rounding after two
   * steps, but rounding can hide a third eigenvalue from it, and the bound must say so.
   */
  @Test
  void aBreakdownProvesNothingThatRoundingHides() {
    for (double hidden : new double[] {-2e-5, -1e-4}) {
      double[] values = new double[20_000];
      Arrays.fill(values, 0, 10_000, 1);
      values[19_999] = hidden;
      SymmetricOperator operator = new Diagonal(values).on(device);
      int failures = 0;
      for (int seed = 0; seed < 100; seed++) {
        Lanczos.Result result = Lanczos.lambdaMin().withSeed(seed).run(operator);
        failures += bound(result.min()) > hidden ? 1 : 0;
        if (result.verdict() instanceof Verdict.NotNegativeAt verdict) {
          assertTrue(verdict.epsilon() >= -hidden, verdict.toString());
        }
      }
      assertTrue(failures <= 3, failures + " of 100");
    }
  }

  /** With most of the spectrum at zero the residual is small long before the smallest is seen. */
  @Test
  void aSmallResidualAtZeroIsNoConvergence() {
    double[] values = new double[20_000];
    for (int i = 0; i < 9; i++) {
      values[i] = 1.0 / (1 + i);
    }
    values[19_999] = -1e-4;
    Lanczos.Result result =
        Lanczos.lambdaMin().withCertificate(true).run(new Diagonal(values).on(device));
    double open = result.min().value() - bound(result.min());
    assertTrue(!result.min().converged() || open <= 2e-3, result.min().toString());
    assertTrue(bound(result.min()) <= -1e-4, result.min().toString());
  }

  /** A single step sees neither end; its noise is that of the longest product. */
  @Test
  void theNoiseFloorIsNotThatOfTheFewStepsMade() {
    double[] values = new double[100_000];
    values[0] = 1;
    Lanczos.Result result = Lanczos.fixed(1).run(new Diagonal(values).on(device));
    double longest = result.min().noiseFloor() / 1e-5;
    assertTrue(longest > 50 * Math.abs(result.max().value()), "found " + longest);
  }

  /** In the plane a component's density is largest at one: a shift can make it likelier small. */
  @Test
  void warmStartsInThePlaneHaveNoShift() {
    SymmetricOperator operator = new Diagonal(-1, 1).on(device);
    try (Scope scope = Scope.open()) {
      Vectors earlier = scope.vectors(1, 2);
      ((HostBuffer) earlier.buffer()).put(0.328f, (float) Math.sqrt(1 - 0.328 * 0.328));
      Vectors pairs = earlier;
      int failures = 0;
      for (int seed = 0; seed < STARTS; seed++) {
        Lanczos warm = Lanczos.fixed(1).withSeed(seed).startingFrom(pairs);
        failures += bound(warm.run(operator).min()) > -1 ? 1 : 0;
      }
      assertTrue(failures <= 20 + 4 * Math.sqrt(20), failures + " of " + STARTS);
    }
  }

  @Test
  void restartsMayTakeMoreStepsThanThereAreDimensions() {
    Diagonal matrix = Diagonal.strakos(60, 0.6);
    Lanczos lanczos = Lanczos.lambdaMin().withTolerance(1e-5).withCap(500).withMemory(30 * 60 * 4);
    Lanczos.Result result = lanczos.run(matrix.on(device));
    assertTrue(result.restarts() > 0 && result.steps() > 60, result.steps() + " steps");
    assertEquals(matrix.min(), result.min().value(), 1e-3 * matrix.max());
    assertTrue(bound(result.min()) <= matrix.min());
  }

  @Test
  void asksForTheMemoryOfTheStepsWanted() {
    SymmetricOperator operator = Diagonal.spiked(1000, -3, 4).on(device);
    assertEquals(3, Lanczos.fixed(3).withMemory(6 * 4000).run(operator).steps());
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class,
            () -> Lanczos.fixed(3).withMemory(5 * 4000).run(operator));
    assertEquals(
        "memory limit: found 20000 bytes, expected at least 24000 for the Krylov bases, 6 vectors"
            + " of 1000 values",
        refused.getMessage());
  }

  /** The error of a shifted operator costs a product, so it is asked for once. */
  @Test
  void countsTheProductsThatAreMade() {
    int[] made = {0};
    SymmetricOperator inner = Diagonal.spiked(300, -3, 4).on(device);
    SymmetricOperator counted =
        SymmetricOperator.of(
            300,
            device,
            (v, hv) -> {
              inner.apply(v, hv);
              made[0] += v.count();
            });
    Lanczos.Result result = Lanczos.both().run(counted.shifted(1));
    assertEquals(result.products() + 1, made[0]);
  }

  @Test
  void aCertificateAllowsForTheDigitsThatAShiftCancels() {
    double[] values = new double[400];
    Arrays.setAll(values, i -> 1 + 1e-3 * i / 400);
    SymmetricOperator inner = new Diagonal(values).on(device);
    double error = Rayleigh.error64(device, inner.productError());
    assertEquals(168 * 0x1p-53, error, 1e-16);
    double shifted = Rayleigh.error64(device, inner.shifted(-1).productError());
    assertTrue(shifted > 500 * error, "cancels three digits: " + shifted + " against " + error);
  }

  /** A bound that is far away would hold always; these are far sharper than what needs no Ritz. */
  @Test
  void boundsAreSharperThanThoseThatKnowNoRitzValues() {
    for (Diagonal matrix : List.of(Diagonal.lateTraining(), Diagonal.spiked(2000, -2.6, 5))) {
      for (int steps : new int[] {20, 40, 60}) {
        Lanczos.Result result = Lanczos.fixed(steps).run(matrix.on(device));
        double distance = result.min().value() - bound(result.min());
        double spread = matrix.max() - matrix.min();
        double known = spectrumFree(matrix.values().length, steps) * spread;
        assertTrue(distance < known / 3, distance + " against " + known);
      }
    }
  }

  /**
   * Kuczynski and Wozniakowski (1992), relative to the spread: {@code 1.648 sqrt(n) exp(-(2k - 1)
   * sqrt(e)) = 0.01}.
   */
  private static double spectrumFree(int n, int products) {
    double root = Math.log(1.648 * Math.sqrt(n) / 0.01) / (2 * products - 1);
    return root * root;
  }

  @Test
  void componentsOfRandomVectorsAreSeldomSmaller() {
    assertEquals(1, KrylovBound.smallestComponent(1, 0.01));
    assertEquals(Math.sin(0.3 * Math.PI / 2), KrylovBound.smallestComponent(2, 0.3), 1e-15);
    // On the sphere in three dimensions a component is uniform.
    double uniform = KrylovBound.smallestComponent(3, 0.01);
    assertTrue(uniform <= 0.01 && uniform > 0.0085, "component " + uniform);
    double large = KrylovBound.smallestComponent(1_000_000, 0.01) * 1000;
    assertEquals(0.0125335, large, 1e-4, "quantile of a standard normal");
  }

  @Test
  void severalStartsShareAllAndFailTogether() {
    SymmetricOperator operator = Diagonal.spiked(400, -2.6, 5).on(device);
    Lanczos.Result one = Lanczos.fixed(12).withSeed(5).run(operator);
    Lanczos.Result four = Lanczos.fixed(12).withSeed(5).withStarts(4).run(operator);
    assertEquals(48, four.products());
    assertEquals(4, four.density().orElseThrow().starts().size());
    assertArrayEquals(
        one.density().orElseThrow().nodes(),
        four.density().orElseThrow().starts().getFirst().nodes(),
        "same bits");
    assertTrue(four.min().value() <= one.min().value());
    assertTrue(four.max().value() >= one.max().value());
    double sharper = four.min().value() - bound(four.min());
    double single = one.min().value() - bound(one.min());
    assertTrue(sharper < single, sharper + " against " + single);
    assertTrue(bound(four.min()) <= -2.6 && bound(four.max()) >= 5);
  }

  @Test
  void restartsWhenTheBasisIsFull() {
    Diagonal matrix = Diagonal.lateTraining();
    SymmetricOperator operator = matrix.on(device);
    long vector = 4L * matrix.values().length;
    Lanczos free = Lanczos.lambdaMin().withCap(300);
    Lanczos.Result whole = free.run(operator);
    Lanczos.Result restarted = free.withMemory(44 * vector).run(operator);
    assertEquals(0, whole.restarts());
    assertTrue(restarted.restarts() > 0);
    assertTrue(restarted.min().converged(), restarted.min().toString());
    assertEquals(-1.4e-3, restarted.min().value(), 1e-2 * 1.4e-3);
    assertEquals(matrix.max(), restarted.max().value(), 1e-5);
    assertTrue(restarted.steps() < 2 * whole.steps(), restarted.steps() + " and " + whole.steps());
    assertTrue(bound(restarted.min()) <= matrix.min());
    Lanczos.Result several = free.withStarts(2).withMemory(74 * vector).run(operator);
    assertTrue(several.restarts() > 0 && several.min().converged());
    IllegalArgumentException refused =
        assertThrows(
            IllegalArgumentException.class, () -> free.withMemory(9 * vector).run(operator));
    assertTrue(refused.getMessage().startsWith("memory limit: found"), refused.getMessage());
  }

  @Test
  void ritzVectorsAreOrthonormalAndHaveTheirResiduals() {
    Diagonal matrix = Diagonal.lateTraining();
    SymmetricOperator operator = matrix.on(device);
    long vector = 4L * matrix.values().length;
    for (long memory : new long[] {0, 44 * vector}) {
      try (Scope scope = Scope.open()) {
        Lanczos lanczos = Lanczos.lambdaMin().withCap(200).withMemory(memory);
        Lanczos.Result found = lanczos.run(operator, 6, scope);
        Vectors vectors = found.vectors().orElseThrow();
        assertEquals(6, vectors.count());
        assertEquals(found.min().value(), found.ritz().getFirst().value());
        assertEquals(found.max().value(), found.ritz().getLast().value());
        Vectors products = device.vectors(scope, 6, operator.dimension());
        operator.apply(vectors, products);
        for (int i = 0; i < 6; i++) {
          RitzValue ritz = found.ritz().get(i < 3 ? i : found.ritz().size() - 6 + i);
          for (int j = 0; j < 6; j++) {
            double dot = device.algebra().dot(vectors.vector(i), vectors.vector(j));
            assertEquals(i == j ? 1 : 0, dot, 1e-5);
          }
          device.algebra().axpby(-ritz.value(), vectors.vector(i), 1, products.vector(i));
          double norm = Math.sqrt(device.algebra().dot(products.vector(i), products.vector(i)));
          assertEquals(ritz.residual(), norm, 0.05 * norm + 3e-6, "residual of " + ritz.value());
        }
      }
    }
  }

  @Test
  void startsFromEarlierVectorsWhenLittleHasChanged() {
    Diagonal before = Diagonal.lateTraining();
    double[] moved = before.values().clone();
    for (int i = 0; i < moved.length; i++) {
      moved[i] *= 1 + 1e-3 * Math.sin(i);
    }
    Diagonal after = new Diagonal(moved);
    try (Scope scope = Scope.open()) {
      Vectors pairs =
          Lanczos.lambdaMin()
              .withTolerance(1e-3)
              .run(before.on(device), 2, scope)
              .vectors()
              .orElseThrow();
      Lanczos cold = Lanczos.lambdaMin().withSeed(2);
      Lanczos.Result fresh = cold.run(after.on(device));
      Lanczos.Result warm = cold.startingFrom(pairs).run(after.on(device));
      assertTrue(warm.steps() < fresh.steps(), warm.steps() + " against " + fresh.steps());
      assertEquals(after.min(), warm.min().value(), 1e-2 * Math.abs(after.min()));
      assertTrue(warm.density().isEmpty());
      // An eigenvector that the earlier pairs do not know: the fresh part finds and bounds it.
      double[] emerged = moved.clone();
      emerged[1500] = -4e-3;
      SymmetricOperator operator = new Diagonal(emerged).on(device);
      int failures = 0;
      for (int seed = 2; seed < 202; seed++) {
        Lanczos.Result early = Lanczos.fixed(15).withSeed(seed).startingFrom(pairs).run(operator);
        failures += bound(early.min()) > -4e-3 ? 1 : 0;
      }
      assertTrue(failures <= 2, failures + " of 200");
      Lanczos.Result found = cold.startingFrom(pairs).run(operator);
      assertEquals(-4e-3, found.min().value(), 1e-2 * 4e-3);
      assertThrows(
          IllegalArgumentException.class,
          () -> cold.startingFrom(pairs).run(Dense.diagonal(1, 2).on(device)));
    }
  }

  @Test
  void positiveDefiniteOperatorsAreNotNegativeAtSmallEpsilon() {
    Lanczos.Result result = Lanczos.lambdaMin().run(Diagonal.strakos(48, 0.7).on(device));
    Verdict.NotNegativeAt verdict = assertInstanceOf(Verdict.NotNegativeAt.class, result.verdict());
    assertTrue(verdict.epsilon() <= 1e-3 * 100);
    assertEquals(0.99, verdict.probability());
  }

  @Test
  void sameSeedSameBitsOnAnyNumberOfThreads() {
    SymmetricOperator operator = Diagonal.spiked(5000, -3, 4).on(device);
    Lanczos.Result first = Lanczos.fixed(9).run(operator);
    try (Device single = Devices.cpu(1)) {
      Lanczos.Result second = Lanczos.fixed(9).run(Diagonal.spiked(5000, -3, 4).on(single));
      assertEquals(first.ritz(), second.ritz());
      assertEquals(first.min(), second.min());
    }
    assertTrue(first.max().value() != Lanczos.fixed(9).withSeed(2).run(operator).max().value());
  }

  @Test
  void refusesWhatIsWrong() {
    SymmetricOperator broken =
        SymmetricOperator.of(4, device, (v, hv) -> device.algebra().fill(hv.buffer(), Float.NaN));
    assertThrows(NonFiniteException.class, () -> Lanczos.fixed(3).run(broken));
    assertThrows(NonFiniteException.class, () -> new Hutchinson(3, 1).run(broken));
    assertThrows(IllegalArgumentException.class, () -> Lanczos.fixed(0));
    assertThrows(IllegalArgumentException.class, () -> Lanczos.both().withStarts(0));
    assertThrows(IllegalArgumentException.class, () -> Lanczos.both().withCap(0));
    assertThrows(IllegalArgumentException.class, () -> Lanczos.both().withTolerance(0));
    assertThrows(IllegalArgumentException.class, () -> Lanczos.both().withMemory(-1));
    assertThrows(IllegalArgumentException.class, () -> new Hutchinson(1, 1));
  }
}

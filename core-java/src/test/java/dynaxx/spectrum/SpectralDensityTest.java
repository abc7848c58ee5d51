package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.SpectralDensity.Quadrature;
import dynaxx.testing.Dense;
import dynaxx.testing.DenseForms;
import dynaxx.testing.KnownCase;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class SpectralDensityTest {

  private static SpectralDensity density(SymmetricOperator operator, int starts, int steps) {
    return Lanczos.fixed(steps)
        .withStarts(starts)
        .withSeed(100)
        .run(operator)
        .density()
        .orElseThrow();
  }

  static Stream<KnownCase> cases() {
    return Stream.of(KnownCase.mlpTanh(), KnownCase.vitSmall());
  }

  /**
   * Outside the bulk at zero the cumulative distribution is right to within 0.01; inside, 60 steps
   * that span the whole spectrum have a node or two, and the bounds say so.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithExactSpectra(KnownCase c) {
    JsonNode expected = c.expected();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      SpectralDensity density = density(hessian, 12, 60);
      within(4, expected.get("trace").asDouble(), density.trace());
      within(4, expected.get("frobenius_sq").asDouble(), density.frobeniusSquared());
      for (Map.Entry<String, JsonNode> quantile : expected.get("quantiles").properties()) {
        double probability = Double.parseDouble(quantile.getKey());
        Estimate mass = density.massBelow(quantile.getValue().asDouble());
        double least = density.leastMassBelow(quantile.getValue().asDouble());
        double most = density.mostMassBelow(quantile.getValue().asDouble());
        double error = mass.standardError();
        System.out.printf(
            "%s: %.4f of all below %.4g, found %.4f +- %.4f, between %.4f and %.4f%n",
            c, probability, quantile.getValue().asDouble(), mass.value(), error, least, most);
        assertTrue(least - 4 * error <= probability, quantile.getKey());
        assertTrue(most + 4 * error >= probability, quantile.getKey());
        assertEquals(probability, mass.value(), 0.01 + most - least);
      }
      assertIntegratesToOne(density, 4000, density.defaultWidth());
    }
  }

  private static void within(double errors, double exact, Estimate estimate) {
    double error = estimate.standardError();
    System.out.printf("exact %.6g, found %.6g +- %.2g%n", exact, estimate.value(), error);
    assertEquals(exact, estimate.value(), errors * error);
  }

  private static void assertIntegratesToOne(SpectralDensity density, int points, double width) {
    double[] at = density.positions(points, width);
    double step = at[1] - at[0];
    assertEquals(1, Arrays.stream(density.density(at, width)).sum() * step, 1e-6);
  }

  /** 160 eigenvalues, 56 of them negative. */
  @Test
  void fractionOfNegativeEigenvalues() {
    Random random = new Random(3);
    double[] values = new double[160];
    Arrays.setAll(values, i -> (i < 56 ? -1 : 2) * (0.05 + random.nextDouble()));
    try (Device device = Devices.cpu(2)) {
      DenseForms matrix = new DenseForms(DenseForms.withSpectrum(5, values), device);
      SpectralDensity density = density(matrix, 100, 60);
      Estimate mass = density.massBelow(0);
      double least = density.leastMassBelow(0);
      double most = density.mostMassBelow(0);
      double error = mass.standardError();
      System.out.printf("35 %% negative: found %.4f +- %.4f%n", mass.value(), error);
      assertEquals(0.35, mass.value(), 4 * error);
      assertTrue(error < 0.006 && least <= mass.value() && mass.value() <= most);
      assertEquals(0, density.massBelow(-2).value());
      assertEquals(1, density.massBelow(3).value(), 1e-12);
      double[] cubes = Arrays.stream(values).map(x -> x * x * x / 160).toArray();
      within(4, Arrays.stream(cubes).sum(), density.moment(3));
      within(4, Arrays.stream(values).map(x -> Math.exp(x) / 160).sum(), density.mean(Math::exp));
    }
  }

  /** The starts' own spectral measures, worked out exactly, lie between the bounds. */
  @Test
  void boundsOfTheMassHoldForEachStart() {
    double[] values = new double[120];
    Arrays.setAll(values, i -> Math.pow((i - 40) / 40.0, 3));
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      SymmetricOperator diagonal = Dense.diagonal(values).on(device);
      for (long seed = 0; seed < 20; seed++) {
        float[] start = ((HostBuffer) GaussianVector.create(device, scope, 120, seed, 0)).toArray();
        SpectralDensity density =
            Lanczos.fixed(9).withSeed(seed).run(diagonal).density().orElseThrow();
        for (double threshold = -1.2; threshold < 8; threshold += 0.037) {
          double below = 0;
          double all = 0;
          for (int i = 0; i < start.length; i++) {
            all += start[i] * start[i];
            below += values[i] < threshold ? start[i] * start[i] : 0;
          }
          Estimate mass = density.massBelow(threshold);
          double least = density.leastMassBelow(threshold);
          double most = density.mostMassBelow(threshold);
          assertTrue(least <= below / all + 1e-5, "at " + threshold);
          assertTrue(most >= below / all - 1e-5, "at " + threshold);
        }
      }
    }
  }

  @Test
  void oneEigenvalueAndNone() {
    try (Device device = Devices.cpu(1)) {
      SpectralDensity zero = density(Dense.diagonal(new double[30]).on(device), 3, 10);
      assertEquals(0, zero.trace().value());
      assertEquals(0, zero.frobeniusSquared().standardError());
      assertEquals(0, zero.massBelow(0).value());
      assertIntegratesToOne(zero, 200, zero.defaultWidth());
      SpectralDensity three = density(Dense.diagonal(3, 3, 3, 3).on(device), 2, 4);
      assertEquals(12, three.trace().value(), 1e-5);
      assertEquals(36, three.frobeniusSquared().value(), 1e-4);
      assertEquals(1, three.massBelow(3.001).value(), 1e-12);
      assertIntegratesToOne(three, 200, three.defaultWidth());
      SpectralDensity scalar = density(Dense.diagonal(-4).on(device), 1, 4);
      assertEquals(-4, scalar.trace().value(), 1e-5);
      assertEquals(Double.POSITIVE_INFINITY, scalar.trace().standardError());
      assertEquals(Double.POSITIVE_INFINITY, scalar.massBelow(0).standardError());
    }
  }

  @Test
  void handMadeQuadratures() {
    Quadrature first = new Quadrature(new double[] {-1, 2}, new double[] {0.25, 0.75});
    Quadrature second = new Quadrature(new double[] {-2, 0, 4}, new double[] {0.5, 0.3, 0.2});
    SpectralDensity density = SpectralDensity.of(List.of(first, second), 10);
    assertArrayEquals(new double[] {-2, -1, 0, 2, 4}, density.nodes());
    assertArrayEquals(new double[] {0.25, 0.125, 0.15, 0.375, 0.1}, density.weights(), 1e-15);
    Estimate mass = density.massBelow(0);
    double least = density.leastMassBelow(0);
    double most = density.mostMassBelow(0);
    assertEquals(0.375, mass.value(), 1e-15);
    assertEquals(0.125, mass.standardError(), 1e-15);
    assertEquals(0, least, 1e-15);
    assertEquals(0.9, most, 1e-15);
    assertEquals(10 * (1.25 - 0.2) / 2, density.trace().value(), 1e-14);
    assertEquals(10 * (3.25 + 5.2) / 2, density.frobeniusSquared().value(), 1e-14);
    assertEquals(1, density.moment(0).value(), 1e-15);
    assertEquals(3, density.defaultWidth(), 1e-15);
    double peak = 1 / Math.sqrt(2 * Math.PI) / 0.01;
    assertEquals(0.375 * peak, density.density(2, 0.01), 1e-12);
    double[] at = density.positions(61, 0.5);
    assertEquals(-5, at[0], 1e-12);
    assertEquals(7, at[60], 1e-12);
    assertIntegratesToOne(density, 61, 0.5);
  }

  /** Every node in the bin that plain comparisons find, the weights of both starts halved. */
  @Test
  void histogramHasEachNodeInItsBin() {
    double[] edges = SpectralDensity.edges();
    double[] nodes = {-3e7, -2, -1e-9, 0, 0.5, 40, 2e6};
    double[] weights = {0.05, 0.1, 0.2, 0.3, 0.15, 0.1, 0.1};
    SpectralDensity density =
        SpectralDensity.of(
            List.of(
                new Quadrature(nodes, weights), new Quadrature(new double[] {7}, new double[] {1})),
            10);
    double[] expected = new double[edges.length - 1];
    for (int i = 0; i < nodes.length; i++) {
      int bin = 0;
      while (bin < expected.length - 1 && nodes[i] >= edges[bin + 1]) {
        bin++;
      }
      expected[bin] += weights[i] / 2;
    }
    int seven = 0;
    while (7 >= edges[seven + 1]) {
      seven++;
    }
    expected[seven] += 0.5;
    assertArrayEquals(expected, density.histogram(), 1e-15);
    assertEquals(-edges[0], edges[edges.length - 1]);
    assertEquals(1e6, edges[edges.length - 1], 1e-6);
    assertTrue(edges[60] < 0 && edges[61] > 0, "the middle bin holds zero");
  }

  @Test
  void refusesWhatIsWrong() {
    Quadrature good = new Quadrature(new double[] {1, 2}, new double[] {0.5, 0.5});
    SpectralDensity density = SpectralDensity.of(List.of(good), 2);
    refused("starts: found none", () -> SpectralDensity.of(List.of(), 3));
    refused("dimension: found 0", () -> SpectralDensity.of(List.of(good), 0));
    refused("found 1 nodes and 2 weights", () -> of(new double[1], new double[2]));
    refused("found 0 nodes", () -> of(new double[0], new double[0]));
    refused("found 1.0 after 2.0", () -> of(new double[] {2, 1}, new double[] {0.5, 0.5}));
    refused("found -0.5", () -> of(new double[] {1, 2}, new double[] {1.5, -0.5}));
    refused("found a sum of 0.5", () -> of(new double[] {1}, new double[] {0.5}));
    refused("power: found -1", () -> density.moment(-1));
    refused("width: found 0.0", () -> density.density(1, 0));
    refused("width: found NaN", () -> density.positions(100, Double.NaN));
    refused("points: found 5", () -> density.positions(5, density.defaultWidth()));
    for (double bad : new double[] {Double.NaN, Double.NEGATIVE_INFINITY}) {
      nonFinite(() -> of(new double[] {bad, 1}, new double[] {0.5, 0.5}));
      nonFinite(() -> of(new double[] {0, 1}, new double[] {0.5, bad}));
    }
    nonFinite(() -> density.mean(x -> 1 / (x - 1)));
  }

  private static SpectralDensity of(double[] nodes, double[] weights) {
    return SpectralDensity.of(List.of(new Quadrature(nodes, weights)), 5);
  }

  private static void nonFinite(Executable action) {
    assertThrows(NonFiniteException.class, action);
  }

  private static void refused(String message, Executable action) {
    String found = assertThrows(IllegalArgumentException.class, action).getMessage();
    assertTrue(found.contains(message), found);
  }
}

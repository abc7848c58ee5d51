package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.ExampleStatistics;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.Lanczos.RitzValue;
import dynaxx.spectrum.TraceEstimator;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Loss, gradient, products, eigenvalues and traces against values that PyTorch computed in float64.
 */
class KnownCasesTest {

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  @ParameterizedTest
  @MethodSource("cases")
  void reproducesExactCurvature(KnownCase c) {
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      float[] gradient = Numbers.floats(device, hessian.gradient());
      KnownCase side = c.sideOf(gradient);
      JsonNode expected = side.expected();
      assertEquals(expected.get("n").asLong(), hessian.dimension());
      assertEquals(expected.get("loss").asDouble(), hessian.loss(), 1e-6);
      Numbers.assertClose("gradient", side.array("gradient"), gradient, 2e-5);
      assertEquals(
          expected.get("gradient_norm").asDouble(),
          hessian.gradientNorm(),
          2e-5 * expected.get("gradient_norm").asDouble());
      products(c, side, hessian, scope);
      extremeEigenvalues(expected, hessian);
      trace(expected, hessian, scope);
      entropies(expected, hessian);
      activeFractions(expected, hessian);
    }
  }

  private static void products(KnownCase c, KnownCase side, Hessian hessian, Scope scope) {
    int n = (int) hessian.dimension();
    Device device = hessian.device();
    Vectors v = Numbers.vectors(device, scope, 4, c.array("probe"));
    Vectors hv = device.vectors(scope, 4, n);
    hessian.apply(v, hv);
    double[] expected = side.array("hvp");
    double[] forms = hessian.quadraticForm(v);
    for (int i = 0; i < 4; i++) {
      double[] product = Arrays.copyOfRange(expected, i * n, (i + 1) * n);
      Numbers.assertClose("H v", product, Numbers.floats(device, hv.vector(i)), 2e-5);
      double form = side.expected().get("quadratic_forms").get(i).asDouble();
      double scale = Numbers.norm(product) * Math.sqrt(n);
      assertEquals(form, forms[i], 2e-5 * scale, "v'Hv");
    }
  }

  private static void extremeEigenvalues(JsonNode expected, Hessian hessian) {
    Lanczos.Result result = Lanczos.fixed(120).withSeed(7).run(hessian);
    double largest = expected.get("lambda_max").asDouble();
    double tolerance = 1e-4 * largest;
    assertEquals(largest, result.max().value(), tolerance);
    assertEquals(expected.get("lambda_min").asDouble(), result.min().value(), tolerance);
    assertTrue(result.max().residual().orElseThrow() < tolerance);
  }

  private static void trace(JsonNode expected, Hessian hessian, Scope scope) {
    double exact = expected.get("trace").asDouble();
    double sum = unitForms(hessian, scope);
    assertEquals(exact, sum, 1e-4 * Math.abs(exact), "trace by unit vectors");
    Estimate estimate = TraceEstimator.hutchinson(64, 3).run(hessian);
    assertEquals(exact, estimate.value(), 4 * estimate.standardError(), "Hutchinson");
  }

  private static double unitForms(SymmetricOperator operator, Scope scope) {
    int n = (int) operator.dimension();
    int block = 64;
    double sum = 0;
    for (int from = 0; from < n; from += block) {
      int k = Math.min(block, n - from);
      double[] units = new double[k * n];
      for (int i = 0; i < k; i++) {
        units[i * n + from + i] = 1;
      }
      try (Scope temporary = scope.child()) {
        Vectors v = Numbers.vectors(operator.device(), temporary, k, units);
        for (double form : operator.quadraticForm(v)) {
          sum += form;
        }
      }
    }
    return sum;
  }

  private static void entropies(JsonNode expected, Hessian hessian) {
    JsonNode blocks = expected.path("attention_entropy_nats");
    List<double[]> found = hessian.statistic("attention_entropy");
    assertEquals(blocks.size(), found.size());
    for (int b = 0; b < blocks.size(); b++) {
      for (int h = 0; h < blocks.get(b).size(); h++) {
        assertEquals(blocks.get(b).get(h).asDouble(), found.get(b)[h], 1e-5);
      }
    }
  }

  private static void activeFractions(JsonNode expected, Hessian hessian) {
    JsonNode layers = expected.path("active_fractions");
    List<Double> found =
        hessian.statistic("active_fraction").stream().map(layer -> layer[0]).toList();
    assertEquals(layers.size(), found.size());
    for (int i = 0; i < layers.size(); i++) {
      assertEquals(layers.get(i).asDouble(), found.get(i), 1e-15);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void reproducesTheGaussNewtonMatrix(KnownCase c) {
    JsonNode expected = c.expected().get("gauss_newton");
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open();
        GaussNewton operator = new GaussNewton(c.network(), c.loss(), c.batch(scope), device)) {
      operator.linearize(c.host(scope, "parameters"));
      double[] values = leadingByLanczos(operator, 120);
      assertLeading(expected, values, c + ": Gauss-Newton by Lanczos");
      assertTrace(expected, unitForms(operator, scope), c + ": Gauss-Newton");
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void reproducesTheEmpiricalFisherMatrix(KnownCase c) {
    JsonNode expected = c.expected().get("empirical_fisher");
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open();
        EmpiricalFisher operator =
            new EmpiricalFisher(c.network(), c.loss(), c.batch(scope), device)) {
      operator.linearize(c.host(scope, "parameters"));
      assertLeading(expected, operator.leading(5), c + ": empirical Fisher by Gram matrix");
      double[] values = leadingByLanczos(operator, 120);
      assertLeading(expected, values, c + ": empirical Fisher by Lanczos");
      assertTrace(expected, unitForms(operator, scope), c + ": empirical Fisher");
    }
  }

  private static double[] leadingByLanczos(SymmetricOperator operator, int steps) {
    List<RitzValue> ritz = Lanczos.fixed(steps).withSeed(7).run(operator).ritz().reversed();
    return ritz.stream().limit(5).mapToDouble(RitzValue::value).toArray();
  }

  private static void assertLeading(JsonNode expected, double[] found, String what) {
    double worst = 0;
    for (int i = 0; i < 5; i++) {
      double value = expected.get("largest").get(i).asDouble();
      worst = Math.max(worst, Math.abs(found[i] - value) / value);
    }
    report(what + ", five largest", worst);
  }

  private static void assertTrace(JsonNode expected, double found, String what) {
    double value = expected.get("trace").asDouble();
    report(what + ", trace", Math.abs(found - value) / value);
  }

  private static void report(String what, double relative) {
    System.out.printf("%-60s %.1e%n", what, relative);
    assertTrue(relative <= 1e-4, what + ": relative difference " + relative);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void gradientVarianceOfExamples(KnownCase c) {
    JsonNode expected = c.expected();
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      int size = expected.get("micro_batch").asInt();
      ExampleStatistics statistics =
          ExampleStatistics.measure(c.network(), c.loss(), batch, size, 0, parameters, device);
      double variance = expected.get("per_example_gradient_variance").asDouble();
      report(c + ": variance of examples", Math.abs(statistics.variance() - variance) / variance);
      assertTrace(
          expected.get("empirical_fisher"), statistics.meanSquaredNorm(), c + ": mean |g_i|^2");
      double micro = expected.get("micro_batch_gradient_variance").asDouble();
      assertEquals(micro, statistics.microBatches().variance(), 1e-4 * micro);
      double norm = expected.get("gradient_norm").asDouble();
      assertEquals(norm * norm, statistics.squaredNormOfMean(), 1e-4 * norm * norm);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void microBatchGradientVariance(KnownCase c) {
    JsonNode expected = c.expected();
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      int size = expected.get("micro_batch").asInt();
      GradientStatistics statistics =
          GradientStatistics.measure(c.network(), c.loss(), batch, size, 0, parameters, device);
      double variance = expected.get("micro_batch_gradient_variance").asDouble();
      assertEquals(variance, statistics.variance(), 1e-4 * variance);
      double norm = expected.get("gradient_norm").asDouble();
      assertEquals(norm, statistics.gradientNorm(), 1e-4 * norm);
    }
  }
}

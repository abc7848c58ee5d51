package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Hutchinson;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
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
    JsonNode expected = c.expected();
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), backend)) {
      hessian.linearize(c.host(scope, "parameters"));
      assertEquals(expected.get("n").asLong(), hessian.dimension());
      assertEquals(expected.get("loss").asDouble(), hessian.loss(), 1e-6);
      float[] gradient = ((HostBuffer) hessian.gradient()).toArray();
      Numbers.assertClose("gradient", c.array("gradient"), gradient, 2e-5);
      assertEquals(
          expected.get("gradient_norm").asDouble(),
          hessian.gradientNorm(),
          2e-5 * expected.get("gradient_norm").asDouble());
      products(c, hessian, scope);
      extremeEigenvalues(expected, hessian);
      trace(expected, hessian, scope);
      entropies(expected, hessian);
    }
  }

  private static void products(KnownCase c, Hessian hessian, Scope scope) {
    int n = (int) hessian.dimension();
    Vectors v = Numbers.vectors(scope, 4, c.array("probe"));
    Vectors hv = scope.vectors(4, n);
    hessian.apply(v, hv);
    double[] expected = c.array("hvp");
    double[] forms = hessian.quadraticForm(v);
    for (int i = 0; i < 4; i++) {
      double[] product = Arrays.copyOfRange(expected, i * n, (i + 1) * n);
      Numbers.assertClose("H v", product, ((HostBuffer) hv.vector(i)).toArray(), 2e-5);
      double form = c.expected().get("quadratic_forms").get(i).asDouble();
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
    int n = (int) hessian.dimension();
    int block = 64;
    Vectors units = scope.vectors(block, n);
    HostBuffer values = (HostBuffer) units.buffer();
    double sum = 0;
    for (int from = 0; from < n; from += block) {
      int k = Math.min(block, n - from);
      for (int i = 0; i < k; i++) {
        values.set((long) i * n + from + i, 1);
      }
      for (double form : hessian.quadraticForm(units.subset(0, k))) {
        sum += form;
      }
      for (int i = 0; i < k; i++) {
        values.set((long) i * n + from + i, 0);
      }
    }
    assertEquals(exact, sum, 1e-4 * Math.abs(exact), "trace by unit vectors");
    Hutchinson.Trace estimate = new Hutchinson(64, 3).run(hessian);
    assertEquals(exact, estimate.value(), 4 * estimate.standardError(), "Hutchinson");
  }

  private static void entropies(JsonNode expected, Hessian hessian) {
    JsonNode blocks = expected.path("attention_entropy_nats");
    List<double[]> found = hessian.attentionEntropy();
    assertEquals(blocks.size(), found.size());
    for (int b = 0; b < blocks.size(); b++) {
      for (int h = 0; h < blocks.get(b).size(); h++) {
        assertEquals(blocks.get(b).get(h).asDouble(), found.get(b)[h], 1e-5);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void microBatchGradientVariance(KnownCase c) {
    JsonNode expected = c.expected();
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      int size = expected.get("micro_batch").asInt();
      GradientStatistics statistics =
          GradientStatistics.measure(c.network(), c.loss(), batch, size, 0, parameters, backend);
      double variance = expected.get("micro_batch_gradient_variance").asDouble();
      assertEquals(variance, statistics.variance(), 1e-4 * variance);
      double norm = expected.get("gradient_norm").asDouble();
      assertEquals(norm, statistics.gradientNorm(), 1e-4 * norm);
    }
  }
}

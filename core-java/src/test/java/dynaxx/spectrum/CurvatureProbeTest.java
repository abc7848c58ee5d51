package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.operator.UntrustworthyOperatorException;
import dynaxx.spectrum.Spectrum.Source;
import dynaxx.testing.Diagonal;
import dynaxx.testing.KnownCase;
import java.util.Locale;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The three settings against curvature that PyTorch computed exactly in float64. */
class CurvatureProbeTest {

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  /** What is exactly known of a case. */
  private record Truth(double min, double max, double trace) {

    static Truth of(KnownCase c) {
      JsonNode expected = c.expected();
      return new Truth(
          expected.get("lambda_min").asDouble(),
          expected.get("lambda_max").asDouble(),
          expected.get("trace").asDouble());
    }

    double noise() {
      return 1e-5 * max;
    }
  }

  private static void print(KnownCase c, String settings, Snapshot s, Truth truth) {
    Spectrum found = s.spectrum();
    System.out.printf(
        Locale.ROOT,
        "%-15s %-9s %4d products %3d forms %5.0f gradients | lambda_min %+.1e of it (bound %+.3g,"
            + " exact %.4g) | lambda_max %+.1e | trace %+.1e (s.e. %.1e) | %s%n",
        c,
        settings,
        found.cost().products(),
        found.cost().forms(),
        s.gradientEquivalents(),
        found.min().value() / truth.min() - 1,
        found.min().bound().orElse(Double.NaN),
        truth.min(),
        found.max().value() / truth.max() - 1,
        found.trace().value() / truth.trace() - 1,
        found.trace().standardError() / truth.trace(),
        found.verdict());
  }

  /** An earlier point of the same training run: parameters a thousandth of their norm away. */
  private static HostBuffer nearby(Scope scope, HostBuffer parameters) {
    Random random = new Random(5);
    double squares = 0;
    for (long i = 0; i < parameters.size(); i++) {
      squares += parameters.get(i) * parameters.get(i);
    }
    double deviation = 1e-3 * Math.sqrt(squares / parameters.size());
    HostBuffer moved = scope.allocate(parameters.size());
    for (long i = 0; i < parameters.size(); i++) {
      moved.set(i, (float) (parameters.get(i) + deviation * random.nextGaussian()));
    }
    return moved;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void settingsKeepWhatTheyPromise(KnownCase c) {
    Truth truth = Truth.of(c);
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      float[] before = parameters.toArray();
      try (CurvatureProbe probe = new CurvatureProbe(c.network(), c.loss(), batch, backend)) {
        probe.measure(nearby(scope, parameters), ProbeSettings.certified().withParts(0));
        Snapshot cheap = probe.measure(parameters, ProbeSettings.cheap());
        Snapshot article = probe.measure(parameters, ProbeSettings.article());
        Snapshot certified = probe.measure(parameters, ProbeSettings.certified());
        print(c, "article", article, truth);
        print(c, "certified", certified, truth);
        print(c, "cheap", cheap, truth);
        checkArticle(article, truth);
        checkCertified(certified, truth, c.expected());
        checkCheap(cheap, truth);
      }
      assertArrayEquals(before, parameters.toArray(), "parameters were changed");
    }
  }

  private static void checkBounds(Spectrum found, Truth truth) {
    assertTrue(found.min().value() >= truth.min() - truth.noise(), "above the smallest");
    assertTrue(found.max().value() <= truth.max() + truth.noise(), "below the largest");
    assertTrue(found.min().bound().orElseThrow() <= truth.min(), "bound below the smallest");
    assertTrue(found.max().bound().orElseThrow() >= truth.max(), "bound above the largest");
    assertEquals(truth.trace(), found.trace().value(), 4 * found.trace().standardError());
  }

  private static void checkArticle(Snapshot s, Truth truth) {
    Spectrum found = s.spectrum();
    assertEquals(Source.LANCZOS, found.source());
    checkBounds(found, truth);
    assertEquals(15 + 3, found.cost().products(), "15 and those of the consistency check, once");
    assertEquals(7, found.cost().forms(), "the start vector is the eighth sample");
    assertEquals(8, found.trace().samples().length);
    assertTrue(s.subset().isEmpty());
  }

  private static void checkCertified(Snapshot s, Truth truth, JsonNode expected) {
    Spectrum found = s.spectrum();
    checkBounds(found, truth);
    assertTrue(found.min().converged() && found.max().converged());
    // An eigenvalue lies within the residual, at most 1 % of the value.
    assertEquals(truth.min(), found.min().value(), 1e-2 * Math.abs(truth.min()) + truth.noise());
    assertEquals(truth.max(), found.max().value(), 1e-2 * truth.max());
    Verdict.Negative negative = assertInstanceOf(Verdict.Negative.class, found.verdict());
    assertTrue(negative.certified());
    assertEquals(found.min().value(), negative.upperBound(), truth.noise());
    double squares = expected.get("frobenius_sq").asDouble();
    assertTrue(found.density().isPresent());
    assertEquals(
        expected.get("micro_batch_gradient_variance").asDouble(),
        s.gradients().orElseThrow().variance(),
        1e-4 * expected.get("micro_batch_gradient_variance").asDouble()
            + (expected.get("micro_batch").asInt() == s.gradients().get().microBatch() ? 0 : 1e9));
    SubsetSpread spread = s.subset().orElseThrow();
    assertEquals(4, spread.trace().values().length);
    assertTrue(spread.min().mean() <= found.min().value() + truth.noise(), "biased downwards");
    assertTrue(spread.max().mean() >= found.max().value() - truth.noise(), "biased upwards");
    assertTrue(squares > 0);
  }

  private static void checkCheap(Snapshot s, Truth truth) {
    Spectrum found = s.spectrum();
    assertEquals(Source.STORED_VECTORS, found.source());
    assertEquals(0, found.cost().products());
    assertEquals(16 + 4, found.cost().forms());
    assertTrue(found.min().residual().isEmpty() && found.min().bound().isEmpty());
    assertFalse(found.min().converged());
    assertTrue(found.min().value() >= truth.min() - truth.noise());
    assertTrue(found.max().value() <= truth.max() + truth.noise());
    assertEquals(truth.max(), found.max().value(), 0.02 * truth.max(), "follows lambda_max");
    assertTrue(found.density().isEmpty() && s.gradients().isEmpty() && s.subset().isEmpty());
    assertEquals(4, found.trace().samples().length);
  }
}

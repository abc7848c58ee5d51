package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.operator.UntrustworthyOperatorException;
import dynaxx.spectrum.Snapshot.SubsetSpread;
import dynaxx.testing.Dense;
import dynaxx.testing.Diagonal;
import dynaxx.testing.KnownCase;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
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
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      float[] before = parameters.toArray();
      try (CurvatureProbe probe = new CurvatureProbe(c.network(), c.loss(), batch, device)) {
        probe.measure(nearby(scope, parameters), ProbeSettings.certified().withParts(0));
        Snapshot cheap = probe.measure(parameters, ProbeSettings.cheap());
        Snapshot article = probe.measure(parameters, ProbeSettings.article());
        int microBatches = batch.examples() / c.expected().get("micro_batch").asInt();
        ProbeSettings settings = ProbeSettings.certified().withMicroBatches(microBatches);
        Snapshot certified = probe.measure(parameters, settings);
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
    assertFalse(found.ofStoredVectors());
    checkBounds(found, truth);
    assertEquals(15, found.cost().products());
    assertEquals(7, found.cost().forms(), "the start vector is the eighth sample");
    assertEquals(8, found.trace().samples().length);
    assertTrue(s.subset().isEmpty() && s.examples().isEmpty());
    assertTrue(s.noiseScale().orElseThrow().traceSigmaError().isEmpty());
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
    assertTrue(found.density().isPresent());
    double variance = expected.get("micro_batch_gradient_variance").asDouble();
    assertEquals(variance, s.gradients().orElseThrow().variance(), 1e-4 * variance);
    double perExample = expected.get("per_example_gradient_variance").asDouble();
    assertEquals(perExample, s.examples().orElseThrow().variance(), 1e-4 * perExample);
    assertTrue(s.noiseScale().orElseThrow().traceSigmaError().isPresent());
    SubsetSpread spread = s.subset().orElseThrow();
    assertEquals(4, spread.trace().samples().length);
    assertTrue(spread.min().value() <= found.min().value() + truth.noise(), "biased downwards");
    assertTrue(spread.max().value() >= found.max().value() - truth.noise(), "biased upwards");
  }

  private static void checkCheap(Snapshot s, Truth truth) {
    Spectrum found = s.spectrum();
    assertTrue(found.ofStoredVectors());
    assertEquals(0, found.cost().products());
    assertTrue(found.cost().forms() <= 16 + 4, "the stored vectors and the probes");
    assertTrue(found.min().residual().isEmpty() && found.min().bound().isEmpty());
    assertFalse(found.min().converged());
    assertTrue(found.min().value() >= truth.min() - truth.noise());
    assertTrue(found.max().value() <= truth.max() + truth.noise());
    assertEquals(truth.max(), found.max().value(), 1e-3 * truth.max(), "follows lambda_max");
    assertEquals(truth.min(), found.min().value(), 1e-2 * Math.abs(truth.min()));
    assertTrue(found.density().isEmpty() && s.gradients().isEmpty() && s.subset().isEmpty());
    assertEquals(4, found.trace().samples().length);
  }

  @Test
  void sharesProductsAndCountsThem() {
    try (Device device = Devices.cpu(2);
        SpectrumProbe probe = new SpectrumProbe()) {
      Diagonal matrix = Diagonal.spiked(600, -3, 8);
      SymmetricOperator operator = matrix.on(device);
      ProbeSettings settings =
          ProbeSettings.article().withLanczos(Lanczos.fixed(10).withStarts(3)).withProbes(8);
      Spectrum first = probe.measure(operator, settings);
      Spectrum second = probe.measure(operator, settings);
      assertEquals(30, second.cost().products());
      assertEquals(5, second.cost().forms(), "three of eight samples come from the starts");
      assertEquals(2 * 30 + 5, second.cost().gradientEquivalents());
      assertTrue(first.cost().products() > 30, "the consistency check, once");
      assertArrayEquals(first.trace().samples(), second.trace().samples(), "same probes");
      assertEquals(first.min(), second.min());
      double exact = Arrays.stream(matrix.values()).sum();
      SpectralDensity density = second.density().orElseThrow();
      assertEquals(exact, density.trace().value(), 4 * density.trace().standardError());
      assertEquals(
          density.trace().value(),
          Arrays.stream(second.trace().samples()).limit(3).average().orElseThrow(),
          1e-9 * Math.abs(exact) + 1e-6);
    }
  }

  /** The control variate of the starts and the deflated forms have the same mean: the trace. */
  @Test
  void deflatedSamplesStayUnbiased() {
    try (Device device = Devices.cpu(2)) {
      Diagonal matrix = Diagonal.spiked(600, -3, 8);
      double exact = Arrays.stream(matrix.values()).sum();
      double[] plain = new double[400];
      double[] deflated = new double[400];
      for (int seed = 0; seed < 400; seed++) {
        ProbeSettings settings =
            new ProbeSettings(
                Optional.of(Lanczos.both().withStarts(2)),
                8,
                2,
                false,
                0,
                false,
                0,
                seed,
                Set.of());
        plain[seed] = trace(matrix.on(device), settings);
        ProbeSettings out =
            new ProbeSettings(
                Optional.of(Lanczos.both().withStarts(2)), 8, 2, true, 0, false, 0, seed, Set.of());
        deflated[seed] = trace(matrix.on(device), out);
      }
      Estimate a = Estimate.of(plain);
      Estimate b = Estimate.of(deflated);
      assertEquals(exact, a.value(), 4 * a.standardError());
      assertEquals(exact, b.value(), 4 * b.standardError());
      assertTrue(b.standardError() < a.standardError());
    }
  }

  /** Of a multiple eigenvalue the Ritz vector is the start's own projection. */
  @Test
  void deflationIsUnbiasedForMultipleEigenvalues() {
    double[] values = new double[60];
    Arrays.setAll(values, i -> i < 4 ? 10 : Math.sin(i));
    double exact = Arrays.stream(values).sum();
    int runs = 1000;
    int covered = 0;
    double[] traces = new double[runs];
    try (Device device = Devices.cpu(2)) {
      SymmetricOperator operator = Dense.rotated(5, values).on(device);
      for (int seed = 0; seed < runs; seed++) {
        try (SpectrumProbe probe = new SpectrumProbe()) {
          ProbeSettings settings =
              new ProbeSettings(
                  Optional.of(Lanczos.both()), 8, 16, true, 0, false, 0, seed, Set.of());
          Estimate trace = probe.measure(operator, settings).trace();
          traces[seed] = trace.value();
          covered += trace.covers(exact, 0.95) ? 1 : 0;
        }
      }
      Estimate all = Estimate.of(traces);
      assertEquals(exact, all.value(), 4 * all.standardError());
      System.out.println("95 % intervals covered in " + covered + " of " + runs);
      assertTrue(covered >= 930 && covered <= 970, "covered " + covered);
    }
  }

  /** Deflation against plain probes for the same work, Lanczos products included. */
  @Test
  void deflationPaysEvenWhenItsProductsAreCounted() {
    KnownCase c = KnownCase.vitSmall();
    double exact = c.expected().get("trace").asDouble();
    int seeds = 20;
    double ours = 0;
    double plain = 0;
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      for (int seed = 0; seed < seeds; seed++) {
        try (SpectrumProbe probe = new SpectrumProbe()) {
          ProbeSettings settings =
              new ProbeSettings(
                  Optional.of(Lanczos.both()), 16, 16, true, 0, false, 0, seed, Set.of());
          Spectrum found = probe.measure(hessian, settings);
          ours += Math.pow(found.trace().value() - exact, 2) / seeds;
          int forms = (int) found.cost().gradientEquivalents();
          plain += Math.pow(new Hutchinson(forms, seed).run(hessian).value() - exact, 2) / seeds;
        }
      }
    }
    System.out.printf(
        Locale.ROOT,
        "vit-small trace, rms error: deflated %.1f, plain for the same work %.1f%n",
        Math.sqrt(ours),
        Math.sqrt(plain));
    assertTrue(plain >= 1.5 * 1.5 * ours, "gain " + Math.sqrt(plain / ours));
  }

  /** Positive semidefinite by construction: said not to be negative, and never the contrary. */
  @ParameterizedTest
  @MethodSource("cases")
  void gaussNewtonIsNotNegative(KnownCase c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        GaussNewton matrix = new GaussNewton(c.network(), c.loss(), c.batch(scope), device)) {
      matrix.linearize(c.host(scope, "parameters"));
      for (int seed = 0; seed < 5; seed++) {
        Lanczos.Result result =
            Lanczos.lambdaMin().withCertificate(true).withSeed(seed).run(matrix);
        assertInstanceOf(Verdict.NotNegativeAt.class, result.verdict(), result.min().toString());
      }
    }
  }

  private static double trace(SymmetricOperator operator, ProbeSettings settings) {
    try (SpectrumProbe probe = new SpectrumProbe()) {
      return probe.measure(operator, settings).trace().value();
    }
  }

  @Test
  void theFirstCheapMeasurementRunsLanczosAndSaysSo() {
    try (Device device = Devices.cpu(1);
        SpectrumProbe probe = new SpectrumProbe()) {
      SymmetricOperator operator = Diagonal.spiked(200, -3, 8).on(device);
      assertFalse(probe.measure(operator, ProbeSettings.cheap()).ofStoredVectors());
      Spectrum next = probe.measure(operator, ProbeSettings.cheap());
      assertTrue(next.ofStoredVectors());
      assertEquals(4 + 4, next.cost().forms());
      assertEquals(8, next.max().value(), 1e-3);
    }
  }

  @Test
  void tightMemoryRestartsAndRecomputesButMeasuresTheSame() {
    KnownCase c = KnownCase.vitSmall();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      ProbeSettings settings = ProbeSettings.certified().withParts(2);
      long tight = 3_000_000;
      try (CurvatureProbe roomy = new CurvatureProbe(c.network(), c.loss(), batch, device);
          CurvatureProbe narrow = new CurvatureProbe(c.network(), c.loss(), batch, device, tight)) {
        Snapshot expected = roomy.measure(parameters, settings);
        Snapshot found = narrow.measure(parameters, settings);
        assertTrue(found.gradientEquivalents() > expected.gradientEquivalents(), "recomputes");
        double min = expected.spectrum().min().value();
        assertEquals(min, found.spectrum().min().value(), 1e-2 * Math.abs(min));
        assertEquals(
            expected.spectrum().trace().value(),
            found.spectrum().trace().value(),
            expected.spectrum().trace().standardError());
        assertEquals(
            expected.subset().orElseThrow().trace().value(),
            found.subset().orElseThrow().trace().value(),
            1e-3 * Math.abs(expected.spectrum().trace().value()));
      }
    }
  }

  /** Where parameters are copied to the device, the copy lives as long as the Hessian's point. */
  @Test
  void theHessianServesAfterTheMeasurement() {
    KnownCase c = KnownCase.mlpTanh();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Device copying = device.float64().orElseThrow();
      try (CurvatureProbe probe =
          new CurvatureProbe(c.network(), c.loss(), c.batch(scope), copying)) {
        probe.measure(c.host(scope, "parameters"), ProbeSettings.certified());
        Vectors v = copying.vectors(scope, 1, c.network().parameterCount());
        copying.algebra().rademacher(1, 0, v);
        Vectors hv = copying.vectors(scope, 1, c.network().parameterCount());
        probe.hessian().apply(v, hv);
        double form = probe.hessian().quadraticForm(v)[0];
        double product = copying.algebra().dot(v.vector(0), hv.vector(0));
        assertEquals(form, product, 1e-9 * Math.abs(form));
      }
    }
  }

  /** With the same probes the traces of equal parts have the whole's trace as their mean. */
  @Test
  void partsOfTheSubsetAverageToItsTrace() {
    KnownCase c = KnownCase.mlpTanh();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device);
        Hessian part = new Hessian(c.network(), c.loss(), c.batch(scope).slice(0, 16), device)) {
      HostBuffer parameters = c.host(scope, "parameters");
      Hutchinson probes = new Hutchinson(4, 9);
      SubsetSpread spread =
          SubsetSpread.measure(part, c.batch(scope), Lanczos.fixed(20), probes, parameters);
      double whole = probes.run(hessian.linearize(parameters)).value();
      assertEquals(16, spread.examples());
      assertEquals(whole, spread.trace().value(), 1e-5 * Math.abs(whole));
      assertTrue(spread.trace().standardError() > 0);
      assertEquals(1 + 2 * 20 + 4, spread.gradientEquivalents(), 1e-9);
      assertThrows(
          IllegalArgumentException.class,
          () ->
              SubsetSpread.measure(hessian, c.batch(scope), Lanczos.fixed(20), probes, parameters));
    }
  }

  @Test
  void refusesWhatCannotBeTrusted() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SpectrumProbe probe = new SpectrumProbe()) {
      Random random = new Random(3);
      SymmetricOperator noisy =
          SymmetricOperator.of(
              50,
              device,
              (v, hv) -> {
                HostBuffer out = (HostBuffer) hv.buffer();
                for (long i = 0; i < out.size(); i++) {
                  out.set(i, (float) random.nextGaussian());
                }
              });
      assertThrows(
          UntrustworthyOperatorException.class,
          () -> probe.measure(noisy, ProbeSettings.article()));
      KnownCase c = KnownCase.mlpTanh();
      HostBuffer parameters = c.host(scope, "parameters");
      parameters.set(7, Float.NaN);
      try (CurvatureProbe curvature =
          new CurvatureProbe(c.network(), c.loss(), c.batch(scope), device)) {
        assertThrows(
            NonFiniteException.class, () -> curvature.measure(parameters, ProbeSettings.article()));
      }
      assertThrows(IllegalArgumentException.class, () -> ProbeSettings.article().withProbes(1));
      assertThrows(IllegalArgumentException.class, () -> ProbeSettings.article().withParts(1));
    }
  }

  @Test
  void aSubsetTooSmallForTheSettingsIsRefusedBeforeAnythingIsMeasured() {
    KnownCase c = KnownCase.mlpTanh();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(c.network(), c.loss(), c.batch(scope).slice(0, 2), device)) {
      HostBuffer parameters = c.host(scope, "parameters");
      for (ProbeSettings settings :
          List.of(ProbeSettings.article(), ProbeSettings.article().withParts(3))) {
        var e =
            assertThrows(IllegalArgumentException.class, () -> probe.measure(parameters, settings));
        assertTrue(
            e.getMessage().endsWith("expected at most 2, the examples of the subset"),
            e.getMessage());
      }
    }
  }

  /** A quarter and a half of the limit, until 15 steps need more than a quarter. */
  @Test
  void basesGetWhatFifteenStepsNeed() {
    assertEquals(25, CurvatureProbe.krylovBytes(100, 0));
    assertEquals(50, CurvatureProbe.recordingBytes(100, 0));
    long memory = 112L << 30;
    long basis = 18L * Float.BYTES * 1_000_000_000;
    assertEquals(basis, CurvatureProbe.krylovBytes(memory, 1_000_000_000));
    long less = memory / 2 - (basis - memory / 4);
    assertEquals(less, CurvatureProbe.recordingBytes(memory, 1_000_000_000));
    assertEquals(memory / 8, CurvatureProbe.recordingBytes(memory, 2_000_000_000));
    assertEquals(memory / 4 * 3, CurvatureProbe.krylovBytes(memory, 100_000_000_000L));
    for (long n = 1; n < 1_000_000_000; n *= 3) {
      long both = CurvatureProbe.krylovBytes(memory, n) + CurvatureProbe.recordingBytes(memory, n);
      assertTrue(both <= memory / 8 * 7, n + ": " + both);
    }
  }
}

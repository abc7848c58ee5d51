package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.operator.Adam;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.testing.Dense;
import dynaxx.testing.DenseForms;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** How near an update is to its limits, against PyTorch's float64 values and plain double loops. */
class UpdateTest {

  private static final Adam ADAM = new Adam(7, 0.9, 0.99, 1e-6);
  private static final double RATE = 0.3;

  private final KnownCase mlp = KnownCase.mlpTanh();
  private final DoubleMlp exact = new DoubleMlp(mlp);

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  private static double value(Snapshot snapshot, Signal signal) {
    return snapshot.reading(signal).orElseThrow(() -> new AssertionError(signal)).value();
  }

  /** Some second moments, as the optimizer keeps them, with what P they make. */
  private record Moments(HostBuffer second, double[] diagonal) {
    static Moments of(Scope scope, int n) {
      Random random = new Random(3);
      HostBuffer second = scope.allocate(n);
      double[] diagonal = new double[n];
      for (int i = 0; i < n; i++) {
        second.set(i, (float) Math.exp(random.nextGaussian() - 4));
        double v = second.get(i) / (1 - Math.pow(0.99, 7));
        diagonal[i] = (1 - Math.pow(0.9, 7)) * (Math.sqrt(v) + 1e-6);
      }
      return new Moments(second, diagonal);
    }

    double squaredNorm(double[] d) {
      double sum = 0;
      for (int i = 0; i < d.length; i++) {
        sum += diagonal[i] * d[i] * d[i];
      }
      return sum;
    }

    double[] solve(double[] g) {
      double[] s = g.clone();
      Arrays.setAll(s, i -> g[i] / diagonal[i]);
      return s;
    }
  }

  private static double limit(double learningRate) {
    return 2 * 1.9 / (0.1 * learningRate);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void curvatureAlongAToldStepIsPyTorchs(KnownCase c) {
    JsonNode forms = c.expected().get("quadratic_forms");
    double[] probes = c.array("probe");
    int n = (int) c.network().parameterCount();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe = new CurvatureProbe(c.network(), c.loss(), c.batch(scope), device)) {
      Moments moments = Moments.of(scope, n);
      double scale = Math.abs(c.expected().get("lambda_max").asDouble());
      HostBuffer parameters = c.host(scope, "parameters");
      ProbeSettings settings =
          ProbeSettings.article().withUpdateSignals(Signal.DIRECTIONAL_CURVATURE_RATIO);
      for (int k = 0; k < forms.size(); k++) {
        double[] v = Arrays.copyOfRange(probes, k * n, (k + 1) * n);
        HostBuffer step =
            (HostBuffer)
                Numbers.vectors(scope, 1, Arrays.stream(v).map(x -> 1e-3 * x).toArray()).buffer();
        double form = forms.get(k).asDouble();
        Snapshot momentum =
            probe.measure(
                parameters, settings, Optional.of(Update.momentum(RATE, 0.9, 0.01).step(step)));
        double bound = 3.8 / RATE - 0.01;
        assertEquals(
            form / n / bound,
            value(momentum, Signal.DIRECTIONAL_CURVATURE_RATIO),
            1e-5 * scale / bound);
        Snapshot adam =
            probe.measure(
                parameters,
                settings,
                Optional.of(Update.adam(RATE, ADAM, moments.second(), 0.1).step(step)));
        double squares = moments.squaredNorm(v);
        assertEquals(
            form / squares / limit(RATE),
            value(adam, Signal.DIRECTIONAL_CURVATURE_RATIO),
            1e-5 * scale * n / squares / limit(RATE));
        assertFalse(adam.readings().containsKey(Signal.SHARPNESS_RATIO), "not wanted");
      }
    }
  }

  /** Without a step it is that of an optimizer without memory on the subset's gradient. */
  @Test
  void withoutAStepItIsTheGradients() {
    double[] g = exact.gradient(0, exact.examples());
    double[] expected = mlp.array("gradient");
    for (int i = 0; i < g.length; i++) {
      assertEquals(expected[i], g[i], 1e-8, "the oracle itself");
    }
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      float[] before = parameters.toArray();
      Moments moments = Moments.of(scope, g.length);
      float[] momentsBefore = moments.second().toArray();
      ProbeSettings cheap = ProbeSettings.cheap();
      Snapshot sgd = probe.measure(parameters, cheap, Optional.of(Update.sgd(RATE, 0)));
      double curvature = exact.form(g, 0, exact.examples()) / dot(g, g);
      assertEquals(
          curvature * RATE / 2,
          value(sgd, Signal.DIRECTIONAL_CURVATURE_RATIO),
          1e-5 * Math.abs(curvature));
      Snapshot adam =
          probe.measure(
              parameters, cheap, Optional.of(Update.adam(RATE, ADAM, moments.second(), 0.1)));
      double[] d = moments.solve(g);
      Arrays.setAll(d, i -> -RATE * (d[i] + 0.1 * exact.parameters[i]));
      double preconditioned = exact.form(d, 0, exact.examples()) / moments.squaredNorm(d);
      assertEquals(
          preconditioned / limit(RATE),
          value(adam, Signal.DIRECTIONAL_CURVATURE_RATIO),
          1e-4 * Math.abs(preconditioned / limit(RATE)));
      assertArrayEquals(before, parameters.toArray(), "parameters were changed");
      assertArrayEquals(momentsBefore, moments.second().toArray(), "moments were changed");
    }
  }

  private static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  @Test
  void sharpnessIsPartOfTheOptimizersLimit() {
    double max = mlp.expected().get("lambda_max").asDouble();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      ProbeSettings certified = ProbeSettings.certified();
      Reading sgd =
          probe
              .measure(parameters, certified, Optional.of(Update.sgd(RATE, 0.5)))
              .reading(Signal.SHARPNESS_RATIO)
              .orElseThrow();
      double bound = 2 / RATE - 0.5;
      assertEquals(max / bound, sgd.value(), sgd.error().getAsDouble() + 1e-5);
      assertTrue(sgd.error().getAsDouble() < 0.02 * sgd.value());
      // A second moment that is the same everywhere scales the spectrum, whatever the direction.
      HostBuffer flat = scope.allocate(parameters.size());
      for (long i = 0; i < flat.size(); i++) {
        flat.set(i, 0.04f);
      }
      Adam late = new Adam(1_000_000, 0.9, 0.99, 0);
      Update update = Update.adam(RATE, late, flat, 0);
      Snapshot adam = probe.measure(parameters, certified, Optional.of(update));
      Reading sharpness = adam.reading(Signal.PRECONDITIONED_LAMBDA_MAX).orElseThrow();
      assertEquals(max / 0.2, sharpness.value(), sharpness.error().getAsDouble() + 1e-4);
      assertEquals(sharpness.value() / limit(RATE), value(adam, Signal.SHARPNESS_RATIO), 1e-12);
      Snapshot cheap = probe.measure(parameters, ProbeSettings.cheap(), Optional.of(update));
      assertEquals(max / 0.2, value(cheap, Signal.PRECONDITIONED_LAMBDA_MAX), 0.01 * max / 0.2);
      assertTrue(cheap.reading(Signal.SHARPNESS_RATIO).orElseThrow().error().isEmpty());
    }
  }

  @Test
  void microBatchesAreMeasuredAlongTheirOwnGradients() {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      Moments moments = Moments.of(scope, exact.parameters.length);
      int size = 8;
      double[] plain = new double[exact.examples() / size];
      double[] preconditioned = new double[plain.length];
      for (int b = 0; b < plain.length; b++) {
        double[] g = exact.gradient(b * size, size);
        plain[b] = exact.form(g, b * size, size) / dot(g, g);
        double[] s = moments.solve(g);
        preconditioned[b] = exact.form(s, b * size, size) / moments.squaredNorm(s);
      }
      ProbeSettings settings =
          ProbeSettings.cheap().withUpdateSignals(Signal.BATCH_SHARPNESS_RATIO);
      Update sgd = Update.sgd(RATE, 0).batch(size, OptionalDouble.empty());
      check(plain, 2 / RATE, probe.measure(parameters, settings, Optional.of(sgd)));
      Update adam =
          Update.adam(RATE, ADAM, moments.second(), 0).batch(size, OptionalDouble.empty());
      check(preconditioned, limit(RATE), probe.measure(parameters, settings, Optional.of(adam)));
      // What has no second micro-batch of its size is one batch, without an error.
      Update whole = Update.sgd(RATE, 0).batch(40, OptionalDouble.empty());
      Snapshot one =
          probe.measure(
              parameters,
              ProbeSettings.cheap()
                  .withUpdateSignals(
                      Signal.BATCH_SHARPNESS_RATIO, Signal.DIRECTIONAL_CURVATURE_RATIO),
              Optional.of(whole));
      assertTrue(one.reading(Signal.BATCH_SHARPNESS_RATIO).orElseThrow().error().isEmpty());
      assertEquals(
          value(one, Signal.DIRECTIONAL_CURVATURE_RATIO),
          value(one, Signal.BATCH_SHARPNESS_RATIO),
          1e-6);
    }
  }

  private static void check(double[] curvatures, double bound, Snapshot snapshot) {
    double mean = Arrays.stream(curvatures).average().orElseThrow();
    double squares = Arrays.stream(curvatures).map(x -> (x - mean) * (x - mean)).sum();
    double error = Math.sqrt(squares / (curvatures.length - 1) / curvatures.length);
    Reading found = snapshot.reading(Signal.BATCH_SHARPNESS_RATIO).orElseThrow();
    assertEquals(mean / bound, found.value(), 1e-4 * mean / bound);
    assertEquals(error / bound, found.error().getAsDouble(), 1e-3 * error / bound);
  }

  @Test
  void theCriticalRateIsWhereTheLossIsAsHighAsBefore() {
    double[] g = exact.gradient(0, exact.examples());
    double before = exact.loss(exact.parameters, 0, exact.examples());
    double low = 0.01;
    double high = 100;
    while (high / low > 1 + 1e-9) {
      double middle = Math.sqrt(low * high);
      if (exact.along(g, -middle, 0, exact.examples()) < before) {
        low = middle;
      } else {
        high = middle;
      }
    }
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      ProbeSettings settings = ProbeSettings.cheap().withUpdateSignals(Signal.CRITICAL_RATE_RATIO);
      for (double part : new double[] {0.11, 0.7, 1.3, 8}) {
        Reading found =
            probe
                .measure(parameters, settings, Optional.of(Update.sgd(part * low, 0)))
                .reading(Signal.CRITICAL_RATE_RATIO)
                .orElseThrow();
        assertEquals(part, found.value(), found.error().getAsDouble() * 1.001, "part " + part);
        assertTrue(found.error().getAsDouble() <= 0.2 * part, "the bracket is narrow");
      }
      float[] ascent = new float[g.length];
      for (int i = 0; i < g.length; i++) {
        ascent[i] = (float) (0.1 * g[i]);
      }
      HostBuffer up = scope.allocate(g.length).put(ascent);
      Reading rising =
          probe
              .measure(parameters, settings, Optional.of(Update.sgd(0.1, 0).step(up)))
              .reading(Signal.CRITICAL_RATE_RATIO)
              .orElseThrow();
      assertEquals(16, rising.value());
      assertTrue(rising.error().isEmpty());
    }
  }

  @Test
  void theSearchIsOfSixLosses() {
    int[] evaluations = new int[1];
    for (double critical : new double[] {0.03, 0.07, 0.3, 0.9, 1, 1.1, 3, 15, 40}) {
      evaluations[0] = 0;
      CriticalRate found =
          CriticalRate.find(
              1,
              s -> {
                evaluations[0]++;
                return 1 + s * (s - critical);
              });
      assertTrue(found.low() < critical && found.high() >= critical, found.toString());
      assertTrue(evaluations[0] <= 6);
      if (critical > 1.0 / 16 && critical < 16) {
        assertTrue(found.high() < 2 * found.low() + 1e-12, found.toString());
      }
    }
    CriticalRate overflow = CriticalRate.find(1, s -> s > 0.6 ? Double.NaN : 0.5);
    assertTrue(overflow.low() <= 0.6 && overflow.high() >= 0.6, overflow.toString());
    assertThrows(NonFiniteException.class, () -> CriticalRate.find(Double.NaN, s -> 1));
    assertEquals(0.5 / 16, CriticalRate.find(1, s -> 0).ratio().value(), "far from critical");
  }

  /** A host without a network of ours tells its step, and its loss along it. */
  @Test
  void anOperatorsHostTellsItsStep() {
    double[] values = {-1, 0.5, 1, 2, 8, 20};
    double[][] q = DenseForms.orthonormalise(randomRows(values.length));
    double[][] a = matrix(q, values);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        SpectrumProbe probe = new SpectrumProbe()) {
      SymmetricOperator operator = new Dense(a).on(device);
      double[] d = new double[values.length];
      DenseForms.addScaled(0.3, q[5], d);
      DenseForms.addScaled(0.4, q[0], d);
      HostBuffer step = (HostBuffer) Numbers.vectors(scope, 1, d).buffer();
      Update update = Update.sgd(0.05, 0).step(step).lossAlong(s -> 7 - s + 0.8 * s * s);
      ProbeSettings settings =
          ProbeSettings.certified()
              .withUpdateSignals(Signal.DIRECTIONAL_CURVATURE_RATIO, Signal.CRITICAL_RATE_RATIO);
      Snapshot snapshot = probe.snapshot(operator, settings, Optional.of(update));
      double curvature = (0.09 * 20 + 0.16 * -1) / 0.25;
      assertEquals(curvature / 40, value(snapshot, Signal.DIRECTIONAL_CURVATURE_RATIO), 1e-5);
      assertEquals(20.0 / 40, value(snapshot, Signal.SHARPNESS_RATIO), 1e-5);
      assertEquals(0.09 / 0.25, value(snapshot, Signal.OSCILLATION), 1e-5);
      Reading critical = snapshot.reading(Signal.CRITICAL_RATE_RATIO).orElseThrow();
      assertEquals(0.8, critical.value(), critical.error().getAsDouble());
      assertTrue(snapshot.gradientEquivalents() > snapshot.spectrum().cost().gradientEquivalents());
      // Without a step only the limit is known.
      Map<Signal, Reading> less =
          probe.snapshot(operator, settings, Optional.of(Update.sgd(0.05, 0))).readings();
      assertTrue(less.containsKey(Signal.SHARPNESS_RATIO));
      assertFalse(less.containsKey(Signal.DIRECTIONAL_CURVATURE_RATIO));
      assertFalse(
          probe
              .snapshot(operator, settings, Optional.empty())
              .readings()
              .containsKey(Signal.SHARPNESS_RATIO));
    }
  }

  private static double[][] randomRows(int n) {
    Random random = new Random(11);
    double[][] rows = new double[n][n];
    for (double[] row : rows) {
      Arrays.setAll(row, i -> random.nextGaussian());
    }
    return rows;
  }

  private static double[][] matrix(double[][] q, double[] values) {
    double[][] a = new double[values.length][values.length];
    for (int k = 0; k < values.length; k++) {
      for (int i = 0; i < values.length; i++) {
        DenseForms.addScaled(values[k] * q[k][i], q[k], a[i]);
      }
    }
    return a;
  }

  @Test
  void decouplingComparesTheBatchsGradientWithItsMemory() {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      Moments moments = Moments.of(scope, exact.parameters.length);
      double sum = Arrays.stream(Numbers.doubles(moments.second())).sum() / (1 - Math.pow(0.99, 7));
      ProbeSettings free = ProbeSettings.cheap().withUpdateSignals();
      Update adam = Update.adam(RATE, ADAM, moments.second(), 0);
      double norm = mlp.expected().get("gradient_norm").asDouble();
      Snapshot own = probe.measure(parameters, free, Optional.of(adam));
      assertEquals(norm * norm / sum, value(own, Signal.DECOUPLING_RATIO), 1e-5 * norm / sum);
      Snapshot told =
          probe.measure(parameters, free, Optional.of(adam.batch(64, OptionalDouble.of(3))));
      assertEquals(9 / sum, value(told, Signal.DECOUPLING_RATIO), 1e-9);
    }
  }

  @Test
  void nothingIsMeasuredAlongNothing() {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        CurvatureProbe probe =
            new CurvatureProbe(mlp.network(), mlp.loss(), mlp.batch(scope), device)) {
      HostBuffer parameters = mlp.host(scope, "parameters");
      HostBuffer zero = scope.allocate(parameters.size());
      for (Update update : new Update[] {Update.sgd(RATE, 0).step(zero), Update.sgd(0, 0)}) {
        Snapshot snapshot = probe.measure(parameters, ProbeSettings.article(), Optional.of(update));
        assertFalse(snapshot.readings().containsKey(Signal.DIRECTIONAL_CURVATURE_RATIO));
        assertFalse(snapshot.readings().containsKey(Signal.CRITICAL_RATE_RATIO));
        assertFalse(snapshot.readings().containsKey(Signal.OSCILLATION));
      }
      HostBuffer broken = scope.allocate(parameters.size());
      broken.set(3, Float.NaN);
      Update nan = Update.sgd(RATE, 0).step(broken);
      String message =
          assertThrows(
                  NonFiniteException.class,
                  () -> probe.measure(parameters, ProbeSettings.cheap(), Optional.of(nan)))
              .getMessage();
      assertTrue(message.contains("update"), message);
      HostBuffer infinite = scope.allocate(parameters.size());
      infinite.set(5, Float.POSITIVE_INFINITY);
      Update overflown = Update.adam(RATE, ADAM, infinite, 0);
      assertThrows(
          NonFiniteException.class,
          () -> probe.measure(parameters, ProbeSettings.cheap(), Optional.of(overflown)),
          "what a diverging run's optimizer has is an event and not the end of the training");
      HostBuffer shorter = scope.allocate(3);
      Update wrong = Update.sgd(RATE, 0).step(shorter);
      assertThrows(
          IllegalArgumentException.class,
          () -> probe.measure(parameters, ProbeSettings.cheap(), Optional.of(wrong)));
    }
  }

  /** All inputs zero: the first layer's gradient is; all biases balanced: so is the rest. */
  @Test
  void aZeroGradientHasNoDirection() {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      KnownCase c = KnownCase.mlpRegression();
      Batch batch = c.batch(scope);
      HostBuffer zeros = scope.allocate(c.network().parameterCount());
      HostBuffer outputs = scope.allocate(batch.targets().size());
      Batch balanced = Batch.of(c.network(), c.loss(), (HostBuffer) batch.inputs(), outputs);
      try (CurvatureProbe probe = new CurvatureProbe(c.network(), c.loss(), balanced, device)) {
        Snapshot snapshot =
            probe.measure(zeros, ProbeSettings.article(), Optional.of(Update.sgd(RATE, 0)));
        assertEquals(0, snapshot.gradientNorm());
        assertFalse(snapshot.readings().containsKey(Signal.DIRECTIONAL_CURVATURE_RATIO));
        assertFalse(snapshot.readings().containsKey(Signal.BATCH_SHARPNESS_RATIO));
        assertTrue(snapshot.readings().containsKey(Signal.SHARPNESS_RATIO));
      }
    }
  }

  @Test
  void argumentsAreChecked() {
    assertThrows(IllegalArgumentException.class, () -> Update.sgd(-1, 0));
    assertThrows(IllegalArgumentException.class, () -> Update.sgd(Double.NaN, 0));
    assertThrows(IllegalArgumentException.class, () -> Update.momentum(0.1, 1, 0));
    assertThrows(IllegalArgumentException.class, () -> Update.sgd(0.1, Double.POSITIVE_INFINITY));
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> ProbeSettings.cheap().withUpdateSignals(Signal.LOSS))
            .getMessage();
    assertTrue(message.startsWith("ofUpdate: found LOSS"), message);
  }

  @Test
  void aCopyIsNotTheHosts() {
    try (Scope scope = Scope.open()) {
      HostBuffer step = scope.allocate(2).put(1, 2);
      Update copy = Update.sgd(0.1, 0).step(step).lossAlong(s -> s).copy(scope);
      step.set(0, 5);
      HostBuffer kept = (HostBuffer) copy.step().orElseThrow();
      assertNotEquals(step.get(0), kept.get(0));
      assertEquals(2, kept.get(1));
      assertTrue(copy.lossAlong().isEmpty());
    }
  }
}

package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.op.Gather;
import dynaxx.network.op.Rotary;
import dynaxx.network.op.Where;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.LayerTraces;
import dynaxx.spectrum.TraceEstimator;
import dynaxx.spectrum.Verdict;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole networks: the same answers as on the CPU, by recordings, in any order of blocks. */
@EmulatorTest
class NetworksTest {

  private static final int DIRECTIONS = 3;

  static Stream<KnownCase> cases() {
    return Stream.of(KnownCase.vitSmall(), KnownCase.lmCausal());
  }

  @AfterEach
  void nothingIsLeftBehind() {
    Emulator.Report live = Emulator.live();
    assertEquals(0, live.count(), live.text());
  }

  private static Hessian hessian(KnownCase c, Scope scope, Device device) {
    return hessian(c, c.batch(scope), scope, device);
  }

  private static Hessian hessian(KnownCase c, Batch batch, Scope scope, Device device) {
    Hessian hessian = new Hessian(c.network(), c.loss(), batch, device);
    scope.onClose(hessian::close);
    return hessian.linearize(c.host(scope, "parameters"));
  }

  /** What is recorded does not depend on how much it is. */
  private static Batch few(KnownCase c, Scope scope) {
    return c.batch(scope).slice(0, 8);
  }

  private record Answers(
      double loss,
      float[] gradient,
      float[] products,
      double[] forms,
      Lanczos.Result extremes,
      Estimate trace) {

    static Answers of(KnownCase c, Device device) {
      try (Scope scope = Scope.open()) {
        Hessian hessian = hessian(c, scope, device);
        Vectors v = Numbers.vectors(device, scope, 4, c.array("probe"));
        Vectors hv = device.vectors(scope, 4, hessian.dimension());
        hessian.apply(v, hv);
        return new Answers(
            hessian.loss(),
            Numbers.floats(device, hessian.gradient()),
            Numbers.floats(device, hv.buffer()),
            hessian.quadraticForm(v),
            Lanczos.lambdaMin().withCertificate(true).withSeed(5).run(hessian),
            TraceEstimator.hutchinson(8, 3).run(hessian));
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithTheCpu(KnownCase c) {
    Answers cpu;
    try (Device device = Devices.cpu(2)) {
      cpu = Answers.of(c, device);
    }
    Answers cuda;
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT)) {
      cuda = Answers.of(c, device);
    }
    assertEquals(cpu.loss(), cuda.loss(), 1e-6);
    assertClose("gradient", cpu.gradient(), cuda.gradient(), 5e-6);
    assertClose("H v", cpu.products(), cuda.products(), 5e-6);
    double scale = cpu.extremes().max().value();
    for (int i = 0; i < 4; i++) {
      assertEquals(cpu.forms()[i], cuda.forms()[i], 1e-5 * scale * cpu.gradient().length);
    }
    assertEquals(cpu.extremes().max().value(), cuda.extremes().max().value(), 1e-5 * scale);
    assertEquals(cpu.extremes().min().value(), cuda.extremes().min().value(), 1e-4 * scale);
    assertInstanceOf(Verdict.Negative.class, cpu.extremes().verdict());
    assertInstanceOf(Verdict.Negative.class, cuda.extremes().verdict());
    assertEquals(cpu.trace().value(), cuda.trace().value(), 1e-5 * Math.abs(cpu.trace().value()));
    double exact = c.expected().get("lambda_min").asDouble();
    assertEquals(exact, cuda.extremes().min().value(), 1e-4 * scale);
  }

  static Stream<KnownCase> others() {
    return Stream.of(KnownCase.mlpTanh(), KnownCase.mlpRegression(), KnownCase.gru());
  }

  /** Those that {@link #agreesWithTheCpu} leaves out, against what PyTorch computed in float64. */
  @ParameterizedTest
  @MethodSource("others")
  void agreesWithTheExactAnswers(KnownCase c) {
    Answers found;
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT)) {
      found = Answers.of(c, device);
    }
    assertExact(c, found);
  }

  private static void assertExact(KnownCase side, Answers found) {
    JsonNode expected = side.expected();
    assertEquals(expected.get("loss").asDouble(), found.loss(), 1e-6);
    Numbers.assertClose("gradient", side.array("gradient"), found.gradient(), 2e-5);
    Numbers.assertClose("H v", side.array("hvp"), found.products(), 2e-5);
    double scale = expected.get("lambda_max").asDouble();
    for (int i = 0; i < 4; i++) {
      double form = expected.get("quadratic_forms").get(i).asDouble();
      assertEquals(form, found.forms()[i], 1e-5 * scale * found.gradient().length, "v'Hv");
    }
    assertEquals(scale, found.extremes().max().value(), 1e-4 * scale);
    double least = expected.get("lambda_min").asDouble();
    assertEquals(least, found.extremes().min().value(), 1e-4 * scale);
    if (least < 0) {
      assertInstanceOf(Verdict.Negative.class, found.extremes().verdict());
    }
    double error = found.trace().standardError();
    assertEquals(expected.get("trace").asDouble(), found.trace().value(), 5 * error, "trace");
  }

  /** Two pixels of a pooling window are nearly equal: the answers are all those of one of them. */
  @Test
  void takesOneSideOfATie() {
    KnownCase c = KnownCase.cnnRelu();
    Answers found;
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT)) {
      found = Answers.of(c, device);
    }
    KnownCase side = c.sideOf(found.gradient());
    assertEquals("cnn-relu/tie", side.name());
    assertExact(side, found);
  }

  private static void assertClose(String what, float[] expected, float[] found, double most) {
    double[] wide = new double[expected.length];
    Arrays.setAll(wide, i -> expected[i]);
    Numbers.assertClose(what, wide, found, most);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheSameBitsInAnyOrderOfBlocksAndThreads(KnownCase c) {
    float[] first = null;
    for (int order = 0; order < 3; order++) {
      Emulator.order(order);
      try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
          Scope scope = Scope.open()) {
        Hessian hessian = hessian(c, scope, device);
        Vectors v = probes(device, scope, hessian.dimension());
        Vectors hv = device.vectors(scope, DIRECTIONS, hessian.dimension());
        hessian.apply(v, hv);
        float[] now = Numbers.floats(device, hv.buffer());
        if (first != null) {
          assertArrayEquals(first, now, "order " + order);
        }
        first = now;
      }
    }
  }

  private static Vectors probes(Device device, Scope scope, long n) {
    Vectors v = device.vectors(scope, DIRECTIONS, n);
    device.algebra().rademacher(9, 0, v);
    return v;
  }

  @Test
  void recordingsGiveTheSameBitsAtEveryPoint() {
    KnownCase c = KnownCase.vitSmall();
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Hessian hessian = hessian(c, few(c, scope), scope, device);
      GaussNewton gaussNewton =
          new GaussNewton(c.network(), c.loss(), few(c, scope), device)
              .linearize(c.host(scope, "parameters"));
      scope.onClose(gaussNewton::close);
      // run, captured and launched, launched
      assertSameThreeTimes(hessian, device, scope);
      assertSameThreeTimes(gaussNewton, device, scope);
      HostBuffer elsewhere = c.host(scope, "parameters");
      elsewhere.set(7, elsewhere.get(7) + 1);
      float[] before = product(hessian, device, scope);
      hessian.linearize(elsewhere);
      float[] after = assertSameThreeTimes(hessian, device, scope);
      assertTrue(!Arrays.equals(before, after), "a new point gives new products");
    }
  }

  private static long graphs() {
    return Emulator.live().text().lines().filter(l -> l.contains("executable graph")).count();
  }

  private static long graphsLaunched() {
    return Emulator.counted().stream().filter("graph|"::equals).count();
  }

  /** Parameters from the host are always put in the same place, so that what was recorded stays. */
  @Test
  void recordingsAreKeptFromPointToPoint() {
    KnownCase c = KnownCase.vitSmall();
    float[] expected;
    HostBuffer elsewhere;
    Scope host = Scope.open();
    try (host;
        Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      elsewhere = c.host(host, "parameters");
      elsewhere.set(7, elsewhere.get(7) + 1);
      expected =
          product(hessian(c, few(c, scope), scope, device).linearize(elsewhere), device, scope);
      Hessian hessian = hessian(c, few(c, scope), scope, device);
      float[] original = assertSameThreeTimes(hessian, device, scope);
      long graphs = graphs();
      long before = Emulator.launches();
      Emulator.counted();
      Emulator.count(2);
      hessian.linearize(elsewhere);
      assertEquals(2, graphsLaunched(), "both passes of the second point");
      assertArrayEquals(expected, product(hessian, device, scope));
      assertEquals(graphs + 2, graphs());
      assertTrue(Emulator.launches() > before);
      assertEquals(1, graphsLaunched(), "the first product is a graph");
      hessian.linearize(c.host(host, "parameters"));
      assertEquals(2, graphsLaunched(), "both passes of the third point");
      assertArrayEquals(original, product(hessian, device, scope));
      assertEquals(graphs + 2, graphs());
      Emulator.count(0);
      // parameters on the device are used where they are: other ones are another recording
      Buffer there = device.upload(scope, elsewhere.segment());
      hessian.linearize(there);
      Emulator.count(2);
      assertArrayEquals(expected, product(hessian, device, scope));
      assertTrue(!Emulator.counted().contains("graph|"), "the first product is no graph");
      // other examples are elsewhere too
      hessian.linearize(elsewhere);
      assertSameThreeTimes(hessian, device, scope);
      hessian.batch(few(c, scope)).linearize(elsewhere);
      Emulator.count(2);
      assertArrayEquals(expected, product(hessian, device, scope));
      assertTrue(!Emulator.counted().contains("graph|"), "nor with other examples");
    }
  }

  /** Ops that bring numbers of their own are recorded with them. */
  @Test
  void opsWithConstantsAreRecorded() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 3));
    NetworkBuilder.Node x = g.linear(g.input(), 3, "first");
    x = g.add(new Gather(0, List.of(2, 0, 2)), g.tanh(x));
    x = g.multiply(x, g.add(new Gather(0, List.of(0, 1, 1)), x));
    x = g.add(new Rotary(1, 2, 10), x);
    x = g.add(Where.of(true, false, true, true, false, true, true, true, false), x, g.tanh(x));
    Network network = g.build(x);
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      HostBuffer inputs = scope.allocate(5 * 12);
      for (int i = 0; i < inputs.size(); i++) {
        inputs.set(i, (float) Math.sin(i));
      }
      Loss loss = Loss.meanSquaredError();
      Batch batch = Batch.of(network, loss, inputs, scope.allocate(5 * 9));
      Hessian hessian = new Hessian(network, loss, batch, device);
      scope.onClose(hessian::close);
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, 1);
      hessian.linearize(parameters);
      assertSameThreeTimes(hessian, device, scope);
    }
  }

  private static float[] assertSameThreeTimes(
      NetworkOperator operator, Device device, Scope scope) {
    float[] first = product(operator, device, scope);
    Vectors v = probes(device, scope, operator.dimension());
    double[] forms = operator.quadraticForm(v);
    for (int i = 0; i < 2; i++) {
      assertArrayEquals(first, product(operator, device, scope));
      assertArrayEquals(forms, operator.quadraticForm(v));
    }
    return first;
  }

  private static float[] product(NetworkOperator operator, Device device, Scope scope) {
    try (Scope temporary = scope.child()) {
      Vectors v = probes(device, temporary, operator.dimension());
      Vectors hv = device.vectors(temporary, DIRECTIONS, operator.dimension());
      operator.apply(v, hv);
      return Numbers.floats(device, hv.buffer());
    }
  }

  @Test
  void goesOnWithSmallerPartsWhenMemoryRunsOut() {
    KnownCase c = KnownCase.vitSmall();
    float[] expected;
    int whole;
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Hessian hessian = hessian(c, scope, device);
      whole = hessian.microBatch();
      expected = product(hessian, device, scope);
    }
    Emulator.memory(36L << 20);
    NetworkOperator.Limits optimistic = new NetworkOperator.Limits(1L << 32, 0, 8);
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device, optimistic);
      scope.onClose(hessian::close);
      hessian.linearize(c.host(scope, "parameters"));
      assertClose("H v", expected, product(hessian, device, scope), 1e-5);
      assertTrue(hessian.microBatch() < whole, "micro-batch " + hessian.microBatch());
    }
  }

  @Test
  void needsANewPointAfterMemoryHasRunOutForGood() {
    KnownCase c = KnownCase.mlpTanh();
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Hessian hessian = hessian(c, scope, device);
      float[] before = product(hessian, device, scope);
      Vectors v = device.vectors(scope, DIRECTIONS + 1, hessian.dimension());
      Vectors hv = device.vectors(scope, DIRECTIONS + 1, hessian.dimension());
      Emulator.memory(1);
      assertThrows(MemoryExhaustedException.class, () -> hessian.apply(v, hv));
      assertThrows(IllegalStateException.class, hessian::loss);
      assertThrows(IllegalStateException.class, () -> hessian.apply(v, hv));
      Emulator.memory(2L << 30);
      hessian.linearize(c.host(scope, "parameters"));
      assertClose("H v", before, product(hessian, device, scope), 1e-5);
    }
  }

  /** What all parts need together hardly depends on their number. */
  @Test
  void recordingsShareTheirVectors() {
    long few = memoryWithParts(4);
    long many = memoryWithParts(1);
    assertTrue(many < few + (100 << 10), "2 parts: " + few + ", 8 parts: " + many);
  }

  private static long memoryWithParts(int microBatch) {
    KnownCase c = KnownCase.vitSmall();
    NetworkOperator.Limits limits = new NetworkOperator.Limits(0, microBatch, DIRECTIONS);
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      long before = device.defaultMemoryLimit();
      Hessian hessian = new Hessian(c.network(), c.loss(), few(c, scope), device, limits);
      scope.onClose(hessian::close);
      hessian.linearize(c.host(scope, "parameters"));
      product(hessian, device, scope);
      product(hessian, device, scope);
      assertTrue(Emulator.live().text().contains("executable graph"));
      return before - device.defaultMemoryLimit();
    }
  }

  @Test
  void tracesByLayerAddUp() {
    KnownCase c = KnownCase.lmCausal();
    try (Device device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Hessian hessian = hessian(c, scope, device);
      LayerTraces result = LayerTraces.measure(hessian, LayerTraces.tensors(c.network()), 4, 3);
      double sum = result.layers().values().stream().mapToDouble(Estimate::value).sum();
      assertEquals(result.total().value(), sum, 1e-6 * Math.abs(sum));
      double forms = TraceEstimator.hutchinson(4, 3).run(hessian).value();
      assertEquals(forms, result.total().value(), 1e-5 * Math.abs(forms));
    }
  }
}

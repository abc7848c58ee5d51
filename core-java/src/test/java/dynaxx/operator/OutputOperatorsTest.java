package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Linear;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.pass.FisherSweep;
import dynaxx.network.pass.TangentSweep;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What must hold exactly for Gauss-Newton and empirical Fisher, whatever the network. */
class OutputOperatorsTest {

  private static final Loss CROSS_ENTROPY = Loss.crossEntropy();

  /** Which operator a test is about. */
  enum Which {
    GAUSS_NEWTON,
    EMPIRICAL_FISHER;

    NetworkOperator open(Network network, Loss loss, Batch batch, Device device, Limits limits) {
      return this == GAUSS_NEWTON
          ? new GaussNewton(network, loss, batch, device, limits)
          : new EmpiricalFisher(network, loss, batch, device, limits);
    }

    NetworkOperator open(Network network, Batch batch, Device device) {
      return open(network, CROSS_ENTROPY, batch, device, Limits.DEFAULT);
    }

    /** Memory of one example's tangents in one direction. */
    long bytes(Network network) {
      return this == GAUSS_NEWTON
          ? TangentSweep.bytesPerExample(network, TangentSweep.Kind.GAUSS_NEWTON)
              + TangentSweep.bytesPerExample(network, TangentSweep.Kind.QUADRATIC)
          : FisherSweep.bytesPerExample(network);
    }
  }

  /** An operator on a network. */
  record Case(Which which, Network network) {}

  static Stream<Case> cases() {
    return HessianTest.largeAndSmall()
        .flatMap(network -> Stream.of(Which.values()).map(which -> new Case(which, network)));
  }

  private static HostBuffer parameters(Scope scope, Network network) {
    HostBuffer w = scope.allocate(network.parameterCount());
    network.initialize(w, 3);
    return w;
  }

  /** Products of all directions, then their quadratic forms, bit by bit. */
  private record Found(float[] products, double[] forms) {

    void assertSameBits(Found other) {
      assertArrayEquals(products, other.products);
      assertArrayEquals(forms, other.forms);
    }

    void assertClose(Found other, double tolerance) {
      double[] wide = widen(products);
      Numbers.assertClose("products", wide, other.products, tolerance);
      double scale = Arrays.stream(forms).max().orElseThrow();
      assertArrayEquals(forms, other.forms, tolerance * scale);
    }
  }

  private static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  private static Found find(
      Case c, Batch batch, HostBuffer w, Vectors v, int threads, Limits limits) {
    try (Device device = Devices.cpu(threads);
        Scope scope = Scope.open();
        NetworkOperator operator = c.which.open(c.network, CROSS_ENTROPY, batch, device, limits)) {
      Vectors products = scope.vectors(v.count(), v.length());
      operator.linearize(w).apply(v, products);
      return new Found(((HostBuffer) products.buffer()).toArray(), operator.quadraticForm(v));
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void givesTheSameBitsForAnyThreadsAndDirections(Case c) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, c.network);
      Batch batch = Samples.batch(scope, c.network, CROSS_ENTROPY, 9, 1);
      int n = (int) c.network.parameterCount();
      Vectors v = Numbers.vectors(scope, 5, Numbers.uniform(5 * n, 8));
      Found one = find(c, batch, w, v, 1, Limits.DEFAULT);
      one.assertSameBits(find(c, batch, w, v, 2, Limits.DEFAULT));
      one.assertSameBits(find(c, batch, w, v, 4, Limits.DEFAULT));
      one.assertSameBits(find(c, batch, w, v, 2, new Limits(0, 0, 1)));
      for (int i = 0; i < 5; i++) {
        Found single = find(c, batch, w, v.subset(i, 1), 2, Limits.DEFAULT);
        float[] product = Arrays.copyOfRange(one.products(), i * n, (i + 1) * n);
        assertArrayEquals(product, single.products());
        assertEquals(one.forms()[i], single.forms()[0]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void isSymmetricSemidefiniteAndAgreesWithItsForm(Case c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, c.network, CROSS_ENTROPY, 5, 1);
      int n = (int) c.network.parameterCount();
      Vectors v = Numbers.vectors(scope, 2, Numbers.uniform(2 * n, 8));
      try (NetworkOperator operator = c.which.open(c.network, batch, device)) {
        Vectors av = scope.vectors(2, n);
        operator.linearize(parameters(scope, c.network)).apply(v, av);
        double scale =
            Math.sqrt(
                device.algebra().dot(v.vector(0), v.vector(0))
                    * device.algebra().dot(av.vector(1), av.vector(1)));
        assertEquals(
            device.algebra().dot(v.vector(0), av.vector(1)),
            device.algebra().dot(v.vector(1), av.vector(0)),
            1e-6 * scale,
            "u'Av = v'Au");
        double[] forms = operator.quadraticForm(v);
        for (int i = 0; i < 2; i++) {
          assertEquals(device.algebra().dot(v.vector(i), av.vector(i)), forms[i], 1e-6 * scale);
          assertTrue(forms[i] >= 0);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void microBatchesAddUpToTheWhole(Case c) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, c.network);
      Batch batch = Samples.batch(scope, c.network, CROSS_ENTROPY, 23, 1);
      int n = (int) c.network.parameterCount();
      Vectors v = Numbers.vectors(scope, 3, Numbers.uniform(3 * n, 8));
      Found whole = find(c, batch, w, v, 2, Limits.DEFAULT);
      whole.assertClose(find(c, batch, w, v, 2, new Limits(0, 5, 8)), 2e-6);
      Limits tight = new Limits(tight(c), 0, 2);
      whole.assertClose(find(c, batch, w, v, 2, tight), 2e-6);
      try (Device device = Devices.cpu(1);
          NetworkOperator operator = c.which.open(c.network, CROSS_ENTROPY, batch, device, tight)) {
        assertTrue(operator.recomputes());
        assertTrue(operator.microBatch() < 23 && operator.microBatch() > 1);
      }
    }
  }

  /** Room for eight examples with one direction. */
  private static long tight(Case c) {
    return 8 * (Tape.bytesPerExample(c.network, CROSS_ENTROPY) + c.which.bytes(c.network));
  }

  /**
   * A network that is linear in its parameters has no curvature of its own: Hessian and
   * Gauss-Newton matrix are the same.
   */
  @Test
  void linearNetworksHaveNothingButTheLoss() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(3, 4));
    Parameter weight = g.parameter("weight", Initializer.deviation(0.5), 5, 4);
    Parameter bias = g.parameter("bias", Initializer.deviation(0.5), 5);
    Parameter table = g.parameter("table", Initializer.deviation(0.5), 3, 5);
    NetworkBuilder.Node x = g.add(new Linear(weight, bias), g.input());
    Network network = g.build(g.add(new PositionEmbedding(table), x));
    int n = (int) network.parameterCount();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      for (Loss loss : new Loss[] {CROSS_ENTROPY, Loss.meanSquaredError()}) {
        Batch batch = Samples.batch(scope, network, loss, 7, 2);
        Vectors v = Numbers.vectors(scope, 3, Numbers.uniform(3 * n, 8));
        Vectors hv = scope.vectors(3, n);
        Vectors gv = scope.vectors(3, n);
        try (Hessian hessian = new Hessian(network, loss, batch, device);
            GaussNewton gaussNewton = new GaussNewton(network, loss, batch, device)) {
          hessian.linearize(w).apply(v, hv);
          gaussNewton.linearize(w).apply(v, gv);
          Numbers.assertClose(
              loss.name(),
              Numbers.doubles(hv.buffer()),
              ((HostBuffer) gv.buffer()).toArray(),
              1e-6);
          assertArrayEquals(hessian.quadraticForm(v), gaussNewton.quadraticForm(v), 1e-5);
          assertEquals(hessian.loss(), gaussNewton.loss());
          assertEquals(hessian.gradientNorm(), gaussNewton.gradientNorm());
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void reportsWhatIsNotFinite(Which which) {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 4, 1);
      HostBuffer w = scope.allocate(network.parameterCount());
      w.set(2, Float.NaN);
      try (NetworkOperator operator = which.open(network, batch, device)) {
        NonFiniteException e = assertThrows(NonFiniteException.class, () -> operator.linearize(w));
        assertEquals("loss: found NaN, expected a finite value", e.getMessage());
        Vectors v = scope.vectors(1, network.parameterCount());
        Vectors av = scope.vectors(1, network.parameterCount());
        assertThrows(IllegalStateException.class, () -> operator.apply(v, av));
        assertThrows(IllegalStateException.class, () -> operator.quadraticForm(v));
        w.set(2, 0);
        assertTrue(Double.isFinite(operator.linearize(w).loss()));
      }
    }
  }

  /** The loss is finite, but squares of gradients are not. */
  @Test
  void reportsGramMatricesThatAreNotFinite() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2));
    Parameter weight = g.parameter("weight", Initializer.ZEROS, 1, 2);
    Network network = g.build(g.add(new Linear(weight, null), g.input()));
    Loss loss = Loss.meanSquaredError();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer x = scope.allocate(4).put(1e30f, 0, 0, 1);
      Batch batch = Batch.of(network, loss, x, scope.allocate(2).put(1, 1));
      try (EmpiricalFisher fisher = new EmpiricalFisher(network, loss, batch, device)) {
        fisher.linearize(scope.allocate(2));
        String message =
            assertThrows(NonFiniteException.class, () -> fisher.leading(1)).getMessage();
        assertTrue(message.startsWith("Gram matrix of gradients: found "), message);
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void refusesWhatDoesNotFit(Which which) {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 4, 1);
      Limits tiny = new Limits(16, 0, 1);
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> which.open(network, CROSS_ENTROPY, batch, device, tiny))
              .getMessage();
      assertTrue(message.startsWith("memory limit: found 16 bytes, expected at least "), message);
      try (NetworkOperator operator = which.open(network, batch, device)) {
        message =
            assertThrows(
                    IllegalArgumentException.class, () -> operator.linearize(scope.allocate(3)))
                .getMessage();
        assertEquals("parameters: found 3 values, expected 26", message);
        operator.linearize(scope.allocate(network.parameterCount()));
        Vectors v = scope.vectors(1, network.parameterCount());
        Vectors wrong = scope.vectors(1, 3);
        Vectors two = scope.vectors(2, network.parameterCount());
        assertThrows(IllegalArgumentException.class, () -> operator.apply(wrong, v));
        assertThrows(IllegalArgumentException.class, () -> operator.quadraticForm(wrong));
        assertThrows(IllegalArgumentException.class, () -> operator.apply(v, two));
        assertThrows(IllegalArgumentException.class, () -> operator.apply(v, v));
        assertFalse(operator.recomputes());
      }
    }
  }

  @Test
  void refusesCountsOutOfRange() {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 4, 1);
      try (EmpiricalFisher fisher = new EmpiricalFisher(network, CROSS_ENTROPY, batch, device)) {
        assertEquals(
            "empirical fisher: expected linearize(parameters) first",
            assertThrows(IllegalStateException.class, () -> fisher.leading(1)).getMessage());
        fisher.linearize(parameters(scope, network));
        for (int count : new int[] {0, 5}) {
          assertEquals(
              "count: found " + count + ", expected from 1 to 4",
              assertThrows(IllegalArgumentException.class, () -> fisher.leading(count))
                  .getMessage());
        }
        assertEquals(4, fisher.leading(4).length);
      }
    }
  }

  /** The Gram matrix and the products describe the same matrix, before and after each other. */
  @ParameterizedTest
  @MethodSource("dynaxx.operator.HessianTest#networks")
  void leadingEigenvaluesDoNotDependOnHowTheBatchIsCut(Network network) {
    Case c = new Case(Which.EMPIRICAL_FISHER, network);
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 23, 1);
      double[] whole = leading(c, batch, w, device, Limits.DEFAULT);
      double[] cut = leading(c, batch, w, device, new Limits(0, 5, 8));
      assertArrayEquals(whole, cut, 1e-6 * whole[0]);
      long beside = 23 * 4 * (network.parameterCount() + 23);
      try (EmpiricalFisher fisher =
          new EmpiricalFisher(
              network, CROSS_ENTROPY, batch, device, new Limits(tight(c) + beside, 4, 2))) {
        double[] again = fisher.linearize(w).leading(23);
        assertArrayEquals(whole, again, 1e-6 * whole[0]);
      }
    }
  }

  private static double[] leading(Case c, Batch batch, HostBuffer w, Device device, Limits limits) {
    int n = (int) c.network.parameterCount();
    try (Scope scope = Scope.open();
        EmpiricalFisher fisher =
            new EmpiricalFisher(c.network, CROSS_ENTROPY, batch, device, limits)) {
      Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(n, 4));
      double before = fisher.linearize(w).quadraticForm(v)[0];
      double[] values = fisher.leading(23);
      assertEquals(before, fisher.quadraticForm(v)[0]);
      return values;
    }
  }

  @Test
  void refusesAGramMatrixThatDoesNotFit() {
    Network network = Mlp.of(Activation.TANH, 30, 40, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 50, 1);
      Limits limits = new Limits(20_000, 0, 1);
      try (EmpiricalFisher fisher =
          new EmpiricalFisher(network, CROSS_ENTROPY, batch, device, limits)) {
        fisher.linearize(parameters(scope, network));
        String message =
            assertThrows(IllegalArgumentException.class, () -> fisher.leading(1)).getMessage();
        assertTrue(message.contains("beside the recordings, expected at least"), message);
        assertTrue(message.contains("50 examples in the layer of 0.weight"), message);
      }
    }
  }
}

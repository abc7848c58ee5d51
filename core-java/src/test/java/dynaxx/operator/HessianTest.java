package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.pass.Tape;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** What must hold exactly, whatever the network. */
class HessianTest {

  private static final Loss CROSS_ENTROPY = Loss.crossEntropy();

  static Stream<Network> networks() {
    return Stream.of(
        Mlp.of(Activation.SILU, 7, 9, 5),
        new VisionTransformer()
            .image(2, 4, 4)
            .patch(2)
            .embedding(8)
            .depth(2)
            .heads(2)
            .hidden(12)
            .classes(5)
            .build(),
        new LanguageModel()
            .vocabulary(11)
            .context(6)
            .embedding(8)
            .depth(1)
            .heads(2)
            .hidden(12)
            .build(),
        LanguageModel.llama()
            .vocabulary(11)
            .context(6)
            .embedding(16)
            .depth(2)
            .heads(4)
            .keyHeads(2)
            .hidden(12)
            .tied(true)
            .build(),
        new SequenceModel()
            .rows(5, 4)
            .kind(Recurrent.GRU)
            .layers(2)
            .bidirectional(true)
            .hidden(6)
            .classes(5)
            .build());
  }

  /** Everything a Hessian gives at one point, in one array after the other. */
  private record All(
      double loss, float[] gradient, List<double[]> entropy, float[] products, double[] forms) {

    void assertSameBits(All other) {
      assertEquals(loss, other.loss);
      assertArrayEquals(gradient, other.gradient);
      assertArrayEquals(entropy.toArray(), other.entropy.toArray());
      assertArrayEquals(products, other.products);
      assertArrayEquals(forms, other.forms);
    }

    void assertClose(All other, double tolerance) {
      assertEquals(loss, other.loss, tolerance * Math.abs(loss));
      Numbers.assertClose("gradient", widen(gradient), other.gradient, tolerance);
      for (int i = 0; i < entropy.size(); i++) {
        assertArrayEquals(entropy.get(i), other.entropy.get(i), 1e-6);
      }
      Numbers.assertClose("products", widen(products), other.products, tolerance);
      double scale = Numbers.norm(widen(products)) * Math.sqrt(products.length);
      assertArrayEquals(forms, other.forms, tolerance * scale);
    }
  }

  private static All all(
      Network network, Batch batch, HostBuffer w, Vectors v, int threads, Hessian.Limits limits) {
    try (Device device = Devices.cpu(threads);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(network, CROSS_ENTROPY, batch, device, limits)) {
      Vectors hv = scope.vectors(v.count(), v.length());
      hessian.linearize(w).apply(v, hv);
      return new All(
          hessian.loss(),
          ((HostBuffer) hessian.gradient()).toArray(),
          hessian.statistic("attention_entropy"),
          ((HostBuffer) hv.buffer()).toArray(),
          hessian.quadraticForm(v));
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void isSymmetricAndAgreesWithItsQuadraticForm(Network network) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 3);
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 5, 1);
      int n = (int) network.parameterCount();
      Vectors v = Numbers.vectors(scope, 2, Numbers.uniform(2 * n, 8));
      try (Hessian hessian = new Hessian(network, CROSS_ENTROPY, batch, device)) {
        Vectors hv = scope.vectors(2, n);
        hessian.linearize(w).apply(v, hv);
        double scale =
            Math.sqrt(
                device.algebra().dot(v.vector(0), v.vector(0))
                    * device.algebra().dot(hv.vector(1), hv.vector(1)));
        assertEquals(
            device.algebra().dot(v.vector(0), hv.vector(1)),
            device.algebra().dot(v.vector(1), hv.vector(0)),
            1e-6 * scale,
            "u'Hv = v'Hu");
        double[] forms = hessian.quadraticForm(v);
        for (int i = 0; i < 2; i++) {
          assertEquals(device.algebra().dot(v.vector(i), hv.vector(i)), forms[i], 1e-5 * scale);
        }
      }
    }
  }

  static Stream<Network> largeAndSmall() {
    Network large =
        new VisionTransformer()
            .image(1, 14, 14)
            .patch(7)
            .embedding(96)
            .depth(1)
            .heads(4)
            .hidden(384)
            .build();
    return Stream.concat(networks(), Stream.of(large));
  }

  @ParameterizedTest
  @MethodSource("largeAndSmall")
  void givesTheSameBitsForAnyThreadsAndDirections(Network network) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 3);
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 9, 1);
      int n = (int) network.parameterCount();
      Vectors v = Numbers.vectors(scope, 8, Numbers.uniform(8 * n, 8));
      All one = all(network, batch, w, v, 1, Hessian.Limits.DEFAULT);
      one.assertSameBits(all(network, batch, w, v, 2, Hessian.Limits.DEFAULT));
      one.assertSameBits(all(network, batch, w, v, 4, Hessian.Limits.DEFAULT));
      one.assertSameBits(all(network, batch, w, v, 2, new Hessian.Limits(0, 0, 1)));
      for (int i = 0; i < 8; i++) {
        All single = all(network, batch, w, v.subset(i, 1), 2, Hessian.Limits.DEFAULT);
        float[] product = Arrays.copyOfRange(one.products(), i * n, (i + 1) * n);
        assertArrayEquals(product, single.products());
        assertEquals(one.forms()[i], single.forms()[0]);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void microBatchesAddUpToTheWhole(Network network) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 3);
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 23, 1);
      int n = (int) network.parameterCount();
      Vectors v = Numbers.vectors(scope, 3, Numbers.uniform(3 * n, 8));
      All whole = all(network, batch, w, v, 2, Hessian.Limits.DEFAULT);
      whole.assertClose(all(network, batch, w, v, 2, new Hessian.Limits(0, 5, 8)), 2e-6);
      long memory = 12 * Tape.bytesPerExample(network, CROSS_ENTROPY);
      Hessian.Limits tight = new Hessian.Limits(memory, 0, 2);
      whole.assertClose(all(network, batch, w, v, 2, tight), 2e-6);
      try (Device device = Devices.cpu(1);
          Hessian hessian = new Hessian(network, CROSS_ENTROPY, batch, device, tight)) {
        assertTrue(hessian.recomputes());
        assertTrue(hessian.microBatch() < 23);
      }
    }
  }

  private static double[] widen(float[] values) {
    double[] doubles = new double[values.length];
    Arrays.setAll(doubles, i -> values[i]);
    return doubles;
  }

  @Test
  void shiftsThatTheLossCannotSeeAreNullVectors() {
    KnownCase c = KnownCase.vitSmall();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      Vectors v = scope.vectors(2, hessian.dimension());
      fill(c.network(), v, 0, "head.bias", 0, 10);
      fill(c.network(), v, 1, "blocks.0.attention.qkv.bias", 16, 32);
      Vectors hv = scope.vectors(2, hessian.dimension());
      hessian.apply(v, hv);
      double scale = 281;
      for (int i = 0; i < 2; i++) {
        double norm = Math.sqrt(device.algebra().dot(hv.vector(i), hv.vector(i)));
        assertTrue(norm < 1e-6 * scale, "direction " + i + ": " + norm);
      }
    }
  }

  private static void fill(
      Network network, Vectors v, int direction, String parameter, int from, int to) {
    HostBuffer part = (HostBuffer) network.view(v.vector(direction), parameter);
    for (int i = from; i < to; i++) {
      part.set(i, 1);
    }
  }

  @Test
  void reportsLossesThatAreNotFinite() {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 4, 1);
      HostBuffer w = scope.allocate(network.parameterCount());
      w.set(2, Float.NaN);
      try (Hessian hessian = new Hessian(network, CROSS_ENTROPY, batch, device)) {
        NonFiniteException e = assertThrows(NonFiniteException.class, () -> hessian.linearize(w));
        assertEquals("loss: found NaN, expected a finite value", e.getMessage());
        Vectors v = scope.vectors(1, network.parameterCount());
        Vectors hv = scope.vectors(1, network.parameterCount());
        assertThrows(IllegalStateException.class, () -> hessian.apply(v, hv));
        w.set(2, 0);
        assertTrue(Double.isFinite(hessian.linearize(w).loss()));
      }
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 4, 1);
      Hessian.Limits tiny = new Hessian.Limits(16, 0, 1);
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> new Hessian(network, CROSS_ENTROPY, batch, device, tiny))
              .getMessage();
      assertTrue(message.startsWith("memory limit: found 16 bytes"), message);
      try (Hessian hessian = new Hessian(network, CROSS_ENTROPY, batch, device)) {
        assertThrows(IllegalArgumentException.class, () -> hessian.linearize(scope.allocate(3)));
        hessian.linearize(scope.allocate(network.parameterCount()));
        Vectors v = scope.vectors(1, network.parameterCount());
        Vectors wrong = scope.vectors(1, 3);
        assertThrows(IllegalArgumentException.class, () -> hessian.apply(wrong, v));
        Vectors two = scope.vectors(2, network.parameterCount());
        assertThrows(IllegalArgumentException.class, () -> hessian.apply(v, two));
        assertThrows(IllegalArgumentException.class, () -> hessian.apply(v, v));
        assertFalse(hessian.recomputes());
      }
    }
  }
}

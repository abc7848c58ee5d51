package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Linear;
import dynaxx.network.op.StatisticLayer;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

/** Active units of rectifier layers, against plain loops in double precision. */
class ActiveFractionsTest {

  private static final int EXAMPLES = 23;
  private static final Loss LOSS = Loss.crossEntropy();
  private static final Device DEVICE = TestDevice.open(2);

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  /** Outputs of a perceptron of these widths are never rectified, all layers before are. */
  private static List<Double> loops(int[] widths, float[] w, float[] inputs) {
    double[] active = new double[widths.length - 2];
    for (int e = 0; e < EXAMPLES; e++) {
      double[] x = new double[widths[0]];
      for (int i = 0; i < x.length; i++) {
        x[i] = inputs[e * x.length + i];
      }
      int from = 0;
      for (int l = 1; l < widths.length - 1; l++) {
        double[] y = new double[widths[l]];
        for (int o = 0; o < y.length; o++) {
          y[o] = w[from + y.length * x.length + o];
          for (int i = 0; i < x.length; i++) {
            y[o] += w[from + o * x.length + i] * x[i];
          }
          assertTrue(Math.abs(y[o]) > 1e-5, "too close to zero for float32");
          active[l - 1] += y[o] > 0 ? 1 : 0;
          y[o] = Math.max(0, y[o]);
        }
        from += y.length * (x.length + 1);
        x = y;
      }
    }
    return Stream.iterate(0, l -> l + 1)
        .limit(active.length)
        .map(l -> active[l] / (EXAMPLES * widths[l + 1]))
        .toList();
  }

  private static List<Double> fractions(
      Network network, Batch batch, HostBuffer w, Device device, Limits limits) {
    try (Hessian hessian = new Hessian(network, LOSS, batch, device, limits)) {
      hessian.linearize(w);
      return hessian.statistic("active_fraction").stream().map(layer -> layer[0]).toList();
    }
  }

  private static float[] inputs(Batch batch) {
    return ((HostBuffer) batch.inputs()).toArray();
  }

  private static HostBuffer parameters(Scope scope, Network network) {
    HostBuffer w = scope.allocate(network.parameterCount());
    network.initialize(w, 3);
    return w;
  }

  @Test
  void areThoseOfPlainLoopsHoweverTheBatchIsCut() {
    int[] widths = {5, 9, 6, 3};
    Network network = Mlp.of(Activation.RELU, widths);
    assertEquals(List.of(9L, 6L), units(network));
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1);
      HostBuffer w = parameters(scope, network);
      for (int i = 0; i < w.size(); i++) {
        w.set(i, w.get(i) - 0.1f);
      }
      List<Double> expected = loops(widths, w.toArray(), inputs(batch));
      assertTrue(expected.stream().allMatch(f -> f > 0.1 && f < 0.9), expected.toString());
      assertTrue(Math.abs(expected.get(0) - expected.get(1)) > 0.05, expected.toString());
      long tight = 8 * Tape.bytesPerExample(network, LOSS);
      for (Limits limits :
          List.of(
              Limits.DEFAULT, new Limits(0, 5, 8), new Limits(0, 1, 8), new Limits(tight, 0, 1))) {
        assertEquals(expected, fractions(network, batch, w, DEVICE, limits), limits.toString());
      }
      Device exact = DEVICE.float64().orElseThrow();
      assertEquals(expected, fractions(network, batch, w, exact, Limits.DEFAULT));
    }
  }

  @Test
  void aSnapshotHasThem() {
    Network network = Mlp.of(Activation.RELU, 5, 9, 6, 3);
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1);
      HostBuffer w = parameters(scope, network);
      try (CurvatureProbe probe = new CurvatureProbe(network, LOSS, batch, DEVICE)) {
        assertEquals(
            loops(new int[] {5, 9, 6, 3}, w.toArray(), inputs(batch)),
            probe
                .measure(w, ProbeSettings.article())
                .reading(Signal.ACTIVE_FRACTION)
                .orElseThrow()
                .parts());
        assertEquals(Map.of(Signal.ACTIVE_FRACTION, 2), CurvatureProbe.layers(network));
      }
    }
  }

  /** What is counted before the backward pass leaves no trace in the gradient. */
  @Test
  void theGradientHasTheSameBitsWithAndWithoutThem() {
    Network network = Mlp.of(Activation.RELU, 5, 9, 6, 3);
    try (Scope scope = Scope.open();
        Tape tape = new Tape(network, LOSS, DEVICE, EXAMPLES)) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1).on(DEVICE, scope);
      var w = DEVICE.place(scope, parameters(scope, network));
      var with = DEVICE.allocate(scope, network.parameterCount());
      var without = DEVICE.allocate(scope, network.parameterCount());
      assertThrows(IllegalStateException.class, () -> tape.statistic("active_fraction"));
      tape.forward(w, batch, EXAMPLES, Mode.MEASURE);
      double[] counts = tape.statistic("active_fraction").getFirst();
      assertArrayEquals(counts, tape.statistic("active_fraction").getFirst());
      tape.backward(with);
      assertThrows(IllegalStateException.class, () -> tape.statistic("active_fraction"));
      tape.forward(w, batch, EXAMPLES, Mode.MEASURE);
      tape.backward(without);
      assertArrayEquals(Numbers.floats(DEVICE, without), Numbers.floats(DEVICE, with));
    }
  }

  /** Two linear layers with a function between; whether the data are rectified does not count. */
  private static Network around(Pointwise function) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    NetworkBuilder.Node x = g.add(new Activate(Activation.RELU), g.input());
    Parameter first = g.parameter("first", Initializer.glorot(4, 7), 7, 4);
    Parameter second = g.parameter("second", Initializer.glorot(7, 3), 3, 7);
    x = g.add(new Activate(function), g.add(new Linear(first, null), x));
    return g.build(g.add(new Linear(second, null), x));
  }

  @Test
  void otherRectifiersHaveThemAndOtherFunctionsNone() {
    try (Scope scope = Scope.open()) {
      List<Double> relu = null;
      for (Pointwise rectifier :
          List.of(
              Pointwise.of(Activation.RELU),
              Elementary.leakyRelu(0.01),
              Elementary.clip(0, 6),
              Elementary.clip(0, Double.POSITIVE_INFINITY))) {
        Network network = around(rectifier);
        assertEquals(List.of(7L), units(network), rectifier.label());
        Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1);
        List<Double> found =
            fractions(network, batch, parameters(scope, network), DEVICE, Limits.DEFAULT);
        relu = relu == null ? found : relu;
        assertEquals(relu, found, rectifier.label());
      }
      for (Pointwise other :
          List.of(
              Pointwise.of(Activation.TANH),
              Pointwise.of(Activation.GELU),
              Elementary.elu(1),
              Elementary.clip(-1, 1),
              Elementary.ABS)) {
        Network network = around(other);
        assertEquals(List.of(), units(network), other.label());
        Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1);
        HostBuffer w = parameters(scope, network);
        assertEquals(List.of(), fractions(network, batch, w, DEVICE, Limits.DEFAULT));
      }
    }
  }

  /** The steps of a recurrence share their parameters, and so are one layer. */
  @Test
  void theStepsOfARecurrenceAreOneLayer() {
    Network network =
        new SequenceModel()
            .rows(5, 4)
            .kind(Recurrent.RNN_RELU)
            .layers(2)
            .hidden(6)
            .classes(3)
            .build();
    assertEquals(List.of(30L, 30L), units(network));
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 1);
      HostBuffer w = parameters(scope, network);
      assertEquals(
          recurrence(w.toArray(), inputs(batch)),
          fractions(network, batch, w, DEVICE, new Limits(0, 7, 8)));
    }
  }

  private static List<Double> recurrence(float[] w, float[] inputs) {
    double[] active = new double[2];
    for (int e = 0; e < EXAMPLES; e++) {
      double[][] x = new double[5][4];
      for (int t = 0; t < 5; t++) {
        for (int i = 0; i < 4; i++) {
          x[t][i] = inputs[(e * 5 + t) * 4 + i];
        }
      }
      int from = 0;
      for (int layer = 0; layer < 2; layer++) {
        int in = x[0].length;
        double[] h = new double[6];
        for (int t = 0; t < 5; t++) {
          double[] next = new double[6];
          int states = from + 6 * in;
          for (int o = 0; o < 6; o++) {
            next[o] = w[states + 36 + o] + w[states + 42 + o];
            for (int i = 0; i < in; i++) {
              next[o] += w[from + o * in + i] * x[t][i];
            }
            for (int i = 0; i < 6; i++) {
              next[o] += w[states + o * 6 + i] * h[i];
            }
            assertTrue(Math.abs(next[o]) > 1e-5, "too close to zero for float32");
            active[layer] += next[o] > 0 ? 1 : 0;
            next[o] = Math.max(0, next[o]);
          }
          h = next;
          x[t] = next;
        }
        from += 6 * in + 48;
      }
    }
    return Arrays.stream(active).map(count -> count / (EXAMPLES * 30)).boxed().toList();
  }

  private static List<Long> units(Network network) {
    return network.layers("active_fraction").stream().map(StatisticLayer::terms).toList();
  }
}

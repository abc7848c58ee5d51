package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Activation;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Multiply;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Results do not depend on what a tape does not keep. */
class TapeLayoutTest {

  private static final int EXAMPLES = 3;
  private static final int DIRECTIONS = 2;
  private static final Loss CROSS_ENTROPY = Loss.crossEntropy();

  /** One network and its loss. */
  record Case(String name, Network network, Loss loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    OpPassesTest.cases().forEach(c -> cases.add(new Case(c.name(), c.network(), c.loss())));
    KnownCase.all().forEach(c -> cases.add(new Case(c.name(), c.network(), c.loss())));
    Network llama =
        LanguageModel.llama()
            .vocabulary(7)
            .context(5)
            .embedding(8)
            .depth(2)
            .heads(2)
            .keyHeads(1)
            .hidden(12)
            .build();
    cases.add(new Case("llama", llama, CROSS_ENTROPY));
    NetworkBuilder g = NetworkBuilder.of(Shape.of(6));
    NetworkBuilder.Node x = g.linear(g.input(), 8, "a");
    NetworkBuilder.Node twice = g.add(new Activate(Activation.SILU), g.add(activate(), x));
    NetworkBuilder.Node gated = g.add(new Multiply(), activate(g, x, "c"), activate(g, x, "d"));
    NetworkBuilder.Node sum = g.add(new Add(), g.add(new Dropout(0.5f), twice), gated);
    NetworkBuilder.Node normed = g.add(activate(), g.layerNorm(sum, "norm"));
    cases.add(new Case("functions", g.build(g.linear(normed, 4, "b")), CROSS_ENTROPY));
    return cases.stream();
  }

  private static Activate activate() {
    return new Activate(Activation.TANH);
  }

  private static NetworkBuilder.Node activate(
      NetworkBuilder g, NetworkBuilder.Node x, String name) {
    return g.add(new Activate(Activation.GELU), g.linear(x, 8, name));
  }

  /** Everything that follows from one recording. */
  private record Results(
      float[] gradient, float[] products, double[] forms, float[] gaussNewton, float[] examples) {

    static Results of(Case c, Device device, boolean compact, boolean spoiled) {
      Network network = c.network();
      int n = Math.toIntExact(network.parameterCount());
      try (Scope scope = Scope.open();
          Tape tape = new Tape(network, c.loss(), device, EXAMPLES, null, compact);
          TangentSweep products = sweep(network, TangentSweep.Kind.PRODUCT, device);
          TangentSweep forms = sweep(network, TangentSweep.Kind.QUADRATIC, device);
          TangentSweep gauss = sweep(network, TangentSweep.Kind.GAUSS_NEWTON, device)) {
        Runnable spoil = spoiled ? () -> spoil(tape, device, compact) : () -> {};
        HostBuffer w = scope.allocate(n);
        network.initialize(w, 5);
        Buffer point = device.upload(scope, w.segment());
        Batch batch = Samples.batch(scope, network, c.loss(), EXAMPLES, 17).on(device, scope);
        Vectors v = Numbers.vectors(device, scope, DIRECTIONS, Numbers.uniform(n * DIRECTIONS, 23));
        tape.forward(point, batch, EXAMPLES);
        spoil.run();
        Buffer gradient = device.allocate(scope, n);
        tape.backward(gradient);
        spoil.run();
        Vectors hv = device.vectors(scope, DIRECTIONS, n);
        products.addProducts(tape, v, hv);
        spoil.run();
        Scalars sums = device.scalars(scope, DIRECTIONS);
        forms.addQuadraticForms(tape, v, sums);
        spoil.run();
        Buffer examples = device.allocate(scope, n);
        if (!network.couplesExamples()) {
          ParameterGradients.add(tape, 1, 2, examples);
          spoil.run();
        }
        Vectors gv = device.vectors(scope, DIRECTIONS, n);
        gauss.addGaussNewtonProducts(tape, v, gv);
        return new Results(
            Numbers.floats(device, gradient),
            Numbers.floats(device, hv.buffer()),
            sums.read(),
            Numbers.floats(device, gv.buffer()),
            Numbers.floats(device, examples));
      }
    }

    private static TangentSweep sweep(Network network, TangentSweep.Kind kind, Device device) {
      return new TangentSweep(network, kind, device, EXAMPLES, DIRECTIONS);
    }

    private static void spoil(Tape tape, Device device, boolean compact) {
      TapeLayout layout = TapeLayout.of(tape.network(), compact);
      for (int i = 1; i < tape.network().steps().size(); i++) {
        if (layout.valueSlot(i) >= 0) {
          device.algebra().fill(tape.valueArray(i), Double.NaN);
        }
        if (layout.adjointSlot(i) >= 0) {
          device.algebra().fill(tape.adjointArray(i), Double.NaN);
        }
      }
    }

    void assertSame(Results others) {
      assertArrayEquals(gradient, others.gradient, "gradient");
      assertArrayEquals(products, others.products, "H v");
      assertArrayEquals(forms, others.forms, "v'H v");
      assertArrayEquals(gaussNewton, others.gaussNewton, "G v");
      assertArrayEquals(examples, others.examples, "gradients of examples");
    }
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void whatIsNotKeptMayBeOverwrittenBetweenPasses(Case c) {
    try (Device device = TestDevice.open(2)) {
      Results expected = Results.of(c, device, false, false);
      expected.assertSame(Results.of(c, device, false, true));
      expected.assertSame(Results.of(c, device, true, true));
    }
  }

  private static double floatsPerBlock(boolean compact) {
    long deep = Tape.bytesPerExample(transformer(7), CROSS_ENTROPY, compact);
    long shallow = Tape.bytesPerExample(transformer(2), CROSS_ENTROPY, compact);
    return (deep - shallow) / (double) (5 * Float.BYTES * 5 * 16);
  }

  private static Network transformer(int depth) {
    return new VisionTransformer()
        .image(1, 14, 14)
        .patch(7)
        .embedding(16)
        .depth(depth)
        .heads(2)
        .hidden(64)
        .build();
  }

  /**
   * For each of 5 tokens and 16 columns; attention saves 3 numbers for each token of its 2 heads,
   * and two norms 2 values a token. Values: two norms (2), queries, keys and values (3), attention
   * (1), two sums (2), hidden units (4) and what GELU gives (4), not what the sums add up.
   * Adjoints: the same without the sums' own, but with those of what they add up. A compact tape
   * has neither norms' nor GELU's values, nor the adjoint of the hidden units.
   */
  @Test
  void aBlockOfATransformerKeepsWhatIsReadAgain() {
    double saved = 3 * 2 / 16.0 + 2 * 2 / 16.0;
    assertEquals(16 + 16 + saved, floatsPerBlock(false), 1e-9);
    assertEquals(10 + 12 + saved, floatsPerBlock(true), 1e-9);
  }

  @Test
  void aValueThatOnlyTheForwardPassReadsIsNotGivenOut() {
    Network network = Mlp.of(Activation.TANH, 3, 2, 2);
    NetworkBuilder g = NetworkBuilder.of(Shape.of(3));
    NetworkBuilder.Node x = g.linear(g.input(), 3, "a");
    Network sums = g.build(g.add(new Add(), x, g.linear(x, 3, "b")));
    try (Device device = TestDevice.open(1);
        Scope scope = Scope.open();
        Tape tape = new Tape(network, CROSS_ENTROPY, device, 2, null, true);
        Tape other = new Tape(sums, CROSS_ENTROPY, device, 2)) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 1);
      tape.forward(w, Samples.batch(scope, network, CROSS_ENTROPY, 2, 1), 2);
      float[] hidden = Numbers.floats(device, tape.output(2));
      device.algebra().fill(tape.valueArray(2), Double.NaN);
      assertArrayEquals(hidden, Numbers.floats(device, tape.output(2)));
      HostBuffer point = scope.allocate(sums.parameterCount());
      other.forward(point, Samples.batch(scope, sums, CROSS_ENTROPY, 2, 1), 2);
      assertTrue(other.output(1).size() > 0);
      String refused =
          assertThrows(IllegalArgumentException.class, () -> other.output(2)).getMessage();
      assertTrue(refused.startsWith("node: found 2, whose value is not kept"), refused);
    }
  }
}

package dynaxx.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.backend.Activation;
import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The builders' networks against nested dual numbers and against PyTorch's float64 values. */
class BuildersTest {

  static Stream<OpPassesTest.Case> networks() {
    VisionTransformer vit =
        new VisionTransformer().image(1, 4, 4).patch(2).embedding(4).heads(2).hidden(5).classes(3);
    Network lm =
        new LanguageModel()
            .vocabulary(5)
            .context(4)
            .embedding(4)
            .depth(2)
            .heads(2)
            .hidden(5)
            .activation(Activation.SILU)
            .build();
    ConvolutionalNetwork cnn =
        new ConvolutionalNetwork()
            .image(1, 5, 4)
            .stages(2, 4)
            .blocks(1)
            .classes(3)
            .activation(Activation.SILU);
    return Stream.of(
        new OpPassesTest.Case("cnn, groups", cnn.groupNorm(2).build(), Loss.crossEntropy()),
        new OpPassesTest.Case("cnn, batch", cnn.batchNorm().build(), Loss.crossEntropy()),
        new OpPassesTest.Case(
            "cnn, running statistics",
            cnn.batchNorm(
                    n ->
                        RunningStatistics.standard(n.contains("s.0") || n.contains("stem") ? 2 : 4))
                .build(),
            Loss.crossEntropy()),
        new OpPassesTest.Case("cnn, no norm", cnn.noNorm().build(), Loss.meanSquaredError()),
        new OpPassesTest.Case("mlp", Mlp.of(Activation.SOFTPLUS, 4, 6, 5, 3), Loss.crossEntropy()),
        new OpPassesTest.Case("vit", vit.depth(2).build(), Loss.crossEntropy()),
        new OpPassesTest.Case(
            "vit, mean pooling", vit.meanPooling(true).build(), Loss.meanSquaredError()),
        new OpPassesTest.Case("language model", lm, Loss.crossEntropy()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("networks")
  void agreeWithNestedDualNumbers(OpPassesTest.Case c) {
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open()) {
      int n = Math.toIntExact(c.network().parameterCount());
      HostBuffer w = scope.allocate(n);
      c.network().initialize(w, 2);
      Batch batch = Samples.batch(scope, c.network(), c.loss(), 3, 4);
      Oracle oracle = new Oracle(c.network(), c.loss(), w, batch);
      try (Hessian hessian = new Hessian(c.network(), c.loss(), batch, backend)) {
        hessian.linearize(w);
        float[] gradient = ((HostBuffer) hessian.gradient()).toArray();
        Numbers.assertClose("gradient", oracle.gradient(), gradient, 2e-5);
        Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(n, 6));
        Vectors hv = scope.vectors(1, n);
        hessian.apply(v, hv);
        double[] expected = oracle.hessianVector(Numbers.doubles(v.buffer()));
        Numbers.assertClose("H v", expected, ((HostBuffer) hv.buffer()).toArray(), 2e-5);
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Activation.class,
      names = {"GELU", "GELU_TANH"})
  void agreesWithTheReferenceTransformer(Activation gelu) {
    ReferenceTransformer reference = new ReferenceTransformer(gelu);
    JsonNode expected = KnownCase.json("vit_ref.json").get(reference.key());
    Network network = reference.network();
    int n = (int) network.parameterCount();
    assertEquals(expected.get("n").asInt(), n);
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = (HostBuffer) Numbers.vectors(scope, 1, reference.parameters()).buffer();
      HostBuffer x = (HostBuffer) Numbers.vectors(scope, 1, reference.inputs()).buffer();
      HostBuffer y = (HostBuffer) Numbers.vectors(scope, 1, reference.targets()).buffer();
      Loss loss = Loss.crossEntropy();
      Vectors v = Numbers.vectors(scope, 3, reference.directions());
      try (Hessian hessian = new Hessian(network, loss, Batch.of(network, loss, x, y), backend)) {
        hessian.linearize(w);
        assertEquals(expected.get("loss").asDouble(), hessian.loss(), 1e-6);
        assertEquals(expected.get("gradnorm").asDouble(), hessian.gradientNorm(), 5e-5);
        Vectors hv = scope.vectors(3, n);
        hessian.apply(v, hv);
        double[] forms = hessian.quadraticForm(v);
        for (int i = 0; i < 3; i++) {
          assertEquals(expected.get("vHv").get(i).asDouble(), forms[i], 3e-4);
          double norm = Math.sqrt(backend.dot(hv.vector(i), hv.vector(i)));
          assertEquals(expected.get("Hvnorm").get(i).asDouble(), norm, 3e-4);
        }
        for (int j = 0; j < 5; j++) {
          double entry = expected.get("Hv0_first5").get(j).asDouble();
          assertEquals(entry, ((HostBuffer) hv.vector(0)).get(j), 3e-5);
        }
        Lanczos.Result result = Lanczos.fixed(150).run(hessian);
        assertEquals(expected.get("lam_max").asDouble(), result.max().value(), 1e-3);
        assertEquals(expected.get("lam_min").asDouble(), result.min().value(), 1e-3);
      }
    }
  }

  @Test
  void refuseSettingsThatDoNotFit() {
    String heads =
        assertThrows(
                IllegalArgumentException.class,
                () -> new VisionTransformer().embedding(10).heads(4).build())
            .getMessage();
    assertEquals("heads: found 4, expected a divisor of width 10", heads);
    assertThrows(
        IllegalArgumentException.class,
        () -> new VisionTransformer().image(1, 28, 28).patch(5).build());
    assertThrows(IllegalArgumentException.class, () -> Mlp.of(Activation.TANH, 3));
  }

  @Test
  void shapeErrorsNameTheOpTheInputAndBothShapes() {
    Network.Builder g = Network.builder(Shape.of(4, 6));
    Parameter w = g.parameter("w", Initializer.ZEROS, 3, 5);
    String message =
        assertThrows(IllegalArgumentException.class, () -> g.add(new Linear(w, null), g.input()))
            .getMessage();
    assertEquals(
        "linear: input 0 has shape [4 x 6], expected a last extent of 5 for weight [3 x 5]",
        message);
    Network.Builder other = Network.builder(Shape.of(5));
    String foreign =
        assertThrows(
                IllegalArgumentException.class, () -> other.add(new Linear(w, null), other.input()))
            .getMessage();
    assertTrue(foreign.contains("'w' was not declared"), foreign);
  }

  @Test
  void refuseNodesAndParametersThatDoNotReachTheOutput() {
    Network.Builder g = Network.builder(Shape.of(4));
    Network.Node x = TransformerBlocks.linear(g, "a", g.input(), 4);
    g.add(new Activate(Activation.TANH), x);
    Network.Node y = g.add(new Activate(Activation.RELU), x);
    String dead = assertThrows(IllegalArgumentException.class, () -> g.build(y)).getMessage();
    assertEquals("tanh: node 2 does not reach the output", dead);
    Network.Builder h = Network.builder(Shape.of(4));
    h.parameter("unused", Initializer.ZEROS, 2);
    Network.Node z = TransformerBlocks.linear(h, "a", h.input(), 4);
    assertThrows(IllegalArgumentException.class, () -> h.build(z));
    assertThrows(IllegalArgumentException.class, () -> h.parameter("unused", Initializer.ZEROS, 2));
  }

  private static String refusal(org.junit.jupiter.api.function.Executable call) {
    return assertThrows(IllegalArgumentException.class, call).getMessage();
  }

  @Test
  void aResidualNetworkHasTheUsualShapes() {
    Network network = new ConvolutionalNetwork().image(3, 32, 32).classes(7).build();
    assertEquals(Shape.of(7), network.outputShape());
    assertEquals(Shape.of(16, 3, 3, 3), network.parameter("stem.conv.weight").shape());
    assertEquals(
        Shape.of(32, 16, 1, 1), network.parameter("stages.1.0.shortcut.conv.weight").shape());
    assertEquals(Shape.of(64), network.parameter("stages.2.1.norm2.bias").shape());
    assertThrows(
        IllegalArgumentException.class, () -> network.parameter("stages.0.0.shortcut.conv.weight"));
    assertEquals(
        "group norm: input 0 has shape [16 x 28 x 28], expected channels in a multiple of 5 groups",
        refusal(() -> new ConvolutionalNetwork().groupNorm(5).build()));
    assertEquals(
        "blocks: found 0, expected at least 1",
        refusal(() -> new ConvolutionalNetwork().blocks(0).build()));
  }

  @Test
  void shapeErrorsOfImageOps() {
    Network.Builder g = Network.builder(Shape.of(4, 6, 5));
    Parameter w = g.parameter("w", Initializer.ZEROS, 6, 2, 3, 3);
    Parameter four = g.parameter("four", Initializer.ZEROS, 4);
    Parameter signal = g.parameter("signal", Initializer.ZEROS, 6, 4, 3);
    assertEquals(
        "conv2d: input 0 has shape [4 x 6 x 5], expected [2 x height x width] for weight"
            + " [6 x 2 x 3 x 3] and 1 groups",
        refusal(() -> g.add(Conv.of(w, null), g.input())));
    assertEquals(
        "conv1d: input 0 has shape [4 x 6 x 5], expected [4 x width] for weight [6 x 4 x 3] and 1"
            + " groups",
        refusal(() -> g.add(Conv.of(signal, null), g.input())));
    assertEquals(
        "conv2d: input 0 has shape [4 x 6 x 5], expected a padded extent of at least that of the"
            + " dilated kernel of weight [6 x 2 x 3 x 3]",
        refusal(() -> g.add(Conv.of(w, null).withGroups(2).withDilation(3), g.input())));
    assertEquals(
        "conv2d: parameter 'four' has shape [4], expected 6 values",
        refusal(() -> g.add(Conv.of(w, four).withGroups(2), g.input())));
    assertEquals(
        "groups: found 4, expected a divisor of the outputs of [6 x 2 x 3 x 3]",
        refusal(() -> Conv.of(w, null).withGroups(4)));
    assertEquals(
        "stride: found 0, expected at least 1", refusal(() -> Conv.of(w, null).withStride(0)));
    assertEquals(
        "max pool: input 0 has shape [4 x 6 x 5], expected a padded extent of at least a window of"
            + " 7 x 7",
        refusal(() -> g.add(new MaxPool(PoolWindow.of(7)), g.input())));
    assertThrows(IllegalArgumentException.class, () -> PoolWindow.of(2, 2, 2));
    assertEquals(
        "batch norm: input 0 has shape [4 x 6 x 5], expected 3 channels as in the running"
            + " statistics",
        refusal(
            () ->
                g.add(
                    ChannelNorm.running(four, null, 0, RunningStatistics.standard(3)), g.input())));
    assertEquals(
        "running statistics: found mean 0.0 and variance -1.0 at channel 0, expected finite numbers"
            + " and a variance of at least 0",
        refusal(() -> RunningStatistics.of(new float[] {0}, new float[] {-1})));
  }

  @Test
  void dataIsCheckedBeforeUse() {
    Network lm = new LanguageModel().vocabulary(5).context(2).depth(0).build();
    Loss loss = Loss.crossEntropy();
    try (Scope scope = Scope.open()) {
      HostBuffer good = scope.allocate(2).put(1, 4);
      HostBuffer token = scope.allocate(2).put(1, 5);
      HostBuffer fraction = scope.allocate(2).put(1, 0.5f);
      assertEquals(
          "inputs: found 5.0 at 1, expected a token from 0 to 4",
          assertThrows(IllegalArgumentException.class, () -> Batch.of(lm, loss, token, good))
              .getMessage());
      assertEquals(
          "targets: found 0.5 at 1, expected a class from 0 to 4",
          assertThrows(IllegalArgumentException.class, () -> Batch.of(lm, loss, good, fraction))
              .getMessage());
      assertThrows(
          IllegalArgumentException.class,
          () -> Batch.of(lm, loss, scope.allocate(3), scope.allocate(3)));
      assertThrows(
          IllegalArgumentException.class, () -> Batch.of(lm, loss, good, scope.allocate(3)));
    }
  }

  @Test
  void aNetworkDoesNotChangeWhenItsBuilderGoesOn() {
    Network.Builder g = Network.builder(Shape.of(4));
    Network.Node x = TransformerBlocks.linear(g, "a", g.input(), 4);
    Network.Node y = g.add(new Activate(Activation.TANH), x);
    Network first = g.build(y);
    TransformerBlocks.linear(g, "b", y, 4);
    Network.Node z = g.add(new Add(), g.add(new Activate(Activation.RELU), y), x);
    assertThrows(IllegalArgumentException.class, () -> g.build(z));
    assertEquals(2, first.parameters().size());
    assertEquals(20, first.parameterCount());
    assertEquals(Shape.of(4), first.outputShape());
    assertEquals(false, first.steps().get(2).adds()[0]);
  }

  @Test
  void tokenNumbersMustBeData() {
    Network.Builder g = Network.builder(Shape.of(4));
    Parameter table = g.parameter("table", Initializer.ZEROS, 5, 2);
    Network.Node x = g.add(new Flatten(), g.input());
    String message =
        assertThrows(IllegalArgumentException.class, () -> g.add(new TokenEmbedding(table), x))
            .getMessage();
    assertTrue(message.contains("expected the network's input"), message);
  }
}

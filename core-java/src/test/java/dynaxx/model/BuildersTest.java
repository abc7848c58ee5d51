package dynaxx.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Gather;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.Op;
import dynaxx.network.op.Pad;
import dynaxx.network.op.Permute;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Slice;
import dynaxx.network.op.TokenEmbedding;
import dynaxx.network.op.Where;
import dynaxx.network.pass.OpPassesTest;
import dynaxx.network.pass.Oracle;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;
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
    Stream<OpPassesTest.Case> others =
        Stream.of(
            new OpPassesTest.Case(
                "mlp", Mlp.of(Activation.SOFTPLUS, 4, 6, 5, 3), Loss.crossEntropy()),
            new OpPassesTest.Case("vit", vit.depth(2).build(), Loss.crossEntropy()),
            new OpPassesTest.Case(
                "vit, mean pooling", vit.meanPooling(true).build(), Loss.meanSquaredError()),
            new OpPassesTest.Case("language model", lm, Loss.crossEntropy()));
    return Stream.of(others, convolutional(), decoders(), recurrent()).flatMap(cases -> cases);
  }

  private static Stream<OpPassesTest.Case> convolutional() {
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
        new OpPassesTest.Case("cnn, no norm", cnn.noNorm().build(), Loss.meanSquaredError()));
  }

  private static LanguageModel tiny(LanguageModel model) {
    return model.vocabulary(5).context(3).embedding(8).depth(1).heads(4).hidden(5);
  }

  private static Stream<OpPassesTest.Case> decoders() {
    Network gpt = tiny(LanguageModel.gpt()).build();
    Network llama = tiny(LanguageModel.llama()).keyHeads(2).build();
    Network mixed = tiny(LanguageModel.llama()).biases(true).keyHeads(1).tied(true).build();
    return Stream.of(
        new OpPassesTest.Case("gpt", gpt, Loss.crossEntropy()),
        new OpPassesTest.Case("llama", llama, Loss.crossEntropy()),
        new OpPassesTest.Case("llama, tied, with biases", mixed, Loss.crossEntropy()));
  }

  @Test
  void decodersHaveTheParametersOfTheirKind() {
    Network gpt = LanguageModel.gpt().vocabulary(10).context(6).embedding(8).heads(2).build();
    assertTrue(gpt.parameters().stream().noneMatch(p -> p.name().startsWith("head")));
    Network llama =
        LanguageModel.llama()
            .vocabulary(10)
            .context(6)
            .embedding(8)
            .depth(1)
            .heads(4)
            .keyHeads(2)
            .hidden(12)
            .build();
    assertEquals(
        List.of(
            "embedding.weight [10 x 8]",
            "blocks.0.norm1.weight [8]",
            "blocks.0.attention.qkv.weight [16 x 8]",
            "blocks.0.attention.projection.weight [8 x 8]",
            "blocks.0.norm2.weight [8]",
            "blocks.0.mlp.gate.weight [12 x 8]",
            "blocks.0.mlp.0.weight [12 x 8]",
            "blocks.0.mlp.1.weight [8 x 12]",
            "norm.weight [8]",
            "head.weight [10 x 8]"),
        llama.parameters().stream().map(p -> p.name() + " " + p.shape()).toList());
    LanguageModel model = LanguageModel.llama().embedding(12).heads(4);
    String odd = assertThrows(IllegalArgumentException.class, model::build).getMessage();
    assertEquals("embedding: found 12, expected heads of even width to rotate", odd);
    model.embedding(16).keyHeads(3);
    String keys = assertThrows(IllegalArgumentException.class, model::build).getMessage();
    assertEquals("keyHeads: found 3, expected a divisor of 4 heads", keys);
  }

  @Test
  void recurrentLayersHavePyTorchsParameters() {
    Network network =
        new SequenceModel()
            .rows(4, 3)
            .kind(Recurrent.GRU)
            .layers(2)
            .bidirectional(true)
            .hidden(5)
            .classes(2)
            .build();
    List<String> found =
        network.parameters().stream().map(p -> p.name() + " " + p.shape()).toList();
    assertEquals(
        List.of(
            "rnn.weight_ih_l0 [15 x 3]",
            "rnn.weight_hh_l0 [15 x 5]",
            "rnn.bias_ih_l0 [15]",
            "rnn.bias_hh_l0 [15]",
            "rnn.weight_ih_l0_reverse [15 x 3]"),
        found.subList(0, 5));
    assertEquals("rnn.weight_ih_l1 [15 x 10]", found.get(8));
    assertEquals("head.weight [2 x 10]", found.get(16));
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 3));
    RecurrentLayer.Weights weights =
        RecurrentLayer.Weights.declare(g, "rnn", Recurrent.LSTM, 3, 5, 0, false);
    String message =
        assertThrows(
                IllegalArgumentException.class,
                () -> RecurrentLayer.states(g, Recurrent.GRU, weights, g.input(), false))
            .getMessage();
    assertEquals(
        "recurrent: parameter 'rnn.weight_hh_l0' has shape [20 x 5], expected 3 rows for each"
            + " column for GRU",
        message);
  }

  private static Stream<OpPassesTest.Case> recurrent() {
    List<OpPassesTest.Case> cases = new ArrayList<>();
    for (Recurrent kind : Recurrent.values()) {
      SequenceModel model = new SequenceModel().rows(4, 3).kind(kind).hidden(3).classes(3);
      Network plain = model.build();
      cases.add(new OpPassesTest.Case(kind + "", plain, Loss.crossEntropy()));
      Network deep = model.layers(2).bidirectional(true).build();
      cases.add(new OpPassesTest.Case(kind + ", 2 layers, both ways", deep, Loss.crossEntropy()));
    }
    Network tokens =
        new SequenceModel().tokens(5, 3, 2).kind(Recurrent.LSTM).hidden(2).classes(3).build();
    cases.add(new OpPassesTest.Case("LSTM of tokens", tokens, Loss.crossEntropy()));
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("networks")
  void agreeWithNestedDualNumbers(OpPassesTest.Case c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      int n = Math.toIntExact(c.network().parameterCount());
      HostBuffer w = scope.allocate(n);
      c.network().initialize(w, 2);
      Batch batch = Samples.batch(scope, c.network(), c.loss(), 3, 4);
      Oracle oracle = new Oracle(c.network(), c.loss(), w, batch);
      try (Hessian hessian = new Hessian(c.network(), c.loss(), batch, device)) {
        hessian.linearize(w);
        float[] gradient = ((HostBuffer) hessian.gradient()).toArray();
        Numbers.assertClose("gradient", oracle.gradient(), gradient, 2e-5);
        Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(n, 6));
        Vectors hv = scope.vectors(1, n);
        hessian.apply(v, hv);
        double[] expected = oracle.hessianVector(Numbers.doubles(v.buffer()));
        Numbers.assertClose("H v", expected, ((HostBuffer) hv.buffer()).toArray(), 2e-5);
        double form = Numbers.dot(Numbers.doubles(v.buffer()), expected);
        double scale = Numbers.norm(Numbers.doubles(v.buffer())) * Numbers.norm(expected);
        assertEquals(form, hessian.quadraticForm(v)[0], 2e-5 * scale, "v'Hv");
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
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = (HostBuffer) Numbers.vectors(scope, 1, reference.parameters()).buffer();
      HostBuffer x = (HostBuffer) Numbers.vectors(scope, 1, reference.inputs()).buffer();
      HostBuffer y = (HostBuffer) Numbers.vectors(scope, 1, reference.targets()).buffer();
      Loss loss = Loss.crossEntropy();
      Vectors v = Numbers.vectors(scope, 3, reference.directions());
      try (Hessian hessian = new Hessian(network, loss, Batch.of(network, loss, x, y), device)) {
        hessian.linearize(w);
        assertEquals(expected.get("loss").asDouble(), hessian.loss(), 1e-6);
        assertEquals(expected.get("gradnorm").asDouble(), hessian.gradientNorm(), 5e-5);
        Vectors hv = scope.vectors(3, n);
        hessian.apply(v, hv);
        double[] forms = hessian.quadraticForm(v);
        for (int i = 0; i < 3; i++) {
          assertEquals(expected.get("vHv").get(i).asDouble(), forms[i], 3e-4);
          double norm = Math.sqrt(device.algebra().dot(hv.vector(i), hv.vector(i)));
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
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 6));
    Parameter w = g.parameter("w", Initializer.ZEROS, 3, 5);
    String message =
        assertThrows(IllegalArgumentException.class, () -> g.add(new Linear(w, null), g.input()))
            .getMessage();
    assertEquals(
        "linear: input 0 has shape [4 x 6], expected a last extent of 5 for weight [3 x 5]",
        message);
    NetworkBuilder other = NetworkBuilder.of(Shape.of(5));
    String foreign =
        assertThrows(
                IllegalArgumentException.class, () -> other.add(new Linear(w, null), other.input()))
            .getMessage();
    assertTrue(foreign.contains("'w' was not declared"), foreign);
  }

  private static void refuses(String expected, Op op, Shape... inputs) {
    assertEquals(
        expected,
        assertThrows(IllegalArgumentException.class, () -> op.outputShape(List.of(inputs)))
            .getMessage());
  }

  @Test
  void opsThatMoveValuesNameWhatDoesNotFit() {
    Shape x = Shape.of(2, 3);
    refuses(
        "reshape: input 0 has shape [2 x 3], expected as many values as [7]",
        new Reshape(Shape.of(7)),
        x);
    refuses(
        "permute: input 0 has shape [2 x 3], expected axes that [0, 0] names once each",
        Permute.of(0, 0),
        x);
    refuses("slice: input 0 has shape [2 x 3], expected an axis 2", Slice.of(2, 0, 1), x);
    refuses(
        "slice: input 0 has shape [2 x 3], expected axis 1 to hold positions 1:4:1, at least one",
        Slice.of(-1, 1, 4),
        x);
    refuses(
        "slice: input 0 has shape [2 x 3], expected axis 0 to hold positions 1:1:1, at least one",
        Slice.of(0, 1, 1),
        x);
    refuses(
        "slice: input 0 has shape [2 x 3], expected axis 0 to hold positions 0:1:0, at least one",
        new Slice(0, 0, 1, 0),
        x);
    refuses(
        "concat: input 1 has shape [3 x 3], expected that of input 0, [2 x 3], except along axis 1",
        new Concat(1),
        x,
        Shape.of(3, 3));
    refuses(
        "pad: input 0 has shape [2 x 3], expected as many axes as margins of at least 0, before"
            + " [1] after [1]",
        new Pad(List.of(1), List.of(1), 0),
        x);
    refuses(
        "gather: input 0 has shape [2 x 3], expected axis 0 to hold positions [0, 2]",
        new Gather(0, List.of(0, 2)),
        x);
    refuses(
        "gather: input 0 has shape [2 x 3], expected axis 0 to hold positions [2, 5]",
        new Gather(0, List.of(0, 1, 1, 0, 1, 1, 0, 1, 1, 0, 2, 1, 5)),
        x);
    refuses(
        "broadcast: input 0 has shape [2 x 3], expected one that repeats to [3 x 3]",
        new Broadcast(Shape.of(3, 3)),
        x);
    refuses(
        "sum: input 0 has shape [2 x 3], expected each axis once in [0, -2]",
        new Reduce(List.of(0, -2), false, true),
        x);
    refuses(
        "where: input 0 has shape [2 x 3], expected 1 values, as the mask has",
        Where.of(true),
        x,
        x);
    refuses(
        "max: input 1 has shape [3], expected that of input 0, [2 x 3]",
        Extreme.max(),
        x,
        Shape.of(3));
    refuses(
        "matmul: input 1 has shape [2 x 3], expected the leading axes of input 0, [2 x 3], and 3"
            + " to sum over",
        new MatMul(),
        x,
        x);
  }

  @Test
  void refuseNodesAndParametersThatDoNotReachTheOutput() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    NetworkBuilder.Node x = g.linear(g.input(), 4, "a");
    g.add(new Activate(Activation.TANH), x);
    NetworkBuilder.Node y = g.add(new Activate(Activation.RELU), x);
    String dead = assertThrows(IllegalArgumentException.class, () -> g.build(y)).getMessage();
    assertEquals("tanh: node 2 does not reach the output", dead);
    NetworkBuilder h = NetworkBuilder.of(Shape.of(4));
    h.parameter("unused", Initializer.ZEROS, 2);
    NetworkBuilder.Node z = h.linear(h.input(), 4, "a");
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
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 6, 5));
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
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    NetworkBuilder.Node x = g.linear(g.input(), 4, "a");
    NetworkBuilder.Node y = g.add(new Activate(Activation.TANH), x);
    Network first = g.build(y);
    g.linear(y, 4, "b");
    NetworkBuilder.Node z = g.add(new Add(), g.add(new Activate(Activation.RELU), y), x);
    assertThrows(IllegalArgumentException.class, () -> g.build(z));
    assertEquals(2, first.parameters().size());
    assertEquals(20, first.parameterCount());
    assertEquals(Shape.of(4), first.outputShape());
    assertEquals(false, first.steps().get(2).adds()[0]);
  }

  @Test
  void tokenNumbersMustBeData() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    Parameter table = g.parameter("table", Initializer.ZEROS, 5, 2);
    NetworkBuilder.Node x = g.add(new Flatten(), g.input());
    String message =
        assertThrows(IllegalArgumentException.class, () -> g.add(new TokenEmbedding(table), x))
            .getMessage();
    assertTrue(message.contains("expected the network's input"), message);
  }
}

package dynaxx.model;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.MeanTokens;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Op;
import dynaxx.network.op.Permute;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Step;
import dynaxx.network.op.TokenEmbedding;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class NetworkBuilderTest {

  /** What a network of one's own takes. */
  private static Network example() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(1, 28, 28));
    Node x = g.relu(g.groupNorm(g.conv(g.input(), 16, 3, "conv1"), 4, "norm1"));
    x = g.relu(g.conv(g.maxPool(x, 2), 32, 3, 2, 1, "conv2"));
    x = g.relu(g.linear(g.flatten(x), 64, "fc1"));
    return g.build(g.linear(x, 10, "fc2"));
  }

  private static List<String> parameters(Network network) {
    return network.parameters().stream().map(p -> p.name() + " " + p.shape()).toList();
  }

  private static List<Op> ops(Network network) {
    return network.steps().stream().map(Step::op).filter(Objects::nonNull).toList();
  }

  @Test
  void exampleHasPyTorchsNamesAndShapes() {
    Network network = example();
    assertEquals(
        List.of(
            "conv1.weight [16 x 1 x 3 x 3]",
            "conv1.bias [16]",
            "norm1.weight [16]",
            "norm1.bias [16]",
            "conv2.weight [32 x 16 x 3 x 3]",
            "conv2.bias [32]",
            "fc1.weight [64 x 1568]",
            "fc1.bias [64]",
            "fc2.weight [10 x 64]",
            "fc2.bias [10]"),
        parameters(network));
    assertEquals(Shape.of(10), network.outputShape());
    assertEquals(Initializer.he(9), network.parameter("conv1.weight").initializer());
    assertEquals(Initializer.he(16 * 9), network.parameter("conv2.weight").initializer());
    assertEquals(Initializer.ZEROS, network.parameter("conv2.bias").initializer());
    assertEquals(Initializer.ONES, network.parameter("norm1.weight").initializer());
    assertEquals(Initializer.glorot(1568, 64), network.parameter("fc1.weight").initializer());
  }

  @Test
  void imageLayersAreTheOpsTheyName() {
    RunningStatistics statistics = RunningStatistics.standard(4);
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2, 8, 6));
    Node x = g.conv(g.input(), 4, 3, 2, 1, "c");
    x = g.silu(g.batchNorm(x, statistics, "n"));
    x = g.gelu(g.batchNorm(g.averagePool(x, 2), "b"));
    x = g.dropout(g.sigmoid(g.permute(x, 2, 0, 1)), 0.25);
    x = g.activation(Activation.SOFTPLUS, g.reshape(x, 4, 2));
    Network network = g.build(g.softmax(g.conv(x, 3, 1, "s")));
    Parameter[] p = network.parameters().toArray(Parameter[]::new);
    assertEquals(
        List.of(
            Conv.of(p[0], p[1]).withStride(2).withPadding(1),
            ChannelNorm.running(p[2], p[3], 1e-5, statistics),
            new Activate(Activation.SILU),
            new AveragePool(PoolWindow.of(2)),
            ChannelNorm.batch(p[4], p[5], 1e-5),
            new Activate(Activation.GELU),
            Permute.of(2, 0, 1),
            new Activate(Activation.SIGMOID),
            new Dropout(0.25),
            new Reshape(Shape.of(4, 2)),
            new Activate(Activation.SOFTPLUS),
            Conv.of(p[6], p[7]),
            new Softmax()),
        ops(network));
    assertEquals(Shape.of(3, 2), network.outputShape());
    assertEquals(Shape.of(3, 4, 1), p[6].shape(), "the kernel of a signal");
  }

  @Test
  void tokenLayersAreTheOpsTheyName() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(5));
    Node x = g.positionEmbedding(g.embedding(g.input(), 11, 8, "token"), "position");
    x = g.add(x, g.attention(g.layerNorm(x, "norm"), 2, true, "attention"));
    Node y = g.multiply(g.tanh(x), g.linear(x, 8, "gate", Initializer.ONES, null));
    x = g.rmsNorm(g.concat(-1, x, y), "last");
    Network network = g.build(g.meanTokens(x));
    Parameter[] p = network.parameters().toArray(Parameter[]::new);
    assertEquals(
        List.of(
            "token.weight [11 x 8]",
            "position [5 x 8]",
            "norm.weight [8]",
            "norm.bias [8]",
            "attention.qkv.weight [24 x 8]",
            "attention.qkv.bias [24]",
            "attention.projection.weight [8 x 8]",
            "attention.projection.bias [8]",
            "gate.weight [8 x 8]",
            "last.weight [16]"),
        parameters(network));
    assertEquals(
        List.of(
            new TokenEmbedding(p[0]),
            new PositionEmbedding(p[1]),
            Norm.layer(p[2], p[3], 1e-5),
            new Linear(p[4], p[5]),
            new Attention(2, true),
            new Linear(p[6], p[7]),
            new Add(),
            new Activate(Activation.TANH),
            new Linear(p[8], null),
            new Multiply(),
            new Concat(-1),
            Norm.rms(p[9], 1e-5),
            new MeanTokens()),
        ops(network));
    assertEquals(Initializer.deviation(0.02), p[0].initializer());
    assertEquals(Initializer.ONES, p[8].initializer());
    assertEquals(Shape.of(16), network.outputShape());
  }

  @Test
  void poolsAndFlattens() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2, 5, 4));
    Node x = g.averagePool(g.maxPool(g.conv(g.input(), 3, 3, "c"), 2));
    assertEquals(Shape.of(3, 1, 1), x.shape());
    Network network = g.build(g.flatten(x));
    assertEquals(
        List.of(new MaxPool(PoolWindow.of(2)), new AveragePool(PoolWindow.global()), new Flatten()),
        ops(network).subList(1, 4));
  }

  private static void refuses(String message, Executable call) {
    assertEquals(message, assertThrows(IllegalArgumentException.class, call).getMessage());
  }

  @Test
  void refusesWrongLayersByName() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(3, 8, 8));
    Node image = g.input();
    refuses("fc: out: found 0, expected at least 1", () -> g.linear(image, 0, "fc"));
    refuses(
        "c: kernel: found 4, expected an odd number, or a padding stated",
        () -> g.conv(image, 8, 4, "c"));
    refuses("c: channels: found -1, expected at least 1", () -> g.conv(image, -1, 3, "c"));
    refuses("c: stride: found 0, expected at least 1", () -> g.conv(image, 8, 3, 0, 1, "c"));
    refuses("c: padding: found -1, expected at least 0", () -> g.conv(image, 8, 3, 1, -1, "c"));
    Node flat = g.flatten(image);
    refuses(
        "c: found an input of shape [192], expected [channels x height x width] or"
            + " [channels x width]",
        () -> g.conv(flat, 8, 3, "c"));
    refuses(
        "a: heads: found 5, expected a divisor of width 8", () -> g.attention(image, 5, true, "a"));
    refuses("e: vocabulary: found 0, expected at least 1", () -> g.embedding(image, 0, 8, "e"));
    refuses(
        "token embedding: input 0 is another op's output, expected the network's input",
        () -> g.embedding(flat, 9, 8, "e"));
    g.linear(flat, 4, "fc1");
    refuses(
        "name: found a second parameter 'fc1.weight', expected unique names",
        () -> g.linear(flat, 4, "fc1"));
    refuses(
        "add: found shapes [3 x 8 x 8] and [192], expected equal extents or 1",
        () -> g.add(image, flat));
    Node foreign = NetworkBuilder.of(Shape.of(192)).input();
    refuses("linear: input 0 belongs to another network", () -> g.linear(foreign, 4, "other"));
    refuses("output: expected the node that was added last", () -> g.build(flat));
  }

  @Test
  void refusesWhatDoesNotFitAnOp() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(6, 4, 4));
    Node x = g.input();
    assertThrows(IllegalArgumentException.class, () -> g.groupNorm(x, 4, "norm"));
    assertThrows(IllegalArgumentException.class, () -> g.reshape(x, 5, 5));
    assertThrows(IllegalArgumentException.class, () -> g.permute(x, 0, 0, 1));
    assertThrows(IllegalArgumentException.class, () -> g.maxPool(x, 5));
    assertThrows(IllegalArgumentException.class, () -> g.dropout(x, 1));
    assertThrows(IllegalArgumentException.class, () -> g.meanTokens(g.flatten(x)));
  }
}

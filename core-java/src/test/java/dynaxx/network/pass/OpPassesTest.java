package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.ClassToken;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Constant;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Gather;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.MeanTokens;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Pad;
import dynaxx.network.op.Padding;
import dynaxx.network.op.ParameterValue;
import dynaxx.network.op.Patchify;
import dynaxx.network.op.Permute;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Rotary;
import dynaxx.network.op.SelectToken;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Subtract;
import dynaxx.network.op.TokenEmbedding;
import dynaxx.network.op.Where;
import dynaxx.operator.Hessian;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.List;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every op's five passes against hyper-dual numbers: the op stands between a learned shift of the
 * data, which makes its input active, and a loss. The output is the forward pass, its tangent the
 * tangent forward pass, the gradient the backward pass, H v the tangent backward pass and v'Hv the
 * curvature.
 */
@Tag("kernel")
public class OpPassesTest {

  private static final int EXAMPLES = 3;
  private static final int DIRECTIONS = 3;
  private static final double TOLERANCE = 2e-5;
  private static final double FLOAT64_TOLERANCE = 1e-13;

  /** A network around one op. */
  public record Case(String name, Network network, Loss loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case around(
      String name, Shape input, Loss loss, Function<NetworkBuilder, Op> op, boolean shifted) {
    NetworkBuilder g = NetworkBuilder.of(input);
    NetworkBuilder.Node x = g.input();
    if (shifted) {
      int[] dims = input.dims().stream().mapToInt(Integer::intValue).toArray();
      x = g.add(new PositionEmbedding(g.parameter("shift", Initializer.deviation(0.5), dims)), x);
    }
    return new Case(name, g.build(g.add(op.apply(g), x)), loss);
  }

  private static Case squared(String name, Shape input, Function<NetworkBuilder, Op> op) {
    return around(name, input, Loss.meanSquaredError(), op, true);
  }

  private static Case onData(String name, Shape input, Function<NetworkBuilder, Op> op) {
    return around(name + " on data", input, Loss.meanSquaredError(), op, false);
  }

  private static Parameter normal(NetworkBuilder g, String name, int... dims) {
    return g.parameter(name, Initializer.deviation(0.7), dims);
  }

  private static Case binary(String name, Op op, int constantInput) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2, 3));
    NetworkBuilder.Node a = g.input();
    NetworkBuilder.Node b = g.input();
    if (constantInput != 0) {
      a = g.add(new PositionEmbedding(normal(g, "a", 2, 3)), a);
    }
    if (constantInput != 1) {
      b = g.add(new PositionEmbedding(normal(g, "b", 2, 3)), b);
    }
    return new Case(name, g.build(g.add(op, a, b)), Loss.meanSquaredError());
  }

  /** The divisor is one more than a square. */
  private static Case quotient(String name, int constantInput) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2, 3));
    NetworkBuilder.Node a = g.input();
    NetworkBuilder.Node b = g.input();
    if (constantInput != 0) {
      a = g.add(new PositionEmbedding(normal(g, "a", 2, 3)), a);
    }
    if (constantInput != 1) {
      b = g.add(new PositionEmbedding(normal(g, "b", 2, 3)), b);
    }
    NetworkBuilder.Node square = g.add(new Multiply(), b, b);
    NetworkBuilder.Node divisor = g.add(new Activate(Elementary.affine(1, 1)), square);
    return new Case(name, g.build(g.add(new Divide(), a, divisor)), Loss.meanSquaredError());
  }

  /** Nodes with several consumers, where adjoints add up, and one node used twice by one op. */
  private static Case shared() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    NetworkBuilder.Node x = g.add(new Linear(normal(g, "w", 4, 4), null), g.input());
    NetworkBuilder.Node y = g.add(new Activate(Activation.TANH), x);
    NetworkBuilder.Node z = g.add(new Multiply(), y, x);
    NetworkBuilder.Node square = g.add(new Multiply(), z, z);
    NetworkBuilder.Node sum = g.add(new Add(), square, y);
    sum = g.add(new Add(), sum, sum);
    return new Case("shared nodes", g.build(sum), Loss.meanSquaredError());
  }

  /** A network around any graph on an active input. */
  private static Case graph(
      String name,
      Shape input,
      BiFunction<NetworkBuilder, NetworkBuilder.Node, NetworkBuilder.Node> graph) {
    NetworkBuilder g = NetworkBuilder.of(input);
    NetworkBuilder.Node x = shift(g, "shift", g.input());
    return new Case(name, g.build(graph.apply(g, x)), Loss.meanSquaredError());
  }

  private static NetworkBuilder.Node shift(NetworkBuilder g, String name, NetworkBuilder.Node x) {
    int[] dims = x.shape().dims().stream().mapToInt(Integer::intValue).toArray();
    return g.add(new PositionEmbedding(normal(g, name, dims)), x);
  }

  private static List<Case> arrangements() {
    Shape cube = Shape.of(3, 4, 5);
    List<Case> cases = new ArrayList<>();
    cases.add(squared("permute 2 0 1", cube, g -> Permute.of(2, 0, 1)));
    cases.add(squared("permute 1 0 2", cube, g -> Permute.of(1, 0, 2)));
    cases.add(squared("permute nothing", cube, g -> Permute.of(0, 1, 2)));
    cases.add(squared("transpose", Shape.of(3, 5), g -> Permute.of(1, 0)));
    cases.add(squared("reshape", cube, g -> new Reshape(Shape.of(10, 6))));
    cases.add(squared("slice", cube, g -> Slice.of(1, 1, 3)));
    cases.add(squared("slice of one", cube, g -> Slice.of(0, 2, 3)));
    cases.add(squared("slice, step 2", cube, g -> new Slice(-1, 0, 5, 2)));
    cases.add(squared("slice, step 3", cube, g -> new Slice(2, 1, 5, 3)));
    cases.add(squared("slice, reversed", cube, g -> new Slice(1, 3, -1, -1)));
    cases.add(squared("slice, step -2", cube, g -> new Slice(0, 2, -1, -2)));
    cases.add(squared("pad", cube, g -> new Pad(List.of(1, 0, 2), List.of(0, 2, 1), -1.5)));
    cases.add(squared("pad nothing", cube, g -> new Pad(List.of(0, 0, 0), List.of(0, 0, 0), 9)));
    cases.add(squared("gather", cube, g -> new Gather(1, List.of(2, 0, 2, 3, 2))));
    cases.add(squared("gather last", cube, g -> new Gather(-1, List.of(4, 0))));
    cases.add(squared("broadcast", Shape.of(3, 1, 2), g -> new Broadcast(Shape.of(2, 3, 4, 2))));
    cases.add(squared("broadcast one", Shape.of(1), g -> new Broadcast(Shape.of(3, 2))));
    for (boolean mean : new boolean[] {true, false}) {
      String name = mean ? "mean over " : "sum over ";
      cases.add(squared(name + "0", cube, g -> new Reduce(List.of(0), mean, false)));
      cases.add(squared(name + "0 and 2", cube, g -> new Reduce(List.of(0, -1), mean, true)));
      cases.add(squared(name + "1 and 2", cube, g -> new Reduce(List.of(1, 2), mean, false)));
      cases.add(squared(name + "all", cube, g -> new Reduce(List.of(0, 1, 2), mean, true)));
    }
    cases.add(
        graph(
            "concat of three, one twice, one constant",
            Shape.of(2, 3),
            (g, x) -> {
              NetworkBuilder.Node data = g.input();
              NetworkBuilder.Node wide = g.add(Slice.of(1, 0, 2), x);
              return g.add(new Concat(1), x, wide, data, x);
            }));
    cases.add(
        graph(
            "split and joined the other way round",
            cube,
            (g, x) -> {
              NetworkBuilder.Node a = g.add(Slice.of(0, 0, 1), x);
              NetworkBuilder.Node b = g.add(Slice.of(0, 1, 3), x);
              return g.add(new Concat(0), b, a);
            }));
    cases.add(
        graph(
            "parameter and constant as nodes",
            Shape.of(2, 3),
            (g, x) -> {
              NetworkBuilder.Node p = g.add(new ParameterValue(normal(g, "p", 3)));
              NetworkBuilder.Node c = g.add(Constant.of(Shape.of(2, 1), 0.5f, -2));
              NetworkBuilder.Node y = g.multiply(p, c);
              NetworkBuilder.Node two = g.add(Constant.filled(Shape.of(3), 2));
              y = g.add(y, two);
              return g.add(new Multiply(), y, x);
            }));
    return cases;
  }

  private static List<Case> functions() {
    List<Case> cases = new ArrayList<>();
    Shape square = Shape.of(5, 5);
    List<Elementary> anywhere =
        List.of(
            Elementary.EXP,
            Elementary.ABS,
            Elementary.ERF,
            Elementary.NEGATE,
            Elementary.affine(-1.5, 0.3),
            Elementary.power(2),
            Elementary.clip(-0.4, 1.1),
            Elementary.leakyRelu(0.01),
            Elementary.elu(1.3),
            Elementary.hardSigmoid(0.2, 0.5),
            Elementary.SOFTSIGN,
            Elementary.SIN,
            Elementary.COS,
            Elementary.ATAN,
            Elementary.SINH,
            Elementary.COSH,
            Elementary.ASINH);
    for (Elementary f : anywhere) {
      cases.add(squared(f.toString(), square, g -> new Activate(f)));
    }
    List<Elementary> positive =
        List.of(Elementary.LOG, Elementary.SQRT, Elementary.RECIPROCAL, Elementary.power(-0.7));
    for (Elementary f : positive) {
      cases.add(
          graph(
              f.toString(),
              square,
              (g, x) -> {
                NetworkBuilder.Node inside = g.add(new Activate(Activation.SOFTPLUS), x);
                return g.add(new Activate(f), g.add(new Activate(Elementary.affine(1, 1)), inside));
              }));
    }
    for (Elementary f :
        List.of(Elementary.TAN, Elementary.ASIN, Elementary.ACOS, Elementary.ATANH)) {
      cases.add(
          graph(
              f.toString(),
              square,
              (g, x) ->
                  g.add(
                      new Activate(f),
                      g.add(
                          new Activate(Elementary.affine(0.8, 0)),
                          g.add(new Activate(Activation.TANH), x)))));
    }
    cases.add(
        graph(
            Elementary.ACOSH.toString(),
            square,
            (g, x) -> {
              NetworkBuilder.Node inside = g.add(new Activate(Activation.SOFTPLUS), x);
              NetworkBuilder.Node above = g.add(new Activate(Elementary.affine(1, 1.5)), inside);
              return g.add(new Activate(Elementary.ACOSH), above);
            }));
    cases.add(graph("chosen by a sign", square, OpPassesTest::byASign));
    return cases;
  }

  /** Steps of what depends on parameters decide, and are added, with derivative 0. */
  private static NetworkBuilder.Node byASign(NetworkBuilder g, NetworkBuilder.Node x) {
    NetworkBuilder.Node p = g.add(new Activate(Activation.TANH), shift(g, "p", x));
    NetworkBuilder.Node mask = g.add(new Activate(Elementary.STEP), p);
    NetworkBuilder.Node chosen = g.add(Where.byLast(), g.add(new Multiply(), p, p), p, mask);
    NetworkBuilder.Node steps = g.add(new Activate(Elementary.FLOOR), p);
    NetworkBuilder.Node sum = g.add(new Add(), chosen, steps);
    return g.add(new Add(), sum, g.add(new Multiply(), p, mask));
  }

  /** Both inputs active, only the left, only the right; on broadcast shapes. */
  private static List<Case> pairs(String name, Shape left, Shape right, Binary op) {
    List<Case> cases = new ArrayList<>();
    String[] labels = {", both active", ", left active", ", right active"};
    for (int i = 0; i < 3; i++) {
      boolean a = i != 2;
      boolean b = i != 1;
      NetworkBuilder g = NetworkBuilder.of(Shape.of((int) (left.size() + right.size())));
      NetworkBuilder.Node x = g.add(Slice.of(0, 0, (int) left.size()), g.input());
      int all = (int) (left.size() + right.size());
      NetworkBuilder.Node y = g.add(Slice.of(0, (int) left.size(), all), g.input());
      x = g.add(new Reshape(left), x);
      y = g.add(new Reshape(right), y);
      x = a ? shift(g, "a", x) : x;
      y = b ? shift(g, "b", y) : y;
      cases.add(new Case(name + labels[i], g.build(op.of(g, x, y)), Loss.meanSquaredError()));
    }
    return cases;
  }

  private interface Binary {
    NetworkBuilder.Node of(NetworkBuilder g, NetworkBuilder.Node a, NetworkBuilder.Node b);
  }

  private static NetworkBuilder.Node above(NetworkBuilder g, NetworkBuilder.Node x) {
    NetworkBuilder.Node positive = g.add(new Activate(Activation.SOFTPLUS), x);
    return g.add(new Activate(Elementary.affine(1, 0.7)), positive);
  }

  private static List<Case> arithmetic() {
    List<Case> cases = new ArrayList<>();
    Shape left = Shape.of(2, 1, 3);
    Shape right = Shape.of(4, 1);
    cases.addAll(pairs("broadcast add", left, right, NetworkBuilder::add));
    cases.addAll(pairs("broadcast subtract", left, right, NetworkBuilder::subtract));
    cases.addAll(pairs("broadcast multiply", left, right, NetworkBuilder::multiply));
    cases.addAll(pairs("broadcast divide", left, right, (g, a, b) -> g.divide(a, above(g, b))));
    cases.addAll(pairs("broadcast power", left, right, (g, a, b) -> g.power(above(g, a), b)));
    cases.addAll(pairs("broadcast max", left, right, NetworkBuilder::max));
    cases.addAll(pairs("broadcast min", left, right, NetworkBuilder::min));
    Shape one = Shape.of(2, 3);
    Op where = Where.of(true, false, false, true, true, false);
    cases.addAll(pairs("where", one, one, (g, a, b) -> g.add(where, a, b)));
    cases.add(graph("max of one node", one, (g, x) -> g.add(Extreme.max(), x, x)));
    cases.add(graph("where of one node", one, (g, x) -> g.add(where, x, x)));
    Shape a = Shape.of(2, 3, 5);
    Shape at = Shape.of(2, 5, 3);
    Shape b = Shape.of(2, 5, 4);
    Shape bt = Shape.of(2, 4, 5);
    cases.addAll(pairs("matmul", a, b, (g, x, y) -> g.add(new MatMul(), x, y)));
    cases.addAll(pairs("matmul A'", at, b, (g, x, y) -> g.add(new MatMul(true, false), x, y)));
    cases.addAll(pairs("matmul B'", a, bt, (g, x, y) -> g.add(new MatMul(false, true), x, y)));
    cases.addAll(pairs("matmul A' B'", at, bt, (g, x, y) -> g.add(new MatMul(true, true), x, y)));
    cases.addAll(
        pairs("matmul of matrices", Shape.of(3, 2), Shape.of(2, 7), NetworkBuilder::matmul));
    cases.addAll(
        pairs("broadcast matmul", Shape.of(3, 1, 2, 3), Shape.of(2, 3, 2), NetworkBuilder::matmul));
    cases.add(graph("x x'", Shape.of(2, 3, 2), (g, x) -> g.add(new MatMul(false, true), x, x)));
    cases.add(graph("x' x", Shape.of(3, 2), (g, x) -> g.add(new MatMul(true, false), x, x)));
    return cases;
  }

  private static Conv conv(NetworkBuilder g, int... dims) {
    return Conv.of(normal(g, "w", dims), normal(g, "b", dims[0]));
  }

  private static void convolutions(List<Case> cases) {
    Shape image = Shape.of(2, 5, 4);
    cases.add(squared("conv", image, g -> conv(g, 3, 2, 3, 3).withPadding(1)));
    cases.add(onData("conv", image, g -> conv(g, 3, 2, 3, 3).withPadding(1)));
    cases.add(
        squared(
            "conv without bias, stride 2",
            Shape.of(2, 6, 5),
            g -> Conv.of(normal(g, "w", 3, 2, 3, 3), null).withStride(2)));
    cases.add(
        squared(
            "conv, strides 3 and 2, uneven padding",
            Shape.of(2, 4, 6),
            g -> conv(g, 2, 2, 4, 3).withStride(3, 2).withPadding(new Padding(0, 2, 3, 1))));
    cases.add(
        onData(
            "conv, strides 3 and 2, uneven padding",
            Shape.of(2, 4, 6),
            g -> conv(g, 2, 2, 4, 3).withStride(3, 2).withPadding(new Padding(0, 2, 3, 1))));
    cases.add(
        squared(
            "conv, dilations 2 and 3",
            Shape.of(1, 6, 6),
            g -> conv(g, 2, 1, 3, 2).withDilation(2, 3).withPadding(1)));
    cases.add(
        squared(
            "conv wider than the image",
            Shape.of(2, 1, 2),
            g -> conv(g, 3, 2, 7, 7).withPadding(3)));
    cases.add(
        squared(
            "conv of a signal shorter than its padding",
            Shape.of(2, 3),
            g -> conv(g, 2, 2, 4).withDilation(4).withPadding(new Padding(0, 12, 0, 0))));
    cases.add(squared("conv in groups", Shape.of(4, 3, 3), g -> conv(g, 6, 2, 2, 2).withGroups(2)));
    cases.add(
        squared(
            "depthwise conv",
            Shape.of(3, 4, 3),
            g -> conv(g, 6, 1, 3, 3).withGroups(3).withPadding(1).withStride(2)));
    cases.add(squared("1 x 1 conv", image, g -> conv(g, 3, 2, 1, 1)));
    cases.add(squared("1 x 1 conv, stride 2", image, g -> conv(g, 3, 2, 1, 1).withStride(2)));
    Shape signal = Shape.of(3, 7);
    cases.add(squared("conv of a signal", signal, g -> conv(g, 2, 3, 3).withPadding(1)));
    cases.add(
        squared(
            "conv of a signal, stride, dilation",
            signal,
            g -> conv(g, 2, 3, 2).withStride(2).withDilation(2)));
    cases.add(onData("conv of a signal", signal, g -> conv(g, 2, 3, 3)));
  }

  private static void pools(List<Case> cases) {
    Shape image = Shape.of(2, 5, 6);
    Padding uneven = new Padding(1, 0, 0, 2);
    PoolWindow[] windows = {
      PoolWindow.of(2),
      PoolWindow.of(3, 2, 1),
      PoolWindow.of(3, 1, 0),
      new PoolWindow.Moving(2, 3, 3, 2, uneven),
      new PoolWindow.Even(3, 4),
      PoolWindow.global()
    };
    for (PoolWindow w : windows) {
      cases.add(squared("max pool, " + w, image, g -> new MaxPool(w)));
      cases.add(squared("average pool, " + w, image, g -> new AveragePool(w)));
      cases.add(
          squared("average pool without padding, " + w, image, g -> new AveragePool(w, false)));
    }
  }

  private static ChannelNorm norm(NetworkBuilder g, int channels, ChannelNorm.Kind kind) {
    Parameter beta = normal(g, "beta", channels);
    return new ChannelNorm(normal(g, "gamma", channels), beta, 1e-3, kind);
  }

  private static void channelNorms(List<Case> cases) {
    Shape image = Shape.of(4, 3, 2);
    RunningStatistics running =
        RunningStatistics.of(new float[] {0.5f, -1, 0, 2}, new float[] {1, 0.25f, 2, 0.5f});
    ChannelNorm.Kind[] kinds = {
      new ChannelNorm.Groups(1),
      new ChannelNorm.Groups(2),
      new ChannelNorm.Groups(4),
      new ChannelNorm.Running(running),
      new ChannelNorm.WholeBatch()
    };
    for (ChannelNorm.Kind kind : kinds) {
      cases.add(squared("norm of channels, " + kind, image, g -> norm(g, 4, kind)));
      cases.add(onData("norm of channels, " + kind, image, g -> norm(g, 4, kind)));
      cases.add(
          squared(
              "norm of channels without shift, " + kind,
              image,
              g -> new ChannelNorm(normal(g, "gamma", 4), null, 0, kind)));
    }
    cases.add(
        squared(
            "batch norm of features", Shape.of(3), g -> norm(g, 3, new ChannelNorm.WholeBatch())));
  }

  private static Operand.View view(Parameter p, long offset, Shape shape, Long... strides) {
    return new Operand.View(p, offset, shape, List.of(strides));
  }

  private static void operands(List<Case> cases) {
    Shape tokens = Shape.of(4, 3);
    Function<NetworkBuilder, Op> turned =
        g -> {
          Parameter all = normal(g, "all", 40);
          return new Linear(
              view(all, 2, Shape.of(3, 5), 6L, 1L).t(), view(all, 30, Shape.of(5), 1L));
        };
    Function<NetworkBuilder, Op> rows =
        g ->
            new Linear(
                view(normal(g, "w", 5, 7), 1, Shape.of(4, 3), 7L, 1L),
                Operand.of(Shape.of(4), 1, -2, 0.5f, 3));
    cases.add(squared("linear in columns", tokens, turned));
    cases.add(onData("linear in columns", tokens, turned));
    cases.add(squared("linear in rows", tokens, rows));
    cases.add(onData("linear in rows", tokens, rows));
    cases.add(
        graph(
            "linear in parts of one weight",
            tokens,
            (g, x) -> {
              Operand.View all = Operand.of(normal(g, "all", 3, 9));
              NetworkBuilder.Node[] parts = new NetworkBuilder.Node[3];
              for (int i = 0; i < 3; i++) {
                Operand part = view(all.parameter(), 3 * i, Shape.of(3, 3), 9L, 1L);
                parts[i] = g.add(new Linear(part.t(), null), x);
              }
              NetworkBuilder.Node product = g.add(new Multiply(), parts[0], parts[1]);
              return g.add(new Add(), product, parts[2]);
            }));
    Operand matrix = Operand.of(Shape.of(3, 2), 1, 2, -1, 0.5f, 3, -2).t();
    cases.add(squared("constant linear", tokens, g -> new Linear(matrix, null)));
    cases.add(
        squared(
            "constant linear with bias",
            tokens,
            g -> new Linear(matrix, Operand.of(Shape.of(2), 4, 5))));
    Operand square = Operand.of(Shape.of(3, 3), 1, 2, -1, 0.5f, 3, -2, 0, 1, 2).t();
    cases.add(
        graph(
            "constant linear and softmax of shared nodes",
            tokens,
            (g, x) -> {
              NetworkBuilder.Node y = g.add(new Linear(square, null), x);
              NetworkBuilder.Node p = g.add(new Softmax(), x);
              return g.add(new Add(), g.add(new Multiply(), g.add(new Add(), y, p), x), x);
            }));
    cases.add(squared("softmax", Shape.of(2, 4, 5), g -> new Softmax()));
    Operand kernel = Operand.of(Shape.of(2, 1, 2, 2), 1, 2, -1, 0.5f, 3, -2, 1, 0);
    Operand shift = Operand.of(Shape.of(2), 0.5f, -1);
    for (Operand bias : new Operand[] {null, shift}) {
      Conv conv = Conv.of(kernel, bias).withPadding(1).withStride(2, 1).withGroups(2);
      String name = bias == null ? "constant conv" : "constant conv with bias";
      cases.add(squared(name, Shape.of(2, 4, 5), g -> conv));
    }
    Function<NetworkBuilder, Op> part =
        g -> {
          Parameter all = normal(g, "all", 30);
          Operand weight = view(all, 4, Shape.of(3, 2, 2, 2), 8L, 4L, 2L, 1L);
          return Conv.of(weight, view(all, 1, Shape.of(3), 1L));
        };
    cases.add(squared("conv with parts of a parameter", Shape.of(2, 4, 3), part));
    cases.add(onData("conv with parts of a parameter", Shape.of(2, 4, 3), part));
    cases.add(
        squared(
            "conv with a constant bias",
            Shape.of(2, 4, 3),
            g -> Conv.of(Operand.of(normal(g, "w", 2, 2, 2, 2)), shift)));
  }

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>(arrangements());
    cases.addAll(ResidualGraphs.cases());
    cases.addAll(functions());
    cases.addAll(arithmetic());
    convolutions(cases);
    pools(cases);
    channelNorms(cases);
    operands(cases);
    Shape tokens = Shape.of(4, 6);
    Function<NetworkBuilder, Op> linear = g -> new Linear(normal(g, "w", 5, 6), normal(g, "b", 5));
    cases.add(squared("linear", tokens, linear));
    cases.add(squared("linear without bias", tokens, g -> new Linear(normal(g, "w", 5, 6), null)));
    cases.add(onData("linear", tokens, linear));
    for (Activation f : Activation.values()) {
      cases.add(squared(f.name(), Shape.of(5, 5), g -> new Activate(f)));
    }
    Function<NetworkBuilder, Op> layer =
        g -> Norm.layer(normal(g, "gamma", 6), normal(g, "beta", 6), 1e-3);
    cases.add(squared("layer norm", tokens, layer));
    cases.add(onData("layer norm", tokens, layer));
    cases.add(squared("rms norm", tokens, g -> Norm.rms(normal(g, "gamma", 6), 1e-3)));
    cases.add(onData("rms norm", tokens, g -> Norm.rms(normal(g, "gamma", 6), 0)));
    cases.add(squared("attention", Shape.of(4, 12), g -> new Attention(2, false)));
    cases.add(squared("causal attention", Shape.of(5, 18), g -> new Attention(3, true)));
    cases.add(squared("attention, one token", Shape.of(1, 6), g -> new Attention(1, true)));
    cases.add(squared("grouped queries", Shape.of(3, 16), g -> new Attention(4, 2, true)));
    cases.add(
        squared("grouped queries, one key", Shape.of(4, 10), g -> new Attention(3, 1, false)));
    cases.add(squared("rotary", Shape.of(5, 8), g -> new Rotary(2, 4, 10_000)));
    cases.add(squared("rotary, other columns", Shape.of(3, 11), g -> new Rotary(1, 6, 50)));
    cases.add(
        graph(
            "rotary of a shared node",
            Shape.of(3, 4),
            (g, x) -> {
              NetworkBuilder.Node turned = g.add(new Rotary(2, 2, 100), x);
              return g.add(new Add(), g.add(new Multiply(), turned, x), x);
            }));
    cases.add(binary("add", new Add(), -1));
    cases.add(binary("add, constant left", new Add(), 0));
    cases.add(binary("add, constant right", new Add(), 1));
    cases.add(binary("multiply", new Multiply(), -1));
    cases.add(binary("multiply, constant left", new Multiply(), 0));
    cases.add(binary("multiply, constant right", new Multiply(), 1));
    cases.add(quotient("divide", -1));
    cases.add(quotient("divide, constant dividend", 0));
    cases.add(quotient("divide, constant divisor", 1));
    cases.add(binary("subtract", new Subtract(), -1));
    cases.add(binary("subtract, constant left", new Subtract(), 0));
    cases.add(binary("subtract, constant right", new Subtract(), 1));
    cases.add(shared());
    cases.add(squared("class token", tokens, g -> new ClassToken(normal(g, "cls", 1, 6))));
    cases.add(onData("class token", tokens, g -> new ClassToken(normal(g, "cls", 1, 6))));
    cases.add(squared("position", tokens, g -> new PositionEmbedding(normal(g, "pos", 4, 6))));
    cases.add(onData("position", tokens, g -> new PositionEmbedding(normal(g, "pos", 4, 6))));
    cases.add(squared("mean over tokens", tokens, g -> new MeanTokens()));
    cases.add(squared("select token", tokens, g -> new SelectToken(2)));
    cases.add(squared("flatten", tokens, g -> new Flatten()));
    cases.add(squared("dropout while measuring", tokens, g -> new Dropout(0.5f)));
    cases.add(squared("patchify", Shape.of(2, 4, 6), g -> new Patchify(2)));
    cases.add(
        around(
            "cross-entropy",
            tokens,
            Loss.crossEntropy(),
            g -> new Activate(Activation.SILU),
            true));
    cases.add(
        around(
            "token embedding",
            Shape.of(7),
            Loss.meanSquaredError(),
            g -> new TokenEmbedding(normal(g, "table", 5, 3)),
            false));
    cases.add(
        around(
            "token embedding in part of a table",
            Shape.of(7),
            Loss.meanSquaredError(),
            g -> new TokenEmbedding(view(normal(g, "table", 7, 3), 3, Shape.of(5, 3), 3L, 1L)),
            false));
    cases.add(
        around(
            "token embedding of part of the input",
            Shape.of(7),
            Loss.meanSquaredError(),
            g -> new TokenEmbedding(Operand.of(normal(g, "table", 5, 3)), 2, 4),
            false));
    NetworkBuilder h = NetworkBuilder.of(Shape.of(7));
    Operand table = Operand.of(Shape.of(3, 2), 1, 2, -1, 0.5f, 3, -2);
    NetworkBuilder.Node looked = h.add(new TokenEmbedding(table), h.input());
    Network fixed = h.build(h.add(new Linear(normal(h, "w", 4, 2), null), looked));
    cases.add(new Case("constant token embedding", fixed, Loss.meanSquaredError()));
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void fivePasses(Case c) {
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open()) {
      Network network = c.network();
      int n = Math.toIntExact(network.parameterCount());
      HostBuffer w = scope.allocate(n);
      network.initialize(w, 5);
      Batch batch = Samples.batch(scope, network, c.loss(), EXAMPLES, 17);
      double[] v = Numbers.uniform(n * DIRECTIONS, 23);
      Vectors directions = Numbers.vectors(device, scope, DIRECTIONS, v);
      Oracle oracle = new Oracle(network, c.loss(), w, batch);
      checkForward(device, c, w, batch, directions);
      try (Hessian hessian = new Hessian(network, c.loss(), batch, device)) {
        hessian.linearize(w);
        double[] gradient = oracle.gradient();
        double loss = oracle.loss(new double[n], new double[n]).a();
        assertEquals(loss, hessian.loss(), 1e-6 * Math.max(1, loss));
        Numbers.assertClose(
            "backward", gradient, Numbers.floats(device, hessian.gradient()), TOLERANCE);
        checkFloat64(device, c, w, batch, directions, oracle);
        Vectors products = device.vectors(scope, DIRECTIONS, n);
        hessian.apply(directions, products);
        double[] forms = hessian.quadraticForm(directions);
        for (int i = 0; i < DIRECTIONS; i++) {
          double[] vi = Numbers.doubles(device, scope, directions.vector(i));
          double[] expected = oracle.hessianVector(vi);
          float[] found = Numbers.floats(device, products.vector(i));
          Numbers.assertClose("tangent backward", expected, found, TOLERANCE);
          double form = Numbers.dot(vi, expected);
          assertEquals(
              form,
              forms[i],
              TOLERANCE * Numbers.norm(vi) * Numbers.norm(expected) + 1e-7,
              "curvature");
        }
      }
    }
  }

  /** The same in float64, where errors of a formula cannot hide in rounding. */
  private static void checkFloat64(
      Device base, Case c, HostBuffer w, Batch batch, Vectors directions, Oracle oracle) {
    Device device = base.float64().orElseThrow();
    // the constants of rotations are rounded to float32
    double tolerance = c.name().startsWith("rotary") ? 1e-6 : FLOAT64_TOLERANCE;
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), batch, device)) {
      hessian.linearize(w);
      double[] gradient = Numbers.doubles(device, scope, hessian.gradient());
      assertClose("gradient", oracle.gradient(), gradient, tolerance);
      double[] v = Numbers.doubles(base, scope, directions.vector(0));
      Vectors one = Vectors.of(Numbers.upload(device, scope, v), 1, v.length);
      Vectors product = device.vectors(scope, 1, v.length);
      hessian.apply(one, product);
      double[] expected = oracle.hessianVector(v);
      double[] found = Numbers.doubles(device, scope, product.buffer());
      assertClose("H v", expected, found, tolerance);
      double scale = Numbers.norm(v) * Numbers.norm(expected);
      double form = Numbers.dot(v, expected);
      assertEquals(form, hessian.quadraticForm(one)[0], tolerance * scale + 1e-15, "v'Hv");
    }
  }

  private static void assertClose(String what, double[] expected, double[] found, double most) {
    double difference = Numbers.relativeDifference(expected, found);
    assertTrue(difference <= most, what + " in float64: relative difference " + difference);
  }

  private static void checkForward(
      Device device, Case c, HostBuffer w, Batch batch, Vectors directions) {
    Network network = c.network();
    int last = network.steps().size() - 1;
    int out = (int) network.outputShape().size();
    try (Tape tape = new Tape(network, c.loss(), device, EXAMPLES);
        Scope scope = Scope.open();
        TangentSweep sweep =
            new TangentSweep(network, TangentSweep.Kind.QUADRATIC, device, EXAMPLES, DIRECTIONS)) {
      Buffer point = device.upload(scope, w.segment());
      tape.forward(point, batch.on(device, scope), EXAMPLES, Mode.MEASURE);
      tape.backward(device.allocate(scope, w.size()));
      sweep.addQuadraticForms(tape, directions, device.scalars(scope, DIRECTIONS));
      float[] value = Numbers.floats(device, tape.value(last));
      float[] tangent = Numbers.floats(device, sweep.tangent(last));
      for (int k = 0; k < DIRECTIONS; k++) {
        double[] v = Numbers.doubles(device, scope, directions.vector(k));
        HyperDual[] dual = new HyperDual[v.length];
        for (int i = 0; i < v.length; i++) {
          dual[i] = new HyperDual(w.get(i), v[i], 0, 0);
        }
        HyperDual[][] y = new Oracle(network, c.loss(), w, batch).predictions(dual);
        for (int i = 0; i < EXAMPLES * out; i++) {
          HyperDual expected = y[i / out][i % out];
          assertEquals(expected.a(), value[i], 1e-5, "forward");
          float found = tangent[k * EXAMPLES * out + i];
          double tolerance = 3e-5 * (1 + Math.abs(expected.b()));
          assertEquals(expected.b(), found, tolerance, "tangent forward");
        }
      }
    }
  }
}

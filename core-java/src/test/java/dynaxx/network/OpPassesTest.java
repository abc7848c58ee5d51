package dynaxx.network;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.backend.Activation;
import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;
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
class OpPassesTest {

  private static final int EXAMPLES = 3;
  private static final int DIRECTIONS = 3;
  private static final double TOLERANCE = 2e-5;

  /** A network around one op. */
  record Case(String name, Network network, Loss loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case around(
      String name, Shape input, Loss loss, Function<Network.Builder, Op> op, boolean shifted) {
    Network.Builder g = Network.builder(input);
    Network.Node x = g.input();
    if (shifted) {
      int[] dims = input.dims().stream().mapToInt(Integer::intValue).toArray();
      x = g.add(new PositionEmbedding(g.parameter("shift", Initializer.deviation(0.5), dims)), x);
    }
    return new Case(name, g.build(g.add(op.apply(g), x)), loss);
  }

  private static Case squared(String name, Shape input, Function<Network.Builder, Op> op) {
    return around(name, input, Loss.meanSquaredError(), op, true);
  }

  private static Case onData(String name, Shape input, Function<Network.Builder, Op> op) {
    return around(name + " on data", input, Loss.meanSquaredError(), op, false);
  }

  private static Parameter normal(Network.Builder g, String name, int... dims) {
    return g.parameter(name, Initializer.deviation(0.7), dims);
  }

  private static Case binary(String name, Op op, int constantInput) {
    Network.Builder g = Network.builder(Shape.of(2, 3));
    Network.Node a = g.input();
    Network.Node b = g.input();
    if (constantInput != 0) {
      a = g.add(new PositionEmbedding(normal(g, "a", 2, 3)), a);
    }
    if (constantInput != 1) {
      b = g.add(new PositionEmbedding(normal(g, "b", 2, 3)), b);
    }
    return new Case(name, g.build(g.add(op, a, b)), Loss.meanSquaredError());
  }

  /** Nodes with several consumers, where adjoints add up, and one node used twice by one op. */
  private static Case shared() {
    Network.Builder g = Network.builder(Shape.of(4));
    Network.Node x = g.add(new Linear(normal(g, "w", 4, 4), null), g.input());
    Network.Node y = g.add(new Activate(Activation.TANH), x);
    Network.Node z = g.add(new Multiply(), y, x);
    Network.Node square = g.add(new Multiply(), z, z);
    Network.Node sum = g.add(new Add(), square, y);
    sum = g.add(new Add(), sum, sum);
    return new Case("shared nodes", g.build(sum), Loss.meanSquaredError());
  }

  private static Conv conv(Network.Builder g, int... dims) {
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

  private static ChannelNorm norm(Network.Builder g, int channels, ChannelNorm.Kind kind) {
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

  static Stream<Case> cases() {
    List<Case> cases = new ArrayList<>();
    convolutions(cases);
    pools(cases);
    channelNorms(cases);
    Shape tokens = Shape.of(4, 6);
    Function<Network.Builder, Op> linear = g -> new Linear(normal(g, "w", 5, 6), normal(g, "b", 5));
    cases.add(squared("linear", tokens, linear));
    cases.add(squared("linear without bias", tokens, g -> new Linear(normal(g, "w", 5, 6), null)));
    cases.add(onData("linear", tokens, linear));
    for (Activation f : Activation.values()) {
      cases.add(squared(f.name(), Shape.of(5, 5), g -> new Activate(f)));
    }
    Function<Network.Builder, Op> layer =
        g -> Norm.layer(normal(g, "gamma", 6), normal(g, "beta", 6), 1e-3);
    cases.add(squared("layer norm", tokens, layer));
    cases.add(onData("layer norm", tokens, layer));
    cases.add(squared("rms norm", tokens, g -> Norm.rms(normal(g, "gamma", 6), 1e-3)));
    cases.add(onData("rms norm", tokens, g -> Norm.rms(normal(g, "gamma", 6), 0)));
    cases.add(squared("attention", Shape.of(4, 12), g -> new Attention(2, false)));
    cases.add(squared("causal attention", Shape.of(5, 18), g -> new Attention(3, true)));
    cases.add(squared("attention, one token", Shape.of(1, 6), g -> new Attention(1, true)));
    cases.add(binary("add", new Add(), -1));
    cases.add(binary("add, constant left", new Add(), 0));
    cases.add(binary("add, constant right", new Add(), 1));
    cases.add(binary("multiply", new Multiply(), -1));
    cases.add(binary("multiply, constant left", new Multiply(), 0));
    cases.add(binary("multiply, constant right", new Multiply(), 1));
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
    return cases.stream();
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void fivePasses(Case c) {
    try (Backend backend = Backends.cpu(2);
        Scope scope = Scope.open()) {
      Network network = c.network();
      int n = Math.toIntExact(network.parameterCount());
      HostBuffer w = scope.allocate(n);
      network.initialize(w, 5);
      Batch batch = Samples.batch(scope, network, c.loss(), EXAMPLES, 17);
      double[] v = Numbers.uniform(n * DIRECTIONS, 23);
      Vectors directions = Numbers.vectors(scope, DIRECTIONS, v);
      Oracle oracle = new Oracle(network, c.loss(), w, batch);
      checkForward(backend, c, w, batch, directions);
      try (Hessian hessian = new Hessian(network, c.loss(), batch, backend)) {
        hessian.linearize(w);
        double[] gradient = oracle.gradient();
        double loss = oracle.loss(new double[n], new double[n]).a();
        assertEquals(loss, hessian.loss(), 1e-6 * Math.max(1, loss));
        Numbers.assertClose(
            "backward", gradient, ((HostBuffer) hessian.gradient()).toArray(), TOLERANCE);
        Vectors products = scope.vectors(DIRECTIONS, n);
        hessian.apply(directions, products);
        double[] forms = hessian.quadraticForm(directions);
        for (int i = 0; i < DIRECTIONS; i++) {
          double[] vi = Numbers.doubles(directions.vector(i));
          double[] expected = oracle.hessianVector(vi);
          float[] found = ((HostBuffer) products.vector(i)).toArray();
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

  private static void checkForward(
      Backend backend, Case c, HostBuffer w, Batch batch, Vectors directions) {
    Network network = c.network();
    int last = network.steps().size() - 1;
    int out = (int) network.outputShape().size();
    try (Tape tape = new Tape(network, c.loss(), backend, EXAMPLES);
        Scope scope = Scope.open();
        TangentSweep sweep =
            new TangentSweep(network, TangentSweep.Kind.QUADRATIC, backend, EXAMPLES, DIRECTIONS)) {
      tape.forward(w, batch, EXAMPLES, Mode.MEASURE);
      tape.backward(scope.allocate(w.size()));
      sweep.addQuadraticForms(tape, directions, backend.scalars(scope, DIRECTIONS));
      HostBuffer value = (HostBuffer) tape.value(last);
      HostBuffer tangent = (HostBuffer) sweep.tangent(last);
      for (int k = 0; k < DIRECTIONS; k++) {
        double[] v = Numbers.doubles(directions.vector(k));
        HyperDual[] dual = new HyperDual[v.length];
        for (int i = 0; i < v.length; i++) {
          dual[i] = new HyperDual(w.get(i), v[i], 0, 0);
        }
        HyperDual[][] y = new Oracle(network, c.loss(), w, batch).predictions(dual);
        for (int i = 0; i < EXAMPLES * out; i++) {
          HyperDual expected = y[i / out][i % out];
          assertEquals(expected.a(), value.get(i), 1e-5, "forward");
          float found = tangent.get(k * EXAMPLES * out + i);
          double tolerance = 3e-5 * (1 + Math.abs(expected.b()));
          assertEquals(expected.b(), found, tolerance, "tangent forward");
        }
      }
    }
  }
}

package dynaxx.model;

import static dynaxx.model.TransformerBlocks.require;

import dynaxx.kernel.Elementary;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.network.Network;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.MeanTokens;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Op;
import dynaxx.network.op.Permute;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.SelectToken;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Subtract;
import dynaxx.network.op.TokenEmbedding;

/**
 * Builds a network of your own, layer by layer.
 *
 * <pre>{@code
 * NetworkBuilder g = NetworkBuilder.of(Shape.of(1, 28, 28));
 * Node x = g.relu(g.groupNorm(g.conv(g.input(), 16, 3, "conv1"), 4, "norm1"));
 * x = g.relu(g.linear(g.flatten(g.maxPool(x, 2)), 64, "fc1"));
 * Network network = g.build(g.linear(x, 10, "fc2"));
 * }</pre>
 *
 * <p>Shapes leave out the axis of examples. A layer declares its parameters as {@code name.weight}
 * and {@code name.bias}, in PyTorch's shapes; their order is the order of the calls. Weights start
 * as in the networks of this package: linear layers with {@link Initializer#glorot}, convolutions
 * with {@link Initializer#he}, embeddings with a deviation of 0.02, norms at 1, biases at 0. {@link
 * #add(Op, Node...)} adds any other op.
 *
 * <p>Every method that adds a layer throws an {@link IllegalArgumentException} that names the layer
 * and what it expected if the shape does not fit, a node belongs to another network, or the name is
 * taken.
 */
public final class NetworkBuilder {

  private static final double EPSILON = 1e-5;

  private final Graph graph;

  /** A value of a network under construction. */
  public static final class Node {
    private final Graph owner;
    private final int index;
    private final Shape shape;

    Node(Graph owner, int index, Shape shape) {
      this.owner = owner;
      this.index = index;
      this.shape = shape;
    }

    Graph owner() {
      return owner;
    }

    int index() {
      return index;
    }

    /**
     * Its shape, without the axis of examples.
     *
     * @return the shape
     */
    public Shape shape() {
      return shape;
    }
  }

  private NetworkBuilder(Graph graph) {
    this.graph = graph;
  }

  /**
   * Begins a network.
   *
   * @param input shape of one example, for example {@code [channels x height x width]} for an image
   *     or {@code [tokens]} for token numbers
   * @return a builder
   */
  public static NetworkBuilder of(Shape input) {
    return new NetworkBuilder(new Graph(input));
  }

  /**
   * The data.
   *
   * @return the network's input
   */
  public Node input() {
    return graph.input();
  }

  /**
   * Ends the network.
   *
   * @param output the node that was added last
   * @return the network
   * @throws IllegalArgumentException if a node or a parameter does not reach the output
   */
  public Network build(Node output) {
    return graph.build(output);
  }

  /**
   * Adds an op of dynaxx itself that has no method of its own here; ops are not exported.
   *
   * @param op the operation
   * @param inputs what it works on
   * @return its output
   */
  @SuppressWarnings("exports")
  public Node add(Op op, Node... inputs) {
    return graph.add(op, inputs);
  }

  /**
   * Declares a parameter for {@link #add(Op, Node...)}.
   *
   * @param name unique
   * @param initializer how it starts
   * @param dims extents
   * @return the parameter
   */
  public Parameter parameter(String name, Initializer initializer, int... dims) {
    return graph.parameter(name, initializer, dims);
  }

  /**
   * A linear layer with bias on the last axis.
   *
   * @param x {@code [... x in]}
   * @param out values of each output, at least 1
   * @param name of the layer; its weight is {@code [out x in]}
   * @return {@code [... x out]}
   */
  public Node linear(Node x, int out, String name) {
    return linear(x, out, name, null, Initializer.ZEROS);
  }

  /**
   * A linear layer that starts in another way, or has no bias.
   *
   * @param x {@code [... x in]}
   * @param out values of each output, at least 1
   * @param name of the layer; its weight is {@code [out x in]}
   * @param weight how the weight starts, or null for Glorot's way
   * @param bias how the bias starts, or null for no bias
   * @return {@code [... x out]}
   */
  public Node linear(Node x, int out, String name, Initializer weight, Initializer bias) {
    int in = last(name, x);
    require(name + ": out", out, out >= 1, "at least 1");
    Initializer start = weight == null ? Initializer.glorot(in, out) : weight;
    Parameter w = graph.parameter(name + ".weight", start, out, in);
    Parameter b = bias == null ? null : graph.parameter(name + ".bias", bias, out);
    return graph.add(new Linear(w, b), x);
  }

  /**
   * A convolution with bias and stride 1 that keeps height and width.
   *
   * @param x an image {@code [in x height x width]} or a signal {@code [in x width]}
   * @param channels of the output, at least 1
   * @param kernel height and width of the kernel, odd
   * @param name of the layer; its weight is {@code [channels x in x kernel x kernel]}
   * @return {@code [channels x height x width]}
   */
  public Node conv(Node x, int channels, int kernel, String name) {
    require(name + ": kernel", kernel, kernel % 2 == 1, "an odd number, or a padding stated");
    return conv(x, channels, kernel, 1, kernel / 2, name);
  }

  /**
   * A convolution with bias.
   *
   * @param x an image {@code [in x height x width]} or a signal {@code [in x width]}
   * @param channels of the output, at least 1
   * @param kernel height and width of the kernel, at least 1
   * @param stride pixels from place to place, at least 1
   * @param padding zeros on every side, at least 0
   * @param name of the layer; its weight is {@code [channels x in x kernel x kernel]}
   * @return {@code [channels x rows x columns]} with {@code rows = (height + 2 padding - kernel) /
   *     stride + 1}, rounded down, and columns likewise
   */
  public Node conv(Node x, int channels, int kernel, int stride, int padding, String name) {
    return conv(x, channels, kernel, stride, padding, name, 1, true);
  }

  /** One of several convolutions whose outputs are added up, with or without bias. */
  Node conv(
      Node x,
      int channels,
      int kernel,
      int stride,
      int padding,
      String name,
      int sums,
      boolean biased) {
    int rank = x.shape().rank();
    if (rank != 2 && rank != 3) {
      throw new IllegalArgumentException(
          name
              + ": found an input of shape "
              + x.shape()
              + ", expected [channels x height x width] or [channels x width]");
    }
    require(name + ": channels", channels, channels >= 1, "at least 1");
    require(name + ": kernel", kernel, kernel >= 1, "at least 1");
    require(name + ": stride", stride, stride >= 1, "at least 1");
    require(name + ": padding", padding, padding >= 0, "at least 0");
    int in = x.shape().dim(0);
    int[] dims =
        rank == 3 ? new int[] {channels, in, kernel, kernel} : new int[] {channels, in, kernel};
    Initializer start = Initializer.he(Shape.of(dims).size() / channels * sums);
    Parameter weight = graph.parameter(name + ".weight", start, dims);
    Parameter bias = biased ? graph.parameter(name + ".bias", Initializer.ZEROS, channels) : null;
    return graph.add(Conv.of(weight, bias).withStride(stride).withPadding(padding), x);
  }

  /**
   * Looks up a learned vector for each token number.
   *
   * @param tokens the network's input, {@code [tokens]}
   * @param vocabulary number of different tokens, at least 1
   * @param width values of a vector, at least 1
   * @param name of the layer; its weight is {@code [vocabulary x width]}
   * @return {@code [tokens x width]}
   */
  public Node embedding(Node tokens, int vocabulary, int width, String name) {
    require(name + ": vocabulary", vocabulary, vocabulary >= 1, "at least 1");
    require(name + ": width", width, width >= 1, "at least 1");
    Parameter table = graph.parameter(name + ".weight", small(), vocabulary, width);
    return graph.add(new TokenEmbedding(table), tokens);
  }

  /**
   * Adds a learned array to every example.
   *
   * @param x of any shape
   * @param name of the parameter itself, which has the shape of x
   * @return the shape of x
   */
  public Node positionEmbedding(Node x, String name) {
    int[] dims = x.shape().dims().stream().mapToInt(Integer::intValue).toArray();
    return graph.add(new PositionEmbedding(graph.parameter(name, small(), dims)), x);
  }

  private static Initializer small() {
    return Initializer.deviation(TransformerBlocks.EMBEDDING_DEVIATION);
  }

  /**
   * LayerNorm of the last axis (Ba et al., 2016), epsilon 1e-5.
   *
   * @param x {@code [... x width]}
   * @param name of the layer; weight and bias are {@code [width]}
   * @return the shape of x
   */
  public Node layerNorm(Node x, String name) {
    int width = last(name, x);
    return graph.add(Norm.layer(gain(name, width), bias(name, width), EPSILON), x);
  }

  /**
   * RMSNorm of the last axis (Zhang and Sennrich, 2019), epsilon 1e-5, without bias.
   *
   * @param x {@code [... x width]}
   * @param name of the layer; its weight is {@code [width]}
   * @return the shape of x
   */
  public Node rmsNorm(Node x, String name) {
    return graph.add(Norm.rms(gain(name, last(name, x)), EPSILON), x);
  }

  /**
   * GroupNorm (Wu and He, 2018), epsilon 1e-5.
   *
   * @param x {@code [channels x ...]}
   * @param groups a divisor of the channels; as many as channels make InstanceNorm
   * @param name of the layer; weight and bias are {@code [channels]}
   * @return the shape of x
   */
  public Node groupNorm(Node x, int groups, String name) {
    return channelNorm(x, new ChannelNorm.Groups(groups), name);
  }

  /**
   * BatchNorm (Ioffe and Szegedy, 2015) with running statistics, as in evaluation, epsilon 1e-5.
   *
   * @param x {@code [channels x ...]}
   * @param statistics a mean and a variance for each channel
   * @param name of the layer; weight and bias are {@code [channels]}
   * @return the shape of x
   */
  public Node batchNorm(Node x, RunningStatistics statistics, String name) {
    return channelNorm(x, new ChannelNorm.Running(statistics), name);
  }

  /**
   * BatchNorm with the statistics of the batch at hand, as in training, epsilon 1e-5. It couples
   * the examples: the batch is measured as a whole, and there are no gradients of single examples.
   *
   * @param x {@code [channels x ...]}
   * @param name of the layer; weight and bias are {@code [channels]}
   * @return the shape of x
   */
  public Node batchNorm(Node x, String name) {
    return channelNorm(x, new ChannelNorm.WholeBatch(), name);
  }

  Node channelNorm(Node x, ChannelNorm.Kind kind, String name) {
    last(name, x);
    int channels = x.shape().dim(0);
    Parameter gain = gain(name, channels);
    return graph.add(new ChannelNorm(gain, bias(name, channels), EPSILON, kind), x);
  }

  private Parameter gain(String name, int width) {
    return graph.parameter(name + ".weight", Initializer.ONES, width);
  }

  private Parameter bias(String name, int width) {
    return graph.parameter(name + ".bias", Initializer.ZEROS, width);
  }

  /**
   * Self-attention with its four projections (Vaswani et al., 2017): a linear layer {@code
   * name.qkv} to queries, keys and values, attention, and a linear layer {@code name.projection}.
   *
   * @param x {@code [tokens x width]}
   * @param heads a divisor of the width
   * @param causal whether a token sees only itself and earlier tokens
   * @param name of the layer
   * @return {@code [tokens x width]}
   */
  public Node attention(Node x, int heads, boolean causal, String name) {
    int width = last(name, x);
    require(
        name + ": heads", heads, heads >= 1 && width % heads == 0, "a divisor of width " + width);
    Node qkv = linear(x, Math.multiplyExact(3, width), name + ".qkv");
    Node attended = graph.add(new Attention(heads, causal), qkv);
    return linear(attended, width, name + ".projection");
  }

  /**
   * One direction of a recurrent layer, unrolled over the steps of a sequence; states begin at
   * zero. Parameters have PyTorch's names and shapes, such as {@code name.weight_ih_l0} and, for
   * the direction from the last step to the first, {@code name.weight_ih_l0_reverse}.
   *
   * @param kind what a step does
   * @param x a sequence, {@code [steps x in]}
   * @param hidden values of a state, at least 1
   * @param reverse whether it goes from the last step to the first
   * @param name of the layer
   * @return the state after each step of the input, {@code [steps x hidden]}, in the order of the
   *     input; see {@link #token} for the final one
   */
  public Node recurrent(Recurrent kind, Node x, int hidden, boolean reverse, String name) {
    require(name + ": hidden", hidden, hidden >= 1, "at least 1");
    RecurrentLayer.Weights weights =
        RecurrentLayer.Weights.declare(this, name, kind, last(name, x), hidden, 0, reverse);
    return RecurrentLayer.sequence(this, RecurrentLayer.states(this, kind, weights, x, reverse));
  }

  /**
   * One direction of a recurrent layer with parameters that are declared already, in PyTorch's
   * shapes; see {@link #recurrent(Recurrent, Node, int, boolean, String)}.
   *
   * @param kind what a step does
   * @param x a sequence, {@code [steps x in]}
   * @param reverse whether it goes from the last step to the first
   * @param inputWeight {@code [gates hidden x in]}
   * @param stateWeight {@code [gates hidden x hidden]}
   * @param inputBias {@code [gates hidden]}, or null for none
   * @param stateBias {@code [gates hidden]}, or null for none
   * @return the state after each step of the input, {@code [steps x hidden]}
   */
  public Node recurrent(
      Recurrent kind,
      Node x,
      boolean reverse,
      Parameter inputWeight,
      Parameter stateWeight,
      Parameter inputBias,
      Parameter stateBias) {
    RecurrentLayer.Weights weights =
        new RecurrentLayer.Weights(inputWeight, stateWeight, inputBias, stateBias);
    return RecurrentLayer.sequence(this, RecurrentLayer.states(this, kind, weights, x, reverse));
  }

  /**
   * One token, or one step of a sequence.
   *
   * @param x {@code [tokens x width]}
   * @param index which, from 0
   * @return {@code [width]}
   */
  public Node token(Node x, int index) {
    return graph.add(new SelectToken(index), x);
  }

  /**
   * A function of each element.
   *
   * @param function for example {@link Activation#SOFTPLUS}
   * @param x of any shape
   * @return the shape of x
   */
  public Node activation(Activation function, Node x) {
    return graph.add(new Activate(function), x);
  }

  /**
   * {@code max(0, x)}.
   *
   * @param x of any shape
   * @return the shape of x
   */
  public Node relu(Node x) {
    return activation(Activation.RELU, x);
  }

  /**
   * Exact GELU.
   *
   * @param x of any shape
   * @return the shape of x
   */
  public Node gelu(Node x) {
    return activation(Activation.GELU, x);
  }

  /**
   * Hyperbolic tangent.
   *
   * @param x of any shape
   * @return the shape of x
   */
  public Node tanh(Node x) {
    return activation(Activation.TANH, x);
  }

  /**
   * Logistic function.
   *
   * @param x of any shape
   * @return the shape of x
   */
  public Node sigmoid(Node x) {
    return activation(Activation.SIGMOID, x);
  }

  /**
   * {@code x sigmoid(x)}.
   *
   * @param x of any shape
   * @return the shape of x
   */
  public Node silu(Node x) {
    return activation(Activation.SILU, x);
  }

  /**
   * Softmax of the last axis. A network for {@link dynaxx.network.Loss#crossEntropy} ends in
   * logits, without it.
   *
   * @param x {@code [... x classes]}
   * @return the shape of x
   */
  public Node softmax(Node x) {
    return graph.add(new Softmax(), x);
  }

  /**
   * Dropout while training; the identity while measuring.
   *
   * @param x of any shape
   * @param rate probability of dropping a value, from 0 to below 1
   * @return the shape of x
   */
  public Node dropout(Node x, double rate) {
    return graph.add(new Dropout(rate), x);
  }

  /**
   * Sum of two nodes.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node add(Node a, Node b) {
    return broadcast(new Add(), a, b);
  }

  /**
   * Difference of two nodes.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node subtract(Node a, Node b) {
    return broadcast(new Subtract(), a, b);
  }

  /**
   * Product of two nodes, element by element.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node multiply(Node a, Node b) {
    return broadcast(new Multiply(), a, b);
  }

  /**
   * Quotient of two nodes, as the product with the reciprocal.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node divide(Node a, Node b) {
    return multiply(a, graph.add(new Activate(Elementary.RECIPROCAL), b));
  }

  /**
   * Power of a positive base, as {@code exp(b log a)}.
   *
   * @param a of any shape, above 0
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node power(Node a, Node b) {
    Node exponent = multiply(b, graph.add(new Activate(Elementary.LOG), a));
    return graph.add(new Activate(Elementary.EXP), exponent);
  }

  /**
   * The larger of two nodes, element by element.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node max(Node a, Node b) {
    return broadcast(Extreme.max(), a, b);
  }

  /**
   * The smaller of two nodes, element by element.
   *
   * @param a of any shape
   * @param b of a shape that repeats to a common one with it, as in NumPy
   * @return the common shape
   */
  public Node min(Node a, Node b) {
    return broadcast(Extreme.min(), a, b);
  }

  /**
   * Matrix product over the last two axes; the axes before repeat to common ones, as in NumPy.
   *
   * @param a left factors, at least two axes
   * @param b right factors, at least two axes
   * @return the products
   */
  public Node matmul(Node a, Node b) {
    Node left = a;
    Node right = b;
    if (a.shape().rank() >= 2 && b.shape().rank() >= 2) {
      Shape lead = Broadcast.common("matmul", a.shape().leading(), b.shape().leading());
      left = repeated(lead.followedBy(a.shape().dim(-2), a.shape().dim(-1)), a);
      right = repeated(lead.followedBy(b.shape().dim(-2), b.shape().dim(-1)), b);
    }
    return graph.add(new MatMul(), left, right);
  }

  private Node broadcast(Op op, Node a, Node b) {
    Shape shape = Broadcast.common(op.name(), a.shape(), b.shape());
    return graph.add(op, repeated(shape, a), repeated(shape, b));
  }

  private Node repeated(Shape shape, Node x) {
    return x.shape().equals(shape) ? x : graph.add(new Broadcast(shape), x);
  }

  /**
   * Nodes one after the other along an axis.
   *
   * @param axis from 0, or from -1 for the last
   * @param parts equal in the other extents
   * @return the sum of the extents on that axis
   */
  public Node concat(int axis, Node... parts) {
    return graph.add(new Concat(axis), parts);
  }

  /**
   * Largest value of each window; windows lie side by side.
   *
   * @param x {@code [channels x height x width]}
   * @param size height and width of a window, also the step to the next
   * @return {@code [channels x height / size x width / size]}, rounded down
   */
  public Node maxPool(Node x, int size) {
    return graph.add(new MaxPool(PoolWindow.of(size)), x);
  }

  /**
   * Mean of each window; windows lie side by side.
   *
   * @param x {@code [channels x height x width]}
   * @param size height and width of a window, also the step to the next
   * @return {@code [channels x height / size x width / size]}, rounded down
   */
  public Node averagePool(Node x, int size) {
    return graph.add(new AveragePool(PoolWindow.of(size)), x);
  }

  /**
   * Mean of each channel over the whole image.
   *
   * @param x {@code [channels x height x width]}
   * @return {@code [channels x 1 x 1]}
   */
  public Node averagePool(Node x) {
    return graph.add(new AveragePool(PoolWindow.global()), x);
  }

  /**
   * Mean over the tokens.
   *
   * @param x {@code [tokens x width]}
   * @return {@code [width]}
   */
  public Node meanTokens(Node x) {
    return graph.add(new MeanTokens(), x);
  }

  /**
   * All values as one axis.
   *
   * @param x of any shape
   * @return {@code [values]}
   */
  public Node flatten(Node x) {
    return graph.add(new Flatten(), x);
  }

  /**
   * The same values in reading order in another shape.
   *
   * @param x of any shape
   * @param dims extents with as many values
   * @return the shape of these extents
   */
  public Node reshape(Node x, int... dims) {
    return graph.add(new Reshape(Shape.of(dims)), x);
  }

  /**
   * Axes in another order.
   *
   * @param x of any shape
   * @param axes every axis of x once: axis i of the result is axis {@code axes[i]} of x
   * @return the extents in that order
   */
  public Node permute(Node x, int... axes) {
    return graph.add(Permute.of(axes), x);
  }

  /** The last extent. */
  private static int last(String name, Node x) {
    if (x.shape().rank() == 0) {
      throw new IllegalArgumentException(
          name + ": found an input of shape " + x.shape() + ", expected at least one axis");
    }
    return x.shape().dim(-1);
  }
}

package dynaxx.network;

import dynaxx.backend.Activation;
import dynaxx.network.Network.Builder;
import dynaxx.network.Network.Node;

/**
 * Pre-norm transformer blocks (Vaswani et al., 2017; Xiong et al., 2020), shared by the builders.
 */
record TransformerBlocks(
    int width, int heads, int hidden, boolean causal, Activation activation, double dropout) {

  static final double EPSILON = 1e-5;

  /** Standard deviation of embeddings and of the last layer, as in GPT-2 (Radford et al., 2019). */
  static final double EMBEDDING_DEVIATION = 0.02;

  Node block(Builder g, String name, Node x) {
    Node attended = norm(g, name + ".norm1", x);
    attended = linear(g, name + ".attention.qkv", attended, 3 * width);
    attended = g.add(new Attention(heads, causal), attended);
    attended = drop(g, linear(g, name + ".attention.projection", attended, width));
    x = g.add(new Add(), x, attended);
    Node mixed = norm(g, name + ".norm2", x);
    mixed = linear(g, name + ".mlp.0", mixed, hidden);
    mixed = g.add(new Activate(activation), mixed);
    mixed = drop(g, linear(g, name + ".mlp.1", mixed, width));
    return g.add(new Add(), x, mixed);
  }

  private Node drop(Builder g, Node x) {
    return dropout == 0 ? x : g.add(new Dropout(dropout), x);
  }

  static Node norm(Builder g, String name, Node x) {
    int width = x.shape().dim(-1);
    Parameter gamma = g.parameter(name + ".weight", Initializer.ONES, width);
    Parameter beta = g.parameter(name + ".bias", Initializer.ZEROS, width);
    return g.add(Norm.layer(gamma, beta, EPSILON), x);
  }

  static Node linear(Builder g, String name, Node x, int out) {
    return linear(g, name, x, out, Initializer.glorot(x.shape().dim(-1), out));
  }

  /** The last layer starts small, so that the first predictions are nearly uniform. */
  static Node head(Builder g, Node x, int out) {
    return linear(g, "head", x, out, Initializer.deviation(EMBEDDING_DEVIATION));
  }

  private static Node linear(Builder g, String name, Node x, int out, Initializer initializer) {
    int in = x.shape().dim(-1);
    Parameter weight = g.parameter(name + ".weight", initializer, out, in);
    Parameter bias = g.parameter(name + ".bias", Initializer.ZEROS, out);
    return g.add(new Linear(weight, bias), x);
  }

  static void check(int width, int heads, int depth, int hidden) {
    require("depth", depth, depth >= 0, "at least 0");
    require("width", width, width >= 1, "at least 1");
    require("heads", heads, heads >= 1 && width % heads == 0, "a divisor of width " + width);
    require("hidden", hidden, hidden >= 1, "at least 1");
  }

  static void require(String argument, int found, boolean fits, String expected) {
    if (!fits) {
      throw new IllegalArgumentException(argument + ": found " + found + ", expected " + expected);
    }
  }
}

package dynaxx.model;

import dynaxx.function.Activation;
import dynaxx.network.Initializer;
import dynaxx.network.Network.Builder;
import dynaxx.network.Network.Node;
import dynaxx.network.Parameter;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Attention;
import dynaxx.network.op.Dropout;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Rotary;

/**
 * Pre-norm transformer blocks (Vaswani et al., 2017; Xiong et al., 2020), shared by the builders.
 */
record TransformerBlocks(
    int width,
    int heads,
    int hidden,
    boolean causal,
    Activation activation,
    double dropout,
    Style style) {

  /**
   * What later decoders changed.
   *
   * @param keyHeads keys and values of each token
   * @param rotaryBase base of rotary positions, or 0 for none
   * @param rms RMSNorm in place of LayerNorm
   * @param gated a perceptron with a gate (Shazeer, 2020)
   * @param biases whether linear layers have them
   */
  record Style(int keyHeads, double rotaryBase, boolean rms, boolean gated, boolean biases) {}

  static final double EPSILON = 1e-5;

  /** Standard deviation of embeddings and of the last layer, as in GPT-2 (Radford et al., 2019). */
  static final double EMBEDDING_DEVIATION = 0.02;

  TransformerBlocks(
      int width, int heads, int hidden, boolean causal, Activation activation, double dropout) {
    this(
        width, heads, hidden, causal, activation, dropout, new Style(heads, 0, false, false, true));
  }

  Node block(Builder g, String name, Node x) {
    Node attended = attention(g, name + ".attention", normed(g, name + ".norm1", x));
    x = g.add(new Add(), x, drop(g, attended));
    Node mixed = perceptron(g, name + ".mlp", normed(g, name + ".norm2", x));
    return g.add(new Add(), x, drop(g, mixed));
  }

  private Node attention(Builder g, String name, Node x) {
    int depth = width / heads;
    int keys = style.keyHeads;
    Node qkv = dense(g, name + ".qkv", x, (heads + 2 * keys) * depth);
    if (style.rotaryBase > 0) {
      qkv = g.add(new Rotary(heads + keys, depth, style.rotaryBase), qkv);
    }
    Node attended = g.add(new Attention(heads, keys, causal), qkv);
    return dense(g, name + ".projection", attended, width);
  }

  private Node perceptron(Builder g, String name, Node x) {
    Node inner;
    if (style.gated) {
      Node gate = g.add(new Activate(activation), dense(g, name + ".gate", x, hidden));
      inner = g.add(new Multiply(), gate, dense(g, name + ".0", x, hidden));
    } else {
      inner = g.add(new Activate(activation), dense(g, name + ".0", x, hidden));
    }
    return dense(g, name + ".1", inner, width);
  }

  private Node drop(Builder g, Node x) {
    return dropout == 0 ? x : g.add(new Dropout(dropout), x);
  }

  private Node dense(Builder g, String name, Node x, int out) {
    if (style.biases) {
      return linear(g, name, x, out);
    }
    int in = x.shape().dim(-1);
    Parameter weight = g.parameter(name + ".weight", Initializer.glorot(in, out), out, in);
    return g.add(new Linear(weight, null), x);
  }

  /** The norm of this style. */
  Node normed(Builder g, String name, Node x) {
    if (!style.rms) {
      return norm(g, name, x);
    }
    Parameter gamma = g.parameter(name + ".weight", Initializer.ONES, x.shape().dim(-1));
    return g.add(Norm.rms(gamma, EPSILON), x);
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

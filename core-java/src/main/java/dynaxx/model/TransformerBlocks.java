package dynaxx.model;

import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.op.Attention;
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

  /** Standard deviation of embeddings and of the last layer, as in GPT-2 (Radford et al., 2019). */
  static final double EMBEDDING_DEVIATION = 0.02;

  TransformerBlocks(
      int width, int heads, int hidden, boolean causal, Activation activation, double dropout) {
    this(
        width, heads, hidden, causal, activation, dropout, new Style(heads, 0, false, false, true));
  }

  Node block(NetworkBuilder g, String name, Node x) {
    Node attended = attention(g, name + ".attention", normed(g, name + ".norm1", x));
    x = g.add(x, drop(g, attended));
    Node mixed = perceptron(g, name + ".mlp", normed(g, name + ".norm2", x));
    return g.add(x, drop(g, mixed));
  }

  private Node attention(NetworkBuilder g, String name, Node x) {
    int depth = width / heads;
    int keys = style.keyHeads;
    Node qkv = dense(g, name + ".qkv", x, (heads + 2 * keys) * depth);
    if (style.rotaryBase > 0) {
      qkv = g.add(new Rotary(heads + keys, depth, style.rotaryBase), qkv);
    }
    Node attended = g.add(new Attention(heads, keys, causal), qkv);
    return dense(g, name + ".projection", attended, width);
  }

  private Node perceptron(NetworkBuilder g, String name, Node x) {
    Node inner;
    if (style.gated) {
      Node gate = g.activation(activation, dense(g, name + ".gate", x, hidden));
      inner = g.multiply(gate, dense(g, name + ".0", x, hidden));
    } else {
      inner = g.activation(activation, dense(g, name + ".0", x, hidden));
    }
    return dense(g, name + ".1", inner, width);
  }

  private Node drop(NetworkBuilder g, Node x) {
    return dropout == 0 ? x : g.dropout(x, dropout);
  }

  private Node dense(NetworkBuilder g, String name, Node x, int out) {
    return g.linear(x, out, name, null, style.biases ? Initializer.ZEROS : null);
  }

  /** The norm of this style. */
  Node normed(NetworkBuilder g, String name, Node x) {
    return style.rms ? g.rmsNorm(x, name) : g.layerNorm(x, name);
  }

  /** The last layer starts small, so that the first predictions are nearly uniform. */
  static Node head(NetworkBuilder g, Node x, int out, boolean biased) {
    Initializer small = Initializer.deviation(EMBEDDING_DEVIATION);
    return g.linear(x, out, "head", small, biased ? Initializer.ZEROS : null);
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

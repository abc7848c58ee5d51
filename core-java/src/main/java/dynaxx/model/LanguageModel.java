package dynaxx.model;

import static dynaxx.model.TransformerBlocks.require;

import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.model.TransformerBlocks.Style;
import dynaxx.network.Network;
import dynaxx.network.op.Linear;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.TokenEmbedding;

/**
 * Builds a decoder-only causal language model (Radford et al., 2019): token embedding, learned
 * positions, pre-norm blocks with causal attention, a last LayerNorm and a linear head at every
 * position. Options turn it into later decoders, such as that of {@link #llama}. Parameters come in
 * the order positions, embedding, blocks, norm, head.
 */
public final class LanguageModel {

  private int vocabulary = 64;
  private int context = 64;
  private int embedding = 64;
  private int depth = 2;
  private int heads = 4;
  private int hidden = 256;
  private double dropout;
  private Activation activation = Activation.GELU;
  private int keyHeads;
  private double rotaryBase;
  private boolean rmsNorm;
  private boolean gated;
  private boolean biases = true;
  private boolean tied;

  /** Vocabulary 64, context 64, width 64, depth 2, 4 heads, hidden 256. */
  public LanguageModel() {}

  /**
   * As GPT-2 (Radford et al., 2019): the head is the token table, GELU by its tanh approximation.
   *
   * @return a builder with these settings
   */
  public static LanguageModel gpt() {
    return new LanguageModel().tied(true).activation(Activation.GELU_TANH);
  }

  /**
   * As Llama (Touvron et al., 2023): rotary positions, RMSNorm, perceptrons with a SiLU gate, no
   * biases. For grouped queries set {@link #keyHeads}.
   *
   * @return a builder with these settings
   */
  public static LanguageModel llama() {
    return new LanguageModel()
        .rotary(10_000)
        .rmsNorm(true)
        .gated(true)
        .biases(false)
        .activation(Activation.SILU);
  }

  /**
   * Number of different tokens.
   *
   * @param vocabulary at least 1
   * @return this
   */
  public LanguageModel vocabulary(int vocabulary) {
    this.vocabulary = vocabulary;
    return this;
  }

  /**
   * Tokens of each example.
   *
   * @param context at least 1
   * @return this
   */
  public LanguageModel context(int context) {
    this.context = context;
    return this;
  }

  /**
   * Width of a token.
   *
   * @param embedding values of each token; divisible by the heads
   * @return this
   */
  public LanguageModel embedding(int embedding) {
    this.embedding = embedding;
    return this;
  }

  /**
   * Number of blocks.
   *
   * @param depth at least 0
   * @return this
   */
  public LanguageModel depth(int depth) {
    this.depth = depth;
    return this;
  }

  /**
   * Attention heads of each block.
   *
   * @param heads divides the token width
   * @return this
   */
  public LanguageModel heads(int heads) {
    this.heads = heads;
    return this;
  }

  /**
   * Hidden units of each block's perceptron.
   *
   * @param hidden at least 1
   * @return this
   */
  public LanguageModel hidden(int hidden) {
    this.hidden = hidden;
    return this;
  }

  /**
   * Dropout after each attention and perceptron, while training.
   *
   * @param dropout probability, default 0
   * @return this
   */
  public LanguageModel dropout(double dropout) {
    this.dropout = dropout;
    return this;
  }

  /**
   * Activation of the perceptrons.
   *
   * @param activation default exact GELU
   * @return this
   */
  public LanguageModel activation(Activation activation) {
    this.activation = activation;
    return this;
  }

  /**
   * Keys and values of each token, shared by groups of heads (Ainslie et al., 2023).
   *
   * @param keyHeads divides the heads; 0, the default, for one for each head
   * @return this
   */
  public LanguageModel keyHeads(int keyHeads) {
    this.keyHeads = keyHeads;
    return this;
  }

  /**
   * Rotary positions (Su et al., 2021) in place of learned ones; the width of a head must be even.
   *
   * @param base usually 10,000; 0, the default, for learned positions
   * @return this
   */
  public LanguageModel rotary(double base) {
    this.rotaryBase = base;
    return this;
  }

  /**
   * RMSNorm in place of LayerNorm.
   *
   * @param rmsNorm default false
   * @return this
   */
  public LanguageModel rmsNorm(boolean rmsNorm) {
    this.rmsNorm = rmsNorm;
    return this;
  }

  /**
   * Perceptrons with a gate, {@code (f(x G') x U') D'} (Shazeer, 2020); with SiLU this is SwiGLU.
   *
   * @param gated default false
   * @return this
   */
  public LanguageModel gated(boolean gated) {
    this.gated = gated;
    return this;
  }

  /**
   * Whether linear layers have biases.
   *
   * @param biases default true
   * @return this
   */
  public LanguageModel biases(boolean biases) {
    this.biases = biases;
    return this;
  }

  /**
   * Whether the head uses the token table, and so has no parameters of its own (Press and Wolf,
   * 2017).
   *
   * @param tied default false
   * @return this
   */
  public LanguageModel tied(boolean tied) {
    this.tied = tied;
    return this;
  }

  /**
   * Builds it.
   *
   * @return the network; input [context] token numbers, output [context x vocabulary] logits
   * @throws IllegalArgumentException naming the setting, what was found and what was expected
   */
  public Network build() {
    TransformerBlocks.check(embedding, heads, depth, hidden);
    require("vocabulary", vocabulary, vocabulary >= 1, "at least 1");
    require("context", context, context >= 1, "at least 1");
    int keys = keyHeads == 0 ? heads : keyHeads;
    require("keyHeads", keys, keys >= 1 && heads % keys == 0, "a divisor of " + heads + " heads");
    boolean rotates = rotaryBase > 0;
    boolean even = embedding / heads % 2 == 0;
    require("embedding", embedding, !rotates || even, "heads of even width to rotate");
    NetworkBuilder g = NetworkBuilder.of(Shape.of(context));
    Initializer small = Initializer.deviation(TransformerBlocks.EMBEDDING_DEVIATION);
    Parameter positions = rotates ? null : g.parameter("pos", small, 1, context, embedding);
    Parameter table = g.parameter("embedding.weight", small, vocabulary, embedding);
    Node x = g.add(new TokenEmbedding(table), g.input());
    x = rotates ? x : g.add(new PositionEmbedding(positions), x);
    Style style = new Style(keys, rotaryBase, rmsNorm, gated, biases);
    TransformerBlocks blocks =
        new TransformerBlocks(embedding, heads, hidden, true, activation, dropout, style);
    for (int i = 0; i < depth; i++) {
      x = blocks.block(g, "blocks." + i, x);
    }
    x = blocks.normed(g, "norm", x);
    return g.build(
        tied
            ? g.add(new Linear(table, null), x)
            : TransformerBlocks.head(g, x, vocabulary, biases));
  }
}

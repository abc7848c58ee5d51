package dynaxx.network;

import static dynaxx.network.TransformerBlocks.require;

import dynaxx.backend.Activation;
import dynaxx.network.Network.Node;

/**
 * Builds a decoder-only causal language model (Radford et al., 2019): token embedding, learned
 * positions, pre-norm blocks with causal attention, a last LayerNorm and a linear head at every
 * position. Parameters come in the order positions, embedding, blocks, norm, head.
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

  /** Vocabulary 64, context 64, width 64, depth 2, 4 heads, hidden 256. */
  public LanguageModel() {}

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
   * Builds it.
   *
   * @return the network; input [context] token numbers, output [context x vocabulary] logits
   * @throws IllegalArgumentException naming the setting, what was found and what was expected
   */
  public Network build() {
    TransformerBlocks.check(embedding, heads, depth, hidden);
    require("vocabulary", vocabulary, vocabulary >= 1, "at least 1");
    require("context", context, context >= 1, "at least 1");
    Network.Builder g = Network.builder(Shape.of(context));
    Initializer small = Initializer.deviation(TransformerBlocks.EMBEDDING_DEVIATION);
    Parameter positions = g.parameter("pos", small, 1, context, embedding);
    Parameter table = g.parameter("embedding.weight", small, vocabulary, embedding);
    Node x = g.add(new TokenEmbedding(table), g.input());
    x = g.add(new PositionEmbedding(positions), x);
    TransformerBlocks blocks =
        new TransformerBlocks(embedding, heads, hidden, true, activation, dropout);
    for (int i = 0; i < depth; i++) {
      x = blocks.block(g, "blocks." + i, x);
    }
    x = TransformerBlocks.norm(g, "norm", x);
    return g.build(TransformerBlocks.head(g, x, vocabulary));
  }
}

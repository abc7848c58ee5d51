package dynaxx.model;

import static dynaxx.model.TransformerBlocks.require;

import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import dynaxx.network.op.ClassToken;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Patchify;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.SelectToken;

/**
 * Builds a vision transformer (Dosovitskiy et al., 2020): patch embedding, class token, learned
 * positions, pre-norm blocks, a last LayerNorm and a linear head. Parameters come in that order,
 * the class token and the positions first.
 */
public final class VisionTransformer {

  private int channels = 1;
  private int height = 28;
  private int width = 28;
  private int patch = 7;
  private int embedding = 64;
  private int depth = 4;
  private int heads = 4;
  private int hidden = 128;
  private int classes = 10;
  private boolean meanPooling;
  private double dropout;
  private Activation activation = Activation.GELU;

  /** 28 x 28 grey images, patch 7, width 64, depth 4, 4 heads, hidden 128, 10 classes. */
  public VisionTransformer() {}

  /**
   * Image extents.
   *
   * @param channels of an image
   * @param height in pixels
   * @param width in pixels
   * @return this
   */
  public VisionTransformer image(int channels, int height, int width) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    return this;
  }

  /**
   * Side of a patch.
   *
   * @param patch in pixels; divides height and width
   * @return this
   */
  public VisionTransformer patch(int patch) {
    this.patch = patch;
    return this;
  }

  /**
   * Width of a token.
   *
   * @param embedding values of each token; divisible by the heads
   * @return this
   */
  public VisionTransformer embedding(int embedding) {
    this.embedding = embedding;
    return this;
  }

  /**
   * Number of blocks.
   *
   * @param depth at least 0
   * @return this
   */
  public VisionTransformer depth(int depth) {
    this.depth = depth;
    return this;
  }

  /**
   * Attention heads of each block.
   *
   * @param heads divides the token width
   * @return this
   */
  public VisionTransformer heads(int heads) {
    this.heads = heads;
    return this;
  }

  /**
   * Hidden units of each block's perceptron.
   *
   * @param hidden at least 1
   * @return this
   */
  public VisionTransformer hidden(int hidden) {
    this.hidden = hidden;
    return this;
  }

  /**
   * Number of classes.
   *
   * @param classes at least 1
   * @return this
   */
  public VisionTransformer classes(int classes) {
    this.classes = classes;
    return this;
  }

  /**
   * Whether the head reads the mean of all tokens instead of the class token; there is a class
   * token in both cases.
   *
   * @param meanPooling default false
   * @return this
   */
  public VisionTransformer meanPooling(boolean meanPooling) {
    this.meanPooling = meanPooling;
    return this;
  }

  /**
   * Dropout after each attention and perceptron, while training.
   *
   * @param dropout probability, default 0
   * @return this
   */
  public VisionTransformer dropout(double dropout) {
    this.dropout = dropout;
    return this;
  }

  /**
   * Activation of the perceptrons.
   *
   * @param activation default exact GELU
   * @return this
   */
  public VisionTransformer activation(Activation activation) {
    this.activation = activation;
    return this;
  }

  /**
   * Builds it.
   *
   * @return the network
   * @throws IllegalArgumentException naming the setting, what was found and what was expected
   */
  public Network build() {
    TransformerBlocks.check(embedding, heads, depth, hidden);
    require("patch", patch, patch >= 1, "at least 1");
    require("height", height, height >= 1 && height % patch == 0, "a multiple of patch " + patch);
    require("width", width, width >= 1 && width % patch == 0, "a multiple of patch " + patch);
    require("classes", classes, classes >= 1, "at least 1");
    NetworkBuilder g = NetworkBuilder.of(Shape.of(channels, height, width));
    Initializer small = Initializer.deviation(TransformerBlocks.EMBEDDING_DEVIATION);
    int tokens = (height / patch) * (width / patch) + 1;
    Parameter token = g.parameter("cls", small, 1, 1, embedding);
    Parameter positions = g.parameter("pos", small, 1, tokens, embedding);
    Initializer glorot = Initializer.glorot((long) channels * patch * patch, embedding);
    Parameter weight = g.parameter("patch.weight", glorot, embedding, channels, patch, patch);
    Parameter bias = g.parameter("patch.bias", Initializer.ZEROS, embedding);
    Node x = g.add(new Patchify(patch), g.input());
    x = g.add(new Linear(weight, bias), x);
    x = g.add(new ClassToken(token), x);
    x = g.add(new PositionEmbedding(positions), x);
    TransformerBlocks blocks =
        new TransformerBlocks(embedding, heads, hidden, false, activation, dropout);
    for (int i = 0; i < depth; i++) {
      x = blocks.block(g, "blocks." + i, x);
    }
    x = g.layerNorm(x, "norm");
    x = meanPooling ? g.meanTokens(x) : g.add(new SelectToken(0), x);
    return g.build(TransformerBlocks.head(g, x, classes, true));
  }
}

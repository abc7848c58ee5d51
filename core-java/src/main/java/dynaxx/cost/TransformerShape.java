package dynaxx.cost;

import dynaxx.model.VisionTransformer;
import dynaxx.network.Network;

/**
 * Sizes of a vision transformer, the family that costs are counted for.
 *
 * @param channels of an image
 * @param patch side of a patch in pixels
 * @param tokens of an example, one of them the class token
 * @param width of a token
 * @param depth blocks
 * @param heads of the attention
 * @param hidden units of a block's perceptron
 * @param classes outputs
 */
public record TransformerShape(
    int channels, int patch, int tokens, int width, int depth, int heads, int hidden, int classes) {

  /** Fewest parameters that a shape is made up for. */
  public static final long LEAST = 500_000;

  /** Most parameters that a shape is made up for. */
  public static final long MOST = 100_000_000_000L;

  private static final int HEAD = 64;

  /** Width over depth of usual vision transformers, from ViT-B with 64 to ViT-L with 43. */
  private static final double ASPECT = 40;

  /**
   * A usual shape of about this size: heads of 64, perceptrons four times as wide, about 40 times
   * as wide as deep, 16 x 16 patches of three channels, 1000 classes.
   *
   * @param parameters from {@link #LEAST} to {@link #MOST}
   * @param tokens at least 2
   * @return the shape, whose {@link #parameters} are near those asked for
   */
  public static TransformerShape of(long parameters, int tokens) {
    if (parameters < LEAST || parameters > MOST) {
      throw new IllegalArgumentException(
          "parameters: found " + parameters + ", expected from " + LEAST + " to " + MOST);
    }
    int heads = Math.max(1, (int) Math.round(Math.cbrt(parameters * ASPECT / 12) / HEAD));
    TransformerShape ends = usual(tokens, heads, 0);
    long block = usual(tokens, heads, 1).parameters() - ends.parameters();
    long depth = Math.max(1, Math.round((double) (parameters - ends.parameters()) / block));
    return usual(tokens, heads, (int) depth);
  }

  private static TransformerShape usual(int tokens, int heads, int depth) {
    int width = heads * HEAD;
    return new TransformerShape(3, 16, tokens, width, depth, heads, 4 * width, 1000);
  }

  /** Values of a patch. */
  private long inputs() {
    return (long) channels * patch * patch;
  }

  /**
   * Its parameters.
   *
   * @return how many
   */
  public long parameters() {
    long d = width;
    long block = 4 * d * d + 4 * d + 2 * d * hidden + hidden + d + 4 * d;
    return d * (inputs() + 1) + d * (1L + tokens) + depth * block + 2 * d + (d + 1) * classes;
  }

  /**
   * Operations over one example: of a forward pass through the first layer, which has no derivative
   * by its input, and through all other linear layers; and of one product that makes attention's
   * scores, in all layers.
   */
  record Flop(double first, double others, double scores) {}

  Flop forward() {
    double d = width;
    double linear = 2.0 * tokens * (4 * d * d + 2 * d * hidden);
    double scores = 2.0 * tokens * tokens * d;
    double first = 2.0 * (tokens - 1) * inputs() * d;
    return new Flop(first, depth * linear + 2 * d * classes, depth * scores);
  }

  /**
   * The network, of which nothing is allocated.
   *
   * @return a vision transformer
   */
  public Network network() {
    return new VisionTransformer()
        .image(channels, patch, patch * (tokens - 1))
        .patch(patch)
        .embedding(width)
        .depth(depth)
        .heads(heads)
        .hidden(hidden)
        .classes(classes)
        .build();
  }
}

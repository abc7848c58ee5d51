package dynaxx.model;

import static dynaxx.model.TransformerBlocks.require;

import dynaxx.layer.Activation;
import dynaxx.layer.RunningStatistics;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import dynaxx.network.op.ChannelNorm;
import java.util.Optional;
import java.util.function.Function;

/**
 * Builds a residual convolutional network (He et al., 2016): a 3 x 3 stem, stages of blocks with
 * two 3 x 3 convolutions each, the mean over all pixels and a linear head. Except in the first
 * stage, the first block of a stage halves the image. Where a block changes the shape, its shortcut
 * is a 1 x 1 convolution.
 *
 * <p>Parameters are named {@code stem.conv}, {@code stem.norm}, {@code stages.s.b.conv1}, {@code
 * norm1}, {@code conv2}, {@code norm2}, {@code shortcut.conv}, {@code shortcut.norm} and {@code
 * head}, each with {@code .weight} and, for norms, the head and convolutions without norm, {@code
 * .bias}; they come in that order.
 */
public final class ConvolutionalNetwork {

  private int channels = 1;
  private int height = 28;
  private int width = 28;
  private int[] widths = {16, 32, 64};
  private int blocks = 2;
  private int classes = 10;
  private Activation activation = Activation.RELU;

  /** Kind of norm for a layer's name; none if absent. */
  private Function<String, Optional<ChannelNorm.Kind>> norm = groups(4);

  /**
   * 28 x 28 grey images, three stages of 2 blocks with 16, 32 and 64 channels, GroupNorm with 4
   * groups, ReLU, 10 classes.
   */
  public ConvolutionalNetwork() {}

  private static Function<String, Optional<ChannelNorm.Kind>> groups(int count) {
    return layer -> Optional.of(new ChannelNorm.Groups(count));
  }

  /**
   * Image extents.
   *
   * @param channels of an image
   * @param height in pixels
   * @param width in pixels
   * @return this
   */
  public ConvolutionalNetwork image(int channels, int height, int width) {
    this.channels = channels;
    this.height = height;
    this.width = width;
    return this;
  }

  /**
   * Channels of each stage; the stem has those of the first.
   *
   * @param widths at least one, each at least 1
   * @return this
   */
  public ConvolutionalNetwork stages(int... widths) {
    this.widths = widths.clone();
    return this;
  }

  /**
   * Residual blocks of each stage.
   *
   * @param blocks at least 1
   * @return this
   */
  public ConvolutionalNetwork blocks(int blocks) {
    this.blocks = blocks;
    return this;
  }

  /**
   * GroupNorm after each convolution.
   *
   * @param groups divides the channels of every stage
   * @return this
   */
  public ConvolutionalNetwork groupNorm(int groups) {
    this.norm = groups(groups);
    return this;
  }

  /**
   * BatchNorm after each convolution, as in evaluation.
   *
   * @param statistics of a layer by its name, such as {@code stem.norm}
   * @return this
   */
  public ConvolutionalNetwork batchNorm(Function<String, RunningStatistics> statistics) {
    this.norm = layer -> Optional.of(new ChannelNorm.Running(statistics.apply(layer)));
    return this;
  }

  /**
   * BatchNorm after each convolution with the statistics of the batch at hand, as in training; see
   * {@link ChannelNorm#batch} for what that rules out.
   *
   * @return this
   */
  public ConvolutionalNetwork batchNorm() {
    this.norm = layer -> Optional.of(new ChannelNorm.WholeBatch());
    return this;
  }

  /**
   * No norm; convolutions have a bias, and the last one of each block starts smaller, so that sums
   * over the blocks keep their scale.
   *
   * @return this
   */
  public ConvolutionalNetwork noNorm() {
    this.norm = layer -> Optional.empty();
    return this;
  }

  /**
   * Activation after the stem, within the blocks and after each sum.
   *
   * @param activation default ReLU
   * @return this
   */
  public ConvolutionalNetwork activation(Activation activation) {
    this.activation = activation;
    return this;
  }

  /**
   * Number of classes.
   *
   * @param classes at least 1
   * @return this
   */
  public ConvolutionalNetwork classes(int classes) {
    this.classes = classes;
    return this;
  }

  /**
   * Builds it.
   *
   * @return the network
   * @throws IllegalArgumentException naming the setting or the layer, what was found and what was
   *     expected
   */
  public Network build() {
    require("stages", widths.length, widths.length >= 1, "at least 1");
    for (int w : widths) {
      require("stages: width", w, w >= 1, "at least 1");
    }
    require("blocks", blocks, blocks >= 1, "at least 1");
    require("classes", classes, classes >= 1, "at least 1");
    NetworkBuilder g = NetworkBuilder.of(Shape.of(channels, height, width));
    Node x = layer(g, "stem.conv", "stem.norm", g.input(), widths[0], 3, 1, 1);
    x = g.activation(activation, x);
    for (int stage = 0; stage < widths.length; stage++) {
      for (int block = 0; block < blocks; block++) {
        int stride = stage > 0 && block == 0 ? 2 : 1;
        x = block(g, "stages." + stage + "." + block, x, widths[stage], stride);
      }
    }
    return g.build(TransformerBlocks.head(g, g.flatten(g.averagePool(x)), classes, true));
  }

  private Node block(NetworkBuilder g, String name, Node x, int out, int stride) {
    Node y = layer(g, name + ".conv1", name + ".norm1", x, out, 3, stride, 1);
    y = g.activation(activation, y);
    int sums = widths.length * blocks;
    y = layer(g, name + ".conv2", name + ".norm2", y, out, 3, 1, sums);
    if (!x.shape().equals(y.shape())) {
      x = layer(g, name + ".shortcut.conv", name + ".shortcut.norm", x, out, 1, stride, 1);
    }
    return g.activation(activation, g.add(x, y));
  }

  /** A convolution, with its norm, that changes the image's extents only by its stride. */
  private Node layer(
      NetworkBuilder g,
      String conv,
      String norm,
      Node x,
      int out,
      int kernel,
      int stride,
      int sums) {
    Optional<ChannelNorm.Kind> kind = this.norm.apply(norm);
    boolean bare = kind.isEmpty();
    Node y = g.conv(x, out, kernel, stride, kernel / 2, conv, bare ? sums : 1, bare);
    return bare ? y : g.channelNorm(y, kind.get(), norm);
  }
}

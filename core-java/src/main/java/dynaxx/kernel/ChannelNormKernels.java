package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Normalisation of channels and its passes. Images are {@code [channels x height x width]}, one
 * after the other; a plane is one channel of one image. Conventions are those of {@link Kernels}.
 */
public interface ChannelNormKernels {

  /** What a mean and a variance are taken over. */
  enum Statistics {
    /** A group of channels of one image (Wu and He, 2018). */
    GROUP,
    /** One channel of all images (Ioffe and Szegedy, 2015). */
    BATCH,
    /** Nothing: they are given, one of each for every channel. */
    GIVEN
  }

  /**
   * Shape and kind of a normalisation {@code y = gamma[c] xh + beta[c]}, {@code xh = (x - mean) r},
   * {@code r = (variance + epsilon)^-1/2}, with one gain and one shift for each channel. The
   * formulas are those of {@link NormKernels#forward} and its passes, means taken over a unit, what
   * shares a mean and a variance, and {@code mean(xh (rx - mean rx))} for {@code mean(xh rx)}: the
   * same except for the rounding of statistics. If statistics are given, mean and r are constants:
   * {@code dx = r gamma dy}, {@code rxh = r rx}, {@code rdx = r (rgamma dy + gamma rdy)}, {@code c
   * += <dy, 2 rgamma rxh>}.
   *
   * @param images number of images
   * @param channels channels of each
   * @param size pixels of a plane
   * @param groups groups of channels; 1 unless statistics are those of groups
   * @param epsilon added to the variance; 0 is allowed
   * @param statistics what a unit is
   */
  record ChannelNormalization(
      int images, int channels, int size, int groups, double epsilon, Statistics statistics) {

    /**
     * Number of planes.
     *
     * @return images x channels
     */
    public int planes() {
      return Math.multiplyExact(images, channels);
    }

    /**
     * Number of units.
     *
     * @return images x groups, channels, or planes
     */
    public int units() {
      return switch (statistics) {
        case GROUP -> images * groups;
        case BATCH -> channels;
        case GIVEN -> planes();
      };
    }

    /**
     * The unit that a plane belongs to.
     *
     * @param plane {@code image * channels + channel}
     * @return which unit
     */
    public int unit(int plane) {
      return switch (statistics) {
        case GROUP -> plane / (channels / groups);
        case BATCH -> plane % channels;
        case GIVEN -> plane;
      };
    }

    /**
     * Pixels of a unit.
     *
     * @return what a mean is taken over
     */
    public long unitSize() {
      return (long) planes() / units() * size;
    }
  }

  /**
   * Forward pass.
   *
   * @param s shape
   * @param given means of the channels, then their variances, or null if they are not given
   * @param x images x channels x size
   * @param gamma gains, channels
   * @param beta shifts, channels, or null for none
   * @param y output
   * @param stats receives mean and r of each unit, units x 2
   */
  void forward(
      ChannelNormalization s,
      Buffer given,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer y,
      Buffer stats);

  /**
   * Backward pass; see {@link NormKernels#backward}.
   *
   * @param s shape
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param dx adjoint of the input, or null if it is not wanted
   * @param add whether to add to dx
   * @param dgamma gradient of the gains, added to
   * @param dbeta gradient of the shifts, added to, or null
   */
  void backward(
      ChannelNormalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta);

  /**
   * Tangent forward pass; see {@link NormKernels#tangent}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param rx tangent of the input, or null if the input is constant
   * @param rgamma tangents of the gains
   * @param rbeta tangents of the shifts, or null
   * @param ry tangent of the output
   */
  void tangent(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry);

  /**
   * Tangent backward pass; see {@link NormKernels#tangentBackward}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param rx tangent of the input, or null if the input is constant
   * @param rgamma tangents of the gains
   * @param rdy tangent of the output's adjoint
   * @param rdx tangent of the input's adjoint, or null if it is not wanted
   * @param add whether to add to rdx
   * @param rdgamma tangents of the gains' gradient, added to
   * @param rdbeta tangents of the shifts' gradient, added to, or null
   */
  void tangentBackward(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta);

  /**
   * Curvature; see {@link NormKernels#curvature}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x input
   * @param stats of the forward pass
   * @param gamma gains
   * @param dy adjoint of the output
   * @param rx tangent of the input
   * @param rgamma tangents of the gains
   * @param c one sum for each direction
   */
  void curvature(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c);
}

package dynaxx.backend;

import dynaxx.memory.Buffer;

/**
 * The passes of layers on images: convolution, pooling, normalisation of channels. Images are
 * {@code [channels x height x width]}, one after the other; a plane is one channel of one image.
 * Conventions are those of {@link LayerKernels}.
 */
public interface ImageKernels {

  // ---- windows along an axis

  /** The windows along one axis of an image. */
  sealed interface Windows {

    /**
     * Extent of the input.
     *
     * @return pixels
     */
    int size();

    /**
     * Extent of the output.
     *
     * @return number of windows
     */
    int count();

    /**
     * First pixel of a window that lies in the image.
     *
     * @param o which window
     * @return its position
     */
    int begin(int o);

    /**
     * Pixel after the last one of a window that lies in the image.
     *
     * @param o which window
     * @return its position
     */
    int end(int o);

    /**
     * Extent of a window with what lies outside the image.
     *
     * @param o which window
     * @return pixels
     */
    int extent(int o);
  }

  /**
   * A window that moves in steps: element i of window o is pixel {@code o stride - before + i
   * dilation}, zero outside the image.
   *
   * @param size pixels of the input
   * @param kernel elements of a window
   * @param stride pixels from window to window
   * @param before zeros before the first pixel
   * @param after zeros after the last pixel
   * @param dilation pixels from element to element; 1 in pooling
   */
  record Sliding(int size, int kernel, int stride, int before, int after, int dilation)
      implements Windows {

    @Override
    public int count() {
      return (size + before + after - dilation * (kernel - 1) - 1) / stride + 1;
    }

    @Override
    public int begin(int o) {
      return Math.max(0, o * stride - before);
    }

    @Override
    public int end(int o) {
      return Math.min(size, o * stride - before + kernel);
    }

    @Override
    public int extent(int o) {
      return kernel;
    }

    /**
     * Pixel of element i of window 0, inside the image or not.
     *
     * @param i which element
     * @return its position
     */
    public int shift(int i) {
      return i * dilation - before;
    }

    /**
     * First window whose element i is a pixel.
     *
     * @param i which element
     * @return the window
     */
    public int first(int i) {
      return Math.clamp(-Math.floorDiv(shift(i), stride), 0, count());
    }

    /**
     * Window after the last one whose element i is a pixel.
     *
     * @param i which element
     * @return the window, at least {@link #first}
     */
    public int last(int i) {
      return Math.clamp(Math.floorDiv(size - 1 - shift(i), stride) + 1, first(i), count());
    }
  }

  /**
   * A given number of windows that cover the image evenly: window o reaches from {@code floor(o
   * size / count)} to below {@code ceil((o + 1) size / count)}.
   *
   * @param size pixels of the input
   * @param count number of windows
   */
  record Adaptive(int size, int count) implements Windows {

    @Override
    public int begin(int o) {
      return (int) ((long) o * size / count);
    }

    @Override
    public int end(int o) {
      return (int) (((o + 1L) * size + count - 1) / count);
    }

    @Override
    public int extent(int o) {
      return end(o) - begin(o);
    }
  }

  // ---- convolution

  /**
   * Shape of a convolution {@code y[o, p, q] = sum over c, i, j of w[o, c, i, j] x[g C + c, p sy -
   * top + i dy, q sx - left + j dx]}, g the group of o and C the channels of a group. Weights are
   * outputs x channels / groups x kernel height x kernel width.
   *
   * @param images images of each direction
   * @param channels channels of the input
   * @param outputs channels of the output
   * @param groups divides both; each group of outputs sees its own channels only
   * @param y rows of the image
   * @param x columns of the image
   */
  record Convolution(int images, int channels, int outputs, int groups, Sliding y, Sliding x) {

    /**
     * Pixels of an input plane.
     *
     * @return height x width
     */
    public int inPlane() {
      return Math.multiplyExact(y.size(), x.size());
    }

    /**
     * Pixels of an output plane.
     *
     * @return height x width
     */
    public int outPlane() {
      return Math.multiplyExact(y.count(), x.count());
    }

    /**
     * Values of an input image.
     *
     * @return channels x height x width
     */
    public long inSize() {
      return (long) channels * inPlane();
    }

    /**
     * Values of an output image.
     *
     * @return outputs x height x width
     */
    public long outSize() {
      return (long) outputs * outPlane();
    }

    /**
     * Weights of one output channel.
     *
     * @return channels / groups x kernel height x kernel width
     */
    public int depth() {
      return channels / groups * y.kernel() * x.kernel();
    }
  }

  /**
   * {@code y_i (+)= x_i * w_i + bias_i}. What work space a backend takes for this and its
   * transposes is its own; it must not grow with the number of images.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x run i holds the images of direction i; stride 0 shares them
   * @param w run i holds the weights of direction i; stride 0 shares them
   * @param bias run i is added to the channels of direction i, or null for none
   * @param y k x images x outputs x height x width
   * @param add whether to add
   */
  void convolve(Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add);

  /**
   * Transpose of {@link #convolve} for the images: {@code dx_i[c, .] (+)=} the sum of {@code w_i[o,
   * c, .] dy_i[o, .]} over all products that x[c, .] takes part in.
   *
   * @param s shape of one direction
   * @param k directions
   * @param dy run i holds the adjoints of direction i; stride 0 shares them
   * @param w run i holds the weights of direction i; stride 0 shares them
   * @param dx k x images x channels x height x width
   * @param add whether to add
   */
  void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add);

  /**
   * Transpose of {@link #convolve} for weights and bias: {@code dw_i[o, c, .] +=} the sum of {@code
   * dy_i[o, .] x_i[c, .]} over images and places, {@code dbias_i[o] += sum of dy_i[o, .]}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param x run i holds the images of direction i; stride 0 shares them
   * @param dy run i holds the adjoints of direction i; stride 0 shares them
   * @param dw run i is the gradient of the weights of direction i, added to
   * @param dbias run i is the gradient of the bias of direction i, added to, or null
   */
  void convolveWeight(Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias);

  // ---- pooling

  /**
   * Planes that are reduced window by window.
   *
   * @param planes number of planes
   * @param y windows along the height
   * @param x windows along the width
   */
  record Pooling(long planes, Windows y, Windows x) {

    /**
     * Pixels of an input plane.
     *
     * @return height x width
     */
    public int inPlane() {
      return Math.multiplyExact(y.size(), x.size());
    }

    /**
     * Pixels of an output plane.
     *
     * @return height x width
     */
    public int outPlane() {
      return Math.multiplyExact(y.count(), x.count());
    }
  }

  /**
   * The largest pixel of each window, of equal ones the first in reading order; pixels outside the
   * image do not count. NaN counts as larger than any number.
   *
   * @param s shape; every window has a pixel in the image, planes at most 2^24 pixels
   * @param x planes x inPlane
   * @param y planes x outPlane
   * @param index receives the position of each maximum in its plane, a whole number
   */
  void maxPool(Pooling s, Buffer x, Buffer y, Buffer index);

  /**
   * {@code y_i[p, o] = x_i[p, index[p, o]]}: the tangent of {@link #maxPool}.
   *
   * @param s shape of one direction
   * @param k directions
   * @param index planes x outPlane positions
   * @param x k x planes x inPlane
   * @param y k x planes x outPlane
   */
  void pick(Pooling s, int k, Buffer index, Buffer x, Buffer y);

  /**
   * Transpose of {@link #pick}: {@code dx_i[p, index[p, o]] (+)= dy_i[p, o]}, added up in reading
   * order; the other elements become 0 or stay.
   *
   * @param s shape of one direction
   * @param k directions
   * @param index planes x outPlane positions
   * @param dy k x planes x outPlane
   * @param dx k x planes x inPlane
   * @param add whether to add
   */
  void pickBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add);

  /**
   * Sum of the pixels of each window, divided by their number.
   *
   * @param s shape; every window has a pixel in the image
   * @param padding whether pixels outside the image count, as zeros
   * @param x planes x inPlane
   * @param y planes x outPlane
   */
  void averagePool(Pooling s, boolean padding, Buffer x, Buffer y);

  /**
   * Transpose of {@link #averagePool}.
   *
   * @param s shape
   * @param padding whether pixels outside the image count
   * @param dy planes x outPlane
   * @param dx planes x inPlane
   * @param add whether to add
   */
  void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add);

  // ---- normalisation of channels

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
   * formulas are those of {@link LayerKernels#norm} and its passes, means taken over a unit, what
   * shares a mean and a variance, and {@code mean(xh (rx - mean rx))} for {@code mean(xh rx)}: the
   * same but for the rounding of statistics. If statistics are given, mean and r are constants:
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
  void channelNorm(
      ChannelNormalization s,
      Buffer given,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer y,
      Buffer stats);

  /**
   * Backward pass; see {@link LayerKernels#normBackward}.
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
  void channelNormBackward(
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
   * Tangent forward pass; see {@link LayerKernels#normTangent}.
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
  void channelNormTangent(
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
   * Tangent backward pass; see {@link LayerKernels#normTangentBackward}.
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
  void channelNormTangentBackward(
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
   * Curvature; see {@link LayerKernels#normCurvature}.
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
  void channelNormCurvature(
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

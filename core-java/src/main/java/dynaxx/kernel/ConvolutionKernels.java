package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Convolutions. Images are {@code [channels x height x width]}, one after the other. Conventions
 * are those of {@link Kernels}.
 */
public interface ConvolutionKernels {

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
  record Convolution(
      int images, int channels, int outputs, int groups, Windows.Sliding y, Windows.Sliding x) {

    /**
     * The same of a single image.
     *
     * @return what does not depend on the number of images
     */
    public Convolution ofOneImage() {
      return new Convolution(1, channels, outputs, groups, y, x);
    }

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
   * {@code y_i (+)= x_i * w_i + bias_i}. What work space a device takes for this and its transposes
   * is its own; it must not grow with the number of images.
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
}

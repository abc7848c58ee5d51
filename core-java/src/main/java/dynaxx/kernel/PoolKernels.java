package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Pooling. Images are {@code [channels x height x width]}, one after the other; a plane is one
 * channel of one image. Conventions are those of {@link Kernels}.
 */
public interface PoolKernels {

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
   * The largest pixel of each window; pixels outside the image do not count. Of equal ones it is
   * the first in reading order, 0 and -0 being equal. NaN counts as larger than any number; of
   * several, the first is taken. So given the same pixels, every device takes the same one.
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
  void maxPoolTangent(Pooling s, int k, Buffer index, Buffer x, Buffer y);

  /**
   * Transpose of {@link #maxPoolTangent}: {@code dx_i[p, index[p, o]] (+)= dy_i[p, o]}, added up in
   * reading order; the other elements become 0 or stay.
   *
   * @param s shape of one direction
   * @param k directions
   * @param index planes x outPlane positions
   * @param dy k x planes x outPlane
   * @param dx k x planes x inPlane
   * @param add whether to add
   */
  void maxPoolBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add);

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
}

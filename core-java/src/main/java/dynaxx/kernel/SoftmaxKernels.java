package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Softmax of rows and its passes. Conventions are those of {@link Kernels}. */
public interface SoftmaxKernels {

  /**
   * Softmax of each row; the output may be the input.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param a logits
   * @param p probabilities
   */
  void forward(long rows, int cols, Buffer a, Buffer p);

  /**
   * {@code da = p (dp - sum(p dp))}; the output may be dp.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param da adjoint of the logits
   */
  void backward(long rows, int cols, Buffer p, Buffer dp, Buffer da);

  /**
   * {@code rp = p (ra - sum(p ra))}; the output may be ra.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param ra tangent of the logits
   * @param rp tangent of the probabilities
   */
  void tangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp);

  /**
   * {@code rda = rp (dp - sum(p dp)) + p (rdp - sum(rp dp + p rdp))}; the output may be rdp.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param rp tangent of the probabilities
   * @param rdp tangent of the probabilities' adjoint
   * @param rda tangent of the logits' adjoint
   */
  void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda);

  /**
   * {@code c += <dp, p (u^2 - sum(p u^2))>} with {@code u = ra - sum(p ra)}.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each
   * @param p probabilities
   * @param dp their adjoint
   * @param ra tangent of the logits
   * @param c one sum for each direction
   */
  void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c);
}

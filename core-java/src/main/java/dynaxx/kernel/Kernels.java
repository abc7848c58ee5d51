package dynaxx.kernel;

/**
 * The kernels of a device, by family. A device that lacks a family leaves its default in place; a
 * network that needs it is then refused with the names of the op and of the device.
 *
 * <p>Every kernel gives the same bits for the same arguments whatever the number of threads, and
 * the same bits for each of k directions as for that direction alone; matrix products, and
 * convolutions made of them, do so only where they do not go through a vendor's library, which may
 * choose another algorithm for another shape. Callers check shapes once at their own public edge;
 * kernels check nothing.
 *
 * <p>Conventions of all families: {@code boolean add} says whether a kernel adds to its output or
 * overwrites it; overwritten outputs are not read. {@code k} is the number of directions, the
 * leading axis of every tangent array ({@code rx}, {@code ry}, {@code rdx}, {@code rdy}, {@code rp}
 * and so on); primal arrays are shared by all k. Gradients of parameters are always added, summed
 * over rows in float64. Curvature kernels add one number for each direction to {@code c}: the
 * layer's own second-order term contracted with the adjoint of its output, so that the sum over
 * layers is v'Hv.
 */
public interface Kernels {

  /** Thrown by a device that lacks a family of kernels. */
  final class MissingFamilyException extends UnsupportedOperationException {
    private static final long serialVersionUID = 1L;

    /**
     * Names the family.
     *
     * @param family for example {@code convolutions}
     */
    public MissingFamilyException(String family) {
      super("no kernels for " + family);
    }
  }

  /**
   * Matrix products.
   *
   * @return the family
   */
  default GemmKernels gemm() {
    throw new MissingFamilyException("matrix products");
  }

  /**
   * Functions of single elements.
   *
   * @return the family
   */
  default ActivationKernels activations() {
    throw new MissingFamilyException("activations");
  }

  /**
   * Sums, products and dropout.
   *
   * @return the family
   */
  default ElementwiseKernels elementwise() {
    throw new MissingFamilyException("elementwise arithmetic");
  }

  /**
   * Normalisation of rows.
   *
   * @return the family
   */
  default NormKernels norms() {
    throw new MissingFamilyException("row normalisation");
  }

  /**
   * Normalisation of channels.
   *
   * @return the family
   */
  default ChannelNormKernels channelNorms() {
    throw new MissingFamilyException("channel normalisation");
  }

  /**
   * Softmax of rows.
   *
   * @return the family
   */
  default SoftmaxKernels softmax() {
    throw new MissingFamilyException("softmax");
  }

  /**
   * Attention.
   *
   * @return the family
   */
  default AttentionKernels attention() {
    throw new MissingFamilyException("attention");
  }

  /**
   * Copies, sums and means of rows.
   *
   * @return the family
   */
  default RowKernels rows() {
    throw new MissingFamilyException("rows");
  }

  /**
   * Lookups of table rows.
   *
   * @return the family
   */
  default GatherKernels gathers() {
    throw new MissingFamilyException("table lookups");
  }

  /**
   * Arrays in any order of axes.
   *
   * @return the family
   */
  default StrideKernels strides() {
    throw new MissingFamilyException("strided arrays");
  }

  /**
   * Convolutions.
   *
   * @return the family
   */
  default ConvolutionKernels convolutions() {
    throw new MissingFamilyException("convolutions");
  }

  /**
   * Pooling.
   *
   * @return the family
   */
  default PoolKernels pools() {
    throw new MissingFamilyException("pooling");
  }

  /**
   * Losses.
   *
   * @return the family
   */
  default LossKernels losses() {
    throw new MissingFamilyException("losses");
  }
}

package dynaxx.kernel;

import dynaxx.memory.Buffer;

/** Copies, sums and means of rows. Conventions are those of {@link Kernels}. */
public interface RowKernels {

  /**
   * Adds column sums: {@code out_i[c] += sum over r of x[i * kStride + r * rowStride + c]} for i
   * below k, summed in float64.
   *
   * @param k number of matrices
   * @param rows rows of each
   * @param cols columns of each
   * @param x the matrices
   * @param kStride from one matrix to the next
   * @param rowStride from one row to the next
   * @param out run i receives the sums of matrix i
   */
  void addColumnSums(
      int k, long rows, long cols, Buffer x, long kStride, long rowStride, Strided out);

  /**
   * {@code y_i[r] = x_i[r] + w_i} for every row r: bias, position embedding. The output may be the
   * input.
   *
   * @param k directions
   * @param rows rows of each direction
   * @param cols elements of each row
   * @param x k x rows x cols, or null for zero
   * @param w run i is added to the rows of direction i
   * @param y result
   */
  void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y);

  /**
   * Copies rows from one pitch to another: {@code to[toOffset + r toStride + c] (+)=
   * from[fromOffset + r fromStride + c]}. A source stride of 0 repeats one row.
   *
   * @param rows number of rows
   * @param cols elements of each
   * @param from source
   * @param fromOffset its first element
   * @param fromStride from one source row to the next
   * @param to destination
   * @param toOffset its first element
   * @param toStride from one destination row to the next, at least cols
   * @param add whether to add
   */
  void copyRows(
      long rows,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add);

  /**
   * Mean over the middle axis: {@code y[g] = (1 / rows) sum over r of x[g, r]}, summed in float64.
   *
   * @param groups leading axis
   * @param rows middle axis
   * @param cols last axis
   * @param x groups x rows x cols
   * @param y groups x cols
   */
  void meanRows(long groups, int rows, int cols, Buffer x, Buffer y);

  /**
   * Transpose of {@link #meanRows}: {@code dx[g, r] (+)= dy[g] / rows}.
   *
   * @param groups leading axis
   * @param rows middle axis
   * @param cols last axis
   * @param dy groups x cols
   * @param dx groups x rows x cols
   * @param add whether to add
   */
  void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add);

  /**
   * Shape of images cut into square patches without overlap; height and width are multiples of the
   * patch.
   *
   * @param images number of images
   * @param channels of each
   * @param height in pixels
   * @param width in pixels
   * @param patch side of a patch in pixels
   */
  record Patches(long images, int channels, int height, int width, int patch) {

    /**
     * Patches of one image.
     *
     * @return the count
     */
    public int perImage() {
      return (height / patch) * (width / patch);
    }

    /**
     * Values in one patch.
     *
     * @return channels x patch x patch
     */
    public int length() {
      return channels * patch * patch;
    }
  }

  /**
   * Cuts images (images x channels x height x width) into rows of (channel, y, x), patches in
   * reading order.
   *
   * @param s shape
   * @param x images
   * @param rows images x perImage x length
   */
  void toPatches(Patches s, Buffer x, Buffer rows);

  /**
   * Inverse of {@link #toPatches}.
   *
   * @param s shape
   * @param rows images x perImage x length
   * @param x images
   * @param add whether to add to x
   */
  void fromPatches(Patches s, Buffer rows, Buffer x, boolean add);
}

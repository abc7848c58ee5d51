package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * A family of row-major matrices inside a buffer, indexed by up to three batch indices: element (r,
 * c) of member (i, j, l) is at {@code offset + i * stride0 + j * stride1 + l * stride2 + r * ld +
 * c}. A stride of 0 shares the matrix along that index.
 *
 * @param buffer the values
 * @param offset element (0, 0) of member (0, 0, 0)
 * @param ld leading dimension: from one row to the next
 * @param transposed whether a product uses the transpose of what is stored
 * @param stride0 step of the first batch index
 * @param stride1 step of the second batch index
 * @param stride2 step of the third batch index
 */
public record Matrix(
    Buffer buffer,
    long offset,
    long ld,
    boolean transposed,
    long stride0,
    long stride1,
    long stride2) {

  /**
   * A single matrix at the start of a buffer.
   *
   * @param buffer the values
   * @param ld from one row to the next
   * @return the matrix, not transposed
   */
  public static Matrix of(Buffer buffer, long ld) {
    return new Matrix(buffer, 0, ld, false, 0, 0, 0);
  }

  /**
   * One matrix for each run.
   *
   * @param runs the i-th run holds the matrix of first batch index i
   * @param ld from one row to the next
   * @return the family, not transposed
   */
  public static Matrix of(Strided runs, long ld) {
    return new Matrix(runs.buffer(), runs.offset(), ld, false, runs.stride(), 0, 0);
  }

  /**
   * The transpose, without moving anything.
   *
   * @return the same values read as their transpose
   */
  public Matrix t() {
    return new Matrix(buffer, offset, ld, !transposed, stride0, stride1, stride2);
  }

  /**
   * A family that starts elsewhere.
   *
   * @param shift added to the offset
   * @return the shifted family
   */
  public Matrix at(long shift) {
    return new Matrix(buffer, offset + shift, ld, transposed, stride0, stride1, stride2);
  }

  /**
   * A family with other batch strides.
   *
   * @param s0 step of the first batch index
   * @param s1 step of the second
   * @param s2 step of the third
   * @return the family
   */
  public Matrix batch(long s0, long s1, long s2) {
    return new Matrix(buffer, offset, ld, transposed, s0, s1, s2);
  }
}

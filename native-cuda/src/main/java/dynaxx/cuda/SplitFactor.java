package dynaxx.cuda;

import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import java.util.List;

/**
 * Where the TF32 parts of a factor lie: its matrices side by side without gaps, members that share
 * a matrix share its parts, and each matrix with its parts one after the other along the depth of
 * the product, so that one product over all parts is the sum of products of parts. Rows begin at
 * multiples of 16 bytes; what fills them up is zero.
 *
 * @param of the factor as it is stored
 * @param rows stored rows of a matrix
 * @param cols stored columns
 * @param members of the product
 * @param depthAcross whether the columns are the depth
 * @param depth of a part, filled up
 * @param parts two or three
 */
record SplitFactor(
    Matrix of, int rows, int cols, Members members, boolean depthAcross, int depth, int parts) {

  private static final int ALIGNED = 4;
  private static final int PADDED = 64;

  /** The parts of a left factor, low before high, and of a right one: bit p of part p if high. */
  static final int[] LEFT = {0, 0, 0b10, 0b110};

  static final int[] RIGHT = {0, 0, 0b01, 0b101};

  /** Where the values and the parts lie, whatever the members that share them. */
  record Layout(
      long ld,
      long stride0,
      long stride1,
      long stride2,
      List<Integer> extents,
      boolean depthAcross) {}

  Layout layout() {
    return new Layout(
        of.ld(),
        of.stride0(),
        of.stride1(),
        of.stride2(),
        List.of(rows, cols, distinct0(), distinct1(), distinct2(), depth, parts),
        depthAcross);
  }

  static int aligned(int size) {
    return Math.ceilDiv(size, ALIGNED) * ALIGNED;
  }

  private static int distinct(long stride, int members) {
    return stride == 0 ? 1 : members;
  }

  private int distinct0() {
    return distinct(of.stride0(), members.n0());
  }

  private int distinct1() {
    return distinct(of.stride1(), members.n1());
  }

  private int distinct2() {
    return distinct(of.stride2(), members.n2());
  }

  private long matrices() {
    return (long) distinct0() * distinct1() * distinct2();
  }

  private long pitch() {
    return depthAcross ? depth : aligned(cols);
  }

  private long lines() {
    return depthAcross ? rows : depth;
  }

  private long rowStep() {
    return depthAcross ? parts * pitch() : pitch();
  }

  private long partStep() {
    return depthAcross ? pitch() : lines() * pitch();
  }

  private long matrixStep() {
    return lines() * parts * pitch();
  }

  /** Values that differ, each once. */
  long values() {
    return matrices() * rows * cols;
  }

  /** Values of all parts. */
  long size() {
    return Math.ceilDiv(matrices() * matrixStep(), PADDED) * PADDED;
  }

  /** From the first part to another, in values. */
  long part(int which) {
    return which * partStep();
  }

  /** The parts as a factor; its buffer is not used. */
  Matrix matrix() {
    long step = matrixStep();
    return new Matrix(
        of.buffer(),
        0,
        rowStep(),
        of.transposed(),
        of.stride0() == 0 ? 0 : step * distinct1() * distinct2(),
        of.stride1() == 0 ? 0 : step * distinct2(),
        of.stride2() == 0 ? 0 : step);
  }

  /**
   * Writes the parts.
   *
   * @param from address of the factor
   * @param to address of the parts
   * @param order which parts are high
   */
  void write(Launcher launcher, long from, long to, int order) {
    long total = matrices() * lines();
    RowGrid grid = RowGrid.of(launcher, total, pitch());
    launcher
        .kernel("gemm_split")
        .i64(from)
        .i64(0)
        .i64(of.ld())
        .i64(of.stride0())
        .i64(of.stride1())
        .i64(of.stride2())
        .i32(distinct1())
        .i32(distinct2())
        .i64(total)
        .i32(rows)
        .i32(cols)
        .i32(Math.toIntExact(lines()))
        .i32(Math.toIntExact(pitch()))
        .i64(to)
        .i64(rowStep())
        .i64(partStep())
        .i64(matrixStep())
        .i32(parts)
        .i32(order)
        .i32(grid.lanes())
        .launch(grid.blocks(), 1, Launcher.THREADS);
  }
}

package dynaxx.cuda;

import dynaxx.kernel.RowKernels;
import dynaxx.kernel.RowKernels.Patches;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/** Copies, sums and lookups of whole rows; kernels in rows.cu. */
final class Rows implements RowKernels {

  private static final int SUM_COLS = 32;

  /** Rows of a piece of a column sum at least, and pieces at most. */
  private static final int SUM_ROWS = 64;

  private static final int SUM_CHUNKS = 128;

  /** Blocks of a column sum that keep any device busy. */
  private static final long SUM_BLOCKS = 4096;

  /** Rows that a mean takes in one go. */
  private static final int MEAN_ROWS = 1024;

  private final Launcher launcher;

  Rows(Launcher launcher) {
    this.launcher = launcher;
  }

  // ---- sums over rows

  @Override
  public void addColumnSums(
      int k, long rows, long cols, Buffer x, long kStride, long rowStride, Strided out) {
    if (cols == 0) {
      return;
    }
    long tiles = Math.ceilDiv(cols, (long) SUM_COLS);
    long useful = Math.min(SUM_CHUNKS, Math.ceilDiv(SUM_BLOCKS, tiles));
    int chunks = (int) Math.clamp(Math.ceilDiv(rows, (long) SUM_ROWS), 1, useful);
    sum(new Sum(k, rows, cols, kStride, rowStride, chunks, 1, true), x, out);
  }

  @Override
  public void meanRows(long groups, int rows, int cols, Buffer x, Buffer y) {
    if (cols == 0) {
      return;
    }
    int chunks = Math.clamp(Math.ceilDiv(rows, MEAN_ROWS), 1, SUM_CHUNKS);
    long size = (long) rows * cols;
    sum(new Sum(groups, rows, cols, size, cols, chunks, rows, false), x, new Strided(y, 0, cols));
  }

  /** Sums of the columns of some matrices, in pieces that depend on the shape of one matrix. */
  private record Sum(
      long matrices,
      long rows,
      long cols,
      long stride,
      long rowStride,
      int chunks,
      double divisor,
      boolean add) {

    long blocks() {
      return Math.multiplyExact(
          Math.multiplyExact(matrices, Math.ceilDiv(cols, (long) SUM_COLS)), (long) chunks);
    }
  }

  private void sum(Sum s, Buffer x, Strided out) {
    boolean pieces = s.chunks > 1;
    long partial = pieces ? launcher.partials(s.matrices * s.chunks * s.cols) : 0;
    launcher
        .kernel("rows_column_sums")
        .p(x)
        .i64(s.stride)
        .i64(s.rowStride)
        .i64(s.rows)
        .i64(s.cols)
        .i32(s.chunks)
        .i64(partial)
        .runs(out)
        .f64(s.divisor)
        .flag(s.add)
        .launch(s.blocks(), 1, Launcher.THREADS);
    if (pieces) {
      launcher
          .kernel("rows_finish_sums")
          .i64(partial)
          .i64(s.matrices)
          .i32(s.chunks)
          .i64(s.cols)
          .runs(out)
          .f64(s.divisor)
          .flag(s.add)
          .launchElements(s.matrices * s.cols, 1);
    }
  }

  @Override
  public void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add) {
    RowGrid grid = RowGrid.of(launcher, groups * rows, cols);
    launcher
        .kernel("rows_mean_backward")
        .p(dy)
        .p(dx)
        .i64(groups * rows)
        .i32(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .flag(add)
        .launch(grid.blocks(), 1, Launcher.THREADS);
  }

  // ---- copies

  @Override
  public void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y) {
    RowGrid grid = RowGrid.of(launcher, rows, cols);
    launcher
        .kernel("rows_add_row")
        .p(x)
        .runs(w)
        .p(y)
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .launch(grid.blocks(), k, Launcher.THREADS);
  }

  @Override
  public void copyRows(
      long rows,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add) {
    RowGrid grid = RowGrid.of(launcher, rows, cols);
    launcher
        .kernel("rows_copy")
        .runs(new Strided(from, fromOffset, fromStride))
        .runs(new Strided(to, toOffset, toStride))
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .flag(add)
        .launch(grid.blocks(), 1, Launcher.THREADS);
  }

  @Override
  public void toPatches(Patches s, Buffer x, Buffer patches) {
    patches(s, x, patches, false, false);
  }

  @Override
  public void fromPatches(Patches s, Buffer patches, Buffer x, boolean add) {
    patches(s, patches, x, true, add);
  }

  private void patches(Patches s, Buffer from, Buffer to, boolean back, boolean add) {
    long n = s.images() * s.channels() * s.height() * s.width();
    int pack = RowGrid.pack(launcher, s.patch());
    launcher
        .kernel("rows_patches")
        .p(from)
        .p(to)
        .i64(n)
        .i32(s.channels())
        .i32(s.height())
        .i32(s.width())
        .i32(s.patch())
        .flag(pack > 1)
        .flag(back)
        .flag(add)
        .launchElements(n / pack, 1);
  }
}

package dynaxx.cuda;

import dynaxx.backend.LayerKernels.Patches;
import dynaxx.backend.Strided;
import dynaxx.memory.Buffer;

/** Copies, sums and lookups of whole rows; kernels in rows.cu. */
final class Rows {

  private static final int SUM_COLS = 32;
  private static final int SORT_TILE = 512;
  private static final int SCATTER_ROWS = 128;
  private static final int SCATTER_COLS = 128;

  /** Rows of a piece of a column sum at least, and pieces at most. */
  private static final int SUM_ROWS = 64;

  private static final int SUM_CHUNKS = 128;

  /** Blocks of a column sum that keep any device busy. */
  private static final long SUM_BLOCKS = 4096;

  /** Rows that a mean takes in one go. */
  private static final int MEAN_ROWS = 1024;

  /** Bytes of the sums that wait to be joined; directions take turns if they need more. */
  private static final long JOINED_BYTES = 64L << 20;

  private final Kernels kernels;

  Rows(Kernels kernels) {
    this.kernels = kernels;
  }

  // ---- sums over rows

  void addColumnSums(
      int k, long rows, long cols, Buffer x, long kStride, long rowStride, Strided out) {
    if (cols == 0) {
      return;
    }
    long tiles = Math.ceilDiv(cols, (long) SUM_COLS);
    long useful = Math.min(SUM_CHUNKS, Math.ceilDiv(SUM_BLOCKS, tiles));
    int chunks = (int) Math.clamp(Math.ceilDiv(rows, (long) SUM_ROWS), 1, useful);
    sum(new Sum(k, rows, cols, kStride, rowStride, chunks, 1, true), x, out);
  }

  void meanRows(long groups, int rows, int cols, Buffer x, Buffer y) {
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
    long partial = pieces ? kernels.partials(s.matrices * s.chunks * s.cols) : 0;
    kernels
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
        .launch(s.blocks(), 1, Kernels.THREADS);
    if (pieces) {
      kernels
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

  void meanRowsBackward(long groups, int rows, int cols, Buffer dy, Buffer dx, boolean add) {
    RowGrid grid = RowGrid.of(kernels, groups * rows, cols);
    kernels
        .kernel("rows_mean_backward")
        .p(dy)
        .p(dx)
        .i64(groups * rows)
        .i32(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .flag(add)
        .launch(grid.blocks(), 1, Kernels.THREADS);
  }

  // ---- copies

  void addRow(int k, long rows, long cols, Buffer x, Strided w, Buffer y) {
    RowGrid grid = RowGrid.of(kernels, rows, cols);
    kernels
        .kernel("rows_add_row")
        .p(x)
        .runs(w)
        .p(y)
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .launch(grid.blocks(), k, Kernels.THREADS);
  }

  void copyRows(
      long rows,
      long cols,
      Buffer from,
      long fromOffset,
      long fromStride,
      Buffer to,
      long toOffset,
      long toStride,
      boolean add) {
    RowGrid grid = RowGrid.of(kernels, rows, cols);
    kernels
        .kernel("rows_copy")
        .runs(new Strided(from, fromOffset, fromStride))
        .runs(new Strided(to, toOffset, toStride))
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .flag(add)
        .launch(grid.blocks(), 1, Kernels.THREADS);
  }

  void toPatches(Patches s, Buffer x, Buffer patches) {
    patches(s, x, patches, false, false);
  }

  void fromPatches(Patches s, Buffer patches, Buffer x, boolean add) {
    patches(s, patches, x, true, add);
  }

  private void patches(Patches s, Buffer from, Buffer to, boolean back, boolean add) {
    long n = s.images() * s.channels() * s.height() * s.width();
    int pack = RowGrid.pack(kernels, s.patch());
    kernels
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

  // ---- lookups

  void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y) {
    RowGrid grid = RowGrid.of(kernels, rows, cols);
    kernels
        .kernel("rows_gather")
        .p(ids)
        .runs(table)
        .p(y)
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .launch(grid.blocks(), k, Kernels.THREADS);
  }

  /**
   * Sorts the rows by id once, then sums them run by run for each direction: the rows of an id in
   * their own order, in pieces that follow from the ids alone.
   */
  void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table) {
    if (rows == 0 || cols == 0) {
      return;
    }
    long chunks = Math.ceilDiv(rows, (long) SCATTER_ROWS);
    long pieces = chunks * 2 * cols * Double.BYTES;
    int turn = Math.clamp(JOINED_BYTES / pieces, 1, k);
    long work = kernels.workspace(2 * rows * Long.BYTES + turn * pieces);
    long keys = sorted(rows, ids, work, work + rows * Long.BYTES);
    long partial = work + 2 * rows * Long.BYTES;
    long blocks = chunks * Math.ceilDiv(cols, SCATTER_COLS);
    for (int i = 0; i < k; i += turn) {
      int now = Math.min(turn, k - i);
      Strided to = new Strided(table.buffer(), table.offset() + i * table.stride(), table.stride());
      kernels
          .kernel("rows_scatter")
          .i64(keys)
          .i64(rows)
          .i32(cols)
          .p(dy.slice(i * rows * cols, now * rows * cols))
          .runs(to)
          .i64(partial)
          .launch(blocks, now, SCATTER_COLS);
      if (chunks > 1) {
        kernels
            .kernel("rows_scatter_joined")
            .i64(keys)
            .i64(rows)
            .i32(cols)
            .i64(partial)
            .runs(to)
            .launch(blocks, now, SCATTER_COLS);
      }
    }
  }

  /** Sorts (id, row) into one of two arrays. */
  private long sorted(long rows, Buffer ids, long a, long b) {
    kernels
        .kernel("rows_sort_tiles")
        .p(ids)
        .i64(rows)
        .i64(a)
        .launch(Math.ceilDiv(rows, (long) SORT_TILE), 1, Kernels.THREADS);
    long from = a;
    long to = b;
    for (long run = SORT_TILE; run < rows; run *= 2) {
      kernels.kernel("rows_merge").i64(from).i64(to).i64(rows).i64(run).launchElements(rows, 1);
      long swap = from;
      from = to;
      to = swap;
    }
    return from;
  }
}

package dynaxx.cuda;

import dynaxx.kernel.GatherKernels;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/** Lookups of table rows, and their transpose; kernels in rows.cu. */
final class Gathers implements GatherKernels {

  private static final int SORT_TILE = 512;
  private static final int SCATTER_ROWS = 128;
  private static final int SCATTER_COLS = 128;

  /** Bytes of the sums that wait to be joined; directions take turns if they need more. */
  private static final long JOINED_BYTES = 64L << 20;

  private final Launcher launcher;

  Gathers(Launcher launcher) {
    this.launcher = launcher;
  }

  @Override
  public void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y) {
    RowGrid grid = RowGrid.of(launcher, rows, cols);
    launcher
        .kernel("rows_gather")
        .p(ids)
        .runs(table)
        .p(y)
        .i64(rows)
        .i64(cols)
        .i32(grid.lanes())
        .flag(grid.packed())
        .launch(grid.blocks(), k, Launcher.THREADS);
  }

  /**
   * Sorts the rows by id once, then sums them run by run for each direction: the rows of an id in
   * their own order, in pieces that follow from the ids alone.
   */
  @Override
  public void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table) {
    if (rows == 0 || cols == 0) {
      return;
    }
    long chunks = Math.ceilDiv(rows, (long) SCATTER_ROWS);
    long pieces = chunks * 2 * cols * Double.BYTES;
    int turn = Math.clamp(JOINED_BYTES / pieces, 1, k);
    long work = launcher.workspace(2 * rows * Long.BYTES + turn * pieces);
    long keys = sorted(rows, ids, work, work + rows * Long.BYTES);
    long partial = work + 2 * rows * Long.BYTES;
    long blocks = chunks * Math.ceilDiv(cols, SCATTER_COLS);
    for (int i = 0; i < k; i += turn) {
      int now = Math.min(turn, k - i);
      Strided to = new Strided(table.buffer(), table.offset() + i * table.stride(), table.stride());
      launcher
          .kernel("rows_scatter")
          .i64(keys)
          .i64(rows)
          .i32(cols)
          .p(dy.slice(i * rows * cols, now * rows * cols))
          .runs(to)
          .i64(partial)
          .launch(blocks, now, SCATTER_COLS);
      if (chunks > 1) {
        launcher
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
    launcher
        .kernel("rows_sort_tiles")
        .p(ids)
        .i64(rows)
        .i64(a)
        .launch(Math.ceilDiv(rows, (long) SORT_TILE), 1, Launcher.THREADS);
    long from = a;
    long to = b;
    for (long run = SORT_TILE; run < rows; run *= 2) {
      launcher.kernel("rows_merge").i64(from).i64(to).i64(rows).i64(run).launchElements(rows, 1);
      long swap = from;
      from = to;
      to = swap;
    }
    return from;
  }
}

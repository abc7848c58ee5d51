package dynaxx.device.cpu;

/**
 * Blocks of whole rows, several in a task if they are short: what the row kernels have in common.
 */
final class RowBlocks {

  /** Elements staged at a time, if a row is not longer. */
  private static final int CHUNK = 2048;

  private final WorkerPool pool;

  RowBlocks(WorkerPool pool) {
    this.pool = pool;
  }

  interface RowBlock {
    /** Rows {@code first} to {@code first + count - 1}. */
    void run(long first, int count, Scratch scratch);
  }

  static int rowsPerTask(int cols) {
    return Math.max(1, CHUNK / cols);
  }

  void run(long rows, int cols, int weight, RowBlock block) {
    int each = rowsPerTask(cols);
    pool.run(
        Host.pieces(rows, each),
        (long) weight * each * cols,
        (task, scratch) -> {
          long first = (long) task * each;
          block.run(first, (int) Math.min(each, rows - first), scratch);
        });
  }
}

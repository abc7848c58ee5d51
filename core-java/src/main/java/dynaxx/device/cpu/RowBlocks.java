package dynaxx.device.cpu;

/**
 * Blocks of whole rows, several in a task if they are short: what the row kernels have in common.
 */
final class RowBlocks {

  /** Elements staged at a time, if a row is not longer. */
  private static final int CHUNK = 2048;

  private final WorkerPool pool;
  private final RowLoops kernels;

  RowBlocks(WorkerPool pool, RowLoops kernels) {
    this.pool = pool;
    this.kernels = kernels;
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

  /** Softmax of one row in place; returns the logarithm of the sum of exponentials. */
  double normalise(float[] v, int at, int n) {
    float max = kernels.max(v, at, n);
    double sum = kernels.expSum(v, at, n, max);
    float inverse = (float) (1 / sum);
    for (int j = at; j < at + n; j++) {
      v[j] *= inverse;
    }
    return max + Math.log(sum);
  }
}

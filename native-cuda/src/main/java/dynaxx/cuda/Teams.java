package dynaxx.cuda;

/**
 * Who works on the rows of a kernel in span.cuh's terms: a warp on each row if rows are short, a
 * block if they are long. All depends on the shape only, so that sums are the same on every device.
 *
 * @param blocks blocks to launch
 * @param longRows whether a block works on one row
 */
record Teams(int blocks, boolean longRows) {

  /** Columns of the longest row that a warp works on. */
  private static final int SHORT = 1024;

  private static final int WARPS = Launcher.THREADS / 32;

  /** Blocks that leave partial sums at most. */
  private static final int MOST_SUMS = 4 * Launcher.REDUCTION_BLOCKS;

  /** For rows that are independent of each other. */
  static Teams of(long rows, int cols) {
    return new Teams((int) Math.min(blocks(rows, cols), 1L << 16), cols > SHORT);
  }

  /** For rows that every block sums over. */
  static Teams summing(long rows, int cols) {
    return new Teams((int) Math.min(blocks(rows, cols), MOST_SUMS), cols > SHORT);
  }

  private static long blocks(long rows, int cols) {
    return cols > SHORT ? rows : Math.ceilDiv(rows, (long) WARPS);
  }
}

package dynaxx.cuda;

/**
 * How the threads of a block lie over a matrix: some side by side in a row, the others in rows
 * below; see {@code RowPlace} in units.cuh.
 *
 * @param lanes threads along a row, a power of two
 * @param blocks number of blocks, a multiple of what one row takes
 * @param packed whether a thread moves 16 bytes at once
 */
record RowGrid(int lanes, long blocks, boolean packed) {

  private static final long MOST_BLOCKS = 1 << 16;

  /** For a matrix whose rows have that many elements. */
  static RowGrid of(Launcher launcher, long rows, long cols) {
    int pack = pack(launcher, cols);
    long units = cols / pack;
    int lanes = lanes(units);
    long across = Math.ceilDiv(units, (long) lanes);
    long down = Math.ceilDiv(rows, (long) Launcher.THREADS / lanes);
    long most = Math.max(1, MOST_BLOCKS / Math.max(1, across));
    return new RowGrid(lanes, across * Math.min(down, most), pack > 1);
  }

  /** Values that are moved at once in runs of that length: 16 bytes, or one value. */
  static int pack(Launcher launcher, long length) {
    int pack = 16 / launcher.elementBytes();
    return length % pack == 0 ? pack : 1;
  }

  /** Threads for that many units: the next power of two, a block at most. */
  static int lanes(long units) {
    int lanes = 1;
    while (lanes < units && lanes < Launcher.THREADS) {
      lanes *= 2;
    }
    return lanes;
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.GatherKernels;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/** Lookups of table rows, and their transpose. */
final class Gathers<A> implements GatherKernels {

  private final WorkerPool pool;
  private final Loops<A> loops;
  private final Rows<A> rows;

  Gathers(WorkerPool pool, Loops<A> loops, Rows<A> rows) {
    this.pool = pool;
    this.loops = loops;
    this.rows = rows;
  }

  @Override
  public void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y) {
    this.rows.pieces(
        k * rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          for (long r = row; r < end; r++) {
            long id = (long) loops.get(ids, r % rows);
            long source = Host.start(table, (int) (r / rows)) + id * cols + col;
            loops.copy(table.buffer(), source, y, r * cols + col, width);
          }
        });
  }

  /**
   * Sorts the rows by id, so that each table row has one owner who adds its rows in order, in
   * float64.
   */
  @Override
  public void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table) {
    int count = Math.toIntExact(rows);
    long[] order = new long[count];
    for (int t = 0; t < count; t++) {
      order[t] = (long) loops.get(ids, t) << 32 | t;
    }
    Arrays.sort(order);
    int[] starts = runStarts(order);
    int runs = starts.length - 1;
    pool.run(
        Math.multiplyExact(k, runs),
        (long) cols * (count / Math.max(1, runs) + 1),
        (task, scratch) -> {
          int i = task / runs;
          int run = task % runs;
          double[] sum = scratch.doubles(1, cols);
          A v = loops.array(scratch, 0, cols);
          long target = Host.start(table, i) + (order[starts[run]] >>> 32) * cols;
          loops.load(table.buffer(), target, v, cols);
          Arrays.fill(sum, 0, cols, 0);
          loops.accumulate(sum, 0, v, 0, cols);
          for (int q = starts[run]; q < starts[run + 1]; q++) {
            loops.load(dy, (i * rows + (int) order[q]) * cols, v, cols);
            loops.accumulate(sum, 0, v, 0, cols);
          }
          loops.narrow(sum, v, cols);
          loops.store(v, table.buffer(), target, cols);
        });
  }

  /** Where a new id begins, and the end. */
  private static int[] runStarts(long[] order) {
    int[] starts = new int[order.length + 1];
    int runs = 0;
    for (int q = 0; q < order.length; q++) {
      if (q == 0 || order[q] >>> 32 != order[q - 1] >>> 32) {
        starts[runs++] = q;
      }
    }
    starts[runs] = order.length;
    return Arrays.copyOf(starts, runs + 1);
  }
}

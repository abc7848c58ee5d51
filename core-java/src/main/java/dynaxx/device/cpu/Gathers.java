package dynaxx.device.cpu;

import dynaxx.kernel.GatherKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Lookups of table rows, and their transpose. */
final class Gathers implements GatherKernels {

  private final WorkerPool pool;
  private final Rows rows;

  Gathers(WorkerPool pool, Rows rows) {
    this.pool = pool;
    this.rows = rows;
  }

  @Override
  public void gather(int k, long rows, int cols, Buffer ids, Strided table, Buffer y) {
    MemorySegment si = Host.segment(ids);
    MemorySegment st = Host.segment(table.buffer());
    MemorySegment out = Host.segment(y);
    this.rows.pieces(
        k * rows,
        cols,
        1,
        (row, end, col, width, scratch) -> {
          for (long r = row; r < end; r++) {
            long id = (long) Host.get(si, r % rows);
            long source = Host.start(table, (int) (r / rows)) + id * cols + col;
            Rows.copy(st, source, out, r * cols + col, width);
          }
        });
  }

  /**
   * Sorts the rows by id, so that each table row has one owner who adds its rows in order, in
   * float64.
   */
  @Override
  public void scatterAdd(int k, long rows, int cols, Buffer ids, Buffer dy, Strided table) {
    MemorySegment si = Host.segment(ids);
    MemorySegment in = Host.segment(dy);
    MemorySegment to = Host.segment(table.buffer());
    int count = Math.toIntExact(rows);
    long[] order = new long[count];
    for (int t = 0; t < count; t++) {
      order[t] = (long) Host.get(si, t) << 32 | t;
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
          double[] sum = scratch.doubles(0, cols);
          float[] v = scratch.floats(0, cols);
          long target = Host.start(table, i) + (order[starts[run]] >>> 32) * cols;
          Host.load(to, target, v, cols);
          Arrays.fill(sum, 0, cols, 0);
          Rows.accumulate(sum, v, cols);
          for (int q = starts[run]; q < starts[run + 1]; q++) {
            Host.load(in, (i * rows + (int) order[q]) * cols, v, cols);
            Rows.accumulate(sum, v, cols);
          }
          for (int j = 0; j < cols; j++) {
            v[j] = (float) sum[j];
          }
          Host.store(v, to, target, cols);
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

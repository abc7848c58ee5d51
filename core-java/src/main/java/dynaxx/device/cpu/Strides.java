package dynaxx.device.cpu;

import dynaxx.kernel.StrideKernels;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/** Copies and sums along any strides, and selections. */
final class Strides<A> implements StrideKernels {

  /** Elements of a row that are staged at a time. */
  private static final int COLS = 2048;

  /** Elements of the source that a task reads at least, if there are as many. */
  private static final int CHUNK = 8192;

  /** Slot of the float64 work array, which no loop may share. */
  private static final int SUM = 2;

  private final WorkerPool pool;
  private final Loops<A> loops;
  private final Pieces pieces;

  Strides(WorkerPool pool, Loops<A> loops) {
    this.pool = pool;
    this.loops = loops;
    pieces = new Pieces(pool);
  }

  @Override
  public void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add) {
    WalkPlan plan = WalkPlan.of(walk);
    if (plan.sumsAlong()) {
      along(plan, scale, from, to, add);
    } else {
      across(plan, scale, from, to, add);
    }
  }

  /** Rows of the destination, each a sum of rows of the source. */
  private void across(WalkPlan plan, double scale, Buffer in, Buffer out, boolean add) {
    Axis inner = plan.inner();
    long terms = plan.terms();
    long rows = plan.rowCount();
    int across = Host.pieces(inner.extent(), COLS);
    long work = Math.min(inner.extent(), COLS) * terms;
    long each = Math.max(1, CHUNK / work);
    pool.run(
        Math.multiplyExact(Host.pieces(rows, each), across),
        each * work,
        (task, scratch) -> {
          long end = Math.min(rows, (task / across + 1) * each);
          long col = (long) (task % across) * COLS;
          int n = (int) Math.min(COLS, inner.extent() - col);
          A v = loops.array(scratch, 0, COLS);
          for (long row = task / across * each; row < end; row++) {
            long source = plan.source(row) + col * inner.fromStride();
            if (terms == 1) {
              load(in, source, inner.fromStride(), v, n);
              if (scale != 1) {
                loops.scale(v, scale, n);
              }
            } else {
              sum(plan, in, source, scale, v, n, scratch);
            }
            long target = plan.target(row) + col * inner.toStride();
            store(v, out, target, inner.toStride(), n, add, scratch);
          }
        });
  }

  private void sum(
      WalkPlan plan, Buffer in, long source, double scale, A v, int n, Scratch scratch) {
    double[] sum = scratch.doubles(SUM, COLS);
    Arrays.fill(sum, 0, n, 0);
    for (long t = 0; t < plan.runCount(); t++) {
      long start = source + plan.runShift(t);
      for (long r = 0; r < plan.run().extent(); r++) {
        load(in, start + r * plan.run().fromStride(), plan.inner().fromStride(), v, n);
        loops.accumulate(sum, 0, v, 0, n);
      }
    }
    for (int j = 0; j < n && scale != 1; j++) {
      sum[j] *= scale;
    }
    loops.narrow(sum, v, n);
  }

  /** Elements of the destination one by one, each a sum of runs of the source. */
  private void along(WalkPlan plan, double scale, Buffer in, Buffer out, boolean add) {
    Axis inner = plan.inner();
    long elements = Math.multiplyExact(plan.rowCount(), inner.extent());
    long each = Math.max(1, CHUNK / plan.terms());
    pool.run(
        Host.pieces(elements, each),
        each * plan.terms(),
        (task, scratch) -> {
          long end = Math.min(elements, (task + 1L) * each);
          for (long element = task * each; element < end; element++) {
            long row = element / inner.extent();
            long col = element % inner.extent();
            long source = plan.source(row) + col * inner.fromStride();
            double sum = 0;
            for (long t = 0; t < plan.runCount(); t++) {
              sum = sum(sum, in, source + plan.runShift(t), plan.run().extent(), scratch);
            }
            long target = plan.target(row) + col * inner.toStride();
            double old = add ? loops.get(out, target) : 0;
            loops.set(out, target, loops.round(scale * sum) + old);
          }
        });
  }

  private double sum(double sum, Buffer in, long at, long size, Scratch scratch) {
    A v = loops.array(scratch, 0, COLS);
    double[] wide = scratch.doubles(SUM, COLS);
    for (long from = 0; from < size; from += COLS) {
      int n = (int) Math.min(COLS, size - from);
      loops.load(in, at + from, v, n);
      loops.widen(v, wide, n);
      for (int j = 0; j < n; j++) {
        sum += wide[j];
      }
    }
    return sum;
  }

  private void load(Buffer from, long at, long stride, A v, int n) {
    if (stride == 1) {
      loops.load(from, at, v, n);
    } else if (stride == 0) {
      loops.fill(v, 0, n, loops.get(from, at));
    } else {
      loops.load(from, at, stride, v, n);
    }
  }

  private void store(A v, Buffer to, long at, long stride, int n, boolean add, Scratch scratch) {
    if (add) {
      A old = loops.array(scratch, Loops.OLD, COLS);
      load(to, at, stride, old, n);
      loops.add(v, old, n);
    }
    if (stride == 1) {
      loops.store(v, to, at, n);
    } else {
      loops.store(v, to, at, stride, n);
    }
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    pieces.run(
        n,
        2 * k,
        (from, size, scratch) -> {
          A m = loops.array(scratch, 2, COLS);
          A v = loops.array(scratch, 3, COLS);
          A w = loops.array(scratch, 4, COLS);
          loops.load(mask, from, m, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.loadOrZero(a, at, v, size);
            loops.loadOrZero(b, at, w, size);
            loops.select(m, v, w, size);
            loops.store(v, y, at, size, add, scratch);
          }
        });
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    pieces.run(
        n,
        2,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 3, COLS);
          A w = loops.array(scratch, 4, COLS);
          loops.load(a, from, v, size);
          loops.load(b, from, w, size);
          loops.compare(greater, v, w, size);
          loops.store(v, mask, from, size);
        });
  }
}

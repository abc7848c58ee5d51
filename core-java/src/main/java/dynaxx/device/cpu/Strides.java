package dynaxx.device.cpu;

import dynaxx.kernel.StrideKernels;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Copies and sums along any strides, and selections. */
final class Strides implements StrideKernels {

  /** Elements of a row that are staged at a time. */
  private static final int COLS = 2048;

  /** Elements of the source that a task reads at least, if there are as many. */
  private static final int CHUNK = 8192;

  private final WorkerPool pool;

  Strides(WorkerPool pool) {
    this.pool = pool;
  }

  @Override
  public void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add) {
    WalkPlan plan = WalkPlan.of(walk);
    MemorySegment in = Host.segment(from);
    MemorySegment out = Host.segment(to);
    if (plan.sumsAlong()) {
      along(plan, scale, in, out, add);
    } else {
      across(plan, scale, in, out, add);
    }
  }

  /** Rows of the destination, each a sum of rows of the source. */
  private void across(
      WalkPlan plan, double scale, MemorySegment in, MemorySegment out, boolean add) {
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
          float[] v = scratch.floats(0, COLS);
          for (long row = task / across * each; row < end; row++) {
            long source = plan.source(row) + col * inner.fromStride();
            if (terms == 1) {
              load(in, source, inner.fromStride(), v, n);
              scale(v, scale, n);
            } else {
              sum(plan, in, source, scale, v, n, scratch);
            }
            long target = plan.target(row) + col * inner.toStride();
            store(v, out, target, inner.toStride(), n, add, scratch);
          }
        });
  }

  private static void sum(
      WalkPlan plan,
      MemorySegment in,
      long source,
      double scale,
      float[] v,
      int n,
      Scratch scratch) {
    double[] sum = scratch.doubles(0, COLS);
    Arrays.fill(sum, 0, n, 0);
    for (long t = 0; t < plan.runCount(); t++) {
      long start = source + plan.runShift(t);
      for (long r = 0; r < plan.run().extent(); r++) {
        load(in, start + r * plan.run().fromStride(), plan.inner().fromStride(), v, n);
        for (int j = 0; j < n; j++) {
          sum[j] += v[j];
        }
      }
    }
    for (int j = 0; j < n; j++) {
      v[j] = (float) (scale * sum[j]);
    }
  }

  /** Elements of the destination one by one, each a sum of runs of the source. */
  private void along(
      WalkPlan plan, double scale, MemorySegment in, MemorySegment out, boolean add) {
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
            float old = add ? Host.get(out, target) : 0;
            Host.set(out, target, (float) (scale * sum) + old);
          }
        });
  }

  private static double sum(double sum, MemorySegment in, long at, long size, Scratch scratch) {
    float[] v = scratch.floats(0, COLS);
    for (long from = 0; from < size; from += COLS) {
      int n = (int) Math.min(COLS, size - from);
      Host.load(in, at + from, v, n);
      for (int j = 0; j < n; j++) {
        sum += v[j];
      }
    }
    return sum;
  }

  private static void load(MemorySegment from, long at, long stride, float[] v, int n) {
    if (stride == 1) {
      Host.load(from, at, v, n);
    } else if (stride == 0) {
      Arrays.fill(v, 0, n, Host.get(from, at));
    } else {
      for (int j = 0; j < n; j++) {
        v[j] = Host.get(from, at + j * stride);
      }
    }
  }

  private static void scale(float[] v, double scale, int n) {
    for (int j = 0; j < n && scale != 1; j++) {
      v[j] = (float) (scale * v[j]);
    }
  }

  private static void store(
      float[] v, MemorySegment to, long at, long stride, int n, boolean add, Scratch scratch) {
    if (add) {
      float[] old = scratch.floats(1, COLS);
      load(to, at, stride, old, n);
      for (int j = 0; j < n; j++) {
        v[j] += old[j];
      }
    }
    if (stride == 1) {
      Host.store(v, to, at, n);
      return;
    }
    for (int j = 0; j < n; j++) {
      Host.set(to, at + j * stride, v[j]);
    }
  }

  private interface Piece {
    void run(long from, int size, Scratch scratch);
  }

  private void pieces(long n, int weight, Piece piece) {
    pool.run(
        Host.pieces(n, COLS),
        (long) weight * Math.min(n, COLS),
        (task, scratch) -> {
          long from = (long) task * COLS;
          piece.run(from, (int) Math.min(COLS, n - from), scratch);
        });
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    MemorySegment chosen = Host.segment(mask);
    MemorySegment sa = Host.segmentOrNull(a);
    MemorySegment sb = Host.segmentOrNull(b);
    MemorySegment out = Host.segment(y);
    pieces(
        n,
        2 * k,
        (from, size, scratch) -> {
          float[] m = scratch.floats(2, COLS);
          float[] v = scratch.floats(3, COLS);
          float[] w = scratch.floats(4, COLS);
          Host.load(chosen, from, m, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loadOrZero(sa, at, v, size);
            loadOrZero(sb, at, w, size);
            for (int j = 0; j < size; j++) {
              v[j] = m[j] != 0 ? v[j] : w[j];
            }
            store(v, out, at, 1, size, add, scratch);
          }
        });
  }

  private static void loadOrZero(MemorySegment from, long at, float[] v, int size) {
    if (from == null) {
      Arrays.fill(v, 0, size, 0);
    } else {
      Host.load(from, at, v, size);
    }
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    MemorySegment out = Host.segment(mask);
    pieces(
        n,
        2,
        (from, size, scratch) -> {
          float[] v = scratch.floats(3, COLS);
          float[] w = scratch.floats(4, COLS);
          Host.load(sa, from, v, size);
          Host.load(sb, from, w, size);
          for (int j = 0; j < size; j++) {
            boolean holds = greater ? v[j] > w[j] : v[j] < w[j];
            v[j] = holds || Float.isNaN(v[j]) ? 1 : 0;
          }
          Host.store(v, out, from, size);
        });
  }
}

package dynaxx.backend.cpu;

import dynaxx.memory.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * Softmax rows, attention entropy and softmax cross-entropy. Whole rows are staged, several at a
 * time if they are short.
 */
final class Softmax {

  /** Elements staged at a time, if a row is not longer. */
  private static final int CHUNK = 2048;

  private final WorkerPool pool;
  private final RowKernels kernels;

  Softmax(WorkerPool pool, RowKernels kernels) {
    this.pool = pool;
    this.kernels = kernels;
  }

  private interface RowBlock {
    /** Rows {@code first} to {@code first + count - 1}. */
    void run(long first, int count, Scratch scratch);
  }

  private static int rowsPerTask(int cols) {
    return Math.max(1, CHUNK / cols);
  }

  private void rowBlocks(long rows, int cols, int weight, RowBlock block) {
    int each = rowsPerTask(cols);
    pool.run(
        Host.pieces(rows, each),
        (long) weight * each * cols,
        (task, scratch) -> {
          long first = (long) task * each;
          block.run(first, (int) Math.min(each, rows - first), scratch);
        });
  }

  void softmax(long rows, int cols, boolean causal, Buffer a, Buffer p) {
    MemorySegment in = Host.segment(a);
    MemorySegment out = Host.segment(p);
    rowBlocks(
        rows,
        cols,
        4,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * cols);
          Host.load(in, first * cols, v, count * cols);
          for (int r = 0; r < count; r++) {
            int seen = causal ? (int) ((first + r) % cols) + 1 : cols;
            normalise(v, r * cols, seen);
            java.util.Arrays.fill(v, r * cols + seen, (r + 1) * cols, 0f);
          }
          Host.store(v, out, first * cols, count * cols);
        });
  }

  /** Softmax in place; returns the logarithm of the sum of exponentials. */
  private double normalise(float[] v, int at, int n) {
    float max = kernels.max(v, at, n);
    double sum = kernels.expSum(v, at, n, max);
    float inverse = (float) (1 / sum);
    for (int j = at; j < at + n; j++) {
      v[j] *= inverse;
    }
    return max + Math.log(sum);
  }

  /**
   * {@code out_i = p (in_i - sum(p in_i))}: the tangent of softmax, and with one direction its
   * adjoint.
   */
  void tangent(int k, long rows, int cols, Buffer p, Buffer in, Buffer out) {
    MemorySegment sp = Host.segment(p);
    MemorySegment si = Host.segment(in);
    MemorySegment so = Host.segment(out);
    rowBlocks(
        rows,
        cols,
        2 + 2 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          float[] vp = scratch.floats(0, size);
          float[] v = scratch.floats(1, size);
          Host.load(sp, first * cols, vp, size);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * cols;
            Host.load(si, at, v, size);
            for (int r = 0; r < size; r += cols) {
              float mean = (float) kernels.dot(vp, r, v, r, cols);
              for (int j = r; j < r + cols; j++) {
                v[j] = vp[j] * (v[j] - mean);
              }
            }
            Host.store(v, so, at, size);
          }
        });
  }

  void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    MemorySegment sp = Host.segment(p);
    MemorySegment sdp = Host.segment(dp);
    MemorySegment srp = Host.segment(rp);
    MemorySegment srdp = Host.segment(rdp);
    MemorySegment out = Host.segment(rda);
    rowBlocks(
        rows,
        cols,
        2 + 4 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          float[] vp = scratch.floats(0, size);
          float[] vdp = scratch.floats(1, size);
          float[] vrp = scratch.floats(2, size);
          float[] v = scratch.floats(3, size);
          Host.load(sp, first * cols, vp, size);
          Host.load(sdp, first * cols, vdp, size);
          centre(vp, vdp, size, cols);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * cols;
            Host.load(srp, at, vrp, size);
            Host.load(srdp, at, v, size);
            for (int r = 0; r < size; r += cols) {
              // sum(rp) is 0, so the centred dp serves in the mean as well and cancels less
              double mean = kernels.dot(vrp, r, vdp, r, cols) + kernels.dot(vp, r, v, r, cols);
              combine(vp, vdp, vrp, v, r, cols, (float) mean);
            }
            Host.store(v, out, at, size);
          }
        });
  }

  /** {@code dp -= sum(p dp)} in each row. */
  private void centre(float[] p, float[] dp, int size, int cols) {
    for (int r = 0; r < size; r += cols) {
      float mean = (float) kernels.dot(p, r, dp, r, cols);
      for (int j = r; j < r + cols; j++) {
        dp[j] -= mean;
      }
    }
  }

  private static void combine(
      float[] p, float[] dp, float[] rp, float[] v, int at, int cols, float mean) {
    for (int j = at; j < at + cols; j++) {
      v[j] = rp[j] * dp[j] + p[j] * (v[j] - mean);
    }
  }

  void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, HostScalars c) {
    MemorySegment sp = Host.segment(p);
    MemorySegment sdp = Host.segment(dp);
    MemorySegment sra = Host.segment(ra);
    int each = rowsPerTask(cols);
    double[] partial = new double[Math.multiplyExact(Host.pieces(rows, each), k)];
    rowBlocks(
        rows,
        cols,
        2 + 4 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          float[] vp = scratch.floats(0, size);
          float[] weight = scratch.floats(1, size);
          float[] u = scratch.floats(2, size);
          Host.load(sp, first * cols, vp, size);
          Host.load(sdp, first * cols, weight, size);
          // <dp, p (u^2 - sum p u^2)> = <p (dp - sum p dp), u^2>
          centre(vp, weight, size, cols);
          for (int j = 0; j < size; j++) {
            weight[j] *= vp[j];
          }
          for (int i = 0; i < k; i++) {
            Host.load(sra, (i * rows + first) * cols, u, size);
            centre(vp, u, size, cols);
            double sum = 0;
            for (int r = 0; r < size; r += cols) {
              sum += kernels.dot(weight, r, u, r, u, r, cols);
            }
            partial[(int) (first / each) * k + i] = sum;
          }
        });
    Elementwise.addInOrder(partial, k, 1, c);
  }

  void rowEntropy(int batch, int heads, int queries, int cols, Buffer p, HostScalars sums) {
    MemorySegment sp = Host.segment(p);
    double[] partial = new double[Math.multiplyExact(batch, heads)];
    pool.run(
        partial.length,
        16L * queries * cols,
        (task, scratch) -> {
          float[] v = scratch.floats(0, cols);
          double sum = 0;
          for (int row = 0; row < queries; row++) {
            Host.load(sp, ((long) task * queries + row) * cols, v, cols);
            for (int j = 0; j < cols; j++) {
              if (v[j] != 0) {
                sum -= v[j] * Math.log(v[j]);
              }
            }
          }
          partial[task] = sum;
        });
    Elementwise.addInOrder(partial, heads, 1, sums);
  }

  void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, HostScalars loss) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(p);
    int each = rowsPerTask(classes);
    double[] partial = new double[Host.pieces(rows, each)];
    rowBlocks(
        rows,
        classes,
        4,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * classes);
          Host.load(sz, first * classes, v, count * classes);
          double sum = 0;
          for (int r = 0; r < count; r++) {
            float target = v[r * classes + (int) Host.get(st, first + r)];
            sum += normalise(v, r * classes, classes) - target;
          }
          partial[(int) (first / each)] = sum;
          Host.store(v, out, first * classes, count * classes);
        });
    Elementwise.addInOrder(partial, 1, scale, loss);
  }

  void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    MemorySegment sp = Host.segment(p);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(dz);
    float factor = (float) scale;
    rowBlocks(
        rows,
        classes,
        2,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * classes);
          Host.load(sp, first * classes, v, count * classes);
          for (int r = 0; r < count; r++) {
            int target = r * classes + (int) Host.get(st, first + r);
            v[target] = 0;
            v[target] = (float) -kernels.sum(v, r * classes, classes);
          }
          for (int j = 0; j < count * classes; j++) {
            v[j] *= factor;
          }
          Host.store(v, out, first * classes, count * classes);
        });
  }

  void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      Buffer rz,
      Buffer rdz) {
    MemorySegment sp = Host.segment(p);
    MemorySegment st = Host.segment(targets);
    MemorySegment in = Host.segment(rz);
    MemorySegment out = Host.segment(rdz);
    float factor = (float) scale;
    rowBlocks(
        rows,
        classes,
        2 + 2 * k,
        (first, count, scratch) -> {
          int size = count * classes;
          float[] vp = scratch.floats(0, size);
          float[] q = scratch.floats(1, size);
          Host.load(sp, first * classes, vp, size);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * classes;
            Host.load(in, at, q, size);
            for (int r = 0; r < count; r++) {
              int start = r * classes;
              shift(q, start, classes, q[start + (int) Host.get(st, first + r)]);
              float mean = (float) kernels.dot(vp, start, q, start, classes);
              for (int j = start; j < start + classes; j++) {
                q[j] = factor * (vp[j] * (q[j] - mean));
              }
            }
            Host.store(q, out, at, size);
          }
        });
  }

  private static void shift(float[] q, int at, int n, float by) {
    for (int j = at; j < at + n; j++) {
      q[j] -= by;
    }
  }
}

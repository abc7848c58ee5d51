package dynaxx.device.cpu;

import dynaxx.kernel.SoftmaxKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** Softmax of rows, its passes, and the entropy of attention rows. */
final class Softmax implements SoftmaxKernels {

  private final WorkerPool pool;
  private final RowLoops kernels;

  private final RowBlocks blocks;

  Softmax(WorkerPool pool, RowLoops kernels) {
    blocks = new RowBlocks(pool, kernels);
    this.pool = pool;
    this.kernels = kernels;
  }

  @Override
  public void forward(long rows, int cols, boolean causal, Buffer a, Buffer p) {
    MemorySegment in = Host.segment(a);
    MemorySegment out = Host.segment(p);
    blocks.run(
        rows,
        cols,
        4,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * cols);
          Host.load(in, first * cols, v, count * cols);
          for (int r = 0; r < count; r++) {
            int seen = causal ? (int) ((first + r) % cols) + 1 : cols;
            blocks.normalise(v, r * cols, seen);
            Arrays.fill(v, r * cols + seen, (r + 1) * cols, 0f);
          }
          Host.store(v, out, first * cols, count * cols);
        });
  }

  /**
   * {@code out_i = p (in_i - sum(p in_i))}: the tangent of softmax, and with one direction its
   * adjoint.
   */
  private void apply(int k, long rows, int cols, Buffer p, Buffer in, Buffer out) {
    MemorySegment sp = Host.segment(p);
    MemorySegment si = Host.segment(in);
    MemorySegment so = Host.segment(out);
    blocks.run(
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

  @Override
  public void backward(long rows, int cols, Buffer p, Buffer dp, Buffer da) {
    apply(1, rows, cols, p, dp, da);
  }

  @Override
  public void tangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp) {
    apply(k, rows, cols, p, ra, rp);
  }

  @Override
  public void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    MemorySegment sp = Host.segment(p);
    MemorySegment sdp = Host.segment(dp);
    MemorySegment srp = Host.segment(rp);
    MemorySegment srdp = Host.segment(rdp);
    MemorySegment out = Host.segment(rda);
    blocks.run(
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

  @Override
  public void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    MemorySegment sp = Host.segment(p);
    MemorySegment sdp = Host.segment(dp);
    MemorySegment sra = Host.segment(ra);
    int each = RowBlocks.rowsPerTask(cols);
    double[] partial = new double[Math.multiplyExact(Host.pieces(rows, each), k)];
    blocks.run(
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
    Pieces.addInOrder(partial, k, 1, c);
  }

  @Override
  public void entropy(int batch, int heads, int queries, int cols, Buffer p, Scalars sums) {
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
    Pieces.addInOrder(partial, heads, 1, sums);
  }
}

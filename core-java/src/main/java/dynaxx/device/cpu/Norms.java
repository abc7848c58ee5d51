package dynaxx.device.cpu;

import dynaxx.kernel.NormKernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;
import java.lang.foreign.MemorySegment;

/**
 * Row normalisation. Means over a row are taken in float64; what is shared by all directions is
 * formed once for each row. Gradients of gains and shifts are summed in float64 over blocks of
 * rows, whose number depends on the shape of one direction only, and the blocks' sums in order.
 */
final class Norms implements NormKernels {

  private static final int MAX_BLOCKS = 64;
  private static final int BLOCK_ELEMENTS = 4096;

  private final WorkerPool pool;
  private final RowLoops kernels;

  Norms(WorkerPool pool, RowLoops kernels) {
    this.pool = pool;
    this.kernels = kernels;
  }

  /** Rows {@code first} to {@code end - 1} are block {@code index}. */
  private interface RowBlock {
    void run(int index, long first, long end, Scratch scratch);
  }

  private static long rowsPerBlock(Normalization s) {
    return Math.max(
        (s.rows() + MAX_BLOCKS - 1) / MAX_BLOCKS, Math.max(1, BLOCK_ELEMENTS / s.cols()));
  }

  private static int blocks(Normalization s) {
    return Host.pieces(s.rows(), rowsPerBlock(s));
  }

  private void rowBlocks(Normalization s, int weight, RowBlock block) {
    long each = rowsPerBlock(s);
    pool.run(
        blocks(s),
        weight * each * s.cols(),
        (task, scratch) ->
            block.run(task, task * each, Math.min(s.rows(), (task + 1) * each), scratch));
  }

  @Override
  public void forward(
      Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sg = Host.segment(gamma);
    MemorySegment sb = Host.segmentOrNull(beta);
    MemorySegment out = Host.segment(y);
    MemorySegment ss = Host.segment(stats);
    int n = s.cols();
    rowBlocks(
        s,
        4,
        (index, first, end, scratch) -> {
          float[] v = scratch.floats(0, n);
          float[] g = load(sg, 0, n, scratch, 1);
          float[] b = load(sb, 0, n, scratch, 2);
          for (long row = first; row < end; row++) {
            Host.load(sx, row * n, v, n);
            float mean = s.centred() ? (float) (kernels.sum(v, 0, n) / n) : 0;
            double variance = kernels.squares(v, 0, n, mean) / n;
            float r = (float) (1 / Math.sqrt(variance + s.epsilon()));
            for (int j = 0; j < n; j++) {
              v[j] = g[j] * ((v[j] - mean) * r) + b[j];
            }
            Host.store(v, out, row * n, n);
            Host.set(ss, 2 * row, mean);
            Host.set(ss, 2 * row + 1, r);
          }
        });
  }

  @Override
  public void backward(
      Normalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta) {
    MemorySegment out = Host.segmentOrNull(dx);
    MemorySegment sdy = Host.segment(dy);
    int n = s.cols();
    double[][] sums = new double[blocks(s)][];
    rowBlocks(
        s,
        8,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          float[] adjoint = scratch.floats(Primal.SLOTS, n);
          double[] sum = new double[2 * n];
          for (long i = first; i < end; i++) {
            row.load(i);
            Host.load(sdy, i * n, adjoint, n);
            gainSums(adjoint, row.xh, sum, n);
            if (out != null) {
              row.adjoint(adjoint);
              store(row.d, out, i * n, n, add, scratch);
            }
          }
          sums[index] = sum;
        });
    addInOrder(sums, 0, n, Host.segment(dgamma), 0);
    if (dbeta != null) {
      addInOrder(sums, n, n, Host.segment(dbeta), 0);
    }
  }

  private static void gainSums(float[] dy, float[] xh, double[] sum, int n) {
    for (int j = 0; j < n; j++) {
      sum[j] += (double) dy[j] * xh[j];
    }
    for (int j = 0; j < n; j++) {
      sum[n + j] += dy[j];
    }
  }

  @Override
  public void tangent(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry) {
    MemorySegment srx = Host.segmentOrNull(rx);
    MemorySegment out = Host.segment(ry);
    int n = s.cols();
    rowBlocks(
        s,
        4 + 6 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          float[] rxh = scratch.floats(Primal.SLOTS, n);
          float[] gains = loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 1);
          float[] shifts = loadRuns(rbeta, k, n, scratch, Primal.SLOTS + 2);
          for (long i = first; i < end; i++) {
            row.load(i);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + i) * n;
              row.tangent(srx, at, rxh);
              for (int j = 0; j < n; j++) {
                rxh[j] = gains[q * n + j] * row.xh[j] + row.gamma[j] * rxh[j] + shifts[q * n + j];
              }
              Host.store(rxh, out, at, n);
            }
          }
        });
  }

  @Override
  public void tangentBackward(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta) {
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segmentOrNull(rx);
    MemorySegment srdy = Host.segment(rdy);
    MemorySegment out = Host.segmentOrNull(rdx);
    int n = s.cols();
    double[][] sums = new double[blocks(s)][];
    rowBlocks(
        s,
        8 + 16 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          float[] adjoint = scratch.floats(Primal.SLOTS, n);
          float[] rxh = scratch.floats(Primal.SLOTS + 1, n);
          float[] v = scratch.floats(Primal.SLOTS + 2, n);
          float[] gains = loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 3);
          double[] sum = new double[Math.multiplyExact(2 * k, n)];
          for (long i = first; i < end; i++) {
            row.load(i);
            Host.load(sdy, i * n, adjoint, n);
            row.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + i) * n;
              double a = row.tangent(srx, at, rxh);
              Host.load(srdy, at, v, n);
              gainTangentSums(adjoint, row.xh, rxh, v, sum, 2 * q * n, n);
              if (out != null) {
                row.adjointTangent(a, adjoint, rxh, gains, q * n, v);
                store(v, out, at, n, add, scratch);
              }
            }
          }
          sums[index] = sum;
        });
    for (int q = 0; q < k; q++) {
      addInOrder(sums, 2 * q * n, n, Host.segment(rdgamma.buffer()), Host.start(rdgamma, q));
      if (rdbeta != null) {
        addInOrder(sums, (2 * q + 1) * n, n, Host.segment(rdbeta.buffer()), Host.start(rdbeta, q));
      }
    }
  }

  private static void gainTangentSums(
      float[] dy, float[] xh, float[] rxh, float[] rdy, double[] sum, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[at + j] += (double) rdy[j] * xh[j] + (double) dy[j] * rxh[j];
    }
    for (int j = 0; j < n; j++) {
      sum[at + n + j] += rdy[j];
    }
  }

  @Override
  public void curvature(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c) {
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segment(rx);
    int n = s.cols();
    double[] partial = new double[Math.multiplyExact(blocks(s), k)];
    rowBlocks(
        s,
        8 + 8 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          float[] adjoint = scratch.floats(Primal.SLOTS, n);
          float[] rxc = scratch.floats(Primal.SLOTS + 1, n);
          float[] rxh = scratch.floats(Primal.SLOTS + 2, n);
          float[] gains = loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 3);
          for (long i = first; i < end; i++) {
            row.load(i);
            Host.load(sdy, i * n, adjoint, n);
            row.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              double a = row.tangent(srx, (q * s.rows() + i) * n, rxh);
              row.centred(srx, (q * s.rows() + i) * n, rxc);
              double r = row.r;
              double rr = -r * r * a;
              double square = kernels.squares(rxc, 0, n, 0) / n;
              double rrr = 3 * rr * rr / r - r * r * r * square;
              partial[index * k + q] +=
                  2 * kernels.dot(adjoint, 0, gains, q * n, rxh, 0, n)
                      + 2 * rr * kernels.dot(row.dxh, 0, rxc, 0, n)
                      + rrr / r * n * row.m2;
            }
          }
        });
    Pieces.addInOrder(partial, k, 1, c);
  }

  /**
   * What one row has in common for all directions. Fields are views of the thread's work arrays.
   */
  private final class Primal {
    static final int SLOTS = 4;

    final int n;
    final boolean centred;
    final MemorySegment x;
    final MemorySegment stats;
    final float[] gamma;
    final float[] xh;
    final float[] dxh;
    final float[] d;
    float r;
    double m2;

    Primal(Normalization s, Buffer x, Buffer stats, Buffer gamma, Scratch scratch) {
      n = s.cols();
      centred = s.centred();
      this.x = Host.segment(x);
      this.stats = Host.segment(stats);
      this.gamma = Norms.load(Host.segment(gamma), 0, n, scratch, 0);
      xh = scratch.floats(1, n);
      dxh = scratch.floats(2, n);
      d = scratch.floats(3, n);
    }

    void load(long row) {
      Host.load(x, row * n, xh, n);
      float mean = centred ? Host.get(stats, 2 * row) : 0;
      r = Host.get(stats, 2 * row + 1);
      for (int j = 0; j < n; j++) {
        xh[j] = (xh[j] - mean) * r;
      }
    }

    /** Forms {@code dxh} and {@code d = r (dxh - mean dxh - xh m2)}. */
    void adjoint(float[] dy) {
      for (int j = 0; j < n; j++) {
        dxh[j] = gamma[j] * dy[j];
      }
      float m1 = centred ? (float) (kernels.sum(dxh, 0, n) / n) : 0;
      m2 = kernels.dot(dxh, 0, xh, 0, n) / n;
      float slope = (float) m2;
      for (int j = 0; j < n; j++) {
        d[j] = r * (dxh[j] - m1 - xh[j] * slope);
      }
    }

    /** Centres a tangent of the input. */
    void centred(MemorySegment rx, long at, float[] rxc) {
      Host.load(rx, at, rxc, n);
      if (centred) {
        float mean = (float) (kernels.sum(rxc, 0, n) / n);
        for (int j = 0; j < n; j++) {
          rxc[j] -= mean;
        }
      }
    }

    /** Forms {@code rxh} and returns {@code mean(xh rx)}; the tangent of a constant input is 0. */
    double tangent(MemorySegment rx, long at, float[] rxh) {
      if (rx == null) {
        java.util.Arrays.fill(rxh, 0, n, 0f);
        return 0;
      }
      centred(rx, at, rxh);
      double a = kernels.dot(xh, 0, rxh, 0, n) / n;
      float slope = (float) a;
      for (int j = 0; j < n; j++) {
        rxh[j] = r * (rxh[j] - xh[j] * slope);
      }
      return a;
    }

    /** Turns {@code v = rdy} into the tangent of the input's adjoint. */
    void adjointTangent(double a, float[] dy, float[] rxh, float[] rgamma, int at, float[] v) {
      for (int j = 0; j < n; j++) {
        v[j] = rgamma[at + j] * dy[j] + gamma[j] * v[j];
      }
      float rm1 = centred ? (float) (kernels.sum(v, 0, n) / n) : 0;
      double cross = kernels.dot(v, 0, xh, 0, n) + kernels.dot(dxh, 0, rxh, 0, n);
      float rm2 = (float) (cross / n);
      float slope = (float) m2;
      float relative = (float) (-r * a);
      for (int j = 0; j < n; j++) {
        v[j] = relative * d[j] + r * (v[j] - rm1 - rxh[j] * slope - xh[j] * rm2);
      }
    }
  }

  /** A run in a work array; zeros if there is none. */
  private static float[] load(MemorySegment from, long at, int n, Scratch scratch, int slot) {
    float[] v = scratch.floats(slot, n);
    if (from == null) {
      java.util.Arrays.fill(v, 0, n, 0f);
    } else {
      Host.load(from, at, v, n);
    }
    return v;
  }

  /** k runs one after the other in a work array; zeros if there are none. */
  private static float[] loadRuns(Strided runs, int k, int n, Scratch scratch, int slot) {
    float[] v = scratch.floats(slot, Math.multiplyExact(k, n));
    if (runs == null) {
      java.util.Arrays.fill(v, 0, k * n, 0f);
      return v;
    }
    for (int q = 0; q < k; q++) {
      Host.load(Host.segment(runs.buffer()), Host.start(runs, q), v, q * n, n);
    }
    return v;
  }

  private static final int OLD = 11;

  private static void store(
      float[] v, MemorySegment to, long at, int n, boolean add, Scratch scratch) {
    if (add) {
      float[] old = scratch.floats(OLD, n);
      Host.load(to, at, old, n);
      for (int j = 0; j < n; j++) {
        v[j] += old[j];
      }
    }
    Host.store(v, to, at, n);
  }

  private static void addInOrder(double[][] sums, int from, int n, MemorySegment to, long at) {
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (double[] block : sums) {
        sum += block[from + j];
      }
      Host.set(to, at + j, (float) (Host.get(to, at + j) + sum));
    }
  }
}

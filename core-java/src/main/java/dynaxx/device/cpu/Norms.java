package dynaxx.device.cpu;

import dynaxx.kernel.NormKernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/**
 * Row normalisation. Means over a row are taken in float64; what is shared by all directions is
 * formed once for each row. Gradients of gains and shifts are summed in float64 over blocks of
 * rows, whose number depends on the shape of one direction only, and the blocks' sums in order.
 */
final class Norms<A> implements NormKernels {

  private static final int MAX_BLOCKS = 64;
  private static final int BLOCK_ELEMENTS = 4096;

  private final WorkerPool pool;
  private final Loops<A> loops;

  Norms(WorkerPool pool, Loops<A> loops) {
    this.pool = pool;
    this.loops = loops;
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
    int n = s.cols();
    rowBlocks(
        s,
        4,
        (index, first, end, scratch) -> {
          A v = loops.array(scratch, 0, n);
          A g = loops.array(scratch, 1, n);
          A b = loops.array(scratch, 2, n);
          loops.load(gamma, 0, g, n);
          loops.loadOrZero(beta, 0, b, n);
          for (long row = first; row < end; row++) {
            loops.load(x, row * n, v, n);
            double mean = s.centred() ? loops.round(loops.sum(v, 0, n) / n) : 0;
            double variance = loops.squares(v, 0, n, mean) / n;
            double r = loops.round(1 / Math.sqrt(variance + s.epsilon()));
            loops.normalise(v, mean, r, g, b, n);
            loops.store(v, y, row * n, n);
            loops.set(stats, 2 * row, mean);
            loops.set(stats, 2 * row + 1, r);
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
    int n = s.cols();
    double[][] sums = new double[blocks(s)][];
    rowBlocks(
        s,
        8,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          A adjoint = loops.array(scratch, Primal.SLOTS, n);
          double[] sum = new double[2 * n];
          for (long i = first; i < end; i++) {
            row.load(i);
            loops.load(dy, i * n, adjoint, n);
            loops.accumulate(sum, 0, adjoint, row.xh, n);
            loops.accumulate(sum, n, adjoint, n);
            if (dx != null) {
              row.adjoint(adjoint);
              loops.store(row.d, dx, i * n, n, add, scratch);
            }
          }
          sums[index] = sum;
        });
    addInOrder(sums, 0, n, dgamma, 0);
    if (dbeta != null) {
      addInOrder(sums, n, n, dbeta, 0);
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
    int n = s.cols();
    rowBlocks(
        s,
        4 + 6 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          A rxh = loops.array(scratch, Primal.SLOTS, n);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 1);
          A shifts = loops.loadRuns(rbeta, k, n, scratch, Primal.SLOTS + 2);
          for (long i = first; i < end; i++) {
            row.load(i);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + i) * n;
              row.tangent(rx, at, rxh);
              loops.gainTangent(rxh, row.gamma, row.xh, gains, shifts, q * n, n);
              loops.store(rxh, ry, at, n);
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
    int n = s.cols();
    double[][] sums = new double[blocks(s)][];
    rowBlocks(
        s,
        8 + 16 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          A adjoint = loops.array(scratch, Primal.SLOTS, n);
          A rxh = loops.array(scratch, Primal.SLOTS + 1, n);
          A v = loops.array(scratch, Primal.SLOTS + 2, n);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 3);
          double[] sum = new double[Math.multiplyExact(2 * k, n)];
          for (long i = first; i < end; i++) {
            row.load(i);
            loops.load(dy, i * n, adjoint, n);
            row.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + i) * n;
              double a = row.tangent(rx, at, rxh);
              loops.load(rdy, at, v, n);
              loops.accumulate(sum, 2 * q * n, v, row.xh, adjoint, rxh, n);
              loops.accumulate(sum, (2 * q + 1) * n, v, n);
              if (rdx != null) {
                row.adjointTangent(a, adjoint, rxh, gains, q * n, v);
                loops.store(v, rdx, at, n, add, scratch);
              }
            }
          }
          sums[index] = sum;
        });
    for (int q = 0; q < k; q++) {
      addInOrder(sums, 2 * q * n, n, rdgamma.buffer(), Host.start(rdgamma, q));
      if (rdbeta != null) {
        addInOrder(sums, (2 * q + 1) * n, n, rdbeta.buffer(), Host.start(rdbeta, q));
      }
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
    int n = s.cols();
    double[] partial = new double[Math.multiplyExact(blocks(s), k)];
    rowBlocks(
        s,
        8 + 8 * k,
        (index, first, end, scratch) -> {
          Primal row = new Primal(s, x, stats, gamma, scratch);
          A adjoint = loops.array(scratch, Primal.SLOTS, n);
          A rxc = loops.array(scratch, Primal.SLOTS + 1, n);
          A rxh = loops.array(scratch, Primal.SLOTS + 2, n);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Primal.SLOTS + 3);
          for (long i = first; i < end; i++) {
            row.load(i);
            loops.load(dy, i * n, adjoint, n);
            row.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              double a = row.tangent(rx, (q * s.rows() + i) * n, rxh);
              row.centred(rx, (q * s.rows() + i) * n, rxc);
              double r = row.r;
              double rr = -r * r * a;
              double square = loops.squares(rxc, 0, n, 0) / n;
              double rrr = 3 * rr * rr / r - r * r * r * square;
              partial[index * k + q] +=
                  2 * loops.dot(adjoint, 0, gains, q * n, rxh, 0, n)
                      + 2 * rr * loops.dot(row.dxh, 0, rxc, 0, n)
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
    final Buffer x;
    final Buffer stats;
    final A gamma;
    final A xh;
    final A dxh;
    final A d;
    double r;
    double m2;

    Primal(Normalization s, Buffer x, Buffer stats, Buffer gamma, Scratch scratch) {
      n = s.cols();
      centred = s.centred();
      this.x = x;
      this.stats = stats;
      this.gamma = loops.loadOrZero(gamma, 0, loops.array(scratch, 0, n), n);
      xh = loops.array(scratch, 1, n);
      dxh = loops.array(scratch, 2, n);
      d = loops.array(scratch, 3, n);
    }

    void load(long row) {
      loops.load(x, row * n, xh, n);
      double mean = centred ? loops.get(stats, 2 * row) : 0;
      r = loops.get(stats, 2 * row + 1);
      loops.standardise(xh, mean, r, n);
    }

    /** Forms {@code dxh} and {@code d = r (dxh - mean dxh - xh m2)}. */
    void adjoint(A dy) {
      loops.product(dxh, gamma, dy, n);
      double m1 = centred ? loops.sum(dxh, 0, n) / n : 0;
      m2 = loops.dot(dxh, 0, xh, 0, n) / n;
      loops.project(d, dxh, m1, xh, m2, r, n);
    }

    /** Centres a tangent of the input. */
    void centred(Buffer rx, long at, A rxc) {
      loops.load(rx, at, rxc, n);
      if (centred) {
        loops.add(rxc, 0, -loops.sum(rxc, 0, n) / n, n);
      }
    }

    /** Forms {@code rxh} and returns {@code mean(xh rx)}; the tangent of a constant input is 0. */
    double tangent(Buffer rx, long at, A rxh) {
      if (rx == null) {
        loops.fill(rxh, 0, n, 0);
        return 0;
      }
      centred(rx, at, rxh);
      double a = loops.dot(xh, 0, rxh, 0, n) / n;
      loops.project(rxh, rxh, 0, xh, a, r, n);
      return a;
    }

    /** Turns {@code v = rdy} into the tangent of the input's adjoint. */
    void adjointTangent(double a, A dy, A rxh, A rgamma, int at, A v) {
      loops.gainTangent(v, gamma, dy, rgamma, at, n);
      double rm1 = centred ? loops.sum(v, 0, n) / n : 0;
      double cross = loops.dot(v, 0, xh, 0, n) + loops.dot(dxh, 0, rxh, 0, n);
      loops.projectTangent(v, -r * a, d, r, rm1, rxh, m2, xh, cross / n, n);
    }
  }

  private void addInOrder(double[][] sums, int from, int n, Buffer to, long at) {
    for (int j = 0; j < n; j++) {
      double sum = 0;
      for (double[] block : sums) {
        sum += block[from + j];
      }
      loops.add(to, at + j, sum);
    }
  }
}

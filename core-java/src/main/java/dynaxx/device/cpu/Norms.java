package dynaxx.device.cpu;

import dynaxx.kernel.NormKernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/**
 * Row normalisation. Means over a row are taken in float64; what is shared by all directions is
 * formed once for each row. Gradients of gains and shifts are summed in float64 over blocks of
 * rows, whose number depends on the shape of one direction only, and the blocks' sums in order.
 */
final class Norms<A> implements NormKernels {

  private static final int MAX_BLOCKS = 64;
  private static final int BLOCK_ELEMENTS = 4096;
  private static final int TOGETHER = 2048;

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

  /** Rows that go through each step together, so that none waits for the sums of the one before. */
  private static int together(Normalization s) {
    return Math.clamp(TOGETHER / s.cols(), 1, 16);
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
          int together = together(s);
          A v = loops.array(scratch, 0, together * n);
          A g = loops.array(scratch, 1, n);
          A b = loops.array(scratch, 2, n);
          A numbers = loops.array(scratch, 3, 2 * together);
          loops.load(gamma, 0, g, n);
          loops.loadOrZero(beta, 0, b, n);
          for (long row = first; row < end; row += together) {
            int count = (int) Math.min(together, end - row);
            loops.load(x, row * n, v, count * n);
            for (int i = 0; i < count; i++) {
              loops.set(numbers, 2 * i, s.centred() ? loops.sum(v, i * n, n) / n : 0);
            }
            for (int i = 0; i < count; i++) {
              double variance = loops.squares(v, i * n, n, loops.get(numbers, 2 * i)) / n;
              loops.set(numbers, 2 * i + 1, 1 / Math.sqrt(variance + s.epsilon()));
            }
            for (int i = 0; i < count; i++) {
              double mean = loops.get(numbers, 2 * i);
              loops.normalise(v, i * n, mean, loops.get(numbers, 2 * i + 1), g, b, n);
            }
            loops.store(v, y, row * n, count * n);
            loops.store(numbers, stats, 2 * row, 2 * count);
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
          Group rows = new Group(s, x, stats, gamma, scratch);
          A adjoint = rows.array(0);
          double[] sum = new double[2 * n];
          for (long row = first; row < end; row += rows.count) {
            rows.load(row, end);
            loops.load(dy, row * n, adjoint, rows.count * n);
            for (int i = 0; i < rows.count; i++) {
              loops.accumulate(sum, 0, adjoint, rows.xh, i * n, n);
              loops.accumulate(sum, n, adjoint, i * n, n);
            }
            if (dx != null) {
              rows.adjoint(adjoint);
              loops.store(rows.d, dx, row * n, rows.count * n, add, scratch);
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
          Group rows = new Group(s, x, stats, gamma, scratch);
          A rxh = rows.array(0);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Group.SLOTS + 1);
          A shifts = loops.loadRuns(rbeta, k, n, scratch, Group.SLOTS + 2);
          for (long row = first; row < end; row += rows.count) {
            rows.load(row, end);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + row) * n;
              rows.tangent(rx, at, rxh);
              for (int i = 0; i < rows.count; i++) {
                loops.gainTangent(rxh, i * n, rows.gamma, rows.xh, gains, shifts, q * n, n);
              }
              loops.store(rxh, ry, at, rows.count * n);
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
          Group rows = new Group(s, x, stats, gamma, scratch);
          A adjoint = rows.array(0);
          A rxh = rows.array(1);
          A v = rows.array(2);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Group.SLOTS + 3);
          double[] sum = new double[Math.multiplyExact(2 * k, n)];
          for (long row = first; row < end; row += rows.count) {
            rows.load(row, end);
            loops.load(dy, row * n, adjoint, rows.count * n);
            rows.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + row) * n;
              rows.tangent(rx, at, rxh);
              loops.load(rdy, at, v, rows.count * n);
              for (int i = 0; i < rows.count; i++) {
                loops.accumulate(sum, 2 * q * n, v, rows.xh, adjoint, rxh, i * n, n);
                loops.accumulate(sum, (2 * q + 1) * n, v, i * n, n);
              }
              if (rdx != null) {
                rows.adjointTangent(adjoint, rxh, gains, q * n, v);
                loops.store(v, rdx, at, rows.count * n, add, scratch);
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
          Group rows = new Group(s, x, stats, gamma, scratch);
          A adjoint = rows.array(0);
          A rxc = rows.array(1);
          A rxh = rows.array(2);
          A gains = loops.loadRuns(rgamma, k, n, scratch, Group.SLOTS + 3);
          for (long row = first; row < end; row += rows.count) {
            rows.load(row, end);
            loops.load(dy, row * n, adjoint, rows.count * n);
            rows.adjoint(adjoint);
            for (int q = 0; q < k; q++) {
              long at = (q * s.rows() + row) * n;
              rows.tangent(rx, at, rxh);
              rows.centred(rx, at, rxc);
              for (int i = 0; i < rows.count; i++) {
                partial[index * k + q] += rows.curvature(i, adjoint, gains, q * n, rxc, rxh);
              }
            }
          }
        });
    Pieces.addInOrder(partial, k, 1, c);
  }

  /**
   * What some neighbouring rows have in common for all directions; they take each step together, so
   * that none waits for the sums of the one before. Arrays are the thread's work arrays.
   */
  private final class Group {
    static final int SLOTS = 5;
    static final int DOUBLES = 12;

    final int n;
    final int most;
    final boolean centred;
    final Buffer x;
    final Buffer stats;
    final Scratch scratch;
    final A gamma;
    final A xh;
    final A dxh;
    final A d;
    final A numbers;
    final double[] r;
    final double[] m1;
    final double[] m2;
    final double[] a;
    final double[] shift;
    int count;

    Group(Normalization s, Buffer x, Buffer stats, Buffer gamma, Scratch scratch) {
      n = s.cols();
      most = together(s);
      centred = s.centred();
      this.x = x;
      this.stats = stats;
      this.scratch = scratch;
      this.gamma = loops.loadOrZero(gamma, 0, loops.array(scratch, 0, n), n);
      xh = loops.array(scratch, 1, most * n);
      dxh = loops.array(scratch, 2, most * n);
      d = loops.array(scratch, 3, most * n);
      numbers = loops.array(scratch, 4, 2 * most);
      r = scratch.doubles(DOUBLES, most);
      m1 = scratch.doubles(DOUBLES + 1, most);
      m2 = scratch.doubles(DOUBLES + 2, most);
      a = scratch.doubles(DOUBLES + 3, most);
      shift = scratch.doubles(DOUBLES + 4, most);
    }

    /** Another array of as many rows. */
    A array(int which) {
      return loops.array(scratch, SLOTS + which, most * n);
    }

    /** Goes to the rows from {@code row} on, as many as there are before {@code end}. */
    void load(long row, long end) {
      count = (int) Math.min(most, end - row);
      loops.load(x, row * n, xh, count * n);
      loops.load(stats, 2 * row, numbers, 2 * count);
      for (int i = 0; i < count; i++) {
        r[i] = loops.get(numbers, 2 * i + 1);
        double mean = centred ? loops.get(numbers, 2 * i) : 0;
        loops.standardise(xh, i * n, mean, r[i], n);
      }
    }

    /** Forms {@code dxh} and {@code d = r (dxh - mean dxh - xh m2)}. */
    void adjoint(A dy) {
      for (int i = 0; i < count; i++) {
        loops.product(dxh, gamma, dy, i * n, n);
      }
      for (int i = 0; i < count; i++) {
        m1[i] = centred ? loops.sum(dxh, i * n, n) / n : 0;
        m2[i] = loops.dot(dxh, i * n, xh, i * n, n) / n;
      }
      for (int i = 0; i < count; i++) {
        loops.project(d, dxh, m1[i], xh, m2[i], r[i], i * n, n);
      }
    }

    /** Centres tangents of the input. */
    void centred(Buffer rx, long at, A rxc) {
      loops.load(rx, at, rxc, count * n);
      if (centred) {
        for (int i = 0; i < count; i++) {
          shift[i] = -loops.sum(rxc, i * n, n) / n;
        }
        for (int i = 0; i < count; i++) {
          loops.add(rxc, i * n, shift[i], n);
        }
      }
    }

    /** Forms {@code rxh} and {@code a = mean(xh rx)}; the tangent of a constant input is 0. */
    void tangent(Buffer rx, long at, A rxh) {
      if (rx == null) {
        loops.fill(rxh, 0, count * n, 0);
        Arrays.fill(a, 0, count, 0);
        return;
      }
      centred(rx, at, rxh);
      for (int i = 0; i < count; i++) {
        a[i] = loops.dot(xh, i * n, rxh, i * n, n) / n;
      }
      for (int i = 0; i < count; i++) {
        loops.project(rxh, rxh, 0, xh, a[i], r[i], i * n, n);
      }
    }

    /** Turns {@code v = rdy} into tangents of the input's adjoint. */
    void adjointTangent(A dy, A rxh, A rgamma, int from, A v) {
      for (int i = 0; i < count; i++) {
        loops.gainTangent(v, i * n, gamma, dy, rgamma, from, n);
      }
      double[] cross = shift;
      for (int i = 0; i < count; i++) {
        m1[i] = centred ? loops.sum(v, i * n, n) / n : 0;
        cross[i] = (loops.dot(v, i * n, xh, i * n, n) + loops.dot(dxh, i * n, rxh, i * n, n)) / n;
      }
      for (int i = 0; i < count; i++) {
        double relative = -r[i] * a[i];
        loops.projectTangent(v, relative, d, r[i], m1[i], rxh, m2[i], xh, cross[i], i * n, n);
      }
    }

    /** The second-order term of row i. */
    double curvature(int i, A dy, A rgamma, int from, A rxc, A rxh) {
      double rr = -r[i] * r[i] * a[i];
      double square = loops.squares(rxc, i * n, n, 0) / n;
      double rrr = 3 * rr * rr / r[i] - r[i] * r[i] * r[i] * square;
      return 2 * loops.dot(dy, i * n, rgamma, from, rxh, i * n, n)
          + 2 * rr * loops.dot(dxh, i * n, rxc, i * n, n)
          + rrr / r[i] * n * m2[i];
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

package dynaxx.device.cpu;

import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.random.Gaussian;
import dynaxx.random.Philox;
import java.util.Arrays;

/**
 * Whole-vector algebra, in pieces of a fixed length so that partial sums do not depend on threads.
 */
final class Algebra<A> implements dynaxx.device.Algebra {

  /** Elements staged at a time. */
  private static final int CHUNK = 4096;

  /** Elements of one partial sum. */
  private static final int PIECE = 8 * CHUNK;

  /** Slot of the float64 work array, which no loop may share. */
  private static final int SUM = 2;

  private final WorkerPool pool;
  private final Loops<A> loops;

  Algebra(WorkerPool pool, Loops<A> loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /** A run of at most {@link #CHUNK} elements. */
  private interface Chunk {
    void run(int piece, long from, int size, Scratch scratch);
  }

  private void chunks(long n, int weight, Chunk chunk) {
    pool.run(
        Host.pieces(n, PIECE),
        weight * Math.min(n, PIECE),
        (piece, scratch) -> {
          long end = Math.min(n, (piece + 1L) * PIECE);
          for (long from = (long) piece * PIECE; from < end; from += CHUNK) {
            chunk.run(piece, from, (int) Math.min(CHUNK, end - from), scratch);
          }
        });
  }

  @Override
  public void fill(Buffer x, double value) {
    chunks(
        x.size(),
        1,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          loops.fill(v, 0, size, value);
          loops.store(v, x, from, size);
        });
  }

  @Override
  public void copy(Buffer from, Buffer to) {
    chunks(from.size(), 1, (piece, at, size, scratch) -> loops.copy(from, at, to, at, size));
  }

  @Override
  public double dot(Buffer a, Buffer b) {
    return reduce(a, b, (v, w, size) -> loops.dot(v, 0, w, 0, size));
  }

  @Override
  public double squaredDistance(Buffer a, Buffer b) {
    return reduce(a, b, (v, w, size) -> loops.squaredDistance(v, 0, w, 0, size));
  }

  private interface Reduction<A> {
    double of(A v, A w, int size);
  }

  private double reduce(Buffer a, Buffer b, Reduction<A> reduction) {
    double[] partial = new double[Host.pieces(a.size(), PIECE)];
    chunks(
        a.size(),
        1,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          A w = loops.array(scratch, 1, CHUNK);
          loops.load(a, from, v, size);
          loops.load(b, from, w, size);
          partial[piece] += reduction.of(v, w, size);
        });
    double sum = 0;
    for (double p : partial) {
      sum += p;
    }
    return sum;
  }

  @Override
  public void axpby(double alpha, Buffer x, double beta, Buffer y) {
    chunks(
        x.size(),
        1,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          A w = loops.array(scratch, 1, CHUNK);
          loops.load(x, from, v, size);
          if (beta == 0) {
            loops.scale(v, alpha, size);
          } else {
            loops.load(y, from, w, size);
            loops.mix(v, alpha, w, beta, size);
          }
          loops.store(v, y, from, size);
        });
  }

  @Override
  public void multiply(Buffer diagonal, Vectors x, Vectors y) {
    long n = x.length();
    chunks(
        n,
        x.count(),
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          A w = loops.array(scratch, 1, CHUNK);
          loops.load(diagonal, from, v, size);
          for (int i = 0; i < x.count(); i++) {
            loops.load(x.buffer(), i * n + from, w, size);
            loops.multiply(w, v, size);
            loops.store(w, y.buffer(), i * n + from, size);
          }
        });
  }

  @Override
  public double[] project(Vectors basis, int count, Buffer w) {
    double[] c = new double[count];
    if (count == 0) {
      return c;
    }
    long n = basis.length();
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, PIECE), count)];
    chunks(
        n,
        count,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          A q = loops.array(scratch, 1, CHUNK);
          loops.load(w, from, v, size);
          for (int i = 0; i < count; i++) {
            loops.load(basis.buffer(), i * n + from, q, size);
            partial[piece * count + i] += loops.dot(q, 0, v, 0, size);
          }
        });
    for (int p = 0; p < partial.length; p++) {
      c[p % count] += partial[p];
    }
    chunks(
        n,
        count,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          loops.load(w, from, v, size);
          double[] sum = scratch.doubles(SUM, CHUNK);
          loops.widen(v, sum, size);
          addRows(basis.buffer(), n, from, size, c, -1, sum, scratch);
          loops.narrow(sum, v, size);
          loops.store(v, w, from, size);
        });
    return c;
  }

  @Override
  public void combine(Vectors basis, double[] coefficients, Buffer y) {
    long n = basis.length();
    double[] c = coefficients.clone();
    chunks(
        n,
        c.length,
        (piece, from, size, scratch) -> {
          double[] sum = scratch.doubles(SUM, CHUNK);
          Arrays.fill(sum, 0, size, 0);
          addRows(basis.buffer(), n, from, size, c, 1, sum, scratch);
          A v = loops.array(scratch, 0, CHUNK);
          loops.narrow(sum, v, size);
          loops.store(v, y, from, size);
        });
  }

  private void addRows(
      Buffer basis,
      long n,
      long from,
      int size,
      double[] c,
      int sign,
      double[] sum,
      Scratch scratch) {
    A q = loops.array(scratch, 1, CHUNK);
    for (int i = 0; i < c.length; i++) {
      loops.load(basis, i * n + from, q, size);
      loops.addScaled(sum, sign * c[i], q, size);
    }
  }

  @Override
  public double[] probeDots(long seed, long first, Vectors x, long offset, long size) {
    double[] sums = new double[x.count()];
    for (int i = 0; i < sums.length; i++) {
      long probe = first + i;
      long start = i * x.length() + offset;
      double[] partial = new double[Host.pieces(size, PIECE)];
      chunks(
          size,
          1,
          (piece, from, length, scratch) -> {
            A z = loops.array(scratch, 0, CHUNK + 2 * Philox.SIGNS_PER_BLOCK);
            A v = loops.array(scratch, 1, CHUNK);
            int lead = signs(seed, probe, offset + from, length, z);
            loops.load(x.buffer(), start + from, v, length);
            partial[piece] += loops.dot(z, lead, v, 0, length);
          });
      sums[i] = Arrays.stream(partial).reduce(0, Double::sum);
    }
    return sums;
  }

  @Override
  public void rademacher(long seed, long first, Vectors vectors) {
    long n = vectors.length();
    for (int i = 0; i < vectors.count(); i++) {
      long probe = first + i;
      long start = i * n;
      chunks(
          n,
          1,
          (piece, from, size, scratch) -> {
            A v = loops.array(scratch, 0, CHUNK + Philox.SIGNS_PER_BLOCK);
            signs(seed, probe, from, size, v);
            loops.store(v, vectors.buffer(), start + from, size);
          });
    }
  }

  @Override
  public void gaussian(long seed, long stream, Buffer x) {
    chunks(
        x.size(),
        16,
        (piece, from, size, scratch) -> {
          A v = loops.array(scratch, 0, CHUNK);
          int[] words = new int[4];
          double[] values = new double[4];
          for (int j = 0; j < size; j += 4) {
            Philox.words(seed, stream, (from + j) / 4, words);
            Gaussian.pair(words[0], words[1], values, 0);
            Gaussian.pair(words[2], words[3], values, 2);
            for (int i = 0; i < Math.min(4, size - j); i++) {
              loops.set(v, j + i, (float) values[i]);
            }
          }
          loops.store(v, x, from, size);
        });
  }

  /**
   * Elements of a probe, from the beginning of a block of the generator on.
   *
   * @return where element {@code from} is
   */
  private int signs(long seed, long probe, long from, int size, A v) {
    int[] words = new int[4];
    int lead = (int) (from % Philox.SIGNS_PER_BLOCK);
    for (int j = 0; j < lead + size; j += Philox.SIGNS_PER_BLOCK) {
      Philox.words(seed, probe, (from - lead + j) / Philox.SIGNS_PER_BLOCK, words);
      for (int word = 0; word < 4; word++) {
        loops.signs(words[word], v, j + 32 * word);
      }
    }
    return lead;
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.Philox;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/**
 * Whole-vector algebra, in pieces of a fixed length so that partial sums do not depend on threads.
 */
final class Algebra implements dynaxx.device.Algebra {

  /** Elements staged at a time. */
  private static final int CHUNK = 4096;

  /** Elements of one partial sum. */
  private static final int PIECE = 8 * CHUNK;

  private final WorkerPool pool;
  private final RowLoops kernels;

  Algebra(WorkerPool pool, RowLoops kernels) {
    this.pool = pool;
    this.kernels = kernels;
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
    MemorySegment out = Host.segment(x);
    chunks(
        x.size(),
        1,
        (piece, from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          Arrays.fill(v, 0, size, (float) value);
          Host.store(v, out, from, size);
        });
  }

  @Override
  public void copy(Buffer from, Buffer to) {
    MemorySegment in = Host.segment(from);
    MemorySegment out = Host.segment(to);
    chunks(
        from.size(),
        1,
        (piece, at, size, scratch) ->
            MemorySegment.copy(
                in,
                ValueLayout.JAVA_FLOAT,
                at * Float.BYTES,
                out,
                ValueLayout.JAVA_FLOAT,
                at * Float.BYTES,
                size));
  }

  @Override
  public double dot(Buffer a, Buffer b) {
    return reduce(a, b, (v, w, size) -> kernels.dot(v, 0, w, 0, size));
  }

  @Override
  public double squaredDistance(Buffer a, Buffer b) {
    return reduce(a, b, (v, w, size) -> kernels.squaredDistance(v, 0, w, 0, size));
  }

  private interface Reduction {
    double of(float[] v, float[] w, int size);
  }

  private double reduce(Buffer a, Buffer b, Reduction reduction) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    double[] partial = new double[Host.pieces(a.size(), PIECE)];
    chunks(
        a.size(),
        1,
        (piece, from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sa, from, v, size);
          Host.load(sb, from, w, size);
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
    MemorySegment sx = Host.segment(x);
    MemorySegment sy = Host.segment(y);
    chunks(
        x.size(),
        1,
        (piece, from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sx, from, v, size);
          if (beta == 0) {
            scale(v, alpha, size);
          } else {
            Host.load(sy, from, w, size);
            mix(v, alpha, w, beta, size);
          }
          Host.store(v, sy, from, size);
        });
  }

  private static void scale(float[] v, double alpha, int size) {
    for (int j = 0; j < size; j++) {
      v[j] = (float) (alpha * v[j]);
    }
  }

  private static void mix(float[] v, double alpha, float[] w, double beta, int size) {
    for (int j = 0; j < size; j++) {
      v[j] = (float) (alpha * v[j] + beta * w[j]);
    }
  }

  @Override
  public double[] project(Vectors basis, int count, Buffer w) {
    double[] c = new double[count];
    if (count == 0) {
      return c;
    }
    MemorySegment sq = Host.segment(basis.buffer());
    MemorySegment sw = Host.segment(w);
    long n = basis.length();
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, PIECE), count)];
    chunks(
        n,
        count,
        (piece, from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] q = scratch.floats(1, CHUNK);
          Host.load(sw, from, v, size);
          for (int i = 0; i < count; i++) {
            Host.load(sq, i * n + from, q, size);
            partial[piece * count + i] += kernels.dot(q, 0, v, 0, size);
          }
        });
    for (int p = 0; p < partial.length; p++) {
      c[p % count] += partial[p];
    }
    chunks(
        n,
        count,
        (piece, from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          Host.load(sw, from, v, size);
          double[] sum = scratch.doubles(0, CHUNK);
          for (int j = 0; j < size; j++) {
            sum[j] = v[j];
          }
          addRows(sq, n, from, size, c, -1, sum, scratch);
          narrow(sum, v, size);
          Host.store(v, sw, from, size);
        });
    return c;
  }

  @Override
  public void combine(Vectors basis, double[] coefficients, Buffer y) {
    MemorySegment sq = Host.segment(basis.buffer());
    MemorySegment out = Host.segment(y);
    long n = basis.length();
    double[] c = coefficients.clone();
    chunks(
        n,
        c.length,
        (piece, from, size, scratch) -> {
          double[] sum = scratch.doubles(0, CHUNK);
          Arrays.fill(sum, 0, size, 0);
          addRows(sq, n, from, size, c, 1, sum, scratch);
          float[] v = scratch.floats(0, CHUNK);
          narrow(sum, v, size);
          Host.store(v, out, from, size);
        });
  }

  private static void addRows(
      MemorySegment basis,
      long n,
      long from,
      int size,
      double[] c,
      int sign,
      double[] sum,
      Scratch scratch) {
    float[] q = scratch.floats(1, CHUNK);
    for (int i = 0; i < c.length; i++) {
      Host.load(basis, i * n + from, q, size);
      addScaled(sum, sign * c[i], q, size);
    }
  }

  private static void addScaled(double[] sum, double factor, float[] q, int size) {
    for (int j = 0; j < size; j++) {
      sum[j] += factor * q[j];
    }
  }

  private static void narrow(double[] sum, float[] v, int size) {
    for (int j = 0; j < size; j++) {
      v[j] = (float) sum[j];
    }
  }

  @Override
  public double[] probeDots(long seed, long first, long offset, long size, int count, Strided x) {
    MemorySegment in = Host.segment(x.buffer());
    double[] sums = new double[count];
    for (int i = 0; i < count; i++) {
      long probe = first + i;
      long start = Host.start(x, i);
      double[] partial = new double[Host.pieces(size, PIECE)];
      chunks(
          size,
          1,
          (piece, from, length, scratch) -> {
            float[] z = scratch.floats(0, CHUNK + 2 * Philox.SIGNS_PER_BLOCK);
            float[] v = scratch.floats(1, CHUNK);
            int lead = signs(seed, probe, offset + from, length, z);
            Host.load(in, start + from, v, length);
            partial[piece] += kernels.dot(z, lead, v, 0, length);
          });
      sums[i] = Arrays.stream(partial).reduce(0, Double::sum);
    }
    return sums;
  }

  @Override
  public void rademacher(long seed, long first, Vectors vectors) {
    MemorySegment out = Host.segment(vectors.buffer());
    long n = vectors.length();
    for (int i = 0; i < vectors.count(); i++) {
      long probe = first + i;
      long start = i * n;
      chunks(
          n,
          1,
          (piece, from, size, scratch) -> {
            float[] v = scratch.floats(0, CHUNK + Philox.SIGNS_PER_BLOCK);
            signs(seed, probe, from, size, v);
            Host.store(v, out, start + from, size);
          });
    }
  }

  /**
   * Elements of a probe, from the beginning of a block of the generator on.
   *
   * @return where element {@code from} is
   */
  private static int signs(long seed, long probe, long from, int size, float[] v) {
    int[] words = new int[4];
    int lead = (int) (from % Philox.SIGNS_PER_BLOCK);
    for (int j = 0; j < lead + size; j += Philox.SIGNS_PER_BLOCK) {
      Philox.words(seed, probe, (from - lead + j) / Philox.SIGNS_PER_BLOCK, words);
      for (int word = 0; word < 4; word++) {
        signs(words[word], v, j + 32 * word);
      }
    }
    return lead;
  }

  private static void signs(int bits, float[] v, int at) {
    int one = Float.floatToRawIntBits(1f);
    for (int b = 0; b < 32; b++) {
      v[at + b] = Float.intBitsToFloat(one | (~(bits >>> b) & 1) << 31);
    }
  }
}

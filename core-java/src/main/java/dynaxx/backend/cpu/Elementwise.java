package dynaxx.backend.cpu;

import dynaxx.backend.Philox;
import dynaxx.backend.Pointwise;
import dynaxx.backend.Strided;
import dynaxx.memory.Buffer;
import java.lang.foreign.MemorySegment;

/**
 * Activations, sums, products and dropout: pieces of a fixed length, the values shared by all
 * directions formed once.
 */
final class Elementwise {

  /** Elements staged at a time; a handful of such arrays stay in the second-level cache. */
  private static final int CHUNK = 2048;

  /** Elements of one partial sum. */
  private static final int SUM = 16 * CHUNK;

  private final WorkerPool pool;
  private final RowKernels kernels;

  Elementwise(WorkerPool pool, RowKernels kernels) {
    this.pool = pool;
    this.kernels = kernels;
  }

  private interface Piece {
    void run(long from, int size, Scratch scratch);
  }

  private void pieces(long n, int weight, Piece piece) {
    pool.run(
        Host.pieces(n, CHUNK),
        (long) weight * Math.min(n, CHUNK),
        (task, scratch) -> {
          long from = (long) task * CHUNK;
          piece.run(from, (int) Math.min(CHUNK, n - from), scratch);
        });
  }

  void activation(Pointwise f, long n, Buffer x, Buffer y) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sy = Host.segment(y);
    pieces(
        n,
        4,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, w, null, null);
          Host.store(w, sy, from, size);
        });
  }

  /** {@code ry (+)= f'(x) rx} for k directions; the backward pass is the same with one. */
  void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    MemorySegment sx = Host.segment(x);
    MemorySegment in = Host.segment(rx);
    MemorySegment out = Host.segment(ry);
    pieces(
        n,
        4 + k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] slope = scratch.floats(1, CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, slope, null);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(in, at, v, size);
            times(v, slope, size);
            store(v, out, at, size, add, scratch);
          }
        });
  }

  void activationTangentBackward(
      Pointwise f,
      int k,
      long n,
      Buffer x,
      Buffer dy,
      Buffer rx,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segment(rx);
    MemorySegment srdy = Host.segment(rdy);
    MemorySegment out = Host.segment(rdx);
    pieces(
        n,
        6 + 2 * k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] slope = scratch.floats(1, CHUNK);
          float[] bend = scratch.floats(2, CHUNK);
          float[] w = scratch.floats(3, CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, slope, bend);
          Host.load(sdy, from, v, size);
          times(bend, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(srx, at, v, size);
            Host.load(srdy, at, w, size);
            for (int j = 0; j < size; j++) {
              v[j] = slope[j] * w[j] + bend[j] * v[j];
            }
            store(v, out, at, size, add, scratch);
          }
        });
  }

  void activationCurvature(
      Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, HostScalars c) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segment(rx);
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, CHUNK), k)];
    pieces(
        n,
        6 + k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] bend = scratch.floats(2, CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, null, bend);
          Host.load(sdy, from, v, size);
          times(bend, v, size);
          for (int i = 0; i < k; i++) {
            Host.load(srx, i * n + from, v, size);
            partial[(int) (from / CHUNK) * k + i] = kernels.dot(bend, 0, v, 0, v, 0, size);
          }
        });
    addInOrder(partial, k, 1, c);
  }

  void add(long n, Buffer a, Buffer b, Buffer y) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    MemorySegment out = Host.segment(y);
    pieces(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sa, from, v, size);
          Host.load(sb, from, w, size);
          plus(v, w, size);
          Host.store(v, out, from, size);
        });
  }

  void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    MemorySegment out = Host.segment(y);
    pieces(
        n,
        k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sa, from, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(sb, at, w, size);
            times(w, v, size);
            store(w, out, at, size, add, scratch);
          }
        });
  }

  void dots(int k, long n, double alpha, Strided a, Buffer b, HostScalars c) {
    MemorySegment sa = Host.segment(a.buffer());
    MemorySegment sb = Host.segment(b);
    int sums = Host.pieces(n, SUM);
    double[] partial = new double[Math.multiplyExact(sums, k)];
    pool.run(
        partial.length,
        Math.min(n, SUM),
        (task, scratch) -> {
          int i = task % k;
          long from = (long) (task / k) * SUM;
          int size = (int) Math.min(SUM, n - from);
          partial[task] = dot(sa, Host.start(a, i) + from, sb, i * n + from, size, scratch);
        });
    addInOrder(partial, k, alpha, c);
  }

  private double dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int n, Scratch scratch) {
    float[] v = scratch.floats(0, CHUNK);
    float[] w = scratch.floats(1, CHUNK);
    double sum = 0;
    for (int from = 0; from < n; from += CHUNK) {
      int size = Math.min(CHUNK, n - from);
      Host.load(a, aAt + from, v, size);
      Host.load(b, bAt + from, w, size);
      sum += kernels.dot(v, 0, w, 0, size);
    }
    return sum;
  }

  void dropout(long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    MemorySegment sx = Host.segment(x);
    MemorySegment out = Host.segment(y);
    float scale = (float) (1 / (1 - rate));
    pieces(
        n,
        8,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          Host.load(sx, from, v, size);
          int[] words = new int[4];
          for (int j = 0; j < size; j += 4) {
            Philox.words(seed, stream, (from + j) / 4, words);
            for (int q = 0; q < 4; q++) {
              v[j + q] = (words[q] >>> 8) * 0x1p-24 >= rate ? v[j + q] * scale : 0;
            }
          }
          store(v, out, from, size, add, scratch);
        });
  }

  void squaredError(long n, double scale, Buffer z, Buffer targets, HostScalars loss) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    double[] partial = new double[Host.pieces(n, CHUNK)];
    pieces(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sz, from, v, size);
          Host.load(st, from, w, size);
          partial[(int) (from / CHUNK)] = kernels.squaredDistance(v, 0, w, 0, size);
        });
    addInOrder(partial, 1, scale, loss);
  }

  void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(dz);
    pieces(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, CHUNK);
          float[] w = scratch.floats(1, CHUNK);
          Host.load(sz, from, v, size);
          Host.load(st, from, w, size);
          for (int j = 0; j < size; j++) {
            v[j] = (float) (2 * scale * ((double) v[j] - w[j]));
          }
          Host.store(v, out, from, size);
        });
  }

  /**
   * {@code c_i += alpha * (partial sums of i, in order)}; partial sum p of direction i is at {@code
   * p k + i}.
   */
  static void addInOrder(double[] partial, int k, double alpha, HostScalars c) {
    for (int i = 0; i < k; i++) {
      double sum = 0;
      for (int p = i; p < partial.length; p += k) {
        sum += partial[p];
      }
      c.add(i, alpha * sum);
    }
  }

  private static void times(float[] v, float[] w, int size) {
    for (int j = 0; j < size; j++) {
      v[j] *= w[j];
    }
  }

  private static void plus(float[] v, float[] w, int size) {
    for (int j = 0; j < size; j++) {
      v[j] += w[j];
    }
  }

  private static final int OLD = 11;

  /** Stores or adds a chunk. */
  private static void store(
      float[] v, MemorySegment to, long at, int size, boolean add, Scratch scratch) {
    if (add) {
      float[] old = scratch.floats(OLD, CHUNK);
      Host.load(to, at, old, size);
      plus(v, old, size);
    }
    Host.store(v, to, at, size);
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.Philox;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;
import java.lang.foreign.MemorySegment;

/** Sums, products and dropout; what all directions share is formed once. */
final class Elementwise implements ElementwiseKernels {

  /** Elements of one partial sum. */
  private static final int SUM = 16 * Pieces.CHUNK;

  private final WorkerPool pool;
  private final RowLoops kernels;

  private final Pieces pieces;

  Elementwise(WorkerPool pool, RowLoops kernels) {
    pieces = new Pieces(pool);
    this.pool = pool;
    this.kernels = kernels;
  }

  @Override
  public void add(long n, Buffer a, Buffer b, Buffer y) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    MemorySegment out = Host.segment(y);
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] w = scratch.floats(1, Pieces.CHUNK);
          Host.load(sa, from, v, size);
          Host.load(sb, from, w, size);
          Pieces.plus(v, w, size);
          Host.store(v, out, from, size);
        });
  }

  @Override
  public void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    MemorySegment sa = Host.segment(a);
    MemorySegment sb = Host.segment(b);
    MemorySegment out = Host.segment(y);
    pieces.run(
        n,
        k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] w = scratch.floats(1, Pieces.CHUNK);
          Host.load(sa, from, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(sb, at, w, size);
            Pieces.times(w, v, size);
            Pieces.store(w, out, at, size, add, scratch);
          }
        });
  }

  @Override
  public void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
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
    Pieces.addInOrder(partial, k, alpha, c);
  }

  private double dot(MemorySegment a, long aAt, MemorySegment b, long bAt, int n, Scratch scratch) {
    float[] v = scratch.floats(0, Pieces.CHUNK);
    float[] w = scratch.floats(1, Pieces.CHUNK);
    double sum = 0;
    for (int from = 0; from < n; from += Pieces.CHUNK) {
      int size = Math.min(Pieces.CHUNK, n - from);
      Host.load(a, aAt + from, v, size);
      Host.load(b, bAt + from, w, size);
      sum += kernels.dot(v, 0, w, 0, size);
    }
    return sum;
  }

  @Override
  public void dropout(
      long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    MemorySegment sx = Host.segment(x);
    MemorySegment out = Host.segment(y);
    float scale = (float) (1 / (1 - rate));
    pieces.run(
        n,
        8,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          Host.load(sx, from, v, size);
          int[] words = new int[4];
          for (int j = 0; j < size; j += 4) {
            Philox.words(seed, stream, (from + j) / 4, words);
            for (int q = 0; q < 4; q++) {
              v[j + q] = (words[q] >>> 8) * 0x1p-24 >= rate ? v[j + q] * scale : 0;
            }
          }
          Pieces.store(v, out, from, size, add, scratch);
        });
  }
}

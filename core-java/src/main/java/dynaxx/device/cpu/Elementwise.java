package dynaxx.device.cpu;

import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.random.Philox;
import java.util.Arrays;

/** Sums, products and dropout; what all directions share is formed once. */
final class Elementwise<A> implements ElementwiseKernels {

  /** Elements of one partial sum. */
  private static final int SUM = 16 * Pieces.CHUNK;

  private final WorkerPool pool;
  private final Loops<A> loops;

  private final Pieces pieces;

  Elementwise(WorkerPool pool, Loops<A> loops) {
    pieces = new Pieces(pool);
    this.pool = pool;
    this.loops = loops;
  }

  @Override
  public void add(long n, Buffer a, Buffer b, Buffer y) {
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A w = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(a, from, v, size);
          loops.load(b, from, w, size);
          loops.add(v, w, size);
          loops.store(v, y, from, size);
        });
  }

  @Override
  public void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    pieces.run(
        n,
        k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A w = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(a, from, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(b, at, w, size);
            loops.multiply(w, v, size);
            loops.store(w, y, at, size, add, scratch);
          }
        });
  }

  @Override
  public void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
    int sums = Host.pieces(n, SUM);
    double[] partial = new double[Math.multiplyExact(sums, k)];
    pool.run(
        partial.length,
        Math.min(n, SUM),
        (task, scratch) -> {
          int i = task % k;
          long from = (long) (task / k) * SUM;
          int size = (int) Math.min(SUM, n - from);
          partial[task] = dot(a.buffer(), Host.start(a, i) + from, b, i * n + from, size, scratch);
        });
    Pieces.addInOrder(partial, k, alpha, c);
  }

  private double dot(Buffer a, long aAt, Buffer b, long bAt, int n, Scratch scratch) {
    A v = loops.array(scratch, 0, Pieces.CHUNK);
    A w = loops.array(scratch, 1, Pieces.CHUNK);
    double sum = 0;
    for (int from = 0; from < n; from += Pieces.CHUNK) {
      int size = Math.min(Pieces.CHUNK, n - from);
      loops.load(a, aAt + from, v, size);
      loops.load(b, bAt + from, w, size);
      sum += loops.dot(v, 0, w, 0, size);
    }
    return sum;
  }

  @Override
  public void dots(int k, long n, double alpha, Buffer a, Buffer b, Buffer d, Scalars c) {
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, Pieces.CHUNK), k)];
    pieces.run(
        n,
        3 * k,
        (from, size, scratch) -> {
          A u = loops.array(scratch, 0, Pieces.CHUNK);
          A v = loops.array(scratch, 1, Pieces.CHUNK);
          A w = loops.array(scratch, 2, Pieces.CHUNK);
          loops.load(a, from, u, size);
          for (int i = 0; i < k; i++) {
            loops.load(b, i * n + from, v, size);
            loops.load(d, i * n + from, w, size);
            partial[(int) (from / Pieces.CHUNK) * k + i] = loops.dot(u, 0, v, 0, w, 0, size);
          }
        });
    Pieces.addInOrder(partial, k, alpha, c);
  }

  @Override
  public void divide(
      int k, long n, double alpha, Buffer a, Buffer b, Buffer c, Buffer y, boolean add) {
    pieces.run(
        n,
        2 + 2 * k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          double[] divisor = scratch.doubles(4, Pieces.CHUNK);
          double[] factor = scratch.doubles(5, Pieces.CHUNK);
          double[] quotient = scratch.doubles(6, Pieces.CHUNK);
          loops.load(a, from, v, size);
          loops.widen(v, divisor, size);
          Arrays.fill(factor, 0, size, alpha);
          if (c != null) {
            loops.load(c, from, v, size);
            loops.widen(v, factor, size);
            for (int j = 0; j < size; j++) {
              factor[j] *= alpha;
            }
          }
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(b, at, v, size);
            loops.widen(v, quotient, size);
            for (int j = 0; j < size; j++) {
              quotient[j] = quotient[j] * factor[j] / divisor[j];
            }
            loops.narrow(quotient, v, size);
            loops.store(v, y, at, size, add, scratch);
          }
        });
  }

  @Override
  public void dropout(
      long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    pieces.run(
        n,
        8,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          loops.load(x, from, v, size);
          int[] words = new int[4];
          for (int j = 0; j < size; j += 4) {
            Philox.words(seed, stream, (from + j) / 4, words);
            loops.drop(v, j, words, rate, 1 / (1 - rate));
          }
          loops.store(v, y, from, size, add, scratch);
        });
  }
}

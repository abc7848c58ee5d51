package dynaxx.device.cpu;

import dynaxx.kernel.Scalars;

/**
 * Pieces of a fixed length of long vectors, one a task: what the elementwise kernels have in
 * common.
 */
final class Pieces {

  /** Elements staged at a time; a handful of such arrays stay in the second-level cache. */
  static final int CHUNK = 2048;

  private final WorkerPool pool;

  Pieces(WorkerPool pool) {
    this.pool = pool;
  }

  interface Piece {
    void run(long from, int size, Scratch scratch);
  }

  void run(long n, int weight, Piece piece) {
    pool.run(
        Host.pieces(n, CHUNK),
        (long) weight * Math.min(n, CHUNK),
        (task, scratch) -> {
          long from = (long) task * CHUNK;
          piece.run(from, (int) Math.min(CHUNK, n - from), scratch);
        });
  }

  /**
   * {@code c_i += alpha * (partial sums of i, in order)}; partial sum p of direction i is at {@code
   * p k + i}.
   */
  static void addInOrder(double[] partial, int k, double alpha, Scalars sums) {
    HostScalars c = (HostScalars) sums;
    for (int i = 0; i < k; i++) {
      double sum = 0;
      for (int p = i; p < partial.length; p += k) {
        sum += partial[p];
      }
      c.add(i, alpha * sum);
    }
  }
}

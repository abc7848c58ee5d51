package dynaxx.device.cpu;

import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;

/**
 * The loop shapes that the float64 kernels share. One thread works on a row or a piece from
 * beginning to end, and sums over rows are added up in an order that depends on the shape of one
 * direction only; so results depend neither on threads nor on the number of directions.
 */
final class Float64Loops {

  /** Elements of a piece of a long vector. */
  private static final int PIECE = 1024;

  /** Elements that a task takes at least, if there are as many. */
  private static final int TASK = 8192;

  /** Partial sums of one reduction. */
  private static final int MAX_SUMS = 64;

  /** Columns of a block that is summed over rows. */
  private static final int COLS = 64;

  private final WorkerPool pool;

  Float64Loops(WorkerPool pool) {
    this.pool = pool;
  }

  interface Row {
    void run(long row);
  }

  interface Piece {
    void run(long from, int size);
  }

  interface Columns {
    void run(int direction, long col, int cols);
  }

  interface RowTerms {
    void addTo(double[] sums, long row);
  }

  interface PieceTerms {
    void addTo(double[] sums, long from, int size);
  }

  private interface TaskRow {
    void run(int task, long row);
  }

  /** Rows in order, {@code each} of them in a task. */
  private void share(long rows, long cols, long each, TaskRow body) {
    pool.run(
        Host.pieces(rows, each),
        each * cols,
        (task, scratch) -> {
          long end = Math.min(rows, (task + 1L) * each);
          for (long row = task * each; row < end; row++) {
            body.run(task, row);
          }
        });
  }

  /** Rows one by one; {@code cols} is what a row costs. */
  void rows(long rows, long cols, Row body) {
    share(rows, cols, rowsPerTask(cols), (task, row) -> body.run(row));
  }

  /** A vector piece by piece. */
  void pieces(long n, Piece body) {
    rows(Host.pieces(n, PIECE), PIECE, piece -> runPiece(n, piece, body));
  }

  /** Blocks of columns of k matrices, for whoever goes over all rows in order. */
  void columns(int k, long rows, long cols, Columns body) {
    int across = Host.pieces(cols, COLS);
    rows(
        (long) k * across,
        rows * Math.min(cols, COLS),
        block -> {
          long col = block % across * COLS;
          body.run((int) (block / across), col, (int) Math.min(COLS, cols - col));
        });
  }

  /** As many sums over rows as {@code size} says. */
  double[] sums(long rows, long cols, int size, RowTerms body) {
    long each = Math.max(rowsPerTask(cols), (rows + MAX_SUMS - 1) / MAX_SUMS);
    double[][] partial = new double[Host.pieces(rows, each)][size];
    share(rows, cols, each, (task, row) -> body.addTo(partial[task], row));
    double[] total = new double[size];
    for (double[] sums : partial) {
      Doubles.add(total, sums);
    }
    return total;
  }

  /** {@code c_i += alpha} times the i-th of k sums over rows. */
  void addSums(long rows, long cols, int k, double alpha, Scalars c, RowTerms body) {
    double[] total = sums(rows, cols, k, body);
    for (int i = 0; i < k; i++) {
      ((HostScalars) c).add(i, alpha * total[i]);
    }
  }

  /** As {@link #sums}, over the pieces of a vector. */
  double[] pieceSums(long n, int size, PieceTerms body) {
    return sums(Host.pieces(n, PIECE), PIECE, size, onPieces(n, body));
  }

  /** As {@link #addSums}, over the pieces of a vector. */
  void addPieceSums(long n, int k, double alpha, Scalars c, PieceTerms body) {
    addSums(Host.pieces(n, PIECE), PIECE, k, alpha, c, onPieces(n, body));
  }

  private static RowTerms onPieces(long n, PieceTerms body) {
    return (sums, piece) -> runPiece(n, piece, (from, size) -> body.addTo(sums, from, size));
  }

  private static void runPiece(long n, long piece, Piece body) {
    long from = piece * PIECE;
    body.run(from, (int) Math.min(PIECE, n - from));
  }

  private static long rowsPerTask(long cols) {
    return Math.max(1, TASK / Math.max(1, cols));
  }

  /** The runs of k directions; zeros if there are none. */
  static double[][] runs(Strided runs, int k, int n) {
    double[][] values = new double[k][n];
    for (int i = 0; i < k && runs != null; i++) {
      values[i] = Float64Buffer.of(runs.buffer()).read(Host.start(runs, i), n);
    }
    return values;
  }
}

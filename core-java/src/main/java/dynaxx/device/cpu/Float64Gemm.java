package dynaxx.device.cpu;

import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;

/**
 * Matrix products in float64. An element of C is {@code beta C + bias} and then each {@code alpha
 * a_ip b_pj} in the order of p, one sequence of additions whatever the position of the element and
 * however C is cut. Whole rows of B are added to whole rows of C, so every loop runs over
 * contiguous memory; a transpose is taken when a block is read.
 */
final class Float64Gemm implements GemmKernels {

  /** Rows of C that a task takes at most. */
  private static final int ROWS = 64;

  /** Columns of C that a task takes at most. */
  private static final int COLS = 512;

  /** Rows of B read at a time; with {@link #COLS} columns they stay in the second-level cache. */
  private static final int DEPTH = 128;

  private final WorkerPool pool;

  Float64Gemm(WorkerPool pool) {
    this.pool = pool;
  }

  /** Part of one member's C. */
  private record Tile(long member, int row, int rows, int col, int cols) {}

  /** Arguments of one call. */
  private record Call(
      int m,
      int n,
      int depth,
      double alpha,
      Matrix a,
      Matrix b,
      double beta,
      Matrix c,
      Strided bias,
      Members batch) {

    /** Low tiles if there would be too few to share among threads. */
    int tileRows() {
      return batch.size() >= 16 ? ROWS : Math.clamp(m / 8, 8, ROWS);
    }

    int tilesDown() {
      return Host.pieces(m, tileRows());
    }

    int tilesAcross() {
      return Host.pieces(n, COLS);
    }

    Tile tile(long index) {
      int col = (int) (index % tilesAcross()) * COLS;
      int row = (int) (index / tilesAcross() % tilesDown()) * tileRows();
      long member = index / tilesAcross() / tilesDown();
      return new Tile(member, row, Math.min(tileRows(), m - row), col, Math.min(COLS, n - col));
    }

    long start(Matrix x, long member) {
      long l = member % batch.n2();
      long ij = member / batch.n2();
      return x.offset()
          + ij / batch.n1() * x.stride0()
          + ij % batch.n1() * x.stride1()
          + l * x.stride2();
    }

    void compute(Tile tile) {
      Float64Buffer out = Float64Buffer.of(c.buffer());
      long to = start(c, tile.member) + tile.row * c.ld() + tile.col;
      double[][] sums = new double[tile.rows][];
      for (int i = 0; i < tile.rows; i++) {
        sums[i] = initial(out, to + i * c.ld(), tile);
      }
      for (int p = 0; p < depth; p += DEPTH) {
        int run = Math.min(DEPTH, depth - p);
        double[][] left = block(a, start(a, tile.member), tile.row, tile.rows, p, run);
        double[][] right = block(b, start(b, tile.member), p, run, tile.col, tile.cols);
        for (int i = 0; i < tile.rows; i++) {
          for (int q = 0; q < run; q++) {
            left[i][q] *= alpha;
          }
          addProduct(sums[i], left[i], right);
        }
      }
      for (int i = 0; i < tile.rows; i++) {
        out.write(to + i * c.ld(), sums[i]);
      }
    }

    private double[] initial(Float64Buffer out, long at, Tile tile) {
      double[] row = new double[tile.cols];
      if (beta != 0) {
        add(row, beta, out.read(at, tile.cols));
      }
      if (bias != null) {
        int run = Math.toIntExact(tile.member / batch.n2() / batch.n1());
        long from = Host.start(bias, run) + tile.col;
        add(row, 1, Float64Buffer.of(bias.buffer()).read(from, tile.cols));
      }
      return row;
    }
  }

  @Override
  public void multiply(
      int m,
      int n,
      int depth,
      double alpha,
      Matrix a,
      Matrix b,
      double beta,
      Matrix c,
      Strided bias,
      Members batch) {
    Call call = new Call(m, n, depth, alpha, a, b, beta, c, bias, batch);
    long tiles = batch.size() * call.tilesDown() * call.tilesAcross();
    long work = (long) call.tileRows() * Math.min(n, COLS) * Math.max(depth, 1);
    pool.run(Math.toIntExact(tiles), work / 8, (index, scratch) -> call.compute(call.tile(index)));
  }

  /** Some rows and columns of op(X), row by row. */
  private static double[][] block(Matrix x, long start, int row, int rows, int col, int cols) {
    Float64Buffer values = Float64Buffer.of(x.buffer());
    double[][] block = new double[rows][];
    if (!x.transposed()) {
      for (int i = 0; i < rows; i++) {
        block[i] = values.read(start + (row + i) * x.ld() + col, cols);
      }
      return block;
    }
    for (int i = 0; i < rows; i++) {
      block[i] = new double[cols];
    }
    for (int j = 0; j < cols; j++) {
      double[] stored = values.read(start + (col + j) * x.ld() + row, rows);
      for (int i = 0; i < rows; i++) {
        block[i][j] = stored[i];
      }
    }
    return block;
  }

  /** {@code sums += left right}, four rows of the right factor in one go over the sums. */
  private static void addProduct(double[] sums, double[] left, double[][] right) {
    int p = 0;
    for (; p + 4 <= left.length; p += 4) {
      addFour(sums, left, right, p);
    }
    for (; p < left.length; p++) {
      add(sums, left[p], right[p]);
    }
  }

  private static void add(double[] sums, double factor, double[] row) {
    for (int j = 0; j < sums.length; j++) {
      sums[j] += factor * row[j];
    }
  }

  private static void addFour(double[] sums, double[] left, double[][] right, int p) {
    double a0 = left[p];
    double a1 = left[p + 1];
    double a2 = left[p + 2];
    double a3 = left[p + 3];
    double[] b0 = right[p];
    double[] b1 = right[p + 1];
    double[] b2 = right[p + 2];
    double[] b3 = right[p + 3];
    for (int j = 0; j < sums.length; j++) {
      sums[j] = sums[j] + a0 * b0[j] + a1 * b1[j] + a2 * b2[j] + a3 * b3[j];
    }
  }
}

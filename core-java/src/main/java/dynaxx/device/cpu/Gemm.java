package dynaxx.device.cpu;

import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import java.lang.foreign.MemorySegment;

/**
 * Packed, register-blocked matrix products (Goto and van de Geijn, 2008). Each element of C is made
 * by one sequence of operations that depends on the depth only: sums over runs of {@link #DEPTH} in
 * order, each run scaled and added to C. So it does not matter where in C an element stands, how
 * many rows or members there are, nor which of the two ways below is taken.
 */
final class Gemm implements GemmKernels {

  /** Length of the partial sums. */
  static final int DEPTH = 256;

  /**
   * From one packed row of A to the next; not a power of two, which would put all rows into the
   * same cache sets.
   */
  static final int PITCH = DEPTH + 16;

  /** Rows of A packed at a time. */
  private static final int ROWS = 64;

  /** Columns of B packed at a time. */
  private static final int COLS = 1024;

  /** Members with at most this many multiplications are computed whole by one thread. */
  private static final long SMALL = 1 << 20;

  private static final int PACKED_A = 0;
  private static final int PACKED_B = 1;
  private static final int TILE = 2;
  private static final int STAGE = 3;
  private static final int BIAS = 4;

  private final WorkerPool pool;
  private final RowLoops kernels;
  private final int tileRows;
  private final int tileCols;
  private final Scratch shared = new Scratch();

  Gemm(WorkerPool pool, RowLoops kernels) {
    this.pool = pool;
    this.kernels = kernels;
    tileRows = kernels.tileRows();
    tileCols = kernels.tileCols();
  }

  /** Arguments of one call; segments are looked up once. */
  private record Call(
      int m,
      int n,
      int depth,
      float alpha,
      Matrix a,
      Matrix b,
      float beta,
      Matrix c,
      Strided bias,
      Members batch,
      MemorySegment sa,
      MemorySegment sb,
      MemorySegment sc) {

    long start(Matrix x, long member) {
      long l = member % batch.n2();
      long ij = member / batch.n2();
      return x.offset()
          + ij / batch.n1() * x.stride0()
          + ij % batch.n1() * x.stride1()
          + l * x.stride2();
    }

    boolean sharesB() {
      return (batch.n0() == 1 || b.stride0() == 0)
          && (batch.n1() == 1 || b.stride1() == 0)
          && (batch.n2() == 1 || b.stride2() == 0);
    }

    int run(long member) {
      return Math.toIntExact(member / batch.n2() / batch.n1());
    }
  }

  /** A part of op(A) op(B): the columns and the run of the depth that are packed. */
  private record Block(int col, int cols, int from, int depth, boolean first, boolean last) {}

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
    if (m == 0 || n == 0 || batch.size() == 0) {
      return;
    }
    Call call =
        new Call(
            m,
            n,
            depth,
            (float) alpha,
            a,
            b,
            (float) beta,
            c,
            bias,
            batch,
            Host.segment(a.buffer()),
            Host.segment(b.buffer()),
            Host.segment(c.buffer()));
    long work = (long) m * n * Math.max(depth, 1);
    if (work <= SMALL && !(call.sharesB() && batch.size() > 1)) {
      memberByMember(call, work);
    } else if (call.sharesB()) {
      blockByBlock(call, 0, batch.size());
    } else {
      for (long member = 0; member < batch.size(); member++) {
        blockByBlock(call, member, 1);
      }
    }
  }

  private void memberByMember(Call call, long work) {
    int members = Math.toIntExact(call.batch.size());
    int group = (int) Math.max(1, Math.min(members, 65_536 / Math.max(1, work)));
    pool.run(
        Host.pieces(members, group),
        group * work / 16,
        (task, scratch) -> {
          int end = Math.min(members, (task + 1) * group);
          for (int member = task * group; member < end; member++) {
            oneMember(call, member, scratch);
          }
        });
  }

  private void oneMember(Call call, long member, Scratch scratch) {
    for (int col = 0; col < call.n; col += COLS) {
      int cols = Math.min(COLS, call.n - col);
      int from = 0;
      do {
        Block block = block(call, col, cols, from);
        float[] packed = scratch.floats(PACKED_B, panels(cols) * tileCols * block.depth);
        long start = call.start(call.b, member);
        for (int panel = 0; panel < panels(cols); panel++) {
          packPanel(call, start, block, panel, packed, scratch);
        }
        for (int row = 0; row < call.m; row += ROWS) {
          rows(call, member, block, row, 0, panels(cols), packed, scratch);
        }
        from += DEPTH;
      } while (from < call.depth);
    }
  }

  /**
   * Packs each block of B once and shares the rows of {@code members} members from {@code first} on
   * among the threads.
   */
  private void blockByBlock(Call call, long first, long members) {
    int rowBlocks = Host.pieces(call.m, ROWS);
    for (int col = 0; col < call.n; col += COLS) {
      int cols = Math.min(COLS, call.n - col);
      int panels = panels(cols);
      int wide = rowBlocks * members >= 8 ? panels : Math.max(1, panels / 8);
      int parts = Host.pieces(panels, wide);
      int from = 0;
      do {
        Block block = block(call, col, cols, from);
        float[] packed = shared.floats(PACKED_B, panels * tileCols * block.depth);
        long start = call.start(call.b, first);
        pool.run(
            panels,
            (long) tileCols * block.depth,
            (panel, scratch) -> packPanel(call, start, block, panel, packed, scratch));
        int tasks = Math.toIntExact(rowBlocks * members * parts);
        pool.run(
            tasks,
            (long) Math.min(ROWS, call.m) * wide * tileCols * block.depth / 16,
            (task, scratch) -> {
              int part = task % parts;
              int rowBlock = task / parts % rowBlocks;
              long member = first + task / parts / rowBlocks;
              int end = Math.min(panels, (part + 1) * wide);
              rows(call, member, block, rowBlock * ROWS, part * wide, end, packed, scratch);
            });
        from += DEPTH;
      } while (from < call.depth);
    }
  }

  private int panels(int cols) {
    return (cols + tileCols - 1) / tileCols;
  }

  private static Block block(Call call, int col, int cols, int from) {
    int depth = Math.min(DEPTH, call.depth - from);
    return new Block(col, cols, from, depth, from == 0, from + DEPTH >= call.depth);
  }

  /** Multiplies one block of rows of a member with some panels of packed B and writes to C. */
  private void rows(
      Call call,
      long member,
      Block block,
      int row,
      int panel,
      int endPanel,
      float[] packedB,
      Scratch scratch) {
    int height = Math.min(ROWS, call.m - row);
    float[] packedA = scratch.floats(PACKED_A, ROWS * PITCH);
    packA(call, call.start(call.a, member), block, row, height, packedA, scratch);
    float[] bias = bias(call, member, block, scratch);
    float[] tile = scratch.floats(TILE, tileRows * tileCols);
    float beta = block.first ? call.beta : 1;
    long start = call.start(call.c, member) + block.col;
    for (int j = panel; j < endPanel; j++) {
      int width = Math.min(tileCols, block.cols - j * tileCols);
      for (int i = 0; i < height; i += tileRows) {
        int count = Math.min(tileRows, height - i);
        kernels.tile(
            count, block.depth, packedA, i * PITCH, packedB, j * tileCols * block.depth, tile);
        for (int r = 0; r < count; r++) {
          long at = start + (row + i + r) * call.c.ld() + j * tileCols;
          kernels.finish(
              tile, r * tileCols, width, call.alpha, beta, bias, j * tileCols, call.sc, at);
        }
      }
    }
  }

  private static float[] bias(Call call, long member, Block block, Scratch scratch) {
    if (call.bias == null || !block.last) {
      return null;
    }
    float[] bias = scratch.floats(BIAS, block.cols);
    long at = Host.start(call.bias, call.run(member)) + block.col;
    Host.load(Host.segment(call.bias.buffer()), at, bias, block.cols);
    return bias;
  }

  /** Rows of op(A), each contiguous. */
  private static void packA(
      Call call, long start, Block block, int row, int height, float[] packed, Scratch scratch) {
    Matrix a = call.a;
    int depth = block.depth;
    if (!a.transposed()) {
      for (int i = 0; i < height; i++) {
        Host.load(call.sa, start + (row + i) * a.ld() + block.from, packed, i * PITCH, depth);
      }
      return;
    }
    float[] stage = scratch.floats(STAGE, 16 * ROWS);
    for (int p = 0; p < depth; p += 16) {
      int run = Math.min(16, depth - p);
      for (int q = 0; q < run; q++) {
        Host.load(call.sa, start + (block.from + p + q) * a.ld() + row, stage, q * ROWS, height);
      }
      for (int i = 0; i < height; i++) {
        for (int q = 0; q < run; q++) {
          packed[i * PITCH + p + q] = stage[q * ROWS + i];
        }
      }
    }
  }

  /** One panel of op(B): as many columns as a tile has, row after row. */
  private void packPanel(
      Call call, long start, Block block, int panel, float[] packed, Scratch scratch) {
    Matrix b = call.b;
    int depth = block.depth;
    int to = panel * tileCols * depth;
    int col = block.col + panel * tileCols;
    int width = Math.min(tileCols, block.cols - panel * tileCols);
    if (!b.transposed()) {
      for (int p = 0; p < depth; p++) {
        Host.load(
            call.sb, start + (block.from + p) * b.ld() + col, packed, to + p * tileCols, width);
      }
      return;
    }
    float[] stage = scratch.floats(STAGE, 16 * PITCH);
    for (int j = 0; j < width; j += 16) {
      int run = Math.min(16, width - j);
      for (int q = 0; q < run; q++) {
        Host.load(call.sb, start + (col + j + q) * b.ld() + block.from, stage, q * PITCH, depth);
      }
      for (int p = 0; p < depth; p++) {
        for (int q = 0; q < run; q++) {
          packed[to + p * tileCols + j + q] = stage[q * PITCH + p];
        }
      }
    }
  }
}

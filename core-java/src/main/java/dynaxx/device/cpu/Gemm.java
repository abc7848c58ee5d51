package dynaxx.device.cpu;

import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * Packed, register-blocked matrix products (Goto and van de Geijn, 2008). Each element of C is made
 * by one sequence of operations that depends on the depth only: sums over runs of {@link #DEPTH} in
 * order, each run scaled and added to C. So it does not matter where in C an element stands, how
 * many rows or members there are, nor which of the two ways below is taken.
 */
final class Gemm implements GemmKernels {

  /** Length of the partial sums. */
  static final int DEPTH = 128;

  /**
   * From one row of A packed by rows to the next; not a power of two, which would put all rows into
   * the same cache sets.
   */
  static final int PITCH = DEPTH + 16;

  /** Rows of A packed at a time, at most. */
  private static final int ROWS = 64;

  /** From one column of A packed by columns to the next, for the same reason no power of two. */
  static final int COLUMN_PITCH = ROWS + 16;

  /** Columns of B packed at a time. */
  private static final int COLS = 1024;

  /** Values of B packed at a time; what all tasks read should stay in the second-level cache. */
  private static final int PACKED = 1 << 17;

  /** A task takes fewer rows if there would be fewer tasks. */
  private static final int TASKS = 8;

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
  private final int[] starts;
  private final Scratch shared = new Scratch();

  Gemm(WorkerPool pool, RowLoops kernels) {
    this.pool = pool;
    this.kernels = kernels;
    tileRows = kernels.tileRows();
    tileCols = kernels.tileCols();
    starts = new int[DEPTH];
    for (int p = 0; p < DEPTH; p++) {
      starts[p] = p * tileCols;
    }
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

  /** A part of op(A) op(B): the columns, and the run of the depth, that are packed. */
  private record Block(int col, int cols, int from, int depth) {

    /** Runs of the sums. */
    int runs() {
      return Math.max(1, Host.pieces(depth, DEPTH));
    }

    int run(int index) {
      return Math.min(DEPTH, depth - index * DEPTH);
    }

    /** Where the packed panels of a run start. */
    int packed(int index, int panels, int tileCols) {
      return index * DEPTH * panels * tileCols;
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
    List<Block> blocks = blocks(call);
    pool.run(
        Host.pieces(members, group),
        group * work / 16,
        (task, scratch) -> {
          int end = Math.min(members, (task + 1) * group);
          for (int member = task * group; member < end; member++) {
            oneMember(call, blocks, member, scratch);
          }
        });
  }

  private void oneMember(Call call, List<Block> blocks, long member, Scratch scratch) {
    for (Block block : blocks) {
      int panels = panels(block.cols);
      float[] packed = scratch.floats(PACKED_B, panels * tileCols * block.depth);
      long start = call.start(call.b, member);
      for (int run = 0; run < block.runs(); run++) {
        for (int panel = 0; panel < panels; panel++) {
          packPanel(call, start, block, run, panel, packed, scratch);
        }
      }
      for (int row = 0; row < call.m; row += ROWS) {
        rows(call, member, block, row, Math.min(ROWS, call.m - row), 0, panels, packed, scratch);
      }
    }
  }

  /**
   * Packs each block of B once and shares the rows of {@code members} members from {@code first} on
   * among the threads.
   */
  private void blockByBlock(Call call, long first, long members) {
    int height = height(call.m * members);
    int rowBlocks = Host.pieces(call.m, height);
    for (Block block : blocks(call)) {
      int panels = panels(block.cols);
      int wide = rowBlocks * members >= 8 ? panels : Math.max(1, panels / 8);
      int parts = Host.pieces(panels, wide);
      float[] packed = shared.floats(PACKED_B, panels * tileCols * block.depth);
      long start = call.start(call.b, first);
      pool.run(
          panels * block.runs(),
          (long) tileCols * Math.min(DEPTH, block.depth) / 4,
          (task, scratch) ->
              packPanel(call, start, block, task / panels, task % panels, packed, scratch));
      int tasks = Math.toIntExact(rowBlocks * members * parts);
      pool.run(
          tasks,
          (long) height * wide * tileCols * block.depth / 16,
          (task, scratch) -> {
            int part = task % parts;
            int row = task / parts % rowBlocks * height;
            long member = first + task / parts / rowBlocks;
            int end = Math.min(panels, (part + 1) * wide);
            int count = Math.min(height, call.m - row);
            rows(call, member, block, row, count, part * wide, end, packed, scratch);
          });
    }
  }

  /** Rows of a task: whole tiles, and the fewer the fewer tasks there would be. */
  private int height(long rows) {
    int most = ROWS / tileRows;
    return Math.clamp(rows / TASKS / tileRows, 1, most) * tileRows;
  }

  private int panels(int cols) {
    return (cols + tileCols - 1) / tileCols;
  }

  /** What is packed at a time: as many runs of the depth as {@link #PACKED} has room for. */
  private List<Block> blocks(Call call) {
    List<Block> blocks = new ArrayList<>();
    for (int col = 0; col < call.n; col += COLS) {
      int cols = Math.min(COLS, call.n - col);
      int runs = Math.max(1, PACKED / (DEPTH * panels(cols) * tileCols));
      int from = 0;
      do {
        int depth = Math.min(runs * DEPTH, call.depth - from);
        blocks.add(new Block(col, cols, from, depth));
        from += depth;
      } while (from < call.depth);
    }
    return blocks;
  }

  /** Multiplies some rows of a member with some panels of packed B and writes to C. */
  private void rows(
      Call call,
      long member,
      Block block,
      int row,
      int height,
      int panel,
      int endPanel,
      float[] packedB,
      Scratch scratch) {
    boolean byColumns = call.a.transposed();
    float[] packedA = scratch.floats(PACKED_A, DEPTH * COLUMN_PITCH);
    float[] tile = scratch.floats(TILE, tileRows * tileCols);
    long start = call.start(call.c, member) + row * call.c.ld() + block.col;
    for (int run = 0; run < block.runs(); run++) {
      int depth = block.run(run);
      int from = block.from + run * DEPTH;
      packA(call, call.start(call.a, member), from, depth, row, height, packedA);
      float[] bias = from + depth < call.depth ? null : bias(call, member, block, scratch);
      float beta = from == 0 ? call.beta : 1;
      int b = block.packed(run, panels(block.cols), tileCols);
      for (int j = panel; j < endPanel; j++) {
        int width = Math.min(tileCols, block.cols - j * tileCols);
        int bAt = b + j * tileCols * depth;
        for (int i = 0; i < height; i += tileRows) {
          int count = Math.min(tileRows, height - i);
          int aAt = byColumns ? i : i * PITCH;
          kernels.tile(
              byColumns, count, width, depth, packedA, aAt, packedB, starts, bAt, tile, 0, tileCols,
              false);
          long at = start + i * call.c.ld() + j * tileCols;
          kernels.finish(
              tile, count, width, call.alpha, beta, bias, j * tileCols, call.sc, at, call.c.ld());
        }
      }
    }
  }

  private float[] bias(Call call, long member, Block block, Scratch scratch) {
    if (call.bias == null) {
      return null;
    }
    float[] bias = scratch.floats(BIAS, block.cols);
    long at = Host.start(call.bias, call.run(member)) + block.col;
    Host.load(Host.segment(call.bias.buffer()), at, bias, block.cols);
    return bias;
  }

  /** Rows of op(A) as they are stored, by rows or by columns. */
  private void packA(
      Call call, long start, int from, int depth, int row, int height, float[] packed) {
    Matrix a = call.a;
    if (!a.transposed()) {
      kernels.pack(call.sa, start + row * a.ld() + from, a.ld(), height, depth, packed, 0, PITCH);
      return;
    }
    long at = start + from * a.ld() + row;
    kernels.pack(call.sa, at, a.ld(), depth, height, packed, 0, COLUMN_PITCH);
  }

  /** One panel of op(B): as many columns as a tile has, row after row. */
  private void packPanel(
      Call call, long start, Block block, int run, int panel, float[] packed, Scratch scratch) {
    Matrix b = call.b;
    int depth = block.run(run);
    int to = block.packed(run, panels(block.cols), tileCols) + panel * tileCols * depth;
    int from = block.from + run * DEPTH;
    int col = block.col + panel * tileCols;
    int width = Math.min(tileCols, block.cols - panel * tileCols);
    if (!b.transposed()) {
      kernels.pack(
          call.sb, start + from * b.ld() + col, b.ld(), depth, width, packed, to, tileCols);
      return;
    }
    float[] stage = scratch.floats(STAGE, tileCols * PITCH);
    kernels.pack(call.sb, start + col * b.ld() + from, b.ld(), width, depth, stage, 0, PITCH);
    kernels.transpose(stage, PITCH, width, depth, packed, to, tileCols);
  }
}

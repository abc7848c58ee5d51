package dynaxx.nativecpu;

import dynaxx.device.cpu.NativeKernels.Tasks;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import java.lang.foreign.MemorySegment;

/**
 * Cuts matrix products into tasks, each of which is one call of C. How they are cut does not change
 * a bit of the result.
 */
final class NativeGemm implements GemmKernels {

  /** Columns and depth of B packed at a time, at most; few products have more. */
  private static final int MOST_COLS = 4096;

  private static final int MOST_DEPTH = 4096;

  /** A task takes fewer rows if there would be fewer tasks. */
  private static final int TASKS = 16;

  /** From this many members on, each is computed whole by one thread, whatever its size. */
  private static final int MEMBERS = 8;

  /** A product with at most this many multiplications is not cut. */
  private static final long SMALL = 1 << 19;

  /** Up to this many multiplications, packing B twice costs less than waiting for a packed B. */
  private static final long MEDIUM = 1 << 27;

  /** If the depth is this many times the longer side of C, each thread packs what it needs of B. */
  private static final long DEEP = 4;

  /** With fewer rows, members that share B share the packed one too. */
  private static final int TALL = 64;

  /** Small pieces are put into tasks of about this many multiplications. */
  private static final long GROUP = 1 << 16;

  /** Multiplications that take about as long as an elementary step of other kernels. */
  private static final long PER_STEP = 64;

  /** Of the struct {@code product}, the first of its block, and the height of a task. */
  private static final int FIELDS = 30;

  private static final int BLOCK = 23;
  private static final int HEIGHT = 28;

  /**
   * Products with fewer columns or a smaller depth are left to vectors: a matrix unit would mostly
   * multiply zeros. Rows do not count, since directions may be stacked as rows.
   */
  private static final int NARROW = 32;

  private final GemmFunctions wide;
  private final GemmFunctions narrow;
  private final Tasks tasks;
  private final int threads;
  private final Struct product = new Struct(FIELDS);
  private final Memory packed = new Memory();

  NativeGemm(Level level, Tasks tasks, int threads) {
    wide = level.gemm();
    narrow = level.vectors();
    this.tasks = tasks;
    this.threads = threads;
  }

  /**
   * What does not change between the tasks of a call; memory of the factors from their first
   * element on.
   */
  private record Call(
      GemmFunctions functions,
      int m,
      int n,
      int depth,
      long members,
      MemorySegment a,
      MemorySegment b,
      MemorySegment c,
      MemorySegment bias) {

    long work() {
      return (long) m * n * Math.max(depth, 1);
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
            n < NARROW || depth < NARROW ? narrow : wide,
            m,
            n,
            depth,
            batch.size(),
            memory("a", a, a.transposed() ? depth : m, a.transposed() ? m : depth, batch),
            memory("b", b, b.transposed() ? n : depth, b.transposed() ? depth : n, batch),
            memory("c", c, m, n, batch),
            bias == null ? MemorySegment.NULL : Memory.of("bias", bias, batch.n0(), n));
    product.at(0).put(m, n, depth).put(alpha).put(beta).put(a).put(b).put(c);
    product.put(bias == null ? 0 : bias.stride(), batch.n1(), batch.n2());
    boolean shared =
        same(batch.n0(), b.stride0())
            && same(batch.n1(), b.stride1())
            && same(batch.n2(), b.stride2());
    if (piecewise(call, shared)) {
      pieces(call);
    } else if (shared) {
      blocks(call, 0, batch.size());
    } else {
      for (long member = 0; member < batch.size(); member++) {
        blocks(call, member, 1);
      }
    }
  }

  private static boolean same(int count, long stride) {
    return count == 1 || stride == 0;
  }

  private static boolean piecewise(Call call, boolean shared) {
    if (shared && call.members > 1 && call.m < TALL) {
      return false;
    }
    return call.work() <= MEDIUM
        || call.m <= call.functions.blockRows()
        || call.depth >= DEEP * Math.max(call.m, call.n)
        || !shared && call.members >= MEMBERS;
  }

  /** Computes pieces of C with all of the depth, each by one thread that packs what it needs. */
  private void pieces(Call call) {
    int columns = call.functions.panelCols();
    int down = 1;
    int across = 1;
    long wanted = call.work() <= SMALL ? 1 : Math.ceilDiv(threads, call.members);
    while ((long) down * across < wanted) {
      int height = Math.ceilDiv(call.m, down);
      int width = Math.ceilDiv(call.n, across);
      boolean isTall = height >= 2 * call.functions.tileRows();
      boolean isWide = width >= 2 * columns;
      if (isTall && (height >= width || !isWide)) {
        down *= 2;
      } else if (isWide) {
        across *= 2;
      } else {
        break;
      }
    }
    int height = Math.ceilDiv(call.m, down);
    int wide = Math.ceilDiv(Math.ceilDiv(call.n, across), columns);
    product.at(HEIGHT).put(height, wide);
    long count = call.members * Math.ceilDiv(call.m, height) * Math.ceilDiv(call.n, wide * columns);
    long each = Math.max(1, call.work() * call.members / count);
    long group = Math.clamp(GROUP / each, 1, count);
    tasks.run(
        Math.toIntExact(Math.ceilDiv(count, group)),
        group * each / PER_STEP,
        call.functions.work(),
        (task, memory) -> {
          long begin = task * group;
          long end = Math.min(count, begin + group);
          call.functions.pieces(
              product.segment(), call.a, call.b, call.c, call.bias, memory, begin, end);
        });
  }

  /** Packs B in blocks, and shares the rows of some members among the threads. */
  private void blocks(Call call, long first, long members) {
    int from = 0;
    do {
      int length = Math.min(MOST_DEPTH, call.depth - from);
      for (int col = 0; col < call.n; col += MOST_COLS) {
        block(call, col, Math.min(MOST_COLS, call.n - col), from, length, first, members);
      }
      from += length;
    } while (from < call.depth);
  }

  private void block(Call call, int col, int cols, int from, int length, long first, long members) {
    GemmFunctions functions = call.functions;
    long panels = Math.ceilDiv(cols, functions.panelCols());
    int tile = functions.tileRows();
    int tall = Math.clamp(call.m * members / TASKS / tile, 1, functions.blockRows() / tile) * tile;
    long rowBlocks = Math.ceilDiv(call.m, tall) * members;
    long wide = rowBlocks >= TASKS ? panels : Math.max(1, panels * rowBlocks / TASKS);
    product.at(BLOCK).put(col, cols, from, length, first, tall, wide);
    MemorySegment to = packed.bytes(functions.packed(cols, length));
    long runs = Math.max(1, Math.ceilDiv(length, functions.run()));
    tasks.run(
        Math.toIntExact(panels * runs),
        (long) functions.panelCols() * Math.min(functions.run(), length) / 8,
        functions.work(),
        (task, memory) -> functions.pack(product.segment(), call.b, to, task));
    tasks.run(
        Math.toIntExact(rowBlocks * Math.ceilDiv(panels, wide)),
        tall * wide * functions.panelCols() * length / PER_STEP,
        functions.work(),
        (task, memory) ->
            functions.rows(product.segment(), call.a, to, call.c, call.bias, memory, task));
  }

  private static MemorySegment memory(String name, Matrix x, int rows, int cols, Members batch) {
    long reach =
        Memory.sum(
            Memory.steps(x.stride0(), batch.n0()),
            Memory.steps(x.stride1(), batch.n1()),
            Memory.steps(x.stride2(), batch.n2()),
            rows == 0 || cols == 0 ? 0 : Memory.sum(Memory.steps(x.ld(), rows), cols));
    return Memory.of(name, x.buffer(), x.offset(), reach);
  }
}

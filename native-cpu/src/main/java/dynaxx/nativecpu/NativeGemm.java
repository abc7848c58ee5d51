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

  /** So many members of any size are computed whole, each by one thread. */
  private static final int MEMBERS = 8;

  /** And so are members with at most this many multiplications. */
  private static final long SMALL = 1 << 19;

  /** Multiplications of a task that takes several members. */
  private static final long GROUP = 1 << 16;

  /** Multiplications that take about as long as an elementary step of other kernels. */
  private static final long PER_STEP = 64;

  /** Of the struct {@code product}, and the first of its block. */
  private static final int FIELDS = 30;

  private static final int BLOCK = 23;

  /**
   * Products with fewer columns or a smaller depth are left to vectors: a matrix unit would mostly
   * multiply zeros. Rows do not count, since directions may be stacked as rows.
   */
  private static final int NARROW = 32;

  private final GemmFunctions wide;
  private final GemmFunctions narrow;
  private final Tasks tasks;
  private final Struct product = new Struct(FIELDS);
  private final Memory packed = new Memory();

  NativeGemm(Level level, Tasks tasks) {
    wide = level.gemm();
    narrow = level.vectors();
    this.tasks = tasks;
  }

  /** Memory of the factors, from their first element on. */
  private record Operands(MemorySegment a, MemorySegment b, MemorySegment c, MemorySegment bias) {}

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
    Operands operands =
        new Operands(
            memory("a", a, a.transposed() ? depth : m, a.transposed() ? m : depth, batch),
            memory("b", b, b.transposed() ? n : depth, b.transposed() ? depth : n, batch),
            memory("c", c, m, n, batch),
            bias == null ? MemorySegment.NULL : Memory.of("bias", bias, batch.n0(), n));
    product.at(0).put(m, n, depth).put(alpha).put(beta).put(a).put(b).put(c);
    product.put(bias == null ? 0 : bias.stride(), batch.n1(), batch.n2());
    GemmFunctions functions = n < NARROW || depth < NARROW ? narrow : wide;
    long work = (long) m * n * Math.max(depth, 1);
    boolean shared =
        same(batch.n0(), b.stride0())
            && same(batch.n1(), b.stride1())
            && same(batch.n2(), b.stride2());
    boolean alone = work <= SMALL || !shared && batch.size() >= MEMBERS;
    if (alone && !(shared && batch.size() > 1)) {
      wholeMembers(functions, operands, batch.size(), work);
    } else if (shared) {
      blocks(functions, operands, m, n, depth, 0, batch.size());
    } else {
      for (long member = 0; member < batch.size(); member++) {
        blocks(functions, operands, m, n, depth, member, 1);
      }
    }
  }

  private static boolean same(int count, long stride) {
    return count == 1 || stride == 0;
  }

  private void wholeMembers(GemmFunctions functions, Operands operands, long members, long work) {
    long group = Math.clamp(GROUP / work, 1, members);
    tasks.run(
        Math.toIntExact(Math.ceilDiv(members, group)),
        group * work / PER_STEP,
        functions.work(),
        (task, memory) -> {
          long begin = task * group;
          functions.members(
              product.segment(),
              operands.a,
              operands.b,
              operands.c,
              operands.bias,
              memory,
              begin,
              Math.min(members, begin + group));
        });
  }

  /** Packs B in blocks, and shares the rows of some members among the threads. */
  private void blocks(
      GemmFunctions functions,
      Operands operands,
      int m,
      int n,
      int depth,
      long first,
      long members) {
    int from = 0;
    do {
      int length = Math.min(MOST_DEPTH, depth - from);
      for (int col = 0; col < n; col += MOST_COLS) {
        block(
            functions,
            operands,
            m,
            col,
            Math.min(MOST_COLS, n - col),
            from,
            length,
            first,
            members);
      }
      from += length;
    } while (from < depth);
  }

  private void block(
      GemmFunctions functions,
      Operands operands,
      int m,
      int col,
      int cols,
      int from,
      int length,
      long first,
      long members) {
    long panels = Math.ceilDiv(cols, functions.panelCols());
    int tile = functions.tileRows();
    int tall = Math.clamp(m * members / TASKS / tile, 1, functions.blockRows() / tile) * tile;
    long rowBlocks = Math.ceilDiv(m, tall) * members;
    long wide = rowBlocks >= TASKS ? panels : Math.max(1, panels * rowBlocks / TASKS);
    product.at(BLOCK).put(col, cols, from, length, first, tall, wide);
    MemorySegment to = packed.bytes(functions.packed(cols, length));
    long runs = Math.max(1, Math.ceilDiv(length, functions.run()));
    tasks.run(
        Math.toIntExact(panels * runs),
        (long) functions.panelCols() * Math.min(functions.run(), length) / 8,
        functions.work(),
        (task, memory) -> functions.pack(product.segment(), operands.b, to, task));
    tasks.run(
        Math.toIntExact(rowBlocks * Math.ceilDiv(panels, wide)),
        tall * wide * functions.panelCols() * length / PER_STEP,
        functions.work(),
        (task, memory) ->
            functions.rows(
                product.segment(), operands.a, to, operands.c, operands.bias, memory, task));
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

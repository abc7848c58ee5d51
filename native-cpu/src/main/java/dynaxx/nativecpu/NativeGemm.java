package dynaxx.nativecpu;

import dynaxx.device.cpu.NativeKernels.Tasks;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.memory.HostBuffer;
import java.lang.foreign.Arena;
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
  private static final int TASKS = 8;

  /** Members with at most this many multiplications are computed whole by one thread. */
  private static final long SMALL = 1 << 19;

  /** Multiplications of a task that takes several members. */
  private static final long GROUP = 1 << 16;

  /** Multiplications that take about as long as an elementary step of other kernels. */
  private static final long PER_STEP = 64;

  private final Level level;
  private final Tasks tasks;
  private final Product product = new Product();
  private MemorySegment packed = MemorySegment.NULL;

  NativeGemm(Level level, Tasks tasks) {
    this.level = level;
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
            bias == null ? MemorySegment.NULL : memory(bias, n, batch.n0()));
    product.set(m, n, depth, alpha, beta, a, b, c, bias == null ? 0 : bias.stride(), batch);
    long work = (long) m * n * Math.max(depth, 1);
    boolean shared =
        same(batch.n0(), b.stride0())
            && same(batch.n1(), b.stride1())
            && same(batch.n2(), b.stride2());
    if (work <= SMALL && !(shared && batch.size() > 1)) {
      wholeMembers(operands, batch.size(), work);
    } else if (shared) {
      blocks(operands, m, n, depth, 0, batch.size());
    } else {
      for (long member = 0; member < batch.size(); member++) {
        blocks(operands, m, n, depth, member, 1);
      }
    }
  }

  private static boolean same(int count, long stride) {
    return count == 1 || stride == 0;
  }

  private void wholeMembers(Operands operands, long members, long work) {
    long group = Math.clamp(GROUP / work, 1, members);
    tasks.run(
        Math.toIntExact(pieces(members, group)),
        group * work / PER_STEP,
        level.work(),
        (task, memory) -> {
          long begin = task * group;
          level.members(
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
  private void blocks(Operands operands, int m, int n, int depth, long first, long members) {
    int from = 0;
    do {
      int length = Math.min(MOST_DEPTH, depth - from);
      for (int col = 0; col < n; col += MOST_COLS) {
        block(operands, m, col, Math.min(MOST_COLS, n - col), from, length, first, members);
      }
      from += length;
    } while (from < depth);
  }

  private void block(
      Operands operands, int m, int col, int cols, int from, int length, long first, long members) {
    long panels = pieces(cols, level.panelCols());
    int tile = level.tileRows();
    int tall = Math.clamp(m * members / TASKS / tile, 1, level.blockRows() / tile) * tile;
    long rowBlocks = pieces(m, tall) * members;
    long wide = rowBlocks >= TASKS ? panels : Math.max(1, panels * rowBlocks / TASKS);
    product.block(col, cols, from, length, first, tall, wide);
    MemorySegment to = packed(level.packed(cols, length));
    long runs = Math.max(1, pieces(length, level.run()));
    tasks.run(
        Math.toIntExact(panels * runs),
        (long) level.panelCols() * Math.min(level.run(), length) / 8,
        level.work(),
        (task, memory) -> level.pack(product.segment(), operands.b, to, task));
    tasks.run(
        Math.toIntExact(rowBlocks * pieces(panels, wide)),
        tall * wide * level.panelCols() * length / PER_STEP,
        level.work(),
        (task, memory) ->
            level.rows(product.segment(), operands.a, to, operands.c, operands.bias, memory, task));
  }

  private MemorySegment packed(long bytes) {
    if (packed.byteSize() < bytes) {
      packed = Arena.ofAuto().allocate(bytes, 64);
    }
    return packed;
  }

  private static long pieces(long size, long of) {
    return (size + of - 1) / of;
  }

  /** C checks nothing, so what it may touch is checked here. */
  private static MemorySegment memory(String name, Matrix x, int rows, int cols, Members batch) {
    long reach =
        x.stride0() * (batch.n0() - 1)
            + x.stride1() * (batch.n1() - 1)
            + x.stride2() * (batch.n2() - 1)
            + (rows == 0 || cols == 0 ? 0 : (rows - 1) * x.ld() + cols);
    return memory(name, ((HostBuffer) x.buffer()).segment(), x.offset(), reach);
  }

  private static MemorySegment memory(Strided bias, int n, int runs) {
    long reach = bias.stride() * (runs - 1) + n;
    return memory("bias", ((HostBuffer) bias.buffer()).segment(), bias.offset(), reach);
  }

  private static MemorySegment memory(String name, MemorySegment all, long offset, long reach) {
    long size = all.byteSize() / Float.BYTES;
    if (offset < 0 || reach < 0 || offset + reach > size) {
      throw new IndexOutOfBoundsException(
          String.format(
              "%s: found elements %d to %d, expected some of %d",
              name, offset, offset + reach, size));
    }
    return all.asSlice(offset * Float.BYTES);
  }
}

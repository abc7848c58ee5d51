package dynaxx.nativecpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** Matrix products with one instruction set, and the shapes that its tiles have. */
final class GemmFunctions {

  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;
  private static final MemoryLayout LONG = ValueLayout.JAVA_LONG;

  private final MethodHandle packed;
  private final MethodHandle pack;
  private final MethodHandle rows;
  private final MethodHandle pieces;
  private final long work;
  private final int tileRows;
  private final int panelCols;
  private final int blockRows;
  private final int run;

  GemmFunctions(SymbolLookup library, String suffix) {
    packed =
        Downcalls.function(library, "packed_" + suffix, FunctionDescriptor.of(LONG, LONG, LONG));
    pack =
        Downcalls.function(
            library, "pack_" + suffix, FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, LONG));
    rows =
        Downcalls.function(
            library,
            "rows_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    pieces =
        Downcalls.function(
            library,
            "pieces_" + suffix,
            FunctionDescriptor.ofVoid(
                POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG, LONG));
    work = Downcalls.number(library, "work_" + suffix);
    long[] geometry = Downcalls.numbers(library, "geometry_" + suffix, 4);
    tileRows = Math.toIntExact(geometry[0]);
    panelCols = Math.toIntExact(geometry[1]);
    blockRows = Math.toIntExact(geometry[2]);
    run = Math.toIntExact(geometry[3]);
  }

  /** Rows of a register tile. */
  int tileRows() {
    return tileRows;
  }

  /** Columns of a panel of packed B. */
  int panelCols() {
    return panelCols;
  }

  /** Rows of A that are packed at a time. */
  int blockRows() {
    return blockRows;
  }

  /** Length of the sums that are added to C. */
  int run() {
    return run;
  }

  /** Bytes of work memory that a task needs. */
  long work() {
    return work;
  }

  /** Bytes of a packed block of B. */
  long packed(long cols, long length) {
    try {
      return (long) packed.invokeExact(cols, length);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Packs one panel of one run. */
  void pack(MemorySegment product, MemorySegment b, MemorySegment to, long task) {
    try {
      pack.invokeExact(product, b, to, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Some rows of a member with some panels of packed B. */
  void rows(
      MemorySegment product,
      MemorySegment a,
      MemorySegment packedB,
      MemorySegment c,
      MemorySegment bias,
      MemorySegment memory,
      long task) {
    try {
      rows.invokeExact(product, a, packedB, c, bias, memory, task);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }

  /** Pieces of C, each with all of the depth. */
  void pieces(
      MemorySegment product,
      MemorySegment a,
      MemorySegment b,
      MemorySegment c,
      MemorySegment bias,
      MemorySegment memory,
      long begin,
      long end) {
    try {
      pieces.invokeExact(product, a, b, c, bias, memory, begin, end);
    } catch (Throwable e) {
      throw Downcalls.unexpected(e);
    }
  }
}

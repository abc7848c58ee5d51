package dynaxx.nativecpu;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** The functions of one instruction set, and the shapes that its tiles have. */
final class Level {

  private static final Linker LINKER = Linker.nativeLinker();
  private static final MemoryLayout POINTER = ValueLayout.ADDRESS;
  private static final MemoryLayout LONG = ValueLayout.JAVA_LONG;

  private final String description;
  private final MethodHandle packed;
  private final MethodHandle pack;
  private final MethodHandle rows;
  private final MethodHandle members;
  private final long work;
  private final int tileRows;
  private final int panelCols;
  private final int blockRows;
  private final int run;

  Level(SymbolLookup library, String suffix, String description, MemorySegment geometry) {
    this.description = description;
    packed = function(library, "packed_" + suffix, FunctionDescriptor.of(LONG, LONG, LONG));
    pack =
        function(
            library, "pack_" + suffix, FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, LONG));
    rows =
        function(
            library,
            "rows_" + suffix,
            FunctionDescriptor.ofVoid(POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG));
    members =
        function(
            library,
            "members_" + suffix,
            FunctionDescriptor.ofVoid(
                POINTER, POINTER, POINTER, POINTER, POINTER, POINTER, LONG, LONG));
    try {
      function(library, "geometry_" + suffix, FunctionDescriptor.ofVoid(POINTER))
          .invokeExact(geometry);
      work = (long) function(library, "work_" + suffix, FunctionDescriptor.of(LONG)).invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
    tileRows = Math.toIntExact(geometry.getAtIndex(ValueLayout.JAVA_LONG, 0));
    panelCols = Math.toIntExact(geometry.getAtIndex(ValueLayout.JAVA_LONG, 1));
    blockRows = Math.toIntExact(geometry.getAtIndex(ValueLayout.JAVA_LONG, 2));
    run = Math.toIntExact(geometry.getAtIndex(ValueLayout.JAVA_LONG, 3));
  }

  static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(library.findOrThrow("dynaxx_" + name), type);
  }

  /** Downcalls throw nothing that is checked. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof RuntimeException r) {
      return r;
    }
    if (e instanceof Error error) {
      throw error;
    }
    return new IllegalStateException(e);
  }

  String description() {
    return description;
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
      throw unexpected(e);
    }
  }

  /** Packs one panel of one run. */
  void pack(MemorySegment product, MemorySegment b, MemorySegment to, long task) {
    try {
      pack.invokeExact(product, b, to, task);
    } catch (Throwable e) {
      throw unexpected(e);
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
      throw unexpected(e);
    }
  }

  /** Whole members. */
  void members(
      MemorySegment product,
      MemorySegment a,
      MemorySegment b,
      MemorySegment c,
      MemorySegment bias,
      MemorySegment memory,
      long begin,
      long end) {
    try {
      members.invokeExact(product, a, b, c, bias, memory, begin, end);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }
}

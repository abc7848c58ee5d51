package dynaxx.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What tests ask of the emulated driver. */
final class Emulator {

  private static final String LIBRARY = System.getProperty("dynaxx.cuda.library", "");
  private static final int TEXT = 1 << 16;

  private Emulator() {}

  /** Whether the driver of these tests is the emulator. */
  static boolean present() {
    return LIBRARY.contains("dynaxx_emulator") && Files.exists(Path.of(LIBRARY));
  }

  private static MethodHandle function(FunctionDescriptor type, String name) {
    MemorySegment address =
        SymbolLookup.libraryLookup(LIBRARY, Arena.global()).findOrThrow("dynaxx_emulator_" + name);
    return Linker.nativeLinker().downcallHandle(address, type);
  }

  private static Object call(String name, FunctionDescriptor type, Object... arguments) {
    try {
      return function(type, name).invokeWithArguments(arguments);
    } catch (Throwable e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static void command(String name, MemoryLayout type, Object argument) {
    call(name, FunctionDescriptor.ofVoid(type), argument);
  }

  /** Number of findings or objects and their text, one a line. */
  record Report(long count, String text) {}

  private static Report report(String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(TEXT);
      FunctionDescriptor type =
          FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
      long count = (long) call(name, type, text, (long) TEXT);
      return new Report(count, text.getString(0));
    }
  }

  static void reset() {
    call("reset", FunctionDescriptor.ofVoid());
  }

  /** Misuse of memory, barriers and calls since the reset. */
  static Report misuse() {
    return report("misuse");
  }

  /** Contexts, streams, allocations and the like that nobody has freed. */
  static Report live() {
    return report("live");
  }

  /** The n-th next call of a function returns a status. */
  static void fault(String symbol, long nth, int status) {
    try (Arena arena = Arena.ofConfined()) {
      FunctionDescriptor type =
          FunctionDescriptor.ofVoid(
              ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT);
      call("fault", type, arena.allocateFrom(symbol), nth, status);
    }
  }

  static void memory(long bytes) {
    command("memory", ValueLayout.JAVA_LONG, bytes);
  }

  static void driverVersion(int version) {
    command("driver_version", ValueLayout.JAVA_INT, version);
  }

  static void devices(int count) {
    command("devices", ValueLayout.JAVA_INT, count);
  }

  /** An allocation belongs to its device from now on, not to a context. */
  static void pooled(long address) {
    command("pooled", ValueLayout.JAVA_LONG, address);
  }

  /** Order of blocks and threads: 0 forward, 1 reverse, 2 shuffled. */
  static void order(int order) {
    command("order", ValueLayout.JAVA_INT, order);
  }

  /** Blocks of every launch before this one are left out from now on. */
  static void firstBlock(long block) {
    command("first_block", ValueLayout.JAVA_LONG, block);
  }

  /** From now on, work runs at its call, and not when somebody waits for it. */
  static void eager() {
    command("eager", ValueLayout.JAVA_INT, 1);
  }

  /** The most bytes that were in use since the reset. */
  static long peak() {
    return (long) call("peak", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
  }

  /** 0 computes only; 1 counts only; 2 computes and counts; 3 does neither. */
  static void count(int how) {
    command("count", ValueLayout.JAVA_INT, how);
  }

  /** What was counted since the last call, in the lines of counting.h. */
  static List<String> counted() {
    FunctionDescriptor type =
        FunctionDescriptor.of(ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_LONG);
    long bytes = (long) call("counted", type, MemorySegment.NULL, 0L);
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocate(bytes + 1);
      call("counted", type, text, bytes);
      return text.getString(0).lines().toList();
    }
  }

  static long launches() {
    return (long) call("launches", FunctionDescriptor.of(ValueLayout.JAVA_LONG));
  }
}

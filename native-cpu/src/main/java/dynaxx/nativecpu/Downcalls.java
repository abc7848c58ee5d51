package dynaxx.nativecpu;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;

/** What all bindings share. */
final class Downcalls {

  private static final Linker LINKER = Linker.nativeLinker();

  private Downcalls() {}

  static MethodHandle function(SymbolLookup library, String name, FunctionDescriptor type) {
    return LINKER.downcallHandle(library.findOrThrow("dynaxx_" + name), type);
  }

  /** What a function without arguments returns. */
  static long number(SymbolLookup library, String name) {
    MethodHandle function = function(library, name, FunctionDescriptor.of(ValueLayout.JAVA_LONG));
    try {
      return (long) function.invokeExact();
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** What a function writes to an array. */
  static long[] numbers(SymbolLookup library, String name, int size) {
    MethodHandle function = function(library, name, FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment array = arena.allocate(ValueLayout.JAVA_LONG, size);
      function.invokeExact(array);
      return array.toArray(ValueLayout.JAVA_LONG);
    } catch (Throwable e) {
      throw unexpected(e);
    }
  }

  /** Downcalls throw nothing that is checked. */
  static RuntimeException unexpected(Throwable e) {
    if (e instanceof Error error) {
      throw error;
    }
    return e instanceof RuntimeException r ? r : new IllegalStateException(e);
  }
}

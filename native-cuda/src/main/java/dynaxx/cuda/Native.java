package dynaxx.cuda;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.List;
import java.util.Optional;

/**
 * A native library and how its functions are called. Handles hold no address, so they are constants
 * that need no library; the address of each function is looked up when the library is loaded and
 * passed first.
 */
final class Native {

  /** Any pointer to host memory. */
  static final MemoryLayout P = ValueLayout.ADDRESS;

  /** A device address, an opaque handle, or a 64-bit number. */
  static final MemoryLayout J = ValueLayout.JAVA_LONG;

  /** A 32-bit number. */
  static final MemoryLayout I = ValueLayout.JAVA_INT;

  private final String name;
  private final SymbolLookup lookup;

  private Native(String name, SymbolLookup lookup) {
    this.name = name;
    this.lookup = lookup;
  }

  /** A function that returns a status. */
  static MethodHandle status(MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(FunctionDescriptor.of(ValueLayout.JAVA_INT, parameters));
  }

  /** A function that returns a pointer. */
  static MethodHandle pointer(MemoryLayout... parameters) {
    return Linker.nativeLinker()
        .downcallHandle(FunctionDescriptor.of(ValueLayout.ADDRESS, parameters));
  }

  /**
   * Loads the first library that can be loaded; it stays loaded.
   *
   * @throws LoadException with every attempt if none can
   */
  static Native load(String name, List<String> candidates) {
    return candidates.stream()
        .flatMap(candidate -> find(name, candidate).stream())
        .findFirst()
        .orElseThrow(() -> missing(name, candidates));
  }

  /** Loads a library if it is there; it stays loaded. */
  static Optional<Native> find(String name, String candidate) {
    try {
      return Optional.of(new Native(name, SymbolLookup.libraryLookup(candidate, Arena.global())));
    } catch (IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  static LoadException missing(String name, List<String> tried) {
    return new LoadException(
        "no " + name + " library found (tried " + String.join(", ", tried) + ")");
  }

  /**
   * Name of the newer of two functions if the library has it, else of the older one.
   *
   * @param newer with the same arguments
   */
  String newest(String newer, String older) {
    return lookup.find(newer).isPresent() ? newer : older;
  }

  /**
   * Address of a function.
   *
   * @throws LoadException if the library does not have it
   */
  MemorySegment symbol(String symbol) {
    return lookup
        .find(symbol)
        .orElseThrow(
            () ->
                new LoadException(
                    "the "
                        + name
                        + " library has no "
                        + symbol
                        + ": it is too old or not "
                        + name));
  }
}

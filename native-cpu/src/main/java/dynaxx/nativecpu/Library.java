package dynaxx.nativecpu;

import dynaxx.device.cpu.NativeKernels.Precision;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.NoSuchElementException;

/** The shared library: a resource of the jar, or a file that a system property names. */
final class Library {

  /** System property: {@code auto}, {@code off}, {@code avx2} or {@code avx512}. */
  static final String LEVEL_PROPERTY = "dynaxx.cpu.native";

  /** System property with the path of a library to use in place of the one in the jar. */
  static final String FILE_PROPERTY = "dynaxx.cpu.library";

  private static final String NAME = "libdynaxx_cpu.so";
  private static final int ABI = 1;

  private static final int AVX2 = 1;
  private static final int AVX512 = 2;
  private static final int AMX = 4;

  private static Library opened;
  private static String refusal;

  private final SymbolLookup symbols;
  private final long levels;

  Library(SymbolLookup symbols, long levels) {
    this.symbols = symbols;
    this.levels = levels;
  }

  /** Opens it once for the whole process. */
  static synchronized Library open() throws UnavailableException {
    if (refusal != null) {
      throw new UnavailableException(refusal);
    }
    if (opened == null) {
      try {
        String named = System.getProperty(FILE_PROPERTY);
        opened = load(named == null ? null : file(named));
      } catch (UnavailableException e) {
        refusal = e.getMessage();
        throw e;
      }
    }
    return opened;
  }

  private static Path file(String named) throws UnavailableException {
    try {
      Path file = Path.of(named);
      if (Files.isRegularFile(file)) {
        return file;
      }
    } catch (InvalidPathException e) {
      // as if there were none
    }
    throw new UnavailableException("-D" + FILE_PROPERTY + ": found no file '" + named + "'");
  }

  /** Loads a file, or the one in the jar if that is null. */
  static Library load(Path named) throws UnavailableException {
    String system = System.getProperty("os.name") + " " + System.getProperty("os.arch");
    if (!system.equals("Linux amd64")) {
      throw new UnavailableException("found " + system + ", the library is for Linux on x86-64");
    }
    Path file = named;
    try {
      if (named == null) {
        file = extract();
      }
      SymbolLookup symbols = SymbolLookup.libraryLookup(file, Arena.global());
      long abi = Downcalls.number(symbols, "abi");
      if (abi != ABI) {
        throw new UnavailableException(
            file + ": found version " + abi + " of its interface, expected " + ABI);
      }
      return new Library(symbols, Downcalls.number(symbols, "levels"));
    } catch (IOException e) {
      throw new UnavailableException("the library cannot be unpacked: " + e);
    } catch (NoSuchElementException e) {
      throw new UnavailableException(file + ": found no functions of dynaxx in it");
    } catch (IllegalArgumentException | IllegalCallerException e) {
      String hint =
          named == null && e instanceof IllegalArgumentException
              ? "; programs must be allowed in the folder that -Djava.io.tmpdir names"
              : "";
      throw new UnavailableException(file + " cannot be loaded: " + e.getMessage() + hint);
    } finally {
      if (named == null && file != null) {
        delete(file);
      }
    }
  }

  /** Out of the jar, into a file that nobody else can write. */
  private static Path extract() throws IOException, UnavailableException {
    try (InputStream in = Library.class.getResourceAsStream(NAME)) {
      if (in == null) {
        throw new UnavailableException("this build of dynaxx-native-cpu has no library in it");
      }
      Path file = Files.createTempFile("dynaxx-cpu", ".so");
      try {
        Files.write(file, in.readAllBytes());
        return file;
      } catch (IOException e) {
        delete(file);
        throw e;
      }
    }
  }

  /** What is loaded stays loaded without its file. */
  private static void delete(Path file) {
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      file.toFile().deleteOnExit();
    }
  }

  /**
   * The functions for a precision.
   *
   * @param wanted the most that is used: {@code auto} for what there is, {@code avx2} or {@code
   *     avx512}
   */
  Level level(Precision precision, String wanted) throws UnavailableException {
    if (!wanted.matches("auto|avx2|avx512")) {
      throw new UnavailableException(
          String.format(
              "-D%s: found '%s', expected auto, off, avx2 or avx512", LEVEL_PROPERTY, wanted));
    }
    try {
      return open(precision, vectors(wanted));
    } catch (NoSuchElementException e) {
      throw new UnavailableException("the library is of another version: " + e.getMessage());
    }
  }

  private Level open(Precision precision, String vectors) throws UnavailableException {
    ConvolutionFunctions convolutions = new ConvolutionFunctions(symbols, vectors);
    String name = vectors.equals("avx512") ? "AVX-512" : "AVX2";
    GemmFunctions gemm = new GemmFunctions(symbols, vectors);
    if (precision == Precision.FP32) {
      return new Level(name + " in C", gemm, gemm, convolutions);
    }
    if ((levels & AMX) == 0) {
      throw new UnavailableException("this processor has no AMX");
    }
    return new Level(
        "AMX in C (" + precision + "), small products and convolutions by " + name,
        new GemmFunctions(symbols, precision.toString()),
        gemm,
        convolutions);
  }

  private String vectors(String wanted) throws UnavailableException {
    if ((levels & AVX512) != 0 && !wanted.equals("avx2")) {
      return "avx512";
    }
    if (wanted.equals("avx512")) {
      throw new UnavailableException("this processor has no AVX-512");
    }
    if ((levels & AVX2) == 0) {
      throw new UnavailableException("this processor has no AVX2");
    }
    return "avx2";
  }
}

package dynaxx.cuda;

import dynaxx.cuda.MemoryPool.Block;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The kernels of one precision, launched one after the other in the session's stream. A launch is
 * begun with {@link #kernel}, given its arguments in the order of the kernel's parameters, and
 * ended with {@link #launch} or {@link #launchRows}.
 */
final class Launcher {

  /** System property with a folder of kernel images that replace the built-in ones. */
  static final String IMAGES_PROPERTY = "dynaxx.cuda.kernels";

  /** Threads of a block of most kernels, and the most of any, for which they are compiled. */
  static final int THREADS = 256;

  /**
   * Blocks of a two-stage reduction, for each direction: fixed, so that sums do not depend on the
   * device.
   */
  static final int REDUCTION_BLOCKS = 256;

  private static final int MOST_ARGUMENT_BYTES = 4096;
  private static final long LEAST_WORKSPACE = 1L << 20;

  /** Work space is not doubled beyond this: more is taken only where it is needed. */
  private static final long MOST_GROWTH = 256L << 20;

  private static final int MOST_Y = 65535;
  private static final int INVALID_IMAGE = 200;
  private static final int NO_BINARY = 209;
  private static final int UNSUPPORTED_PTX = 222;

  private final Session session;
  private final int elementBytes;
  private final long module;
  private final Map<String, Long> functions = new HashMap<>();
  private final MemorySegment arguments;
  private final MemorySegment size;
  private final MemorySegment extra;
  private Block workspace;
  private String name;
  private long end;

  /**
   * Loads the kernels.
   *
   * @param precision {@code f32} or {@code f64}
   * @throws LoadException if there is no image for this device and driver
   */
  Launcher(Session session, String precision, int elementBytes) {
    this.session = session;
    this.elementBytes = elementBytes;
    requireDriver(session.driver().driverVersion());
    Arena arena = Arena.ofShared();
    session.onClose(arena::close);
    arguments = arena.allocate(MOST_ARGUMENT_BYTES, 16);
    size = arena.allocate(ValueLayout.JAVA_LONG);
    extra = arena.allocate(5 * ValueLayout.ADDRESS.byteSize(), 8);
    // CU_LAUNCH_PARAM_BUFFER_POINTER, .._SIZE and .._END
    extra.setAtIndex(ValueLayout.JAVA_LONG, 0, 1);
    extra.setAtIndex(ValueLayout.JAVA_LONG, 1, arguments.address());
    extra.setAtIndex(ValueLayout.JAVA_LONG, 2, 2);
    extra.setAtIndex(ValueLayout.JAVA_LONG, 3, size.address());
    extra.setAtIndex(ValueLayout.JAVA_LONG, 4, 0);
    try (Arena temporary = Arena.ofConfined()) {
      byte[] image = image(precision);
      MemorySegment copy = temporary.allocate(image.length + 1L, 16);
      MemorySegment.copy(image, 0, copy, ValueLayout.JAVA_BYTE, 0, image.length);
      module = load(session, copy);
      session.onClose(() -> session.driver().modules().unloadModule(module()));
    }
  }

  private long module() {
    return module;
  }

  /** The kernels of a precision, {@code f32} or {@code f64}. */
  static byte[] image(String precision) {
    String file = "kernels_" + precision + ".fatbin";
    return file(file)
        .orElseThrow(
            () ->
                new LoadException(
                    "this build has no GPU kernels (built without nvcc, or with -Dcuda=off)"));
  }

  private static Optional<byte[]> file(String name) {
    String folder = System.getProperty(IMAGES_PROPERTY);
    try (InputStream in =
        folder == null
            ? Launcher.class.getResourceAsStream(name)
            : Files.newInputStream(Path.of(folder, name))) {
      return in == null ? Optional.empty() : Optional.of(in.readAllBytes());
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new LoadException("kernel image " + name + ": " + e);
    }
  }

  /** Version of the nvcc that built the kernels, for example 13.0. */
  private static Optional<String> toolkit() {
    return file("kernels_toolkit.txt").map(b -> new String(b, StandardCharsets.UTF_8).strip());
  }

  private static void requireDriver(int version) {
    String built = toolkit().orElse("0");
    int major = Integer.parseInt(built.replaceFirst("\\..*", ""));
    if (version / 1000 < major) {
      throw new LoadException(
          "the CUDA driver is for CUDA "
              + Driver.versionText(version)
              + ", expected at least "
              + major
              + ".0, since nvcc "
              + built
              + " built the kernels; built by an nvcc 12.x they load on older drivers too");
    }
  }

  private static long load(Session session, MemorySegment image) {
    try {
      return session.withRoom(() -> session.driver().modules().loadModule(image));
    } catch (CudaException e) {
      String reason =
          switch (e.status()) {
            case INVALID_IMAGE -> "they are damaged, or newer than the driver can read";
            case NO_BINARY -> "they hold no code for this device";
            case UNSUPPORTED_PTX -> "the driver is too old to translate their PTX";
            default -> throw e;
          };
      int capability = session.capability();
      throw new LoadException(
          e.getMessage()
              + ": the kernels were built by nvcc "
              + toolkit().orElse("of an unknown version")
              + ", the device has compute capability "
              + capability / 10
              + "."
              + capability % 10
              + ", the driver is for CUDA "
              + Driver.versionText(session.driver().driverVersion())
              + "; "
              + reason);
    }
  }

  /** Whether there are kernels to load. */
  static void requireImage() {
    image("f32");
  }

  Session session() {
    return session;
  }

  int elementBytes() {
    return elementBytes;
  }

  // ---- arguments, in the order of the kernel's parameters

  /** Begins a launch. */
  Launcher kernel(String kernel) {
    name = kernel;
    end = 0;
    return this;
  }

  /** {@code real*}; null is a null pointer. */
  Launcher p(Buffer buffer) {
    return i64(buffer == null ? 0 : address(buffer));
  }

  /** {@code real*} of run 0, then {@code long long} from one run to the next; null gives 0, 0. */
  Launcher runs(Strided runs) {
    if (runs == null) {
      return i64(0).i64(0);
    }
    return i64(address(runs.buffer()) + runs.offset() * elementBytes).i64(runs.stride());
  }

  /** {@code double*} of accumulators. */
  Launcher sums(Scalars scalars) {
    return i64(((DeviceScalars) scalars).address());
  }

  /** {@code int}, also for a flag. */
  Launcher i32(int value) {
    end = (end + 3) & -4;
    arguments.set(ValueLayout.JAVA_INT, end, value);
    end += Integer.BYTES;
    return this;
  }

  /** {@code int} that is 1 or 0. */
  Launcher flag(boolean value) {
    return i32(value ? 1 : 0);
  }

  /** {@code long long}, or any device address. */
  Launcher i64(long value) {
    end = (end + 7) & -8;
    arguments.set(ValueLayout.JAVA_LONG, end, value);
    end += Long.BYTES;
    return this;
  }

  /** {@code double}. */
  Launcher f64(double value) {
    end = (end + 7) & -8;
    arguments.set(ValueLayout.JAVA_DOUBLE, end, value);
    end += Double.BYTES;
    return this;
  }

  /** The end of a struct whose last members are smaller than its alignment. */
  Launcher align(int bytes) {
    end = (end + bytes - 1) & -bytes;
    return this;
  }

  static long address(Buffer buffer) {
    return ((DeviceBuffer) buffer).address();
  }

  // ---- launches

  /**
   * Launches a grid of x times y blocks.
   *
   * @param x blocks along x; nothing is launched if 0
   * @param y blocks along y, usually directions
   * @param threads threads of a block
   */
  void launch(long x, long y, int threads) {
    launch(x, y, threads, 0);
  }

  void launch(long x, long y, int threads, int sharedBytes) {
    if (x == 0 || y == 0) {
      return;
    }
    if (y > MOST_Y || x > Integer.MAX_VALUE || threads > THREADS) {
      throw new IllegalArgumentException(
          "kernel "
              + name
              + ": found a grid of "
              + x
              + " x "
              + y
              + " blocks of "
              + threads
              + " threads, expected at most 2^31 - 1 x "
              + MOST_Y
              + " of "
              + THREADS);
    }
    session.enter();
    size.set(ValueLayout.JAVA_LONG, 0, end);
    long function =
        functions.computeIfAbsent(
            name, n -> session.withRoom(() -> session.driver().modules().function(module, n)));
    session
        .driver()
        .modules()
        .launch(name, function, (int) x, (int) y, threads, sharedBytes, session.stream(), extra);
  }

  /**
   * One thread for each of n elements (kernels loop if the grid is smaller), for k directions along
   * y.
   */
  void launchElements(long n, int k) {
    launch(blocks(n), k, THREADS);
  }

  /** Blocks for n elements, at most what keeps every device busy; kernels stride over the rest. */
  static long blocks(long n) {
    return Math.min(Math.ceilDiv(n, (long) THREADS), 1L << 16);
  }

  // ---- work space

  /**
   * Memory for partial results, valid until the next call; nothing of it is kept from launch to
   * launch except in stream order.
   *
   * @param bytes how much
   * @return device address, aligned to 256 bytes
   */
  long workspace(long bytes) {
    if (workspace == null || bytes > workspace.bytes()) {
      session.enter();
      long grown = workspace == null ? LEAST_WORKSPACE : 2 * workspace.bytes();
      // a recorded graph may still use the old one, so that is kept until the session ends
      workspace = block(bytes, Math.max(bytes, Math.min(grown, MOST_GROWTH)));
    }
    return workspace.address();
  }

  /** As much as wanted, or what is needed if there is no more. */
  private Block block(long needed, long wanted) {
    try {
      return session.pool().take(wanted, "work space");
    } catch (MemoryExhaustedException e) {
      if (wanted == needed) {
        throw e;
      }
      return session.pool().take(needed, "work space");
    }
  }

  /** Address of work space for double values. */
  long partials(long count) {
    return workspace(count * Double.BYTES);
  }

  /**
   * Second stage of a sum: {@code sums[i] += factor} times the sum of the i-th run of partial sums.
   *
   * @param partial address of size x count partial sums
   * @param count partial sums of each
   * @param size number of sums; nothing happens if it or {@code count} is 0
   */
  void addPartials(long partial, int count, int size, double factor, Scalars sums) {
    if (count > 0) {
      kernel("add_partials")
          .i64(partial)
          .i32(count)
          .f64(factor)
          .sums(sums)
          .launch(size, 1, THREADS);
    }
  }
}

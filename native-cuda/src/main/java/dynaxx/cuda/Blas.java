package dynaxx.cuda;

import static dynaxx.cuda.Native.I;
import static dynaxx.cuda.Native.J;
import static dynaxx.cuda.Native.P;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The part of cuBLAS (cublas_api.h, versions 12 and 13) that is used here. Matrices are
 * column-major, as the library has them. Every call checks its status where it is returned. One
 * handle for all calls, with factors in host memory.
 */
final class Blas implements AutoCloseable {

  /** System property with the path of the library. */
  static final String LIBRARY_PROPERTY = "dynaxx.cublas.library";

  static final int HOST_POINTERS = 0;
  static final int DEFAULT_ALGORITHM = -1;

  private static final MethodHandle CALL_P = Native.status(P);
  private static final MethodHandle CALL_J = Native.status(J);
  private static final MethodHandle CALL_JI = Native.status(J, I);
  private static final MethodHandle CALL_JJ = Native.status(J, J);
  private static final MethodHandle CALL_JP = Native.status(J, P);
  private static final MethodHandle CALL_JJJ = Native.status(J, J, J);
  private static final MethodHandle TEXT_I = Native.pointer(I);
  private static final MethodHandle STRIDED =
      Native.status(J, I, I, J, J, J, P, J, I, J, J, J, I, J, J, P, J, I, J, J, J, I, I);
  private static final MethodHandle POINTERS =
      Native.status(J, I, I, J, J, J, P, J, I, J, J, I, J, P, J, I, J, J, I, I);

  private final MemorySegment cublasCreate;
  private final MemorySegment cublasDestroy;
  private final MemorySegment cublasSetStream;
  private final MemorySegment cublasSetWorkspace;
  private final MemorySegment cublasSetPointerMode;
  private final MemorySegment cublasGetVersion;
  private final MemorySegment cublasGetStatusName;
  private final MemorySegment cublasGetStatusString;
  private final MemorySegment cublasGemmStridedBatchedEx;
  private final MemorySegment cublasGemmBatchedEx;

  private final long handle;
  private final String location;

  /**
   * Loads the library and creates a handle in the current context. The one of the driver's own
   * major version comes first; a newer one may load and still not start.
   *
   * @param driverVersion 1000 major + 10 minor
   * @return ready for use
   * @throws LoadException with every reason if there is none that can be used
   */
  static Blas open(int driverVersion) {
    return open(candidates(driverVersion));
  }

  /**
   * The first library that can be used.
   *
   * @param candidates names or paths
   * @return ready for use
   * @throws LoadException with every reason if there is none
   */
  static Blas open(List<String> candidates) {
    Set<String> failures = new LinkedHashSet<>();
    for (String candidate : candidates) {
      try {
        Optional<Native> library = Native.find("cuBLAS", candidate);
        if (library.isPresent()) {
          return new Blas(library.get(), candidate);
        }
      } catch (LoadException | CudaException e) {
        failures.add(e.getMessage());
      }
    }
    throw failures.isEmpty()
        ? Native.missing("cuBLAS", candidates)
        : new LoadException(String.join("; ", failures));
  }

  private Blas(Native library, String location) {
    this.location = location;
    cublasCreate = library.symbol("cublasCreate_v2");
    cublasDestroy = library.symbol("cublasDestroy_v2");
    cublasSetStream = library.symbol("cublasSetStream_v2");
    cublasSetWorkspace = library.symbol("cublasSetWorkspace_v2");
    cublasSetPointerMode = library.symbol("cublasSetPointerMode_v2");
    cublasGetVersion = library.symbol("cublasGetVersion_v2");
    cublasGetStatusName = library.symbol("cublasGetStatusName");
    cublasGetStatusString = library.symbol("cublasGetStatusString");
    cublasGemmStridedBatchedEx = library.symbol("cublasGemmStridedBatchedEx_64");
    cublasGemmBatchedEx = library.symbol("cublasGemmBatchedEx_64");
    handle = create();
  }

  /**
   * Where the library may be.
   *
   * @param driverVersion 1000 major + 10 minor
   * @return names and paths, best first
   */
  static List<String> candidates(int driverVersion) {
    String path = System.getProperty(LIBRARY_PROPERTY);
    if (path != null) {
      return List.of(path);
    }
    return CublasFiles.ofProcess().candidates(driverVersion);
  }

  private void check(String call, int status) {
    if (status != 0) {
      throw new CudaException(
          call, status, text(cublasGetStatusName, status), text(cublasGetStatusString, status));
    }
  }

  private static String text(MemorySegment function, int status) {
    try {
      MemorySegment text = (MemorySegment) TEXT_I.invokeExact(function, status);
      return text.address() == 0 ? "unknown" : text.reinterpret(256).getString(0);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /** The name or path that the library was loaded by. */
  String location() {
    return location;
  }

  /** {@code cublasCreate_v2(cublasHandle_t*)} and {@code cublasSetPointerMode_v2}. */
  private long create() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check("cublasCreate_v2", (int) CALL_P.invokeExact(cublasCreate, out));
      long created = out.get(ValueLayout.JAVA_LONG, 0);
      int status = (int) CALL_JI.invokeExact(cublasSetPointerMode, created, HOST_POINTERS);
      if (status != 0) {
        int ignored = (int) CALL_J.invokeExact(cublasDestroy, created);
      }
      check("cublasSetPointerMode_v2", status);
      return created;
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /** {@code cublasDestroy_v2(cublasHandle_t)}. */
  @Override
  public void close() {
    try {
      check("cublasDestroy_v2", (int) CALL_J.invokeExact(cublasDestroy, handle));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cublasSetStream_v2} and {@code cublasSetWorkspace_v2}; in this order, because setting
   * the stream takes the workspace away.
   *
   * @param stream where products run
   * @param workspace device address
   * @param bytes its size
   */
  void use(long stream, long workspace, long bytes) {
    try {
      check("cublasSetStream_v2", (int) CALL_JJ.invokeExact(cublasSetStream, handle, stream));
      check(
          "cublasSetWorkspace_v2",
          (int) CALL_JJJ.invokeExact(cublasSetWorkspace, handle, workspace, bytes));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cublasGetVersion_v2(cublasHandle_t, int*)}.
   *
   * @return major, minor and patch, with dots
   */
  String version() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check("cublasGetVersion_v2", (int) CALL_JP.invokeExact(cublasGetVersion, handle, out));
      int version = out.get(ValueLayout.JAVA_INT, 0);
      return version / 10000 + "." + version % 10000 / 100 + "." + version % 100;
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * One factor or the result of a product.
   *
   * @param address device address of the first member, or of the array of members' addresses
   * @param ld from one column to the next
   * @param stride from one member to the next; not used with an array of addresses
   * @param transposed whether the transpose is meant
   */
  record Operand(long address, long ld, long stride, boolean transposed) {
    int op() {
      return transposed ? 1 : 0;
    }
  }

  /**
   * What a product is computed in.
   *
   * @param data {@code cudaDataType}
   * @param compute {@code cublasComputeType_t}
   */
  record Type(int data, int compute) {
    /** float32 throughout. */
    public static final Type FLOAT32 = new Type(0, 68);

    /** float32 data, products of factors rounded to TF32. */
    public static final Type TF32 = new Type(0, 77);

    /** float64 throughout. */
    public static final Type FLOAT64 = new Type(1, 70);
  }

  /**
   * {@code C = alpha op(A) op(B) + beta C} for every member, by {@code
   * cublasGemmStridedBatchedEx_64}.
   *
   * @param type precision
   * @param m rows of C
   * @param n columns of C
   * @param depth columns of op(A)
   * @param factors alpha and beta in the type of the computation
   * @param a left factor
   * @param b right factor
   * @param c result
   * @param count number of members
   */
  void gemmStrided(
      Type type,
      long m,
      long n,
      long depth,
      MemorySegment factors,
      Operand a,
      Operand b,
      Operand c,
      long count) {
    long half = factors.byteSize() / 2;
    try {
      int status =
          (int)
              STRIDED.invokeExact(
                  cublasGemmStridedBatchedEx,
                  handle,
                  a.op(),
                  b.op(),
                  m,
                  n,
                  depth,
                  factors,
                  a.address(),
                  type.data(),
                  a.ld(),
                  a.stride(),
                  b.address(),
                  type.data(),
                  b.ld(),
                  b.stride(),
                  factors.asSlice(half),
                  c.address(),
                  type.data(),
                  c.ld(),
                  c.stride(),
                  count,
                  type.compute(),
                  DEFAULT_ALGORITHM);
      check("cublasGemmStridedBatchedEx_64", status);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * The same for members anywhere, by {@code cublasGemmBatchedEx_64}.
   *
   * @param type precision
   * @param m rows of C
   * @param n columns of C
   * @param depth columns of op(A)
   * @param factors alpha and beta in the type of the computation
   * @param a left factor, by addresses
   * @param b right factor, by addresses
   * @param c result, by addresses
   * @param count number of members
   */
  void gemmPointers(
      Type type,
      long m,
      long n,
      long depth,
      MemorySegment factors,
      Operand a,
      Operand b,
      Operand c,
      long count) {
    long half = factors.byteSize() / 2;
    try {
      int status =
          (int)
              POINTERS.invokeExact(
                  cublasGemmBatchedEx,
                  handle,
                  a.op(),
                  b.op(),
                  m,
                  n,
                  depth,
                  factors,
                  a.address(),
                  type.data(),
                  a.ld(),
                  b.address(),
                  type.data(),
                  b.ld(),
                  factors.asSlice(half),
                  c.address(),
                  type.data(),
                  c.ld(),
                  count,
                  type.compute(),
                  DEFAULT_ALGORITHM);
      check("cublasGemmBatchedEx_64", status);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }
}

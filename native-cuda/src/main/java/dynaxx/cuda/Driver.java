package dynaxx.cuda;

import static dynaxx.cuda.DriverCalls.CALL_I;
import static dynaxx.cuda.DriverCalls.CALL_J;
import static dynaxx.cuda.DriverCalls.CALL_P;
import static dynaxx.cuda.DriverCalls.CALL_PI;
import static dynaxx.cuda.DriverCalls.CALL_PII;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * The part of the CUDA driver API (cuda.h) that is used here. Contexts, streams, events, modules,
 * functions and graphs are opaque 64-bit handles and device memory is a 64-bit address, so none can
 * be dereferenced from Java. Every call checks its status where it is returned.
 */
final class Driver {

  /** System property with the path of the driver library. */
  static final String LIBRARY_PROPERTY = "dynaxx.cuda.library";

  /** The oldest driver whose calls are the ones used here, CUDA 12.0; kernels may need a newer. */
  static final int LEAST_VERSION = 12000;

  private static final int NAME_LENGTH = 256;

  private final DriverCalls calls;
  private final DriverMemory memory;
  private final DriverStreams streams;
  private final DriverModules modules;
  private final MemorySegment cuInit;
  private final MemorySegment cuDriverGetVersion;
  private final MemorySegment cuDeviceGetCount;
  private final MemorySegment cuDeviceGet;
  private final MemorySegment cuDeviceGetName;
  private final MemorySegment cuDeviceTotalMem;
  private final MemorySegment cuDeviceGetAttribute;
  private final MemorySegment cuDevicePrimaryCtxRetain;
  private final MemorySegment cuDevicePrimaryCtxRelease;
  private final MemorySegment cuCtxGetCurrent;
  private final MemorySegment cuCtxSetCurrent;
  private final MemorySegment cuCtxGetDevice;

  /**
   * Loads the library and initialises it.
   *
   * @throws LoadException if there is none, it lacks a function, is too old, or finds no device
   */
  Driver() {
    this(Native.load("CUDA driver", candidates()));
  }

  private Driver(Native library) {
    cuInit = library.symbol("cuInit");
    cuDriverGetVersion = library.symbol("cuDriverGetVersion");
    calls = new DriverCalls(library);
    int version = initialise();
    if (version < LEAST_VERSION) {
      throw new LoadException(
          "the CUDA driver is for CUDA "
              + versionText(version)
              + ", expected at least "
              + versionText(LEAST_VERSION));
    }
    cuDeviceGetCount = library.symbol("cuDeviceGetCount");
    cuDeviceGet = library.symbol("cuDeviceGet");
    cuDeviceGetName = library.symbol("cuDeviceGetName");
    cuDeviceTotalMem = library.symbol("cuDeviceTotalMem_v2");
    cuDeviceGetAttribute = library.symbol("cuDeviceGetAttribute");
    cuDevicePrimaryCtxRetain = library.symbol("cuDevicePrimaryCtxRetain");
    cuDevicePrimaryCtxRelease = library.symbol("cuDevicePrimaryCtxRelease_v2");
    cuCtxGetCurrent = library.symbol("cuCtxGetCurrent");
    cuCtxSetCurrent = library.symbol("cuCtxSetCurrent");
    cuCtxGetDevice = library.symbol("cuCtxGetDevice");
    memory = new DriverMemory(library, calls);
    streams = new DriverStreams(library, calls);
    modules = new DriverModules(library, calls);
    if (deviceCount() == 0) {
      throw new LoadException("the CUDA driver finds no device");
    }
  }

  private static List<String> candidates() {
    String path = System.getProperty(LIBRARY_PROPERTY);
    if (path != null) {
      return List.of(path);
    }
    List<String> names = new ArrayList<>(List.of("libcuda.so.1", "libcuda.so"));
    if (System.getProperty("os.name").startsWith("Windows")) {
      names.addFirst("nvcuda.dll");
    }
    return names;
  }

  private int initialise() {
    try {
      int status = (int) CALL_I.invokeExact(cuInit, 0);
      if (status != 0) {
        CudaException failure = calls.failure("cuInit", status);
        throw new LoadException("the CUDA driver does not start: " + failure.getMessage());
      }
      return driverVersion();
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * A version as people write it.
   *
   * @param version 1000 major + 10 minor
   * @return for example 13.0
   */
  static String versionText(int version) {
    return version / 1000 + "." + version % 1000 / 10;
  }

  /** Memory, in the current context. */
  DriverMemory memory() {
    return memory;
  }

  /** Streams, events and graphs, in the current context. */
  DriverStreams streams() {
    return streams;
  }

  /** Modules and launches, in the current context. */
  DriverModules modules() {
    return modules;
  }

  // ---- devices

  /**
   * {@code cuDriverGetVersion(int*)}.
   *
   * @return the newest CUDA version that the driver supports, 1000 major + 10 minor
   */
  int driverVersion() {
    return calls.outInt(
        "cuDriverGetVersion", out -> (int) CALL_P.invokeExact(cuDriverGetVersion, out));
  }

  /**
   * {@code cuDeviceGetCount(int*)}.
   *
   * @return number of devices
   */
  int deviceCount() {
    return calls.outInt("cuDeviceGetCount", out -> (int) CALL_P.invokeExact(cuDeviceGetCount, out));
  }

  /**
   * {@code cuDeviceGet(CUdevice*, int)}.
   *
   * @param ordinal which device
   * @return its handle
   */
  int device(int ordinal) {
    return calls.outInt("cuDeviceGet", out -> (int) CALL_PI.invokeExact(cuDeviceGet, out, ordinal));
  }

  /**
   * {@code cuDeviceGetName(char*, int, CUdevice)}.
   *
   * @param device handle
   * @return its model
   */
  String deviceName(int device) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment name = arena.allocate(NAME_LENGTH);
      calls.check(
          "cuDeviceGetName",
          (int) CALL_PII.invokeExact(cuDeviceGetName, name, NAME_LENGTH, device));
      return name.getString(0);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuDeviceTotalMem_v2(size_t*, CUdevice)}.
   *
   * @param device handle
   * @return its memory in bytes
   */
  long totalMemory(int device) {
    return calls.outLong(
        "cuDeviceTotalMem_v2", out -> (int) CALL_PI.invokeExact(cuDeviceTotalMem, out, device));
  }

  /**
   * {@code cuDeviceGetAttribute(int*, CUdevice_attribute, CUdevice)}.
   *
   * @param attribute which one, by its number in cuda.h
   * @param device handle
   * @return its value
   */
  int attribute(int attribute, int device) {
    return calls.outInt(
        "cuDeviceGetAttribute",
        out -> (int) CALL_PII.invokeExact(cuDeviceGetAttribute, out, attribute, device));
  }

  // ---- contexts

  /**
   * {@code cuDevicePrimaryCtxRetain(CUcontext*, CUdevice)}.
   *
   * @param device handle
   * @return the context that the CUDA run-time API uses too
   */
  long retainPrimaryContext(int device) {
    return calls.outLong(
        "cuDevicePrimaryCtxRetain",
        out -> (int) CALL_PI.invokeExact(cuDevicePrimaryCtxRetain, out, device));
  }

  /**
   * {@code cuDevicePrimaryCtxRelease_v2(CUdevice)}.
   *
   * @param device handle
   */
  void releasePrimaryContext(int device) {
    try {
      calls.check(
          "cuDevicePrimaryCtxRelease_v2",
          (int) CALL_I.invokeExact(cuDevicePrimaryCtxRelease, device));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuCtxGetCurrent(CUcontext*)}.
   *
   * @return the calling thread's context, 0 if none
   */
  long currentContext() {
    return calls.outLong("cuCtxGetCurrent", out -> (int) CALL_P.invokeExact(cuCtxGetCurrent, out));
  }

  /**
   * {@code cuCtxSetCurrent(CUcontext)}.
   *
   * @param context becomes the calling thread's
   */
  void setCurrentContext(long context) {
    calls.call("cuCtxSetCurrent", CALL_J, cuCtxSetCurrent, context);
  }

  /**
   * {@code cuCtxGetDevice(CUdevice*)}.
   *
   * @return device of the calling thread's context
   */
  int currentDevice() {
    return calls.outInt("cuCtxGetDevice", out -> (int) CALL_P.invokeExact(cuCtxGetDevice, out));
  }
}

package dynaxx.cuda;

import static dynaxx.cuda.Native.I;
import static dynaxx.cuda.Native.J;
import static dynaxx.cuda.Native.P;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;

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

  /** Status of a call for which the device has no memory. */
  static final int OUT_OF_MEMORY = 2;

  /** {@code CU_POINTER_ATTRIBUTE_CONTEXT}: 0 for memory that belongs to a device, not a context. */
  static final int POINTER_CONTEXT = 1;

  /** {@code CU_POINTER_ATTRIBUTE_MEMORY_TYPE}: {@link #DEVICE_MEMORY}, or 1 for host memory. */
  static final int POINTER_TYPE = 2;

  /** {@code CU_POINTER_ATTRIBUTE_DEVICE_ORDINAL}. */
  static final int POINTER_DEVICE = 9;

  /** {@code CU_MEMORYTYPE_DEVICE}. */
  static final int DEVICE_MEMORY = 2;

  private static final int INVALID_VALUE = 1;
  private static final int NAME_LENGTH = 256;
  private static final int CAPTURE_THREAD_LOCAL = 1;

  // one handle for each shape of a call; the address comes first
  private static final MethodHandle CALL_I = Native.status(I);
  private static final MethodHandle CALL_J = Native.status(J);
  private static final MethodHandle CALL_P = Native.status(P);
  private static final MethodHandle CALL_IP = Native.status(I, P);
  private static final MethodHandle CALL_JP = Native.status(J, P);
  private static final MethodHandle CALL_JJ = Native.status(J, J);
  private static final MethodHandle CALL_JI = Native.status(J, I);
  private static final MethodHandle CALL_PI = Native.status(P, I);
  private static final MethodHandle CALL_PJ = Native.status(P, J);
  private static final MethodHandle CALL_PP = Native.status(P, P);
  private static final MethodHandle CALL_PII = Native.status(P, I, I);
  private static final MethodHandle CALL_PIJ = Native.status(P, I, J);
  private static final MethodHandle CALL_PJJ = Native.status(P, J, J);
  private static final MethodHandle CALL_PPJ = Native.status(P, P, J);
  private static final MethodHandle CALL_PJP = Native.status(P, J, P);
  private static final MethodHandle CALL_JPJJ = Native.status(J, P, J, J);
  private static final MethodHandle CALL_PJJJ = Native.status(P, J, J, J);
  private static final MethodHandle CALL_JJJJ = Native.status(J, J, J, J);
  private static final MethodHandle CALL_JBJJ = Native.status(J, ValueLayout.JAVA_BYTE, J, J);
  private static final MethodHandle LAUNCH = Native.status(J, I, I, I, I, I, I, I, J, P, P);

  private final MemorySegment cuInit;
  private final MemorySegment cuDriverGetVersion;
  private final MemorySegment cuGetErrorName;
  private final MemorySegment cuGetErrorString;
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
  private final MemorySegment cuMemGetInfo;
  private final MemorySegment cuMemAlloc;
  private final MemorySegment cuMemFree;
  private final MemorySegment cuMemAllocHost;
  private final MemorySegment cuMemFreeHost;
  private final MemorySegment cuMemcpyHtoDAsync;
  private final MemorySegment cuMemcpyDtoHAsync;
  private final MemorySegment cuMemcpyDtoDAsync;
  private final MemorySegment cuMemsetD8Async;
  private final MemorySegment cuStreamCreate;
  private final MemorySegment cuStreamDestroy;
  private final MemorySegment cuStreamSynchronize;
  private final MemorySegment cuStreamBeginCapture;
  private final MemorySegment cuStreamEndCapture;
  private final MemorySegment cuGraphInstantiateWithFlags;
  private final MemorySegment cuGraphLaunch;
  private final MemorySegment cuGraphExecDestroy;
  private final MemorySegment cuGraphDestroy;
  private final MemorySegment cuEventCreate;
  private final MemorySegment cuEventDestroy;
  private final MemorySegment cuEventRecord;
  private final MemorySegment cuEventSynchronize;
  private final MemorySegment cuEventElapsedTime;
  private final MemorySegment cuModuleLoadData;
  private final MemorySegment cuModuleUnload;
  private final MemorySegment cuModuleGetFunction;
  private final MemorySegment cuFuncGetAttribute;
  private final MemorySegment cuPointerGetAttribute;
  private final MemorySegment cuMemGetAddressRange;
  private final MemorySegment cuLaunchKernel;

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
    cuGetErrorName = library.symbol("cuGetErrorName");
    cuGetErrorString = library.symbol("cuGetErrorString");
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
    cuMemGetInfo = library.symbol("cuMemGetInfo_v2");
    cuMemAlloc = library.symbol("cuMemAlloc_v2");
    cuMemFree = library.symbol("cuMemFree_v2");
    cuMemAllocHost = library.symbol("cuMemAllocHost_v2");
    cuMemFreeHost = library.symbol("cuMemFreeHost");
    cuMemcpyHtoDAsync = library.symbol("cuMemcpyHtoDAsync_v2");
    cuMemcpyDtoHAsync = library.symbol("cuMemcpyDtoHAsync_v2");
    cuMemcpyDtoDAsync = library.symbol("cuMemcpyDtoDAsync_v2");
    cuMemsetD8Async = library.symbol("cuMemsetD8Async");
    cuStreamCreate = library.symbol("cuStreamCreate");
    cuStreamDestroy = library.symbol("cuStreamDestroy_v2");
    cuStreamSynchronize = library.symbol("cuStreamSynchronize");
    cuStreamBeginCapture = library.symbol("cuStreamBeginCapture_v2");
    cuStreamEndCapture = library.symbol("cuStreamEndCapture");
    cuGraphInstantiateWithFlags = library.symbol("cuGraphInstantiateWithFlags");
    cuGraphLaunch = library.symbol("cuGraphLaunch");
    cuGraphExecDestroy = library.symbol("cuGraphExecDestroy");
    cuGraphDestroy = library.symbol("cuGraphDestroy");
    cuEventCreate = library.symbol("cuEventCreate");
    cuEventDestroy = library.symbol("cuEventDestroy_v2");
    cuEventRecord = library.symbol("cuEventRecord");
    cuEventSynchronize = library.symbol("cuEventSynchronize");
    cuEventElapsedTime = library.symbol("cuEventElapsedTime");
    cuModuleLoadData = library.symbol("cuModuleLoadData");
    cuModuleUnload = library.symbol("cuModuleUnload");
    cuModuleGetFunction = library.symbol("cuModuleGetFunction");
    cuFuncGetAttribute = library.symbol("cuFuncGetAttribute");
    cuPointerGetAttribute = library.symbol("cuPointerGetAttribute");
    cuMemGetAddressRange = library.symbol("cuMemGetAddressRange_v2");
    cuLaunchKernel = library.symbol("cuLaunchKernel");
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
        CudaException failure = failure("cuInit", status);
        throw new LoadException("the CUDA driver does not start: " + failure.getMessage());
      }
      return driverVersion();
    } catch (Throwable e) {
      throw rethrown(e);
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

  // ---- status

  private void check(String call, int status) {
    if (status != 0) {
      throw failure(call, status);
    }
  }

  private CudaException failure(String call, int status) {
    return new CudaException(
        call, status, text(cuGetErrorName, status), text(cuGetErrorString, status));
  }

  private static String text(MemorySegment function, int status) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      int ignored = (int) CALL_IP.invokeExact(function, status, out);
      MemorySegment text = out.get(ValueLayout.ADDRESS, 0);
      return text.address() == 0 ? "unknown" : text.reinterpret(NAME_LENGTH).getString(0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /** A failure of a call itself; those declared by the handle cannot be anything else. */
  static RuntimeException rethrown(Throwable e) {
    return switch (e) {
      case RuntimeException runtime -> runtime;
      case Error error -> throw error;
      default -> new IllegalStateException(e);
    };
  }

  private interface Call {
    int with(MemorySegment out) throws Throwable;
  }

  private int outInt(String name, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_INT);
      check(name, call.with(out));
      return out.get(ValueLayout.JAVA_INT, 0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  private long outLong(String name, Call call) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      check(name, call.with(out));
      return out.get(ValueLayout.JAVA_LONG, 0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  private void call(String name, MethodHandle handle, MemorySegment function, long argument) {
    try {
      check(name, (int) handle.invokeExact(function, argument));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  private void call(String name, MemorySegment function, long first, long second) {
    try {
      check(name, (int) CALL_JJ.invokeExact(function, first, second));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  // ---- devices

  /**
   * {@code cuDriverGetVersion(int*)}.
   *
   * @return the newest CUDA version that the driver supports, 1000 major + 10 minor
   */
  int driverVersion() {
    return outInt("cuDriverGetVersion", out -> (int) CALL_P.invokeExact(cuDriverGetVersion, out));
  }

  /**
   * {@code cuDeviceGetCount(int*)}.
   *
   * @return number of devices
   */
  int deviceCount() {
    return outInt("cuDeviceGetCount", out -> (int) CALL_P.invokeExact(cuDeviceGetCount, out));
  }

  /**
   * {@code cuDeviceGet(CUdevice*, int)}.
   *
   * @param ordinal which device
   * @return its handle
   */
  int device(int ordinal) {
    return outInt("cuDeviceGet", out -> (int) CALL_PI.invokeExact(cuDeviceGet, out, ordinal));
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
      check(
          "cuDeviceGetName",
          (int) CALL_PII.invokeExact(cuDeviceGetName, name, NAME_LENGTH, device));
      return name.getString(0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuDeviceTotalMem_v2(size_t*, CUdevice)}.
   *
   * @param device handle
   * @return its memory in bytes
   */
  long totalMemory(int device) {
    return outLong(
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
    return outInt(
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
    return outLong(
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
      check(
          "cuDevicePrimaryCtxRelease_v2",
          (int) CALL_I.invokeExact(cuDevicePrimaryCtxRelease, device));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuCtxGetCurrent(CUcontext*)}.
   *
   * @return the calling thread's context, 0 if none
   */
  long currentContext() {
    return outLong("cuCtxGetCurrent", out -> (int) CALL_P.invokeExact(cuCtxGetCurrent, out));
  }

  /**
   * {@code cuCtxSetCurrent(CUcontext)}.
   *
   * @param context becomes the calling thread's
   */
  void setCurrentContext(long context) {
    call("cuCtxSetCurrent", CALL_J, cuCtxSetCurrent, context);
  }

  /**
   * {@code cuCtxGetDevice(CUdevice*)}.
   *
   * @return device of the calling thread's context
   */
  int currentDevice() {
    return outInt("cuCtxGetDevice", out -> (int) CALL_P.invokeExact(cuCtxGetDevice, out));
  }

  // ---- memory

  /**
   * Memory of the current context's device.
   *
   * @param free bytes that could be allocated
   * @param total bytes in all
   */
  record MemoryInfo(long free, long total) {}

  /**
   * {@code cuMemGetInfo_v2(size_t*, size_t*)}.
   *
   * @return free and total
   */
  MemoryInfo memoryInfo() {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment free = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment total = arena.allocate(ValueLayout.JAVA_LONG);
      check("cuMemGetInfo_v2", (int) CALL_PP.invokeExact(cuMemGetInfo, free, total));
      return new MemoryInfo(
          free.get(ValueLayout.JAVA_LONG, 0), total.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemAlloc_v2(CUdeviceptr*, size_t)}.
   *
   * @param bytes at least 1
   * @return its address, or nothing if there is no memory left
   */
  OptionalLong allocate(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      int status = (int) CALL_PJ.invokeExact(cuMemAlloc, out, bytes);
      if (status == OUT_OF_MEMORY) {
        return OptionalLong.empty();
      }
      check("cuMemAlloc_v2", status);
      return OptionalLong.of(out.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemFree_v2(CUdeviceptr)}.
   *
   * @param address of an allocation
   */
  void free(long address) {
    call("cuMemFree_v2", CALL_J, cuMemFree, address);
  }

  /**
   * {@code cuMemAllocHost_v2(void**, size_t)}: page-locked memory, which copies do not have to
   * stage.
   *
   * @param bytes at least 1
   * @return the memory, until {@link #freeHost}
   */
  MemorySegment allocateHost(long bytes) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.ADDRESS);
      check("cuMemAllocHost_v2", (int) CALL_PJ.invokeExact(cuMemAllocHost, out, bytes));
      return out.get(ValueLayout.ADDRESS, 0).reinterpret(bytes);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemFreeHost(void*)}.
   *
   * @param memory from {@link #allocateHost}
   */
  void freeHost(MemorySegment memory) {
    try {
      check("cuMemFreeHost", (int) CALL_P.invokeExact(cuMemFreeHost, memory));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemcpyHtoDAsync_v2(CUdeviceptr, const void*, size_t, CUstream)}.
   *
   * @param to device address
   * @param from host memory, unchanged until the stream has come here
   * @param bytes how many
   * @param stream in which
   */
  void copyToDevice(long to, MemorySegment from, long bytes, long stream) {
    try {
      check(
          "cuMemcpyHtoDAsync_v2",
          (int) CALL_JPJJ.invokeExact(cuMemcpyHtoDAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemcpyDtoHAsync_v2(void*, CUdeviceptr, size_t, CUstream)}.
   *
   * @param to host memory, complete when the stream has come here
   * @param from device address
   * @param bytes how many
   * @param stream in which
   */
  void copyToHost(MemorySegment to, long from, long bytes, long stream) {
    try {
      check(
          "cuMemcpyDtoHAsync_v2",
          (int) CALL_PJJJ.invokeExact(cuMemcpyDtoHAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemcpyDtoDAsync_v2(CUdeviceptr, CUdeviceptr, size_t, CUstream)}.
   *
   * @param to device address
   * @param from device address
   * @param bytes how many
   * @param stream in which
   */
  void copyOnDevice(long to, long from, long bytes, long stream) {
    try {
      check(
          "cuMemcpyDtoDAsync_v2",
          (int) CALL_JJJJ.invokeExact(cuMemcpyDtoDAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemsetD8Async(CUdeviceptr, unsigned char, size_t, CUstream)}.
   *
   * @param to device address
   * @param value of every byte
   * @param bytes how many
   * @param stream in which
   */
  void set(long to, byte value, long bytes, long stream) {
    try {
      check(
          "cuMemsetD8Async",
          (int) CALL_JBJJ.invokeExact(cuMemsetD8Async, to, value, bytes, stream));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuPointerGetAttribute(void*, CUpointer_attribute, CUdeviceptr)}.
   *
   * @param attribute {@link #POINTER_CONTEXT}, {@link #POINTER_TYPE} or {@link #POINTER_DEVICE}
   * @param address anything
   * @return its value, or nothing if the driver knows no such memory
   */
  OptionalLong pointerAttribute(int attribute, long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_LONG);
      int status = (int) CALL_PIJ.invokeExact(cuPointerGetAttribute, out, attribute, address);
      if (status == INVALID_VALUE) {
        return OptionalLong.empty();
      }
      check("cuPointerGetAttribute", status);
      return OptionalLong.of(out.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuMemGetAddressRange_v2(CUdeviceptr*, size_t*, CUdeviceptr)}.
   *
   * @param address device address
   * @return bytes from there to the end of its allocation, or nothing if the driver does not tell
   */
  OptionalLong bytesFrom(long address) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment start = arena.allocate(ValueLayout.JAVA_LONG);
      MemorySegment bytes = arena.allocate(ValueLayout.JAVA_LONG);
      int status = (int) CALL_PPJ.invokeExact(cuMemGetAddressRange, start, bytes, address);
      long before = address - start.get(ValueLayout.JAVA_LONG, 0);
      return status == 0
          ? OptionalLong.of(bytes.get(ValueLayout.JAVA_LONG, 0) - before)
          : OptionalLong.empty();
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  // ---- streams and events

  /**
   * {@code cuStreamCreate(CUstream*, unsigned)}.
   *
   * @param waits whether it and the legacy default stream wait for each other
   * @return the stream
   */
  long createStream(boolean waits) {
    return outLong(
        "cuStreamCreate", out -> (int) CALL_PI.invokeExact(cuStreamCreate, out, waits ? 0 : 1));
  }

  /**
   * {@code cuStreamDestroy_v2(CUstream)}.
   *
   * @param stream not used again
   */
  void destroyStream(long stream) {
    call("cuStreamDestroy_v2", CALL_J, cuStreamDestroy, stream);
  }

  /**
   * {@code cuStreamSynchronize(CUstream)}.
   *
   * @param stream waits for all its work
   */
  void synchronize(long stream) {
    call("cuStreamSynchronize", CALL_J, cuStreamSynchronize, stream);
  }

  /**
   * {@code cuEventCreate(CUevent*, unsigned)}.
   *
   * @return an event that takes the time
   */
  long createEvent() {
    return outLong("cuEventCreate", out -> (int) CALL_PI.invokeExact(cuEventCreate, out, 0));
  }

  /**
   * {@code cuEventDestroy_v2(CUevent)}.
   *
   * @param event not used again
   */
  void destroyEvent(long event) {
    call("cuEventDestroy_v2", CALL_J, cuEventDestroy, event);
  }

  /**
   * {@code cuEventRecord(CUevent, CUstream)}.
   *
   * @param event happens when the stream has come here
   * @param stream in which
   */
  void recordEvent(long event, long stream) {
    call("cuEventRecord", cuEventRecord, event, stream);
  }

  /**
   * {@code cuEventSynchronize(CUevent)}.
   *
   * @param event waits until it has happened
   */
  void awaitEvent(long event) {
    call("cuEventSynchronize", CALL_J, cuEventSynchronize, event);
  }

  /**
   * {@code cuEventElapsedTime(float*, CUevent, CUevent)}.
   *
   * @param start has happened
   * @param end has happened
   * @return milliseconds between them
   */
  float milliseconds(long start, long end) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment out = arena.allocate(ValueLayout.JAVA_FLOAT);
      check("cuEventElapsedTime", (int) CALL_PJJ.invokeExact(cuEventElapsedTime, out, start, end));
      return out.get(ValueLayout.JAVA_FLOAT, 0);
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  // ---- modules and launches

  /**
   * {@code cuModuleLoadData(CUmodule*, const void*)}.
   *
   * @param image a fatbin, cubin or PTX
   * @return the module, in the current context
   */
  long loadModule(MemorySegment image) {
    return outLong(
        "cuModuleLoadData", out -> (int) CALL_PP.invokeExact(cuModuleLoadData, out, image));
  }

  /**
   * {@code cuModuleUnload(CUmodule)}.
   *
   * @param module not used again
   */
  void unloadModule(long module) {
    call("cuModuleUnload", CALL_J, cuModuleUnload, module);
  }

  /**
   * {@code cuModuleGetFunction(CUfunction*, CUmodule, const char*)}.
   *
   * @param module where
   * @param name of the kernel
   * @return the kernel
   */
  long function(long module, String name) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment text = arena.allocateFrom(name);
      return outLong(
          "cuModuleGetFunction(" + name + ")",
          out -> (int) CALL_PJP.invokeExact(cuModuleGetFunction, out, module, text));
    }
  }

  /**
   * {@code cuFuncGetAttribute(int*, CUfunction_attribute, CUfunction)}.
   *
   * @param attribute which one, by its number in cuda.h
   * @param function kernel
   * @return its value
   */
  int functionAttribute(int attribute, long function) {
    return outInt(
        "cuFuncGetAttribute",
        out -> (int) CALL_PIJ.invokeExact(cuFuncGetAttribute, out, attribute, function));
  }

  /**
   * {@code cuLaunchKernel(CUfunction, unsigned x 7, CUstream, void**, void**)}.
   *
   * @param name for messages
   * @param function kernel
   * @param x blocks along x
   * @param y blocks along y
   * @param threads threads of a block, along x
   * @param shared bytes of dynamic shared memory
   * @param stream in which
   * @param extra says where the packed arguments are
   */
  void launch(
      String name,
      long function,
      int x,
      int y,
      int threads,
      int shared,
      long stream,
      MemorySegment extra) {
    try {
      int status =
          (int)
              LAUNCH.invokeExact(
                  cuLaunchKernel,
                  function,
                  x,
                  y,
                  1,
                  threads,
                  1,
                  1,
                  shared,
                  stream,
                  MemorySegment.NULL,
                  extra);
      if (status != 0) {
        throw failure("cuLaunchKernel(" + name + ")", status);
      }
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  // ---- graphs

  /**
   * {@code cuStreamBeginCapture_v2(CUstream, CUstreamCaptureMode)}.
   *
   * @param stream records what is submitted instead of doing it
   */
  void beginCapture(long stream) {
    try {
      check(
          "cuStreamBeginCapture_v2",
          (int) CALL_JI.invokeExact(cuStreamBeginCapture, stream, CAPTURE_THREAD_LOCAL));
    } catch (Throwable e) {
      throw rethrown(e);
    }
  }

  /**
   * {@code cuStreamEndCapture(CUstream, CUgraph*)}.
   *
   * @param stream that records
   * @return what it recorded
   */
  long endCapture(long stream) {
    return outLong(
        "cuStreamEndCapture", out -> (int) CALL_JP.invokeExact(cuStreamEndCapture, stream, out));
  }

  /**
   * {@code cuGraphInstantiateWithFlags(CUgraphExec*, CUgraph, unsigned long long)}.
   *
   * @param graph recorded
   * @return a graph that can be launched
   */
  long instantiate(long graph) {
    return outLong(
        "cuGraphInstantiateWithFlags",
        out -> (int) CALL_PJJ.invokeExact(cuGraphInstantiateWithFlags, out, graph, 0L));
  }

  /**
   * {@code cuGraphLaunch(CUgraphExec, CUstream)}.
   *
   * @param graph instantiated
   * @param stream in which
   */
  void launchGraph(long graph, long stream) {
    call("cuGraphLaunch", cuGraphLaunch, graph, stream);
  }

  /**
   * {@code cuGraphExecDestroy(CUgraphExec)}.
   *
   * @param graph instantiated, not used again
   */
  void destroyInstance(long graph) {
    call("cuGraphExecDestroy", CALL_J, cuGraphExecDestroy, graph);
  }

  /**
   * {@code cuGraphDestroy(CUgraph)}.
   *
   * @param graph recorded, not used again
   */
  void destroyGraph(long graph) {
    call("cuGraphDestroy", CALL_J, cuGraphDestroy, graph);
  }
}

package dynaxx.cuda;

import static dynaxx.cuda.DriverCalls.CALL_J;
import static dynaxx.cuda.DriverCalls.CALL_JBJJ;
import static dynaxx.cuda.DriverCalls.CALL_JJJJ;
import static dynaxx.cuda.DriverCalls.CALL_JPJJ;
import static dynaxx.cuda.DriverCalls.CALL_P;
import static dynaxx.cuda.DriverCalls.CALL_PIJ;
import static dynaxx.cuda.DriverCalls.CALL_PJ;
import static dynaxx.cuda.DriverCalls.CALL_PJJJ;
import static dynaxx.cuda.DriverCalls.CALL_PP;
import static dynaxx.cuda.DriverCalls.CALL_PPJ;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.OptionalLong;

/** Memory of the driver API: allocations, copies, and what is known of an address. */
final class DriverMemory {

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

  private final DriverCalls calls;
  private final MemorySegment cuMemGetInfo;
  private final MemorySegment cuMemAlloc;
  private final MemorySegment cuMemFree;
  private final MemorySegment cuMemAllocHost;
  private final MemorySegment cuMemFreeHost;
  private final MemorySegment cuMemcpyHtoDAsync;
  private final MemorySegment cuMemcpyDtoHAsync;
  private final MemorySegment cuMemcpyDtoDAsync;
  private final MemorySegment cuMemsetD8Async;
  private final MemorySegment cuPointerGetAttribute;
  private final MemorySegment cuMemGetAddressRange;

  DriverMemory(Native library, DriverCalls calls) {
    this.calls = calls;
    cuMemGetInfo = library.symbol("cuMemGetInfo_v2");
    cuMemAlloc = library.symbol("cuMemAlloc_v2");
    cuMemFree = library.symbol("cuMemFree_v2");
    cuMemAllocHost = library.symbol("cuMemAllocHost_v2");
    cuMemFreeHost = library.symbol("cuMemFreeHost");
    cuMemcpyHtoDAsync = library.symbol("cuMemcpyHtoDAsync_v2");
    cuMemcpyDtoHAsync = library.symbol("cuMemcpyDtoHAsync_v2");
    cuMemcpyDtoDAsync = library.symbol("cuMemcpyDtoDAsync_v2");
    cuMemsetD8Async = library.symbol("cuMemsetD8Async");
    cuPointerGetAttribute = library.symbol("cuPointerGetAttribute");
    cuMemGetAddressRange = library.symbol("cuMemGetAddressRange_v2");
  }

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
      calls.check("cuMemGetInfo_v2", (int) CALL_PP.invokeExact(cuMemGetInfo, free, total));
      return new MemoryInfo(
          free.get(ValueLayout.JAVA_LONG, 0), total.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check("cuMemAlloc_v2", status);
      return OptionalLong.of(out.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuMemFree_v2(CUdeviceptr)}.
   *
   * @param address of an allocation
   */
  void free(long address) {
    calls.call("cuMemFree_v2", CALL_J, cuMemFree, address);
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
      calls.check("cuMemAllocHost_v2", (int) CALL_PJ.invokeExact(cuMemAllocHost, out, bytes));
      return out.get(ValueLayout.ADDRESS, 0).reinterpret(bytes);
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }

  /**
   * {@code cuMemFreeHost(void*)}.
   *
   * @param memory from {@link #allocateHost}
   */
  void freeHost(MemorySegment memory) {
    try {
      calls.check("cuMemFreeHost", (int) CALL_P.invokeExact(cuMemFreeHost, memory));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check(
          "cuMemcpyHtoDAsync_v2",
          (int) CALL_JPJJ.invokeExact(cuMemcpyHtoDAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check(
          "cuMemcpyDtoHAsync_v2",
          (int) CALL_PJJJ.invokeExact(cuMemcpyDtoHAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check(
          "cuMemcpyDtoDAsync_v2",
          (int) CALL_JJJJ.invokeExact(cuMemcpyDtoDAsync, to, from, bytes, stream));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check(
          "cuMemsetD8Async",
          (int) CALL_JBJJ.invokeExact(cuMemsetD8Async, to, value, bytes, stream));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      calls.check("cuPointerGetAttribute", status);
      return OptionalLong.of(out.get(ValueLayout.JAVA_LONG, 0));
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
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
      throw DriverCalls.rethrown(e);
    }
  }
}

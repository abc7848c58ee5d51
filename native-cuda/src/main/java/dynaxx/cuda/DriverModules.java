package dynaxx.cuda;

import static dynaxx.cuda.DriverCalls.CALL_J;
import static dynaxx.cuda.DriverCalls.CALL_PIJ;
import static dynaxx.cuda.DriverCalls.CALL_PJP;
import static dynaxx.cuda.DriverCalls.CALL_PP;
import static dynaxx.cuda.DriverCalls.LAUNCH;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** Modules of the driver API, and launches of their kernels. */
final class DriverModules {

  private final DriverCalls calls;
  private final MemorySegment cuModuleLoadData;
  private final MemorySegment cuModuleUnload;
  private final MemorySegment cuModuleGetFunction;
  private final MemorySegment cuFuncGetAttribute;
  private final MemorySegment cuLaunchKernel;

  DriverModules(Native library, DriverCalls calls) {
    this.calls = calls;
    cuModuleLoadData = library.symbol("cuModuleLoadData");
    cuModuleUnload = library.symbol("cuModuleUnload");
    cuModuleGetFunction = library.symbol("cuModuleGetFunction");
    cuFuncGetAttribute = library.symbol("cuFuncGetAttribute");
    cuLaunchKernel = library.symbol("cuLaunchKernel");
  }

  /**
   * {@code cuModuleLoadData(CUmodule*, const void*)}.
   *
   * @param image a fatbin, cubin or PTX
   * @return the module, in the current context
   */
  long loadModule(MemorySegment image) {
    return calls.outLong(
        "cuModuleLoadData", out -> (int) CALL_PP.invokeExact(cuModuleLoadData, out, image));
  }

  /**
   * {@code cuModuleUnload(CUmodule)}.
   *
   * @param module not used again
   */
  void unloadModule(long module) {
    calls.call("cuModuleUnload", CALL_J, cuModuleUnload, module);
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
      return calls.outLong(
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
    return calls.outInt(
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
        throw calls.failure("cuLaunchKernel(" + name + ")", status);
      }
    } catch (Throwable e) {
      throw DriverCalls.rethrown(e);
    }
  }
}

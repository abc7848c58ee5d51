package dynaxx.jcuda;

import static jcuda.driver.JCudaDriver.CU_LAUNCH_PARAM_BUFFER_POINTER;
import static jcuda.driver.JCudaDriver.CU_LAUNCH_PARAM_BUFFER_SIZE;
import static jcuda.driver.JCudaDriver.CU_LAUNCH_PARAM_END;

import dynaxx.cuda.CudaDevice;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.HashMap;
import java.util.Map;
import java.util.function.IntSupplier;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUfunction;
import jcuda.driver.CUmodule;
import jcuda.driver.CUresult;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/**
 * dynaxx's float32 kernels, launched through JCuda: for programs that want single kernels in their
 * own stream, and to compare what a call costs by JCuda and by the Foreign Function and Memory API.
 * A launch begins with {@link #kernel}, takes its arguments in the order of the kernel's
 * parameters, and ends with {@link #launch}. One thread uses it at a time.
 */
public final class JCudaKernels implements AutoCloseable {

  private static final int MOST_ARGUMENT_BYTES = 4096;

  private final CUmodule module = new CUmodule();
  private final Map<String, CUfunction> functions = new HashMap<>();
  private final ByteBuffer arguments =
      ByteBuffer.allocateDirect(MOST_ARGUMENT_BYTES).order(ByteOrder.nativeOrder());
  private final long[] size = new long[1];
  private final Pointer extra =
      Pointer.to(
          CU_LAUNCH_PARAM_BUFFER_POINTER,
          Pointer.to(arguments),
          CU_LAUNCH_PARAM_BUFFER_SIZE,
          Pointer.to(size),
          CU_LAUNCH_PARAM_END);
  private String name;
  private boolean closed;

  private JCudaKernels() {}

  /**
   * Loads the kernels into the current context.
   *
   * @return kernels, to be closed while that context is current
   * @throws IllegalStateException if JCuda's native library cannot be loaded, if this build has no
   *     kernels, or if the driver refuses them
   */
  public static JCudaKernels load() {
    byte[] image = CudaDevice.kernelImage();
    try {
      JCudaKernels kernels = new JCudaKernels();
      check("cuModuleLoadData", null, () -> JCudaDriver.cuModuleLoadData(kernels.module, image));
      return kernels;
    } catch (LinkageError e) {
      throw noNative(e);
    }
  }

  private static IllegalStateException noNative(LinkageError e) {
    Throwable cause = e.getCause() == null ? e : e.getCause();
    String reason = String.valueOf(cause.getMessage()).lines().findFirst().orElse("");
    return new IllegalStateException(
        "JCuda: found no native library that can be loaded ("
            + reason
            + "), expected jcuda-natives for this platform on the class path and the CUDA driver"
            + " (libcuda.so.1) on the library path",
        e);
  }

  /** JCuda returns a status, or throws where the program has told it to. */
  private static void check(String call, String kernel, IntSupplier driver) {
    try {
      int status = driver.getAsInt();
      if (status != CUresult.CUDA_SUCCESS) {
        throw failed(call, kernel, CUresult.stringFor(status));
      }
    } catch (CudaException e) {
      throw failed(call, kernel, e.getMessage());
    }
  }

  private static IllegalStateException failed(String call, String kernel, String found) {
    return new IllegalStateException(
        "JCuda: found "
            + found
            + " from "
            + call
            + (kernel == null ? "" : "(" + kernel + ")")
            + ", expected CUDA_SUCCESS");
  }

  private void requireOpen() {
    if (closed) {
      throw new IllegalStateException("JCuda: found closed kernels, expected open ones");
    }
  }

  /**
   * Begins a launch.
   *
   * @param kernel its name
   * @return this
   */
  public JCudaKernels kernel(String kernel) {
    name = kernel;
    arguments.clear();
    return this;
  }

  private ByteBuffer aligned(int bytes) {
    int at = (arguments.position() + bytes - 1) & -bytes;
    if (at + bytes > MOST_ARGUMENT_BYTES) {
      throw new IllegalArgumentException(
          "arguments: found more than "
              + MOST_ARGUMENT_BYTES
              + " bytes for kernel "
              + name
              + ", expected as many as it has parameters");
    }
    return arguments.position(at);
  }

  /**
   * An address.
   *
   * @param pointer to device memory, or null
   * @return this
   * @throws IllegalArgumentException if it points to host memory or nowhere
   */
  public JCudaKernels pointer(Pointer pointer) {
    return int64(pointer == null ? 0 : Handles.address(pointer));
  }

  /**
   * A {@code long long}.
   *
   * @param value of the parameter
   * @return this
   */
  public JCudaKernels int64(long value) {
    aligned(Long.BYTES).putLong(value);
    return this;
  }

  /**
   * An {@code int}.
   *
   * @param value of the parameter
   * @return this
   */
  public JCudaKernels int32(int value) {
    aligned(Integer.BYTES).putInt(value);
    return this;
  }

  /**
   * A {@code double}.
   *
   * @param value of the parameter
   * @return this
   */
  public JCudaKernels float64(double value) {
    aligned(Double.BYTES).putDouble(value);
    return this;
  }

  /**
   * Submits the launch.
   *
   * @param stream in which; {@code new CUstream()} is the default stream
   * @param x blocks along x
   * @param y blocks along y
   * @param threads threads of a block
   * @throws IllegalStateException if no launch was begun, there is no such kernel, the driver
   *     refuses the launch, or the kernels are closed
   */
  public void launch(CUstream stream, int x, int y, int threads) {
    requireOpen();
    if (name == null) {
      throw new IllegalStateException(
          "JCuda: found no launch that was begun, expected kernel(name) first");
    }
    size[0] = arguments.position();
    CUfunction function = functions.computeIfAbsent(name, this::function);
    check(
        "cuLaunchKernel",
        name,
        () -> JCudaDriver.cuLaunchKernel(function, x, y, 1, threads, 1, 1, 0, stream, null, extra));
  }

  private CUfunction function(String kernel) {
    CUfunction function = new CUfunction();
    check(
        "cuModuleGetFunction",
        kernel,
        () -> JCudaDriver.cuModuleGetFunction(function, module, kernel));
    return function;
  }

  /** Unloads the kernels. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      check("cuModuleUnload", null, () -> JCudaDriver.cuModuleUnload(module));
    }
  }
}

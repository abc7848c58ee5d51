package dynaxx.jcuda;

import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.CudaSettings;
import dynaxx.cuda.DeviceBuffer;
import java.util.Objects;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;

/**
 * JCuda's contexts, streams and pointers as dynaxx's, and the other way. Nothing is copied, and
 * nobody's memory changes hands: who made something also frees it.
 */
public final class JCudaBridge {

  private JCudaBridge() {}

  /**
   * Opens a device in a program's context and stream, float32.
   *
   * @param context in which the program's memory lies
   * @param stream in which both compute, so that neither waits for the other; {@code new
   *     CUstream()}, the default stream, makes the device create one that is synchronized with it
   * @return a device, to be closed before the context and the stream are destroyed
   * @throws IllegalArgumentException if there is no context
   * @throws IllegalStateException if CUDA cannot be used here; the message says why
   */
  public static CudaDevice open(CUcontext context, CUstream stream) {
    return open(context, stream, CudaSettings.DEFAULT);
  }

  /**
   * Opens a device in a program's context and stream.
   *
   * @param context in which the program's memory lies
   * @param stream in which both compute
   * @param settings precision and limit of memory
   * @return a device, to be closed before the context and the stream are destroyed
   */
  public static CudaDevice open(CUcontext context, CUstream stream, CudaSettings settings) {
    long foreign = Handles.of(Objects.requireNonNull(context, "context"));
    if (foreign == 0) {
      throw new IllegalArgumentException(
          "context: found none, expected one that was created or is current (cuCtxGetCurrent)");
    }
    return CudaDevice.open(
        settings.on(foreign, Handles.of(Objects.requireNonNull(stream, "stream"))));
  }

  /**
   * A program's device memory as dynaxx's buffer, for example the parameters.
   *
   * @param device that will read or write it
   * @param pointer its first value, of the device's element type; memory of this device's context
   * @param size number of values
   * @return the same memory, valid until the program frees it
   * @throws IllegalArgumentException if it points to host memory or nowhere, or to fewer values
   */
  public static DeviceBuffer wrap(CudaDevice device, Pointer pointer, long size) {
    return device.wrap(Handles.address(Objects.requireNonNull(pointer, "pointer")), size);
  }

  /**
   * dynaxx's device memory for JCuda's calls, for example a product H v.
   *
   * @param buffer of a CUDA device
   * @return a pointer to its first value, valid until the scope of the buffer is closed; not to be
   *     freed
   * @throws IllegalStateException if that scope is closed
   */
  public static CUdeviceptr pointer(DeviceBuffer buffer) {
    return Handles.with(new CUdeviceptr(), buffer.address());
  }

  /**
   * The context that a device computes in.
   *
   * @param device open
   * @return its context, valid until the device is closed; not to be destroyed
   */
  public static CUcontext context(CudaDevice device) {
    return Handles.with(new CUcontext(), device.context());
  }

  /**
   * The stream that a device's work goes through. Work that JCuda submits to it comes after what
   * the device has submitted, and before what it will submit.
   *
   * @param device open
   * @return its stream, valid until the device is closed; not to be destroyed
   */
  public static CUstream stream(CudaDevice device) {
    return Handles.with(new CUstream(), device.stream());
  }
}

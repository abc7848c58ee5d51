import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.DeviceBuffer;
import dynaxx.jcuda.JCudaBridge;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;

/** Values that JCuda put on the GPU, used by dynaxx where they lie. */
public final class Launch {

  private Launch() {}

  /** Prints the squared norm of (3, 4), or why there is no GPU that can be used. */
  public static void main(String[] arguments) {
    try {
      JCudaDriver.setExceptionsEnabled(true);
      JCudaDriver.cuInit(0);
    } catch (UnsatisfiedLinkError | CudaException e) {
      System.out.println("no GPU: " + e.getMessage().lines().findFirst().orElse(""));
      return;
    }
    measure();
  }

  private static void measure() {
    CUdevice gpu = new CUdevice();
    JCudaDriver.cuDeviceGet(gpu, 0);
    CUcontext context = new CUcontext();
    JCudaDriver.cuDevicePrimaryCtxRetain(context, gpu);
    JCudaDriver.cuCtxSetCurrent(context);
    CUstream stream = new CUstream();
    JCudaDriver.cuStreamCreate(stream, 0);
    CUdeviceptr values = new CUdeviceptr();
    JCudaDriver.cuMemAlloc(values, 2 * Float.BYTES);
    JCudaDriver.cuMemcpyHtoDAsync(values, Pointer.to(new float[] {3, 4}), 2 * Float.BYTES, stream);
    try (CudaDevice device = JCudaBridge.open(context, stream)) {
      DeviceBuffer x = JCudaBridge.wrap(device, values, 2);
      System.out.println("squared norm " + device.algebra().dot(x, x));
    } catch (IllegalStateException e) {
      System.out.println("dynaxx cannot use this GPU: " + e.getMessage());
    }
    JCudaDriver.cuMemFree(values);
    JCudaDriver.cuStreamDestroy(stream);
    JCudaDriver.cuDevicePrimaryCtxRelease(gpu);
  }
}

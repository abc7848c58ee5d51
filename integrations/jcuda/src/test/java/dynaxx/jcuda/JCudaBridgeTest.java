package dynaxx.jcuda;

import static jcuda.driver.JCudaDriver.cuCtxGetCurrent;
import static jcuda.driver.JCudaDriver.cuCtxSetCurrent;
import static jcuda.driver.JCudaDriver.cuDeviceGet;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRelease;
import static jcuda.driver.JCudaDriver.cuDevicePrimaryCtxRetain;
import static jcuda.driver.JCudaDriver.cuInit;
import static jcuda.driver.JCudaDriver.cuMemAlloc;
import static jcuda.driver.JCudaDriver.cuMemFree;
import static jcuda.driver.JCudaDriver.cuMemcpyDtoHAsync;
import static jcuda.driver.JCudaDriver.cuMemcpyHtoDAsync;
import static jcuda.driver.JCudaDriver.cuStreamCreate;
import static jcuda.driver.JCudaDriver.cuStreamDestroy;
import static jcuda.driver.JCudaDriver.cuStreamSynchronize;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.cuda.CudaDevice;
import dynaxx.cuda.DeviceBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import jcuda.CudaException;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.CUstream;
import jcuda.driver.JCudaDriver;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** A program that keeps its data in JCuda's pointers, and dynaxx beside it on the emulator. */
@DriverTest
class JCudaBridgeTest {

  private static final int N = 1000;

  private final CUdevice gpu = new CUdevice();
  private final CUcontext context = new CUcontext();
  private final CUstream stream = new CUstream();

  @BeforeEach
  void openByJCuda() {
    JCudaDriver.setExceptionsEnabled(true);
    cuInit(0);
    cuDeviceGet(gpu, 0);
    cuDevicePrimaryCtxRetain(context, gpu);
    cuCtxSetCurrent(context);
    cuStreamCreate(stream, 0);
  }

  @AfterEach
  void nothingOfTheirsIsTouched() {
    assertThrows(CudaException.class, () -> cuDeviceGet(new CUdevice(), -1));
    CUcontext current = new CUcontext();
    cuCtxGetCurrent(current);
    assertEquals(context, current);
    cuStreamSynchronize(stream);
    cuStreamDestroy(stream);
    cuDevicePrimaryCtxRelease(gpu);
  }

  private CUdeviceptr theirs(float... values) {
    CUdeviceptr pointer = new CUdeviceptr();
    cuMemAlloc(pointer, (long) values.length * Float.BYTES);
    // nobody waits here: what the device does comes later in the same stream
    cuMemcpyHtoDAsync(pointer, Pointer.to(values), (long) values.length * Float.BYTES, stream);
    return pointer;
  }

  private float[] read(CUdeviceptr pointer, int size) {
    float[] values = new float[size];
    cuMemcpyDtoHAsync(Pointer.to(values), pointer, (long) size * Float.BYTES, stream);
    cuStreamSynchronize(stream);
    return values;
  }

  @Test
  void parametersGoInAndProductsComeOutWithoutACopy() {
    KnownCase c = KnownCase.mlpTanh();
    try (CudaDevice device = JCudaBridge.open(context, stream);
        Scope scope = Scope.open()) {
      float[] values = c.host(scope, "parameters").toArray();
      CUdeviceptr parameters = theirs(values);
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device);
      scope.onClose(hessian::close);
      hessian.linearize(JCudaBridge.wrap(device, parameters, values.length));
      assertEquals(c.expected().get("loss").asDouble(), hessian.loss(), 1e-6);

      CUdeviceptr probes = theirs(c.host(scope, "probe").toArray());
      Vectors v =
          Vectors.of(JCudaBridge.wrap(device, probes, 4L * values.length), 4, values.length);
      Vectors hv = device.vectors(scope, 4, values.length);
      hessian.apply(v, hv);
      float[] product = read(JCudaBridge.pointer((DeviceBuffer) hv.buffer()), 4 * values.length);
      Numbers.assertClose("H v", c.array("hvp"), product, 2e-5);

      Lanczos.Result ends = Lanczos.both().withTolerance(1e-4).run(hessian);
      double largest = c.expected().get("lambda_max").asDouble();
      assertEquals(largest, ends.max().value(), 1e-3 * largest);
      assertArrayEquals(values, read(parameters, values.length), 0);
      cuMemFree(parameters);
      cuMemFree(probes);
    }
  }

  @Test
  void aPartOfAPointerAndOfABufferIsWhereItSaysItIs() {
    float[] count = new float[N];
    for (int i = 0; i < N; i++) {
      count[i] = i;
    }
    CUdeviceptr pointer = theirs(count);
    try (CudaDevice device = JCudaBridge.open(context, stream)) {
      DeviceBuffer part = JCudaBridge.wrap(device, pointer.withByteOffset(40), 5);
      assertEquals(
          10 * 10 + 11 * 11 + 12 * 12 + 13 * 13 + 14 * 14, device.algebra().dot(part, part));
      device.algebra().fill(part.slice(1, 3), 7);
      assertArrayEquals(new float[] {10, 7, 7, 7, 14}, read(JCudaBridge.pointer(part), 5), 0);
    }
    cuMemFree(pointer);
  }

  @Test
  void jcudaWorksInTheStreamOfADevice() {
    try (CudaDevice device = CudaDevice.open(dynaxx.cuda.CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      assertEquals(context, JCudaBridge.context(device));
      CUstream ours = JCudaBridge.stream(device);
      DeviceBuffer x = (DeviceBuffer) device.allocate(scope, N);
      device.algebra().fill(x, 3);
      float[] values = new float[N];
      cuMemcpyDtoHAsync(Pointer.to(values), JCudaBridge.pointer(x), (long) N * Float.BYTES, ours);
      cuStreamSynchronize(ours);
      float[] threes = new float[N];
      Arrays.fill(threes, 3);
      assertArrayEquals(threes, values);
    }
  }

  private static void refused(
      Class<? extends RuntimeException> type, Executable use, String... parts) {
    String message = assertThrows(type, use).getMessage();
    for (String part : parts) {
      assertTrue(message.contains(part), message);
    }
  }

  @Test
  void refusesWhatIsNoDeviceMemory() {
    CUdeviceptr pointer = theirs(new float[N]);
    try (CudaDevice device = JCudaBridge.open(context, stream)) {
      Class<IllegalArgumentException> argument = IllegalArgumentException.class;
      refused(
          argument,
          () -> JCudaBridge.wrap(device, Pointer.to(new float[N]), N),
          "pointer: found Pointer[",
          "expected one to device memory");
      refused(argument, () -> JCudaBridge.wrap(device, new CUdeviceptr(), N), "pointer: found");
      refused(argument, () -> JCudaBridge.wrap(device, pointer, N + 1), "with 4000 bytes after it");
      refused(argument, () -> JCudaBridge.open(new CUcontext(), stream), "context: found none");
      refused(NullPointerException.class, () -> JCudaBridge.wrap(device, null, N), "pointer");
      DeviceBuffer[] late = new DeviceBuffer[1];
      try (Scope scope = Scope.open()) {
        late[0] = (DeviceBuffer) device.allocate(scope, N);
      }
      assertThrows(IllegalStateException.class, () -> JCudaBridge.pointer(late[0]));
    }
    cuMemFree(pointer);
  }

  @Test
  void launchesKernelsInTheProgramsStream() {
    float[] a = new float[N];
    float[] b = new float[N];
    for (int i = 0; i < N; i++) {
      a[i] = i;
      b[i] = 1 - 2 * i;
    }
    CUdeviceptr x = theirs(a);
    CUdeviceptr y = theirs(b);
    try (JCudaKernels kernels = JCudaKernels.load()) {
      for (int times = 0; times < 2; times++) {
        kernels
            .kernel("axpby")
            .int64(N)
            .float64(2)
            .pointer(x)
            .float64(1)
            .pointer(y)
            .launch(stream, 1, 1, 256);
      }
      kernels.kernel("fill").pointer(x).int64(N).float64(5).launch(stream, 2, 1, 256);
      float[] fives = new float[N];
      Arrays.fill(fives, 5);
      assertArrayEquals(fives, read(x, N));
      float[] sums = read(y, N);
      for (int i = 0; i < N; i++) {
        assertEquals(1 + 2 * i, sums[i]);
      }
    }
    cuMemFree(x);
    cuMemFree(y);
  }

  @Test
  void namesKernelsThatAreNotThereAndArgumentsThatDoNotFit() {
    namesWhatDoesNotFit();
    JCudaDriver.setExceptionsEnabled(false);
    namesWhatDoesNotFit();
    JCudaDriver.setExceptionsEnabled(true);
  }

  private void namesWhatDoesNotFit() {
    try (JCudaKernels kernels = JCudaKernels.load()) {
      refused(
          IllegalStateException.class,
          () -> kernels.launch(stream, 1, 1, 32),
          "JCuda: found no launch that was begun");
      refused(
          IllegalStateException.class,
          () -> kernels.kernel("nothing").launch(stream, 1, 1, 32),
          "CUDA_ERROR_NOT_FOUND from cuModuleGetFunction(nothing)");
      refused(
          IllegalStateException.class,
          () -> kernels.kernel("fill").int32(1).launch(stream, 1, 1, 32),
          "cuLaunchKernel(fill)");
      kernels.kernel("fill");
      refused(
          IllegalArgumentException.class,
          () -> {
            for (int i = 0; i < N; i++) {
              kernels.float64(i);
            }
          },
          "arguments: found more than 4096 bytes for kernel fill");
      for (Pointer nowhere : new Pointer[] {Pointer.to(new float[N]), new CUdeviceptr()}) {
        refused(
            IllegalArgumentException.class,
            () -> kernels.kernel("fill").pointer(nowhere),
            "expected one to device memory");
      }
    }
    JCudaKernels closed = JCudaKernels.load();
    closed.close();
    refused(
        IllegalStateException.class,
        () -> closed.kernel("fill").launch(stream, 1, 1, 32),
        "JCuda: found closed kernels");
  }
}

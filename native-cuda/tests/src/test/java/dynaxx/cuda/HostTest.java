package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import dynaxx.device.Device;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What belongs to the program around: its context, its stream, its threads. */
@EmulatorTest
class HostTest {

  private static final int N = 64;
  private static final int INVALID_VALUE = 1;
  private static final int OUT_OF_MEMORY = 2;

  /** A little of everything that a device does. */
  private static void work(CudaSettings settings) {
    try (CudaDevice device = CudaDevice.open(settings);
        Scope scope = Scope.open()) {
      Buffer x = device.allocate(scope, N);
      device.algebra().fill(x, 1);
      assertEquals(N, device.algebra().dot(x, x));
      Buffer y = device.upload(scope, scope.allocate(N).segment());
      device.algebra().copy(x, y);
      device
          .kernels()
          .gemm()
          .multiply(8, 8, 8, 1, Matrix.of(x, 8), Matrix.of(y, 8), 0, matrix(device, scope));
      Runnable recording = device.recording(scope, () -> device.algebra().axpby(1, x, 1, y));
      recording.run();
      recording.run();
      recording.run();
      assertEquals(16.0 * N, device.algebra().dot(y, y));
      device.milliseconds(() -> device.algebra().fill(x, 2));
      device.wrap(Launcher.address(x), N);
      assertNotNull(device.float64());
    }
  }

  private static Matrix matrix(Device device, Scope scope) {
    return Matrix.of(device.allocate(scope, N), 8);
  }

  /**
   * Whatever fails, and at whichever of its calls: the host's context stays current, its stream and
   * its memory work as before, and nothing else is left behind.
   */
  @ParameterizedTest
  @CsvSource({
    "cuInit, 3",
    "cuDevicePrimaryCtxRetain, 1",
    "cuStreamCreate, 2",
    "cuStreamSynchronize, 3",
    "cuStreamBeginCapture_v2, 1",
    "cuStreamEndCapture, 1",
    "cuGraphInstantiateWithFlags, 1",
    "cuGraphLaunch, 2",
    "cuEventCreate, 2",
    "cuEventRecord, 2",
    "cuEventSynchronize, 1",
    "cuMemAlloc_v2, 9",
    "cuMemAllocHost_v2, 1",
    "cuMemGetInfo_v2, 1",
    "cuMemsetD8Async, 6",
    "cuMemcpyHtoDAsync_v2, 1",
    "cuMemcpyDtoHAsync_v2, 2",
    "cuMemcpyDtoDAsync_v2, 1",
    "cuModuleLoadData, 2",
    "cuModuleGetFunction, 4",
    "cuLaunchKernel, 6",
    "cuPointerGetAttribute, 3",
    "cublasCreate_v2, 1",
    "cublasSetPointerMode_v2, 1",
    "cublasSetStream_v2, 3",
    "cublasSetWorkspace_v2, 3",
    "cublasGemmStridedBatchedEx_64, 1",
  })
  void aFailureLeavesTheHostAsItWas(String symbol, int calls) {
    for (int status : new int[] {INVALID_VALUE, OUT_OF_MEMORY}) {
      for (int nth = 1; nth <= calls; nth++) {
        for (boolean shared : new boolean[] {true, false}) {
          Emulator.reset();
          failsAt(symbol, nth, status, shared);
        }
      }
    }
  }

  private static void failsAt(String symbol, int nth, int status, boolean shared) {
    String what = symbol + ", call " + nth + ", status " + status + ": ";
    Driver host = new Driver();
    int device = host.device(0);
    long context = host.retainPrimaryContext(device);
    host.setCurrentContext(context);
    long stream = host.streams().createStream(false);
    long memory = host.memory().allocate(N * Float.BYTES).orElseThrow();
    long before = Emulator.live().count();
    Emulator.fault(symbol, nth, status);
    try {
      work(shared ? CudaSettings.DEFAULT.on(context, stream) : CudaSettings.DEFAULT);
    } catch (RuntimeException e) {
      assertNotNull(e.getMessage(), what + e);
    }
    assertEquals(context, host.currentContext(), what + "context");
    Emulator.Report live = Emulator.live();
    assertEquals(before, live.count(), what + live.text());
    // what was armed and not called is not to hit the host
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(N);
      values.set(N - 1, 5);
      host.memory().copyToDevice(memory, values.segment(), N * Float.BYTES, stream);
      HostBuffer back = scope.allocate(N);
      host.memory().copyToHost(back.segment(), memory, N * Float.BYTES, stream);
      host.streams().synchronize(stream);
      assertEquals(5, back.get(N - 1), what);
    } catch (CudaException e) {
      assertEquals(status, e.status(), what + "only the fault itself, which was not called before");
    }
  }

  private static float[] products(int ordinal, KnownCase c) {
    Driver driver = new Driver();
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.withDevice(ordinal));
        Scope scope = Scope.open()) {
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device);
      scope.onClose(hessian::close);
      hessian.linearize(c.host(scope, "parameters"));
      Vectors v = device.vectors(scope, 2, hessian.dimension());
      device.algebra().rademacher(1, 0, v);
      Vectors hv = device.vectors(scope, 2, hessian.dimension());
      float[] found = null;
      for (int i = 0; i < 4; i++) {
        hessian.apply(v, hv);
        float[] now = Numbers.floats(device, hv.buffer());
        assertEquals(device.context(), driver.currentContext());
        assertArrayEquals(found == null ? now : found, now);
        found = now;
      }
      return found;
    }
  }

  /** Each in a thread of its own, at the same time. */
  @Test
  void twoThreadsUseADeviceEach() throws Exception {
    KnownCase c = KnownCase.mlpTanh();
    float[] expected = products(0, c);
    Emulator.devices(2);
    try (ExecutorService threads = Executors.newFixedThreadPool(2)) {
      List<Future<float[]>> found = new ArrayList<>();
      for (int ordinal = 0; ordinal < 2; ordinal++) {
        int which = ordinal;
        found.add(threads.submit(() -> products(which, c)));
      }
      for (Future<float[]> products : found) {
        assertArrayEquals(expected, products.get());
      }
    }
    Emulator.Report live = Emulator.live();
    assertEquals(0, live.count(), live.text());
  }
}

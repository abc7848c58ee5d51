package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.MemoryExhaustedException;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every fault ends in the right exception, and nothing is left behind. */
@EmulatorTest
class FaultsTest {

  private static final int LAUNCH_OUT_OF_RESOURCES = 701;
  private static final int LAUNCH_FAILED = 719;

  @AfterEach
  void nothingIsLeftBehind() {
    Emulator.Report live = Emulator.live();
    assertEquals(0, live.count(), live.text());
  }

  private static CudaDevice open() {
    return CudaDevice.open(CudaSettings.DEFAULT);
  }

  private static String refusal() {
    return new CudaDeviceProvider().unavailable().orElseThrow();
  }

  /** Sets a property while something runs. */
  private static void with(String property, String value, Runnable body) {
    String before = System.getProperty(property);
    System.setProperty(property, value);
    try {
      body.run();
    } finally {
      if (before == null) {
        System.clearProperty(property);
      } else {
        System.setProperty(property, before);
      }
    }
  }

  @Test
  void describesWhatItFinds() {
    assertEquals(Optional.empty(), new CudaDeviceProvider().unavailable());
    try (CudaDevice device = open()) {
      assertTrue(device.description().contains("driver for CUDA 13.0"), device.description());
    }
  }

  @ParameterizedTest
  @CsvSource({
    "cuInit, 100, no CUDA-capable device",
    "cuDevicePrimaryCtxRetain, 2, cuDevicePrimaryCtxRetain",
    "cuStreamCreate, 999, cuStreamCreate",
    "cublasCreate_v2, 1, cublasCreate_v2",
    "cublasSetWorkspace_v2, 7, cublasSetWorkspace_v2",
    "cuModuleLoadData, 209, cuModuleLoadData",
    "cuMemAlloc_v2, 2, cuBLAS workspace",
  })
  void refusesWithTheReason(String symbol, int status, String expected) {
    Emulator.fault(symbol, 1, status);
    String reason = refusal();
    assertTrue(reason.contains(expected) || reason.contains(String.valueOf(status)), reason);
  }

  @Test
  void refusesAnOldDriver() {
    Emulator.driverVersion(11080);
    assertEquals("the CUDA driver is for CUDA 11.8, expected at least 12.0", refusal());
  }

  @Test
  void refusesADriverThatIsOlderThanTheKernels(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("kernels_f32.fatbin"), "dynaxx-emulator f32");
    Files.writeString(folder.resolve("kernels_toolkit.txt"), "13.2\n");
    Emulator.driverVersion(12080);
    with(
        Launcher.IMAGES_PROPERTY,
        folder.toString(),
        () -> {
          assertEquals(
              "the CUDA driver is for CUDA 12.8, expected at least 13.0, since nvcc 13.2 built the"
                  + " kernels; built by an nvcc 12.x they load on older drivers too",
              refusal());
          Emulator.driverVersion(13000);
          try (CudaDevice device = open()) {
            assertTrue(device.description().contains("driver for CUDA 13.0"));
          }
        });
  }

  @ParameterizedTest
  @CsvSource({
    "200, 'they are damaged, or newer than the driver can read'",
    "209, they hold no code for this device",
    "222, the driver is too old to translate their PTX",
  })
  void explainsWhyKernelsDoNotLoad(int status, String reason) {
    Emulator.fault("cuModuleLoadData", 1, status);
    String expected =
        ": the kernels were built by nvcc 12.0, the device has compute capability 9.0, the driver"
            + " is for CUDA 13.0; "
            + reason;
    String found = refusal();
    assertTrue(found.startsWith("cuModuleLoadData: status " + status), found);
    assertTrue(found.endsWith(expected), found);
  }

  @Test
  void refusesWithoutDevices() {
    Emulator.devices(0);
    assertTrue(refusal().contains("no CUDA-capable device"), refusal());
  }

  @Test
  void refusesAnOrdinalThatIsNotThere() {
    with(
        CudaSettings.DEVICE_PROPERTY,
        "3",
        () -> assertEquals("device: found 3, expected 0 to 0", refusal()));
  }

  @Test
  void refusesLibrariesThatAreNotThereOrNotWhatTheyShouldBe() {
    with(
        Driver.LIBRARY_PROPERTY,
        "/nowhere/libcuda.so",
        () -> assertEquals("no CUDA driver library found (tried /nowhere/libcuda.so)", refusal()));
    with(
        Blas.LIBRARY_PROPERTY,
        "libc.so.6",
        () -> assertTrue(refusal().startsWith("the cuBLAS library has no cublasCreate_v2")));
  }

  @Test
  void refusesKernelsThatAreDamaged(@TempDir Path folder) throws IOException {
    Files.writeString(folder.resolve("kernels_f32.fatbin"), "damaged");
    with(
        Launcher.IMAGES_PROPERTY,
        folder.toString(),
        () -> assertTrue(refusal().startsWith("cuModuleLoadData: status 200"), refusal()));
  }

  @Test
  void namesWhatHoldsTheMemoryAndGoesOn() {
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      Buffer kept = device.allocate(scope, 1 << 20);
      Emulator.fault("cuMemAlloc_v2", 1, 2);
      MemoryExhaustedException e =
          assertThrows(MemoryExhaustedException.class, () -> device.allocate(scope, 5 << 20));
      assertTrue(e.getMessage().contains("asked for 20 MiB"), e.getMessage());
      assertTrue(e.getMessage().contains("for buffers"), e.getMessage());
      device.algebra().fill(kept, 2);
      assertEquals(1 << 22, device.algebra().dot(kept, kept));
      Buffer now = device.allocate(scope, 5 << 20);
      assertEquals(0, device.algebra().dot(now, now));
    }
  }

  @Test
  void keepsItsLimit() {
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.withMemoryLimit(48L << 20));
        Scope scope = Scope.open()) {
      device.allocate(scope, 1 << 20);
      MemoryExhaustedException e =
          assertThrows(MemoryExhaustedException.class, () -> device.allocate(scope, 4 << 20));
      assertTrue(e.getMessage().contains("the limit is 48 MiB"), e.getMessage());
    }
  }

  @Test
  void freesWhatItKeepsBeforeItGivesUp() {
    Emulator.memory(100L << 20);
    try (CudaDevice device = open()) {
      try (Scope first = Scope.open()) {
        device.allocate(first, 12 << 20);
      }
      try (Scope second = Scope.open()) {
        Buffer other = device.allocate(second, 15 << 20);
        assertEquals(0, device.algebra().dot(other, other));
      }
    }
  }

  @Test
  void workSpaceIsNeverSmallerThanAskedFor() {
    Session session = CudaDeviceProvider.session(CudaSettings.DEFAULT);
    try (session) {
      Launcher kernels = new Launcher(session, "f32", Float.BYTES);
      assertThrows(
          MemoryExhaustedException.class,
          () -> {
            failAllocations(1);
            kernels.workspace(5 << 18);
          });
      fillWorkspace(kernels, 5 << 18);
      failAllocations(2);
      assertThrows(MemoryExhaustedException.class, () -> kernels.workspace(4 << 20));
      // half of what there was no memory for, and more than there is
      fillWorkspace(kernels, 2 << 20);
      // there is not enough memory for twice as much, only for what is asked
      failAllocations(1);
      fillWorkspace(kernels, 9 << 18);
    }
  }

  private static void failAllocations(int count) {
    for (int i = 1; i <= count; i++) {
      Emulator.fault("cuMemAlloc_v2", i, 2);
    }
  }

  private static void fillWorkspace(Launcher kernels, long bytes) {
    Session session = kernels.session();
    session.driver().memory().set(kernels.workspace(bytes), (byte) 1, bytes, session.stream());
    session.synchronize();
  }

  @Test
  void goesOnAfterThereWasNoMemoryForSums() {
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      Buffer x = device.allocate(scope, 8);
      device.algebra().fill(x, 1);
      assertEquals(8, device.algebra().dot(x, x));
      Vectors basis = device.vectors(scope, 1000, 8);
      device.algebra().fill(basis.buffer(), 1);
      double[] ones = new double[1000];
      Arrays.fill(ones, 1);
      failAllocations(2);
      assertThrows(MemoryExhaustedException.class, () -> device.algebra().combine(basis, ones, x));
      assertEquals(8, device.algebra().dot(x, x));
      device.algebra().combine(basis, ones, x);
    }
  }

  /** What does not need more than the pool keeps, and what is done without if it does. */
  @ParameterizedTest
  @CsvSource({
    "cuGraphInstantiateWithFlags, 1",
    "cuGraphInstantiateWithFlags, 2",
    "cuGraphLaunch, 1",
    "cuGraphLaunch, 2",
  })
  void recordsOnlyWhereThereIsMemoryForIt(String symbol, int faults) {
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      try (Scope temporary = Scope.open()) {
        device.allocate(temporary, 1000);
      }
      Buffer x = device.allocate(scope, 100);
      Buffer y = device.allocate(scope, 100);
      device.algebra().fill(x, 1);
      Runnable add = device.recording(scope, () -> device.algebra().axpby(1, x, 1, y));
      add.run();
      for (int i = 1; i <= faults; i++) {
        Emulator.fault(symbol, i, 2);
      }
      for (int i = 0; i < 3; i++) {
        add.run();
      }
      assertEquals(1600, device.algebra().dot(y, y));
      boolean recorded = Emulator.live().text().contains("executable graph");
      assertEquals(faults == 1, recorded, Emulator.live().text());
    }
  }

  @Test
  void makesRoomForPageLockedMemoryAndKernels() {
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      Buffer x = device.allocate(scope, 100);
      device.algebra().fill(x, 2);
      Emulator.fault("cuMemAllocHost_v2", 1, 2);
      assertEquals(400, device.algebra().dot(x, x));
      Emulator.fault("cuModuleLoadData", 1, 2);
      Emulator.fault("cuModuleGetFunction", 1, 2);
      Device wide = device.float64().orElseThrow();
      Buffer y = wide.allocate(scope, 3);
      wide.algebra().fill(y, 3);
      assertEquals(27, wide.algebra().dot(y, y));
    }
  }

  @Test
  void takesTheNextCublasIfOneDoesNotStart() {
    String library = System.getProperty(Blas.LIBRARY_PROPERTY);
    try (CudaDevice device = open()) {
      Emulator.fault("cublasCreate_v2", 1, 1);
      try (Blas second = Blas.open(List.of("/nowhere/libcublas.so", library, library))) {
        assertTrue(device.description().contains(second.version()), device.description());
      }
    }
    System.clearProperty(Blas.LIBRARY_PROPERTY);
    try {
      assertTrue(Blas.candidates(12080).getFirst().contains("12"));
      assertTrue(Blas.candidates(13000).getFirst().contains("13"));
      assertTrue(Blas.candidates(12080).stream().anyMatch(name -> name.contains("13")));
    } finally {
      System.setProperty(Blas.LIBRARY_PROPERTY, library);
    }
  }

  @Test
  void reportsALaunchThatIsRefused() {
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      Buffer x = device.allocate(scope, 100);
      Emulator.fault("cuLaunchKernel", 1, LAUNCH_OUT_OF_RESOURCES);
      CudaException e = assertThrows(CudaException.class, () -> device.algebra().fill(x, 1));
      assertEquals("cuLaunchKernel(fill)", e.call());
      assertEquals(LAUNCH_OUT_OF_RESOURCES, e.status());
      assertTrue(e.getMessage().contains("CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES"), e.getMessage());
      device.algebra().fill(x, 3);
      assertEquals(900, device.algebra().dot(x, x));
    }
  }

  @Test
  void reportsALostDevice() {
    Scope scope = Scope.open();
    CudaDevice device = open();
    Buffer x = device.allocate(scope, 100);
    Emulator.fault("cuLaunchKernel", 1, LAUNCH_FAILED);
    CudaException e =
        assertThrows(
            CudaException.class,
            () -> {
              device.algebra().fill(x, 1);
              device.algebra().dot(x, x);
            });
    assertEquals(LAUNCH_FAILED, e.status());
    // whatever is freed now fails too, and says so
    assertThrows(CudaException.class, device::close);
    device.close();
    scope.close();
    Emulator.reset();
  }

  @Test
  void memoryEndsWithItsScope() {
    try (Device device = open()) {
      Scope scope = Scope.open();
      Buffer x = device.allocate(scope, 100);
      scope.close();
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> device.algebra().fill(x, 1));
      assertTrue(e.getMessage().contains("its scope is closed"), e.getMessage());
    }
  }

  @Test
  void scopesMayEndAfterTheBackend() {
    Scope scope = Scope.open();
    Device device = open();
    device.allocate(scope, 100);
    device.scalars(scope, 3);
    Buffer x = device.allocate(scope, 100);
    Runnable fill = device.recording(scope, () -> device.algebra().fill(x, 1));
    fill.run();
    fill.run();
    device.close();
    // recorded graphs too have ended with the device
    assertEquals(0, Emulator.live().count(), Emulator.live().text());
    device.close();
    scope.close();
  }

  /**
   * The second point is recorded. Without memory for a graph it just runs; another failure is
   * reported, and leaves nothing half recorded. A replayed pass counts as a pass.
   */
  @ParameterizedTest
  @CsvSource({
    "cuGraphInstantiateWithFlags, 1, 1, 2",
    "cuGraphInstantiateWithFlags, 1, 2, 2",
    "cuGraphInstantiateWithFlags, 2, 2, 2",
    "cuGraphLaunch, 1, 2, 2",
    "cuStreamBeginCapture_v2, 1, 1, 900",
    "cuStreamBeginCapture_v2, 2, 1, 900",
    "cuStreamEndCapture, 1, 1, 901",
    "cuGraphInstantiateWithFlags, 1, 1, 1",
    "cuLaunchKernel, 3, 1, 701",
    "cublasGemmStridedBatchedEx_64, 1, 1, 13",
    "cublasGemmStridedBatchedEx_64, 3, 1, 13",
    "cuGraphLaunch, 1, 1, 1",
  })
  void aPointThatCannotBeRecordedIsTakenOrRefused(String symbol, int nth, int count, int status) {
    Network network = Mlp.of(Activation.TANH, 5, 4, 3);
    Loss loss = Loss.meanSquaredError();
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 1);
      HostBuffer inputs = scope.allocate(10);
      for (int i = 0; i < 10; i++) {
        inputs.set(i, 0.1f * i);
      }
      Batch batch = Batch.of(network, loss, inputs, scope.allocate(6));
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        double first = hessian.linearize(w).gradientNorm();
        float weight = w.get(0);
        for (int i = 0; i < count; i++) {
          Emulator.fault(symbol, nth + i, status);
        }
        if (status == 2) {
          hessian.linearize(w);
        } else {
          assertThrows(CudaException.class, () -> hessian.linearize(w));
          assertThrows(IllegalStateException.class, hessian::gradientNorm);
        }
        for (int point = 0; point < 3; point++) {
          w.set(0, weight + 1);
          double moved = hessian.linearize(w).gradientNorm();
          assertTrue(moved != first, "another gradient");
          w.set(0, weight);
          assertEquals(first, hessian.linearize(w).gradientNorm());
        }
        Vectors v = device.vectors(scope, 1, w.size());
        Vectors hv = device.vectors(scope, 1, w.size());
        device.algebra().fill(v.buffer(), 1);
        hessian.apply(v, hv);
        assertTrue(device.algebra().dot(hv.buffer(), hv.buffer()) > 0);
      }
    }
  }

  /** Registers are bounded for that many, and a driver's message would not say so. */
  @Test
  void refusesBlocksLargerThanKernelsAreCompiledFor() {
    try (Session session = CudaDeviceProvider.session(CudaSettings.DEFAULT)) {
      Launcher kernels = new Launcher(session, "f32", Float.BYTES);
      long before = Emulator.launches();
      String refused =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> kernels.kernel("fill").i64(0).i64(0).f64(1).launch(1, 1, 257))
              .getMessage();
      assertEquals(
          "kernel fill: found a grid of 1 x 1 blocks of 257 threads, expected at most 2^31 - 1 x"
              + " 65535 of 256",
          refused);
      session.synchronize();
      assertEquals(before, Emulator.launches());
      kernels.kernel("fill").i64(0).i64(0).f64(1).launch(1, 1, Launcher.THREADS);
      session.synchronize();
      assertEquals(before + 1, Emulator.launches());
    }
  }

  /** What was recorded is gone then, and must not be taken for that of the next point. */
  @Test
  void goesOnAfterARecordingCouldNotBeFreed() {
    Network network = Mlp.of(Activation.TANH, 5, 4, 3);
    Loss loss = Loss.meanSquaredError();
    try (CudaDevice device = open();
        Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 1);
      Batch batch = Batch.of(network, loss, scope.allocate(10), scope.allocate(6));
      Vectors v = device.vectors(scope, 1, w.size());
      Vectors hv = device.vectors(scope, 1, w.size());
      device.algebra().fill(v.buffer(), 1);
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        hessian.linearize(w);
        hessian.apply(v, hv);
        hessian.apply(v, hv);
        double before = device.algebra().dot(hv.buffer(), hv.buffer());
        Buffer elsewhere = device.upload(scope, w.segment());
        Emulator.fault("cuGraphExecDestroy", 1, 1);
        assertThrows(CudaException.class, () -> hessian.linearize(elsewhere));
        hessian.linearize(w);
        hessian.apply(v, hv);
        assertEquals(before, device.algebra().dot(hv.buffer(), hv.buffer()));
      }
    }
    Emulator.reset(); // the graph that could not be freed
  }
}

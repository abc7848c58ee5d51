package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Memory, context and stream that another library owns. */
@EmulatorTest
class InteropTest {

  private static final int N = 1000;

  @Test
  void usesAnotherLibrarysMemoryInItsStream() {
    Driver other = new Driver();
    int ordinal = other.device(0);
    long context = other.retainPrimaryContext(ordinal);
    other.setCurrentContext(context);
    long stream = other.streams().createStream(false);
    long address = other.memory().allocate(N * Float.BYTES).orElseThrow();
    try (Scope scope = Scope.open()) {
      HostBuffer host = scope.allocate(N);
      for (int i = 0; i < N; i++) {
        host.set(i, i);
      }
      // nobody waits here: the device's work comes later in the same stream
      other.memory().copyToDevice(address, host.segment(), N * Float.BYTES, stream);
      try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.on(context, stream))) {
        DeviceBuffer x = device.wrap(address, N);
        assertEquals(address, x.address());
        assertEquals(address + 40, x.slice(10, 5).address());
        double squares = (N - 1.0) * N * (2 * N - 1) / 6;
        assertEquals(squares, device.algebra().dot(x, x));
        device.algebra().fill(x, 7);
      }
      HostBuffer after = scope.allocate(N);
      other.memory().copyToHost(after.segment(), address, N * Float.BYTES, stream);
      other.streams().synchronize(stream);
      float[] sevens = new float[N];
      Arrays.fill(sevens, 7);
      assertArrayEquals(sevens, after.toArray());
    }
    other.memory().free(address);
    other.streams().destroyStream(stream);
    other.releasePrimaryContext(ordinal);
    Emulator.Report live = Emulator.live();
    assertEquals(0, live.count(), live.text());
  }

  @Test
  void measuresParametersWhereTheyAre() {
    KnownCase c = KnownCase.mlpTanh();
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      HostBuffer host = c.host(scope, "parameters");
      DeviceBuffer theirs = (DeviceBuffer) device.upload(scope, host.segment());
      DeviceBuffer parameters = device.wrap(theirs.address(), theirs.size());
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device);
      scope.onClose(hessian::close);
      hessian.linearize(parameters);
      double loss = c.expected().get("loss").asDouble();
      assertEquals(loss, hessian.loss(), 1e-6);
      device.algebra().fill(theirs, 0);
      assertEquals(Math.log(10), hessian.linearize(parameters).loss(), 1e-6);
    }
  }

  /** Another library with a context of its own on a device. */
  private record Other(Driver driver, int device, long context) implements AutoCloseable {
    static Other on(int ordinal) {
      Driver driver = new Driver();
      int device = driver.device(ordinal);
      Other other = new Other(driver, device, driver.retainPrimaryContext(device));
      driver.setCurrentContext(other.context);
      return other;
    }

    long allocate() {
      return driver.memory().allocate(N * Float.BYTES).orElseThrow();
    }

    @Override
    public void close() {
      assertEquals(context, driver.currentContext(), "the context that was current before");
      driver.releasePrimaryContext(device);
      Emulator.Report live = Emulator.live();
      assertEquals(0, live.count(), live.text());
    }
  }

  @Test
  void ordersItsOwnStreamWithTheDefaultStreamOfAnotherLibrary() {
    try (Other other = Other.on(0);
        Scope scope = Scope.open()) {
      long address = other.allocate();
      HostBuffer host = scope.allocate(N);
      for (int i = 0; i < N; i++) {
        host.set(i, 2);
      }
      try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.on(other.context, 0))) {
        // nobody waits here, and the stream is another one
        other.driver.memory().copyToDevice(address, host.segment(), N * Float.BYTES, 0);
        DeviceBuffer x = device.wrap(address, N);
        assertEquals(4.0 * N, device.algebra().dot(x, x));
        device.algebra().fill(x, 7);
        other.driver.memory().copyToHost(host.segment(), address, N * Float.BYTES, 0);
        other.driver.streams().synchronize(0);
        assertEquals(7, host.get(N - 1));
      }
      other.driver.memory().free(address);
    }
  }

  /** Default streams and streams that wait for them cannot be captured, or not without harm. */
  @ParameterizedTest
  @ValueSource(longs = {0, 1})
  void recordsBesideStreamsThatCannotBeCaptured(long stream) {
    KnownCase c = KnownCase.mlpTanh();
    try (Other other = Other.on(0)) {
      float[] expected = products(CudaSettings.DEFAULT, c);
      assertArrayEquals(expected, products(CudaSettings.DEFAULT.on(other.context, stream), c));
    }
  }

  private static float[] products(CudaSettings settings, KnownCase c) {
    try (CudaDevice device = CudaDevice.open(settings);
        Scope scope = Scope.open()) {
      Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device);
      scope.onClose(hessian::close);
      hessian.linearize(c.host(scope, "parameters"));
      Vectors v = device.vectors(scope, 2, hessian.dimension());
      device.algebra().rademacher(1, 0, v);
      Vectors hv = device.vectors(scope, 2, hessian.dimension());
      hessian.apply(v, hv);
      float[] first = Numbers.floats(device, hv.buffer());
      for (int i = 0; i < 2; i++) {
        hessian.apply(v, hv);
        assertArrayEquals(first, Numbers.floats(device, hv.buffer()));
      }
      assertTrue(Emulator.live().text().contains("executable graph"), Emulator.live().text());
      return first;
    }
  }

  @Test
  void computesOnTheDeviceOfTheContext() {
    Emulator.devices(2);
    try (Other other = Other.on(1)) {
      try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT.on(other.context, 0))) {
        assertTrue(device.description().startsWith("dynaxx emulator 1"), device.description());
      }
      long there = other.allocate();
      try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT)) {
        assertRefused(() -> device.wrap(there, N), " on device 1, expected device memory of 0");
      }
      other.driver.memory().free(there);
    }
  }

  @Test
  void usesMemoryThatBelongsToNoContext() {
    try (Other other = Other.on(0)) {
      long address = other.allocate();
      Emulator.pooled(address);
      try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT)) {
        DeviceBuffer x = device.wrap(address, N);
        device.algebra().fill(x, 1);
        assertEquals(N, device.algebra().dot(x, x));
      }
      other.driver.memory().free(address);
    }
  }

  private static void assertRefused(Executable use, String expected) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, use);
    assertTrue(e.getMessage().contains(expected), e.getMessage());
  }

  @Test
  void refusesWhatIsNotDeviceMemory() {
    Driver driver = new Driver();
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      long host = scope.allocate(4).segment().address();
      assertRefused(() -> device.wrap(host, 4), "expected device memory");
      assertRefused(() -> device.wrap(2, 4), "expected a multiple of 4");
      MemorySegment locked = driver.memory().allocateHost(64);
      assertRefused(
          () -> device.wrap(locked.address(), 4), " in host memory, expected device memory");
      driver.memory().freeHost(locked);
      long address = driver.memory().allocate(N * Float.BYTES).orElseThrow();
      assertRefused(() -> device.wrap(address, -1), "size: found -1, expected at least 0");
      assertRefused(() -> device.wrap(address, N + 1), " with 4000 bytes after it");
      assertRefused(() -> device.wrap(address + 40, N), " with 3960 bytes after it");
      assertEquals(N - 10, device.wrap(address + 40, N - 10).size());
      // only an invalid value means that there is no such memory
      Emulator.fault("cuPointerGetAttribute", 1, 201);
      CudaException e = assertThrows(CudaException.class, () -> device.wrap(address, N));
      assertEquals("cuPointerGetAttribute", e.call());
      driver.memory().free(address);
    }
  }

  @Test
  void refusesValuesOfAnotherBackend() {
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        CudaDevice other = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      Buffer mine = device.allocate(scope, 3);
      assertSame(mine, device.place(scope, mine));
      Device wide = device.float64().orElseThrow();
      Buffer exact = wide.allocate(scope, 3);
      assertSame(exact, wide.place(scope, exact));
      assertRefused(
          () -> device.place(scope, exact),
          "found DeviceBuffer[3 x float64], expected float32 values of this one");
      assertRefused(
          () -> other.float64().orElseThrow().place(scope, mine),
          "found DeviceBuffer[3 x float32] of another backend, expected float32 values");
      assertRefused(
          () -> other.place(scope, mine),
          "found DeviceBuffer[3 x float32] of another backend, expected float32 values");
      HostBuffer host = scope.allocate(3);
      assertRefused(() -> other.download(mine, host.segment()), " of another backend");
    }
  }

  @Test
  void widensValuesWhereTheyAre() {
    try (CudaDevice device = CudaDevice.open(CudaSettings.DEFAULT);
        Scope scope = Scope.open()) {
      float[] values = {1, -0.1f, Float.NaN, 3e38f, 1e-45f};
      Buffer narrow = device.upload(scope, scope.allocate(5).put(values).segment());
      Device wide = device.float64().orElseThrow();
      DeviceBuffer widened = (DeviceBuffer) wide.place(scope, narrow.slice(1, 4));
      assertEquals(Double.BYTES, widened.elementBytes());
      double[] expected = {-0.1f, Double.NaN, 3e38f, 1e-45f};
      assertArrayEquals(expected, Numbers.doubles(wide, scope, widened));
    }
  }

  @Test
  void leavesTheContextThatWasCurrent() {
    Driver driver = new Driver();
    assertEquals(0, driver.currentContext());
    CudaDevice.open(CudaSettings.DEFAULT).close();
    assertEquals(0, driver.currentContext());
    new CudaDeviceProvider().unavailable();
    assertEquals(0, driver.currentContext());
  }
}

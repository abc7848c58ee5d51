package dynaxx.device;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

@Tag("kernel")
class DevicesTest {

  private String device;
  private String threads;

  @BeforeEach
  void remember() {
    device = System.getProperty(Devices.DEVICE_PROPERTY);
    threads = System.getProperty(Devices.THREADS_PROPERTY);
  }

  @AfterEach
  void restore() {
    set(Devices.DEVICE_PROPERTY, device);
    set(Devices.THREADS_PROPERTY, threads);
  }

  private static void set(String property, String value) {
    if (value == null) {
      System.clearProperty(property);
    } else {
      System.setProperty(property, value);
    }
  }

  @Test
  void theCpuIsAlwaysThere() {
    assertFalse(Devices.providers().isEmpty());
    try (Device cpu = Devices.cpu(2)) {
      assertEquals("cpu", cpu.name());
      assertTrue(cpu.description().endsWith("2 threads"), cpu.description());
      assertTrue(cpu.defaultMemoryLimit() > 0);
    }
  }

  @Test
  void anUnknownNameFailsWithTheKnownOnes() {
    System.setProperty(Devices.DEVICE_PROPERTY, "abacus");
    var e = assertThrows(IllegalStateException.class, Devices::open);
    assertTrue(e.getMessage().contains("abacus"), e.getMessage());
    assertTrue(e.getMessage().contains("cpu"), e.getMessage());
  }

  @Test
  void aBadNumberOfThreadsIsNamed() {
    System.setProperty(Devices.DEVICE_PROPERTY, "cpu");
    for (String bad : new String[] {"0", "-3", "many", ""}) {
      System.setProperty(Devices.THREADS_PROPERTY, bad);
      var e = assertThrows(IllegalArgumentException.class, Devices::open);
      assertTrue(e.getMessage().contains("'" + bad + "'"), e.getMessage());
    }
    assertThrows(IllegalArgumentException.class, () -> Devices.cpu(0));
  }

  @Test
  void namesIgnoreCase() {
    try (Device cpu = Devices.open("CPU", 1)) {
      assertEquals("cpu", cpu.name());
    }
  }

  @Test
  void closingTwiceIsHarmlessAndUseAfterwardsIsNot() {
    try (Scope scope = Scope.open()) {
      Device cpu = Devices.cpu(2);
      var buffer = cpu.allocate(scope, 8);
      cpu.close();
      assertDoesNotThrow(cpu::close);
      assertThrows(IllegalStateException.class, () -> cpu.algebra().fill(buffer, 1));
    }
  }

  @Test
  void memoryOfAClosedScopeCannotBeUsed() {
    try (Device cpu = Devices.cpu(2)) {
      Scope scope = Scope.open();
      var buffer = cpu.allocate(scope, 100_000);
      scope.close();
      assertThrows(IllegalStateException.class, () -> cpu.algebra().fill(buffer, 1));
      assertThrows(IllegalStateException.class, () -> cpu.algebra().dot(buffer, buffer));
    }
  }

  @Test
  void uploadOnTheCpuIsAView() {
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      HostBuffer host = scope.allocate(3).put(1, 2, 3);
      HostBuffer view = (HostBuffer) cpu.upload(scope, host.segment());
      assertEquals(host.segment().address(), view.segment().address());
    }
  }

  @Test
  void scalarsAddUpUntilCleared() {
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      Scalars c = cpu.scalars(scope, 1);
      var x = scope.allocate(2).put(3, 4);
      cpu.kernels().elementwise().dots(1, 2, 1, Strided.of(x), x, c);
      cpu.kernels().elementwise().dots(1, 2, 1, Strided.of(x), x, c);
      assertEquals(50, c.read()[0]);
      c.clear();
      assertEquals(0, c.read()[0]);
      assertEquals(1, c.size());
    }
  }

  @Test
  void theFloat64BackendBelongsToItsDevice() {
    Device cpu = Devices.cpu(2);
    Device wide = cpu.float64().orElseThrow();
    assertSame(wide, cpu.float64().orElseThrow());
    assertSame(wide, wide.float64().orElseThrow());
    assertEquals("cpu64", wide.name());
    assertTrue(wide.description().endsWith("2 threads"), wide.description());
    assertEquals(0x1p-53, wide.unitRoundoff());
    assertTrue(wide.defaultMemoryLimit() > 0);
    try (Scope scope = Scope.open()) {
      var x = wide.allocate(scope, 8);
      wide.close();
      assertEquals(0, wide.algebra().dot(x, x), "it ends with the other one only");
      cpu.close();
      assertThrows(IllegalStateException.class, () -> wide.algebra().dot(x, x));
    }
  }

  @Test
  void float64KeepsWhatFloat32Rounds() {
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      Device wide = cpu.float64().orElseThrow();
      double[] values = {1 / 3.0, Math.PI * 1e-20, -1e20 / 7, 0, -0x1.23456789abcdfp100};
      var x = Numbers.upload(wide, scope, values);
      assertArrayEquals(values, Numbers.doubles(wide, scope, x));
      var part = wide.allocate(scope, 2);
      wide.algebra().copy(x.slice(1, 2), part);
      assertArrayEquals(Arrays.copyOfRange(values, 1, 3), Numbers.doubles(wide, scope, part));
      HostBuffer rounded = scope.allocate(5);
      wide.download(x, rounded.segment());
      assertEquals((float) (1 / 3.0), rounded.get(0));
      assertThrows(IndexOutOfBoundsException.class, () -> x.slice(3, 3));
    }
  }

  @Test
  void float64MemoryIsItsOwnAndEndsWithItsScope() {
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      Device wide = cpu.float64().orElseThrow();
      Scope inner = scope.child();
      var x = wide.allocate(inner, 3);
      HostBuffer host = scope.allocate(3);
      var e = assertThrows(IllegalArgumentException.class, () -> wide.algebra().dot(x, host));
      assertTrue(e.getMessage().contains("HostBuffer[3 float32]"), e.getMessage());
      inner.close();
      assertThrows(IllegalStateException.class, () -> wide.algebra().dot(x, x));
    }
  }
}

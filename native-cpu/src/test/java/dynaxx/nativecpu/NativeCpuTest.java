package dynaxx.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.device.cpu.NativeKernels.Precision;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What is said where products in C cannot be used. */
class NativeCpuTest {

  @TempDir private Path temporary;
  private final String level = System.getProperty(Library.LEVEL_PROPERTY);

  @AfterEach
  void restore() {
    System.clearProperty(Devices.CPU_PRECISION_PROPERTY);
    if (level == null) {
      System.clearProperty(Library.LEVEL_PROPERTY);
    } else {
      System.setProperty(Library.LEVEL_PROPERTY, level);
    }
  }

  @Test
  void whoTurnsThemOffIsTold() {
    System.setProperty(Library.LEVEL_PROPERTY, "off");
    Optional<String> reason = new NativeCpu().unavailable(Precision.FP32);
    assertEquals(Optional.of("-Ddynaxx.cpu.native=off"), reason);
    try (Device device = Devices.cpu(1)) {
      String found = device.description();
      assertTrue(found.contains("products in Java (-Ddynaxx.cpu.native=off)"), found);
    }
  }

  @Test
  void unknownInstructionsAreNamed() {
    System.setProperty(Library.LEVEL_PROPERTY, "sse9");
    String reason = new NativeCpu().unavailable(Precision.FP32).orElseThrow();
    assertTrue(reason.contains("sse9") || reason.contains("no library in it"), reason);
  }

  @Test
  @EnabledOnOs(value = OS.LINUX, architectures = "amd64", disabledReason = "the library is for it")
  void otherFilesAreNoLibrary() throws IOException {
    Path other = Path.of(System.getProperty("java.home"), "lib", "libjava.so");
    assertRefused(other, "found no functions of dynaxx in it");
    Path text = Files.writeString(temporary.resolve("text.so"), "text");
    assertRefused(text, "cannot be loaded");
    assertRefused(temporary.resolve("absent.so"), "cannot be loaded");
  }

  /** As of a version whose interface has the same number. */
  @Test
  void aLibraryWithoutAllFunctionsIsRefused() {
    Library without = new Library(name -> Optional.empty(), 7);
    String found =
        assertThrows(UnavailableException.class, () -> without.level(Precision.FP32, "auto"))
            .getMessage();
    assertTrue(found.contains("another version") && found.contains("dynaxx_"), found);
  }

  private static void assertRefused(Path file, String part) {
    String found = assertThrows(UnavailableException.class, () -> Library.load(file)).getMessage();
    assertTrue(found.startsWith(file.toString()) && found.contains(part), found);
  }

  @Test
  void aPrecisionThatNothingHereHasIsRefused() {
    System.setProperty(Library.LEVEL_PROPERTY, "off");
    System.setProperty(Devices.CPU_PRECISION_PROPERTY, "bf16x3");
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> Devices.cpu(1));
    assertTrue(e.getMessage().contains("-Ddynaxx.cpu.precision=bf16x3"), e.getMessage());
  }

  @Test
  void aPrecisionThatNobodyKnowsIsRefused() {
    System.setProperty(Devices.CPU_PRECISION_PROPERTY, "fp8");
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> Devices.cpu(1));
    assertTrue(
        e.getMessage().contains("found 'fp8', expected one of fp32, bf16x6, bf16x3"),
        e.getMessage());
  }
}

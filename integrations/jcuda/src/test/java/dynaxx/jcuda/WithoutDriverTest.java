package dynaxx.jcuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledIf;

/** What a program is told on a machine without a driver, in a process of its own. */
@DriverTest
class WithoutDriverTest {

  /** Loads the kernels and prints the reason why not. */
  static final class Program {
    private Program() {}

    public static void main(String[] arguments) {
      try {
        JCudaKernels.load().close();
        System.out.println("loaded");
      } catch (IllegalStateException e) {
        System.out.println(e.getMessage());
      }
    }
  }

  static boolean hasDriver() {
    try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
      java.lang.foreign.SymbolLookup.libraryLookup("/usr/lib/x86_64-linux-gnu/libcuda.so.1", arena);
      return true;
    } catch (IllegalArgumentException e) {
      return false;
    }
  }

  @Test
  @DisabledIf(value = "hasDriver", disabledReason = "this machine has a driver")
  void saysThatTheNativeLibraryCannotBeLoaded() throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(
            List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-Ddynaxx.cuda.kernels=" + System.getProperty("dynaxx.cuda.kernels"),
                "-cp",
                System.getProperty("java.class.path"),
                Program.class.getName()));
    builder.environment().remove("LD_LIBRARY_PATH");
    Process process = builder.redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertEquals(0, process.waitFor(), output);
    assertEquals(1, output.strip().lines().count(), output);
    assertTrue(output.startsWith("JCuda: found no native library that can be loaded ("), output);
    assertTrue(output.contains("expected jcuda-natives for this platform"), output);
  }
}

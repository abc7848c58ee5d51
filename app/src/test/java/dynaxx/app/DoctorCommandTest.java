package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Devices;
import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;

class DoctorCommandTest {

  private static final String CUDA_LIBRARY = "dynaxx.cuda.library";

  @AfterEach
  void clear() {
    System.clearProperty(Devices.DEVICE_PROPERTY);
    System.clearProperty(CUDA_LIBRARY);
  }

  private record Outcome(int status, String out) {}

  private static Outcome doctor() {
    System.setProperty(CUDA_LIBRARY, "/nowhere/libcuda.so");
    StringWriter out = new StringWriter();
    CommandLine commandLine = Main.commandLine().setOut(new PrintWriter(out));
    return new Outcome(commandLine.execute("doctor"), out.toString());
  }

  @Test
  void saysWhatIsUsedAndWhyNothingBetter() {
    Outcome outcome = doctor();
    assertEquals(0, outcome.status());
    String version = Runtime.version().toString();
    assertTrue(outcome.out().contains(version), outcome.out());
    assertTrue(outcome.out().matches("(?s).*\ncuda +not available: .+\ncpu +\\S.*"), outcome.out());
    assertTrue(outcome.out().contains("used     cpu, the best available"), outcome.out());
  }

  @Test
  void saysWhenAForcedBackendIsNotThere() {
    System.setProperty(Devices.DEVICE_PROPERTY, "cuda");
    Outcome outcome = doctor();
    assertEquals(1, outcome.status());
    assertTrue(
        outcome.out().contains("none: cuda is not available (-Ddynaxx.backend=cuda)"),
        outcome.out());
  }

  @Test
  void saysWhenABackendIsForced() {
    System.setProperty(Devices.DEVICE_PROPERTY, "cpu");
    Outcome outcome = doctor();
    assertEquals(0, outcome.status());
    assertTrue(outcome.out().contains("used     cpu (-Ddynaxx.backend=cpu)"), outcome.out());
  }
}

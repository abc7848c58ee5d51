package dynaxx.samediff;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import dynaxx.spectrum.SpectrumProbe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.ndarray.INDArray;

/**
 * The example of docs/other-stacks.md is compiled here; SameDiffGradientsTest runs what it does.
 */
class PageExamplesTest {

  private static final Path SOURCE = Path.of("src/test/java/dynaxx/samediff/PageExamplesTest.java");

  private static double trainOneStep() {
    return 0;
  }

  static void watch(SameDiff graph, INDArray images, INDArray labels, int steps) {
    SameDiffGradients gradients = new SameDiffGradients(graph, Map.of("x", images, "y", labels));
    try (Device device = Devices.open();
        SpectrumProbe probe = new SpectrumProbe();
        PhaseMonitor monitor = gradients.monitor(probe, device).every(100).build()) {
      for (int step = 0; step < steps; step++) {
        monitor.afterStep(StepReport.at(step).loss(trainOneStep()));
      }
    }
  }

  private static String squeezed(String text) {
    return text.replaceAll("\\s+", "");
  }

  @Test
  void thePageShowsWhatIsCompiledHere() throws IOException {
    String source = squeezed(Files.readString(SOURCE));
    String page = Files.readString(Path.of("../../docs/other-stacks.md"));
    Matcher examples = Pattern.compile("```java\n(.*?)```", Pattern.DOTALL).matcher(page);
    int found = 0;
    while (examples.find()) {
      found++;
      assertTrue(source.contains(squeezed(examples.group(1))), examples.group(1));
    }
    assertEquals(1, found);
  }
}

package dynaxx.samediff;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import dynaxx.spectrum.SpectrumProbe;
import dynaxx.testing.PageExamples;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
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

  @Test
  void thePageShowsWhatIsCompiledHere() throws IOException {
    PageExamples.assertCompiled(Path.of("../../docs/other-stacks.md"), 1, SOURCE);
  }
}

package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Block;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.optimizer.Optimizer;
import ai.djl.training.tracker.Tracker;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.monitor.MonitorSink;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.SpectrumProbe;
import dynaxx.testing.PageExamples;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** The examples of docs/djl.md. */
class PageExamplesTest {

  private static final Path SOURCE = Path.of("src/test/java/dynaxx/djl/PageExamplesTest.java");

  private interface Check {
    void run(Block block, NDList data, NDList labels);
  }

  private static void with(Check check) {
    try (NDManager manager = NDManager.newBaseManager()) {
      Training.Examples examples = Training.examples(manager);
      Block block = Blocks.mlpTanh();
      block.initialize(manager, DataType.FLOAT32, examples.data().head().getShape());
      Blocks.set(block, Training.CASE.array("parameters"));
      check.run(block, examples.data(), examples.labels());
    }
  }

  private static void assertMeasured(Spectrum spectrum) {
    double most = Training.CASE.expected().get("lambda_max").asDouble();
    assertEquals(most, spectrum.max().value(), 1e-2 * most);
  }

  @Test
  void network() {
    with(
        (block, data, labels) -> {
          DjlNetwork network = DjlNetwork.of(block, data.head().getShape());
          try (Scope scope = Scope.open();
              Device device = Devices.open()) {
            Loss loss = Loss.crossEntropy();
            Batch batch = network.batch(loss, data, labels, scope);
            try (CurvatureProbe probe =
                new CurvatureProbe(network.network(), loss, batch, device)) {
              Spectrum found =
                  probe.measure(network.parameters(scope), ProbeSettings.certified()).spectrum();
              System.out.println(found.min() + ", " + found.max());
              assertMeasured(found);
            }
          }
        });
  }

  @Test
  void engine() {
    with(
        (block, data, labels) -> {
          var loss = ai.djl.training.loss.Loss.softmaxCrossEntropyLoss();
          try (Device device = Devices.open();
              SpectrumProbe probe = new SpectrumProbe();
              DjlHessian hessian = new DjlHessian(block, loss, data, labels, device)) {
            Spectrum found = probe.measure(hessian, ProbeSettings.article());
            System.out.println(found.min() + ", " + found.max());
            assertMeasured(found);
          }
        });
  }

  @Test
  void listener() {
    with(
        (block, data, labels) -> {
          var config =
              new DefaultTrainingConfig(ai.djl.training.loss.Loss.softmaxCrossEntropyLoss());
          config.addTrainingListeners(CurvatureListener.network(Loss.crossEntropy(), data, labels));
          assertEquals(1, config.getTrainingListeners().size());
        });
  }

  @Test
  void advice() {
    with(
        (block, data, labels) -> {
          MonitorSink sink = record -> {};
          AdvisedTracker rate = new AdvisedTracker(Tracker.fixed(0.1f));
          Optimizer optimizer = Optimizer.sgd().setLearningRateTracker(rate).build();
          CurvatureListener listener =
              CurvatureListener.network(Loss.crossEntropy(), data, labels)
                  .on(() -> Devices.cpu(2))
                  .monitor(monitor -> monitor.every(10).background(2).sink(sink))
                  .applyTo(rate);
          assertEquals(1, rate.factor());
          assertTrue(optimizer != null && listener != null);
        });
  }

  @Test
  void thePageShowsTheseExamples() throws IOException {
    PageExamples.assertCompiled(Path.of("../../docs/djl.md"), 4, SOURCE);
  }
}

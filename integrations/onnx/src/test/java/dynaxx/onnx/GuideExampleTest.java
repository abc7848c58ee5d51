package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The example of docs/guide.md and docs/onnx.md; GuideExamplesTest of the core compares it. */
class GuideExampleTest {

  @TempDir private Path folder;

  @Test
  void measuresAFile() {
    String name = "gru";
    JsonNode expected = Cases.expected(name);
    try (Scope scope = Scope.open()) {
      MemorySegment images = Cases.host(scope, Cases.array(name, "inputs")).segment();
      MemorySegment labels = Cases.host(scope, Cases.array(name, "targets")).segment();
      Path file = Cases.model(name);
      Spectrum measured = spectrum(file, images, labels);
      assertEquals(expected.get("lambda_min").asDouble(), measured.min().value(), 3e-3);
      assertEquals(expected.get("lambda_max").asDouble(), measured.max().value(), 2e-2);
      assertEquals(expected.get("trace").asDouble(), measured.trace().value(), 6);
    }
  }

  private static Spectrum spectrum(Path file, MemorySegment images, MemorySegment labels) {
    // example: onnx
    OnnxModel model = OnnxModel.read(file, Loss.crossEntropy());
    try (Device device = Devices.open()) {
      Batch batch = model.batch(HostBuffer.of(images), HostBuffer.of(labels));
      Spectrum found = model.measure(batch, ProbeSettings.certified(), device).spectrum();
      System.out.println(found.min() + ", " + found.verdict());
      // end
      return found;
    }
  }

  /** Softmax twice would be another loss, and its curvature some other number. */
  @Test
  void softmaxAtTheEndIsNotAppliedTwice() {
    TestModel logits = linear();
    TestModel probabilities = linear();
    probabilities.output(probabilities.add("Softmax", probabilities.output()));
    Snapshot plain = measure(OnnxModel.read(logits.write(folder), Loss.crossEntropy()));
    Path file = probabilities.write(folder);
    OnnxModel model = OnnxModel.read(file, Loss.crossEntropy());
    assertTrue(model.leftOut().isPresent());
    Snapshot once = measure(model);
    assertEquals(plain.loss(), once.loss());
    assertEquals(plain.spectrum().max(), once.spectrum().max());
    OnnxModel squared = OnnxModel.read(file, Loss.meanSquaredError());
    assertTrue(squared.leftOut().isEmpty(), "probabilities are what squared error compares");
    assertThrows(IllegalStateException.class, OnnxModel.read(file)::loss);
  }

  private static TestModel linear() {
    TestModel m = new TestModel(13, 1).input(-1, 3);
    return m.output(m.add("MatMul", "x", m.weight("w", 3, 2)));
  }

  private static Snapshot measure(OnnxModel model) {
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(1)) {
      HostBuffer inputs = Cases.host(scope, new double[] {0.5, -1, 2, 0.1, 0.2, 0.3});
      Batch batch = model.batch(inputs, Cases.host(scope, new double[] {1, 0}));
      return model.measure(batch, ProbeSettings.article().withMicroBatches(0), device);
    }
  }
}

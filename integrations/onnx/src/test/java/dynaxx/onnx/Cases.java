package dynaxx.onnx;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.testing.CaseFiles;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Npy;
import java.nio.file.Path;

/** The networks with known curvature that lie with the core's tests. */
final class Cases {

  static final String[] NAMES = {
    "mlp-tanh", "mlp-regression", "cnn-relu", "gru", "lm-causal", "vit-small"
  };

  private Cases() {}

  static Path model(String name) {
    return CaseFiles.path(name, "model.onnx");
  }

  static JsonNode expected(String name) {
    return KnownCase.json(name + "/expected.json");
  }

  static double[] array(String name, String file) {
    return Npy.read(name + "/" + file + ".npy");
  }

  /** The loss of a model, computed in float64. */
  static double loss(OnnxModel model, Loss loss, double[] inputs, double[] targets) {
    try (Scope scope = Scope.open();
        Device cpu = Devices.cpu(1)) {
      Network network = model.network();
      Batch batch = Batch.of(network, loss, host(scope, inputs), host(scope, targets));
      try (Hessian hessian = new Hessian(network, loss, batch, cpu.float64().orElseThrow())) {
        hessian.linearize(model.parameters(scope));
        return hessian.loss();
      }
    }
  }

  static HostBuffer host(Scope scope, double[] values) {
    HostBuffer buffer = scope.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      buffer.set(i, (float) values[i]);
    }
    return buffer;
  }
}

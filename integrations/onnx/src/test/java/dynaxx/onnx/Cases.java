package dynaxx.onnx;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/** The networks with known curvature that lie with the core's tests. */
final class Cases {

  static final String[] NAMES = {
    "mlp-tanh", "mlp-regression", "cnn-relu", "gru", "lm-causal", "vit-small"
  };

  private Cases() {}

  static Path model(String name) {
    try {
      return Path.of(Cases.class.getResource("/dynaxx/cases/" + name + "/model.onnx").toURI());
    } catch (URISyntaxException e) {
      throw new IllegalStateException(name, e);
    }
  }

  static JsonNode expected(String name) {
    try (InputStream in = open(name + "/expected.json")) {
      return new ObjectMapper().readTree(in);
    } catch (IOException e) {
      throw new IllegalStateException(name, e);
    }
  }

  private static InputStream open(String resource) {
    return Cases.class.getResourceAsStream("/dynaxx/cases/" + resource);
  }

  /** Values of a little-endian file in C order. */
  static double[] array(String name, String file) {
    try (InputStream in = open(name + "/" + file + ".npy")) {
      ByteBuffer bytes = ByteBuffer.wrap(in.readAllBytes()).order(ByteOrder.LITTLE_ENDIAN);
      int header = 10 + bytes.getShort(8);
      String type = new String(bytes.array(), 10, header - 10, StandardCharsets.US_ASCII);
      int size = type.contains("1'") ? 1 : type.contains("4'") ? 4 : 8;
      boolean floats = type.contains("<f");
      bytes.position(header);
      double[] values = new double[bytes.remaining() / size];
      for (int i = 0; i < values.length; i++) {
        values[i] =
            switch (size) {
              case 1 -> bytes.get();
              case 4 -> bytes.getFloat();
              default -> floats ? bytes.getDouble() : bytes.getLong();
            };
      }
      return values;
    } catch (IOException e) {
      throw new IllegalStateException(name, e);
    }
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

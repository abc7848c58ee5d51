package dynaxx.onnx;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Files that PyTorch has written against the curvature that it computed in float64. */
class KnownModelsTest {

  static Stream<Arguments> models() {
    return Arrays.stream(Cases.NAMES)
        .flatMap(name -> Stream.of(Arguments.of(name, true), Arguments.of(name, false)));
  }

  @ParameterizedTest
  @MethodSource("models")
  void reproducesExactCurvature(String name, boolean fused) {
    OnnxModel model = OnnxModel.read(Cases.model(name), OnnxOptions.DEFAULT.withFused(fused));
    JsonNode expected = Cases.expected(name);
    Network network = model.network();
    assertParameters(expected.get("parameters"), network);
    Loss loss =
        expected.get("loss_kind").asText().equals("mse")
            ? Loss.meanSquaredError()
            : Loss.crossEntropy();
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(2)) {
      HostBuffer inputs = Cases.host(scope, Cases.array(name, "inputs"));
      Batch batch =
          Batch.of(network, loss, inputs, Cases.host(scope, Cases.array(name, "targets")));
      try (Hessian hessian = new Hessian(network, loss, batch, device)) {
        hessian.linearize(model.parameters(scope));
        assertEquals(expected.get("loss").asDouble(), hessian.loss(), 1e-6);
        float[] gradient = ((HostBuffer) hessian.gradient()).toArray();
        assertClose("gradient", Cases.array(name, "gradient"), gradient, 0);
        products(name, hessian, scope);
        entropies(fused ? expected.path("attention_entropy_nats") : null, hessian);
        activeFractions(expected.path("active_fractions"), hessian);
      }
    }
  }

  private static void assertParameters(JsonNode expected, Network network) {
    assertEquals(expected.size(), network.parameters().size());
    for (int i = 0; i < expected.size(); i++) {
      assertEquals(expected.get(i).get("name").asText(), network.parameters().get(i).name());
      List<Integer> dims = network.parameters().get(i).shape().dims();
      assertEquals(expected.get(i).get("shape").toString(), dims.toString().replace(" ", ""));
    }
  }

  private static void products(String name, Hessian hessian, Scope scope) {
    int n = (int) hessian.dimension();
    Vectors v = Vectors.of(Cases.host(scope, Cases.array(name, "probe")), 4, n);
    Vectors hv = scope.vectors(4, n);
    hessian.apply(v, hv);
    double[] expected = Cases.array(name, "hvp");
    double[] forms = hessian.quadraticForm(v);
    for (int i = 0; i < 4; i++) {
      assertClose("H v", expected, ((HostBuffer) hv.vector(i)).toArray(), i * n);
      double form = Cases.expected(name).get("quadratic_forms").get(i).asDouble();
      double[] product = Arrays.copyOfRange(expected, i * n, (i + 1) * n);
      assertEquals(form, forms[i], 2e-5 * norm(product) * Math.sqrt(n), "v'Hv");
    }
  }

  private static void assertClose(String what, double[] expected, float[] found, int from) {
    double[] difference = new double[found.length];
    double[] part = Arrays.copyOfRange(expected, from, from + found.length);
    Arrays.setAll(difference, i -> found[i] - part[i]);
    double error = norm(difference) / norm(part);
    assertTrue(error < 2e-5, what + ": relative error " + error);
  }

  private static double norm(double[] values) {
    return Math.sqrt(Arrays.stream(values).map(v -> v * v).sum());
  }

  private static void activeFractions(JsonNode layers, Hessian hessian) {
    List<Double> found =
        hessian.statistic("active_fraction").stream().map(layer -> layer[0]).toList();
    assertEquals(layers.size(), found.size());
    for (int i = 0; i < layers.size(); i++) {
      assertEquals(layers.get(i).asDouble(), found.get(i), 1e-15);
    }
  }

  private static void entropies(JsonNode blocks, Hessian hessian) {
    List<double[]> found = hessian.statistic("attention_entropy");
    assertEquals(blocks == null ? 0 : blocks.size(), found.size());
    for (int b = 0; b < found.size(); b++) {
      for (int h = 0; h < blocks.get(b).size(); h++) {
        assertEquals(blocks.get(b).get(h).asDouble(), found.get(b)[h], 1e-5);
      }
    }
  }
}

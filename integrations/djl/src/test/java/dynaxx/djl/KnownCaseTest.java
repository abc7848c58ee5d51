package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import org.junit.jupiter.api.Test;

/**
 * The trained perceptron whose curvature PyTorch computed in float64, rebuilt as a block of DJL.
 */
class KnownCaseTest {

  private static final KnownCase CASE = KnownCase.mlpTanh();

  private interface Check {
    void run(Block block, NDList data, NDList labels, Device device);
  }

  private static void with(Check check) {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      float[] inputs = floats(CASE.array("inputs"));
      float[] targets = floats(CASE.array("targets"));
      NDList data =
          new NDList(
              manager.create(inputs, new Shape(targets.length, inputs.length / targets.length)));
      NDList labels = new NDList(manager.create(targets, new Shape(targets.length)));
      Block block = Blocks.mlpTanh();
      block.initialize(manager, DataType.FLOAT32, data.head().getShape());
      Blocks.set(block, CASE.array("parameters"));
      check.run(block, data, labels, device);
    }
  }

  private static float[] floats(double[] values) {
    float[] result = new float[values.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) values[i];
    }
    return result;
  }

  private static double relativeError(SymmetricOperator operator) {
    try (Scope scope = Scope.open()) {
      double[] expected = CASE.array("hvp");
      int k = Math.toIntExact(expected.length / operator.dimension());
      Vectors v = Numbers.vectors(scope, k, CASE.array("probe"));
      Vectors hv = operator.device().vectors(scope, k, operator.dimension());
      operator.apply(v, hv);
      return Numbers.relativeDifference(expected, Numbers.doubles(hv.buffer()));
    }
  }

  @Test
  void productsThroughTheEngine() {
    with(
        (block, data, labels, device) -> {
          Loss loss = Loss.softmaxCrossEntropyLoss();
          try (DjlHessian hessian = new DjlHessian(block, loss, data, labels, device)) {
            assertEquals(CASE.expected().get("loss").asDouble(), hessian.loss(), 1e-6);
            double error = relativeError(hessian);
            System.out.printf("engine: relative error of Hv %.1e%n", error);
            assertTrue(error < 1e-5, () -> "relative error " + error);
          }
        });
  }

  @Test
  void productsOfTheNetwork() {
    with(
        (block, data, labels, device) -> {
          DjlNetwork network = DjlNetwork.of(block, data.head().getShape());
          var loss = dynaxx.network.Loss.crossEntropy();
          try (Scope scope = Scope.open();
              Hessian hessian =
                  new Hessian(
                      network.network(), loss, network.batch(loss, data, labels, scope), device)) {
            hessian.linearize(network.parameters(scope));
            double error = relativeError(hessian);
            System.out.printf("network: relative error of Hv %.1e%n", error);
            assertTrue(error < 1e-5, () -> "relative error " + error);
          }
        });
  }

  @Test
  void productsByDifferencesOfGradients() {
    with(
        (block, data, labels, device) -> {
          DjlGradients gradients =
              new DjlGradients(block, Loss.softmaxCrossEntropyLoss(), data, labels);
          try (SymmetricOperator operator = gradients.operator(device)) {
            double error = relativeError(operator);
            System.out.printf("differences of gradients: relative error of Hv %.1e%n", error);
            assertTrue(error < 1e-3, () -> "relative error " + error);
          }
        });
  }
}

package dynaxx.samediff;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.StepReport;
import dynaxx.operator.GradientDifference;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.SpectrumProbe;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;

/** The case mlp-tanh, whose curvature PyTorch computed in float64, as a SameDiff graph. */
class SameDiffGradientsTest {

  private static final KnownCase CASE = KnownCase.mlpTanh();
  private static final int INPUTS = 49;
  private static final int HIDDEN = 24;
  private static final int CLASSES = 10;

  private static float[] floats(String file) {
    double[] values = CASE.array(file);
    float[] floats = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      floats[i] = (float) values[i];
    }
    return floats;
  }

  private static INDArray part(float[] all, int from, long... shape) {
    int length = (int) Arrays.stream(shape).reduce(1, (a, b) -> a * b);
    return Nd4j.createFromArray(Arrays.copyOfRange(all, from, from + length)).reshape('c', shape);
  }

  /** Variables whose names put them in PyTorch's order: weight and bias of each layer. */
  private static SameDiff graph() {
    float[] p = floats("parameters");
    SameDiff graph = SameDiff.create();
    SDVariable x = graph.placeHolder("x", DataType.FLOAT, -1, INPUTS);
    SDVariable y = graph.placeHolder("y", DataType.FLOAT, -1, CLASSES);
    SDVariable w1 = graph.var("a.weight", part(p, 0, HIDDEN, INPUTS));
    int at = HIDDEN * INPUTS;
    SDVariable b1 = graph.var("b.bias", part(p, at, HIDDEN));
    at += HIDDEN;
    SDVariable w2 = graph.var("c.weight", part(p, at, CLASSES, HIDDEN));
    at += CLASSES * HIDDEN;
    SDVariable b2 = graph.var("d.bias", part(p, at, CLASSES));
    SDVariable hidden = graph.math().tanh(x.mmul(graph.transpose(w1)).add(b1));
    SDVariable logits = hidden.mmul(graph.transpose(w2)).add(b2);
    graph.loss().softmaxCrossEntropy("loss", y, logits, null);
    graph.setLossVariables("loss");
    return graph;
  }

  private static Map<String, INDArray> batch() {
    float[] inputs = floats("inputs");
    INDArray x = part(inputs, 0, inputs.length / INPUTS, INPUTS);
    float[] targets = floats("targets");
    INDArray y = Nd4j.zeros(DataType.FLOAT, targets.length, CLASSES);
    for (int i = 0; i < targets.length; i++) {
      y.putScalar(i, (int) targets[i], 1);
    }
    return Map.of("x", x, "y", y);
  }

  @Test
  void gradientsAndProductsAreThoseOfPyTorch() {
    SameDiffGradients gradients = new SameDiffGradients(graph(), batch());
    float[] parameters = gradients.parameters();
    assertArrayEquals(floats("parameters"), parameters);
    float[] gradient = new float[parameters.length];
    gradients.gradient(parameters, gradient);
    Numbers.assertClose("gradient", CASE.array("gradient"), gradient, 2e-5);
    try (Device device = Devices.open();
        Scope scope = Scope.open();
        GradientDifference hessian = gradients.operator(device)) {
      int n = parameters.length;
      Vectors v = Numbers.vectors(device, scope, 4, CASE.array("probe"));
      Vectors hv = device.vectors(scope, 4, n);
      hessian.apply(v, hv);
      Numbers.assertClose("H v", CASE.array("hvp"), Numbers.floats(device, hv.buffer()), 1e-3);
      double largest = CASE.expected().get("lambda_max").asDouble();
      assertEquals(largest, Lanczos.lambdaMax().run(hessian).max().value(), 1e-3 * largest);
    }
    assertArrayEquals(parameters, gradients.parameters(), 0, "the graph is as it was");
  }

  @Test
  void aMonitorReadsTheVariablesAtEachSnapshot() {
    SameDiff graph = graph();
    SameDiffGradients gradients = new SameDiffGradients(graph, batch());
    try (Device device = Devices.open();
        SpectrumProbe probe = new SpectrumProbe();
        PhaseMonitor monitor =
            gradients.monitor(probe, device).every(1).settings(ProbeSettings.cheap()).build()) {
      double before = lambdaMax(monitor, 0);
      assertEquals(CASE.expected().get("lambda_max").asDouble(), before, 0.05);
      graph.getArrForVarName("c.weight").muli(2);
      assertTrue(Math.abs(lambdaMax(monitor, 1) - before) > 0.1);
    }
  }

  private static double lambdaMax(PhaseMonitor monitor, int step) {
    return monitor
        .afterStep(StepReport.at(step).loss(1))
        .snapshot()
        .orElseThrow()
        .spectrum()
        .max()
        .value();
  }

  private static void refused(Executable use, String expected) {
    String message = assertThrows(IllegalArgumentException.class, use).getMessage();
    assertTrue(message.contains(expected), message);
  }

  /** In 1.0.0-M2.1 the gradient of this loss forgets the factor, and the mean. */
  @Test
  void refusesAGradientThatIsNotThatOfTheLoss() {
    SameDiff graph = SameDiff.create();
    INDArray values = Nd4j.createFromArray(1f, 2, 3, 4).reshape(2, 2);
    SDVariable labels = graph.constant("y", Nd4j.createFromArray(0, 1));
    graph.loss().sparseSoftmaxCrossEntropy(graph.var("w", values), labels).mean().mul("loss", 3);
    graph.setLossVariables("loss");
    SameDiffGradients gradients = new SameDiffGradients(graph, Map.of());
    try (Device device = Devices.open()) {
      String message =
          assertThrows(IllegalStateException.class, () -> gradients.operator(device)).getMessage();
      assertTrue(message.startsWith("gradient: found norm 1.102 from SameDiff, expected"), message);
    }
  }

  /** Where the gradient is small beside what the third derivative adds over a long step. */
  @Test
  void takesTheGradientNearAMinimum() {
    SameDiff graph = SameDiff.create();
    SDVariable w = graph.var("w", Nd4j.createFromArray(1e-5f));
    SDVariable far = graph.var("far", Nd4j.createFromArray(100f));
    SDVariable curved = w.mul(w).mul(0.5).add(w.mul(w).mul(w).mul(10));
    curved.add(far.mul(1e-9)).sum("loss");
    graph.setLossVariables("loss");
    try (Device device = Devices.open();
        GradientDifference hessian = new SameDiffGradients(graph, Map.of()).operator(device)) {
      assertEquals(1, Lanczos.lambdaMax().run(hessian).max().value(), 0.01);
    }
  }

  private static String refusedOperator(SameDiff graph) {
    SameDiffGradients gradients = new SameDiffGradients(graph, batch());
    try (Device device = Devices.open()) {
      return assertThrows(IllegalStateException.class, () -> gradients.operator(device))
          .getMessage();
    }
  }

  @Test
  void refusesRandomGradientsAndOpsWithoutOne() {
    SameDiff random = SameDiff.create();
    SDVariable x = random.placeHolder("x", DataType.FLOAT, -1, INPUTS);
    SDVariable y = random.placeHolder("y", DataType.FLOAT, -1, CLASSES);
    SDVariable w = random.var("w", part(floats("parameters"), 0, INPUTS, CLASSES));
    SDVariable mask = random.random().bernoulli(0.5, DataType.FLOAT, CLASSES);
    random.loss().softmaxCrossEntropy("loss", y, x.mmul(w).mul(mask), null);
    random.setLossVariables("loss");
    String message = refusedOperator(random);
    assertTrue(message.startsWith("gradient: found two that differ by "), message);
    SameDiff dropped = graph();
    dropped.nn().dropout("dropped", dropped.getVariable("loss").mul(1), 0.5);
    dropped.setLossVariables("dropped");
    assertEquals(
        "graph: found an op that SameDiff cannot differentiate (DropOut), expected only such that"
            + " it can",
        refusedOperator(dropped));
  }

  @Test
  void refusesGraphsThatCannotBeMeasured() {
    SameDiff graph = graph();
    refused(
        () -> new SameDiffGradients(graph, Map.of("x", batch().get("x"))),
        "batch: found values for [x], expected one for each of [x, y]");
    INDArray x = batch().get("x");
    refused(
        () -> new SameDiffGradients(graph, Map.of("x", x, "y", x, "z", x)),
        "batch: found values for [x, y, z], expected one for each of [x, y]");
    SameDiffGradients gradients = new SameDiffGradients(graph, batch());
    refused(
        () -> gradients.gradient(new float[3], new float[3]),
        "parameters: found 3 values, expected 1450");
    SameDiff wide = SameDiff.create();
    wide.var("w", Nd4j.zeros(DataType.DOUBLE, 3)).norm2("loss");
    wide.setLossVariables("loss");
    refused(() -> new SameDiffGradients(wide, Map.of()), "found variable w of type DOUBLE");
    SameDiff none = SameDiff.create();
    none.var("w", Nd4j.zeros(DataType.FLOAT, 3));
    refused(() -> new SameDiffGradients(none, Map.of()), "graph: found no loss");
  }
}

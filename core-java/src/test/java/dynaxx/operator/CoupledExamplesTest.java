package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Flatten;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Linear;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.pass.ExampleNorms;
import dynaxx.network.pass.FisherSweep;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.spectrum.ExampleStatistics;
import dynaxx.testing.Numbers;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/** Networks whose examples depend on each other: batch normalisation in training. */
class CoupledExamplesTest {

  private static final int EXAMPLES = 6;
  private static final Loss LOSS = Loss.crossEntropy();
  private static final Device DEVICE = Devices.cpu(2);

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  private static Network network() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(2, 7, 6));
    NetworkBuilder.Node x = g.add(conv(g, "first", 4, 2).withPadding(1), g.input());
    x = g.add(norm(g, "first.norm", 4), x);
    x = g.add(new Activate(Activation.TANH), x);
    x = g.add(new MaxPool(PoolWindow.of(2)), x);
    x = g.add(conv(g, "second", 5, 4), x);
    x = g.add(norm(g, "second.norm", 5), x);
    x = g.add(new Activate(Activation.SILU), x);
    x = g.add(new AveragePool(PoolWindow.global()), x);
    x = g.add(new Flatten(), x);
    Parameter head = g.parameter("head", Initializer.glorot(5, 3), 3, 5);
    return g.build(g.add(new Linear(head, null), x));
  }

  private static Conv conv(NetworkBuilder g, String name, int out, int in) {
    Initializer glorot = Initializer.glorot(4L * in, 4L * out);
    return Conv.of(g.parameter(name, glorot, out, in, 2, 2), null);
  }

  private static ChannelNorm norm(NetworkBuilder g, String name, int channels) {
    Parameter gamma = g.parameter(name + ".weight", new Initializer(1, 0.5f), channels);
    Parameter beta = g.parameter(name + ".bias", Initializer.deviation(0.3), channels);
    return ChannelNorm.batch(gamma, beta, 0);
  }

  private static HostBuffer parameters(Scope scope, Network network) {
    HostBuffer parameters = scope.allocate(network.parameterCount());
    network.initialize(parameters, 3);
    return parameters;
  }

  /**
   * The loss does not change with the length of weights that are followed by a batch norm without
   * epsilon. So, by differentiating {@code L(a w) = L(w)}, H w is the negative gradient in their
   * entries and zero in all others.
   */
  @Test
  void theHessianTimesScaleFreeWeightsIsTheNegativeGradient() {
    Network network = network();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 11);
      for (String name : new String[] {"first", "second"}) {
        assertTrue(scaleError(network, batch, name, DEVICE) < 1e-5);
        assertTrue(scaleError(network, batch, name, DEVICE.float64().orElseThrow()) < 1e-13);
      }
    }
  }

  private static double scaleError(Network network, Batch batch, String name, Device device) {
    int n = (int) network.parameterCount();
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(network, LOSS, batch, device)) {
      HostBuffer w = parameters(scope, network);
      hessian.linearize(w);
      Parameter scaled = network.parameter(name);
      double[] v = new double[n];
      double[] expected = new double[n];
      double[] gradient = Numbers.doubles(device, scope, hessian.gradient());
      for (int i = (int) scaled.offset(); i < scaled.offset() + scaled.size(); i++) {
        v[i] = w.get(i);
        expected[i] = -gradient[i];
      }
      Vectors hv = device.vectors(scope, 1, n);
      hessian.apply(Vectors.of(Numbers.upload(device, scope, v), 1, n), hv);
      double[] found = Numbers.doubles(device, scope, hv.buffer());
      double error = 0;
      for (int i = 0; i < n; i++) {
        error = Math.max(error, Math.abs(found[i] - expected[i]));
      }
      return error / Numbers.norm(gradient);
    }
  }

  @Test
  void theHessianIsSymmetricAndFormsAgreeWithProducts() {
    Network network = network();
    int n = (int) network.parameterCount();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 11);
      try (Hessian hessian = new Hessian(network, LOSS, batch, DEVICE)) {
        hessian.linearize(parameters(scope, network));
        Vectors v = Numbers.vectors(scope, 2, Numbers.uniform(2 * n, 5));
        Vectors hv = scope.vectors(2, n);
        hessian.apply(v, hv);
        double norm = Math.sqrt(DEVICE.algebra().dot(hv.vector(0), hv.vector(0)) * n);
        double left = DEVICE.algebra().dot(v.vector(0), hv.vector(1));
        double right = DEVICE.algebra().dot(v.vector(1), hv.vector(0));
        assertEquals(left, right, 1e-6 * norm);
        double form = DEVICE.algebra().dot(v.vector(0), hv.vector(0));
        assertEquals(form, hessian.quadraticForm(v)[0], 1e-6 * norm);
        double exact = hessian.quadraticForm64(v.vector(0)).orElseThrow();
        assertEquals(form, exact, 1e-6 * norm);
      }
    }
  }

  private static String refusal(Executable call) {
    return assertThrows(IllegalArgumentException.class, call).getMessage();
  }

  @Test
  void aBatchIsNotCut() {
    Network network = network();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 11);
      assertEquals(
          "micro-batch: found 2 of 6 examples, expected all of them at once, since the network"
              + " couples its examples",
          refusal(() -> new Hessian(network, LOSS, batch, DEVICE, new Limits(0, 2, 4))));
      long one = Tape.bytesPerExample(network, LOSS);
      String memory =
          refusal(() -> new GaussNewton(network, LOSS, batch, DEVICE, new Limits(one, 0, 4)));
      assertTrue(memory.startsWith("memory limit: found " + one + " bytes"), memory);
      assertTrue(memory.contains("all 6 examples at once"), memory);
      HostBuffer w = parameters(scope, network);
      try (Tape tape = new Tape(network, LOSS, DEVICE, EXAMPLES)) {
        String part = refusal(() -> tape.forward(w, batch.slice(0, 3), EXAMPLES, Mode.MEASURE));
        assertTrue(part.startsWith("batch: found 3 of 6 examples"), part);
      }
    }
  }

  @Test
  void anOperatorTakesFewerDirectionsRatherThanCutTheBatch() {
    Network network = network();
    int n = (int) network.parameterCount();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 11);
      HostBuffer w = parameters(scope, network);
      Vectors v = Numbers.vectors(scope, 4, Numbers.uniform(4 * n, 5));
      Vectors all = scope.vectors(4, n);
      Vectors few = scope.vectors(4, n);
      try (Hessian hessian = new Hessian(network, LOSS, batch, DEVICE)) {
        hessian.linearize(w).apply(v, all);
      }
      long least = leastMemory(network, batch);
      try (Hessian hessian = new Hessian(network, LOSS, batch, DEVICE, new Limits(least, 0, 4))) {
        assertEquals(EXAMPLES, hessian.microBatch());
        hessian.linearize(w).apply(v, few);
        assertTrue(hessian.quadraticForm64(v.vector(0)).isEmpty(), "twice the memory in float64");
      }
      assertEquals(0, DEVICE.algebra().squaredDistance(all.buffer(), few.buffer()));
    }
  }

  /** As the message of a refusal says. */
  private static long leastMemory(Network network, Batch batch) {
    String message = refusal(() -> new Hessian(network, LOSS, batch, DEVICE, new Limits(1, 0, 1)));
    return Long.parseLong(message.replaceAll(".*at least (\\d+) for all.*", "$1"));
  }

  @Test
  void thereAreNoGradientsOfSingleExamples() {
    Network network = network();
    String why =
        ": needs gradients of single examples, and batch norm over the whole batch couples the"
            + " examples; give it running statistics";
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, LOSS, EXAMPLES, 11);
      HostBuffer w = parameters(scope, network);
      assertEquals(
          "empirical fisher" + why,
          refusal(() -> new EmpiricalFisher(network, LOSS, batch, DEVICE)));
      assertEquals(
          "example statistics" + why,
          refusal(() -> ExampleStatistics.measure(network, LOSS, batch, 2, 0, w, DEVICE)));
      assertEquals(
          "example norms" + why, refusal(() -> new ExampleNorms(network, DEVICE, 6, 1 << 20)));
      assertEquals("fisher sweep" + why, refusal(() -> new FisherSweep(network, DEVICE, 6, 1)));
    }
    assertTrue(network.couplesExamples());
    assertFalse(dynaxx.testing.KnownCase.cnnRelu().network().couplesExamples());
  }
}

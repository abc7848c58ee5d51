package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Reduce;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Networks whose values are near the ends of float32 and whose derivatives are not: Hessian-vector
 * products against the same network in float64.
 */
@Tag("kernel")
class RangeTest {

  private static final double TOLERANCE = 3e-4;

  private static Node exponentials(NetworkBuilder g, float shift) {
    Parameter w = g.parameter("w", Initializer.deviation(0.5), 5, 4);
    Node x = g.add(new Linear(w, null), g.input());
    return g.add(new Activate(Elementary.EXP), g.add(new Activate(Elementary.affine(1, shift)), x));
  }

  /** Without taking the largest off first. */
  @ParameterizedTest
  @ValueSource(floats = {-80, -50, -20, 0, 20, 50, 80})
  void logSumExpByHand(float shift) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    Node e = exponentials(g, shift);
    Node sum = g.add(new Reduce(List.of(0), false, true), e);
    Node log = g.add(new Activate(Elementary.LOG), sum);
    check(g.build(g.add(new Activate(Elementary.affine(1, -shift)), log)));
  }

  @ParameterizedTest
  @ValueSource(floats = {-80, -50, -20, 0, 20, 50, 80})
  void softmaxByHand(float shift) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    Node e = exponentials(g, shift);
    Node sum = g.add(new Reduce(List.of(0), false, true), e);
    check(g.build(g.add(new Divide(), e, g.add(new Broadcast(Shape.of(5)), sum))));
  }

  @ParameterizedTest
  @ValueSource(floats = {-80, -50, -20, 0, 20, 50, 80})
  void logOfPowers(float shift) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    Node e = exponentials(g, shift);
    Node root = g.add(new Activate(Elementary.SQRT), e);
    Node inverse = g.add(new Activate(Elementary.power(-0.5)), root);
    check(g.build(g.add(new Activate(Elementary.LOG), inverse)));
  }

  private static void check(Network network) {
    Loss loss = Loss.meanSquaredError();
    try (Scope scope = Scope.open();
        Device device = TestDevice.open(2)) {
      Batch batch = Samples.batch(scope, network, loss, 6, 4);
      HostBuffer point = scope.allocate(network.parameterCount());
      network.initialize(point, 3);
      double[] found = products(device, network, loss, batch, point);
      double[] exact = products(device.float64().orElseThrow(), network, loss, batch, point);
      double error = Numbers.relativeDifference(exact, found);
      assertTrue(error <= TOLERANCE, () -> "relative error " + error);
    }
  }

  private static double[] products(
      Device device, Network network, Loss loss, Batch batch, HostBuffer point) {
    long n = network.parameterCount();
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(network, loss, batch, device)) {
      hessian.linearize(point);
      HostBuffer direction = scope.allocate(n);
      for (long i = 0; i < n; i++) {
        direction.set(i, (float) Math.sin(1 + 3 * i));
      }
      Buffer v = device.upload(scope, direction.segment());
      Vectors hv = device.vectors(scope, 1, n);
      hessian.apply(Vectors.of(v, 1, n), hv);
      return Numbers.doubles(device, scope, hv.buffer());
    }
  }
}

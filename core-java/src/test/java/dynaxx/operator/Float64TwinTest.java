package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.testing.CountedMemory;
import dynaxx.testing.TestDevice;
import java.util.SplittableRandom;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Forms in float64: those of the whole matrix there, without its parameters there. */
class Float64TwinTest {

  private static final int WIDTH = 512;
  private static final int EXAMPLES = 3;

  /** Ten times as large as any of its layers; no two of which are alike. */
  private static final Network NETWORK =
      Mlp.of(
          Activation.TANH,
          Stream.iterate(WIDTH, width -> width + 8)
              .limit(25)
              .mapToInt(Integer::intValue)
              .toArray());

  interface Matrix {
    NetworkOperator of(Batch batch, Device device, Limits limits);
  }

  private enum Kind implements Matrix {
    HESSIAN((batch, device, limits) -> new Hessian(NETWORK, LOSS, batch, device, limits)),
    GAUSS_NEWTON((batch, device, limits) -> new GaussNewton(NETWORK, LOSS, batch, device, limits)),
    FISHER((batch, device, limits) -> new EmpiricalFisher(NETWORK, LOSS, batch, device, limits));

    private final Matrix matrix;

    Kind(Matrix matrix) {
      this.matrix = matrix;
    }

    @Override
    public NetworkOperator of(Batch batch, Device device, Limits limits) {
      return matrix.of(batch, device, limits);
    }
  }

  private static final Loss LOSS = Loss.crossEntropy();

  static Stream<Matrix> kinds() {
    return Stream.of(Kind.values());
  }

  private static HostBuffer random(Scope scope, long n, double scale, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    HostBuffer values = scope.allocate(n);
    for (long i = 0; i < n; i++) {
      values.set(i, (float) (2 * scale * (random.nextDouble() - 0.5)));
    }
    return values;
  }

  @ParameterizedTest
  @MethodSource("kinds")
  void takesLessThanOneVectorInFloat64(Matrix kind) {
    long n = NETWORK.parameterCount();
    try (Device device = TestDevice.open(2);
        Scope scope = Scope.open()) {
      HostBuffer inputs = random(scope, (long) EXAMPLES * WIDTH, 1, 1);
      HostBuffer targets = scope.allocate(EXAMPLES).put(new float[] {0, 5, 300});
      Batch batch = Batch.of(NETWORK, LOSS, inputs, targets);
      HostBuffer parameters = random(scope, n, 1 / Math.sqrt(WIDTH), 2);
      Buffer v = device.upload(scope, random(scope, n, 1 / Math.sqrt(n), 3).segment());
      Device exact = device.float64().orElseThrow();
      double expected;
      try (NetworkOperator whole = kind.of(batch, exact, Limits.DEFAULT)) {
        whole.linearize(parameters);
        Buffer wide = exact.upload(scope, random(scope, n, 1 / Math.sqrt(n), 3).segment());
        expected = whole.quadraticForm(Vectors.of(wide, 1, n))[0];
      }
      CountedMemory memory = new CountedMemory(device);
      // so little that each example is a part
      Limits limits = new Limits(1L << 21, 0, 1);
      try (NetworkOperator operator = kind.of(batch, memory.device(), limits)) {
        operator.linearize(parameters);
        double found = operator.quadraticForm64(v).orElseThrow();
        assertEquals(expected, found, 1e-12 * Math.abs(expected));
        assertTrue(memory.peak() < n, "of " + n + ": " + memory.peak());
        System.out.printf("%s: %.3f of a vector%n", kind, (double) memory.peak() / n);
      }
    }
  }
}

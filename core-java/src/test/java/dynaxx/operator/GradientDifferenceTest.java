package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.GradientDifference.ErrorEstimate;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.Dense;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import java.util.Arrays;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class GradientDifferenceTest {

  /** Relative error of a product that the library promises in float32. */
  private static final double ACCURACY = 1e-3;

  /** The same in units of the operator's norm. */
  private static final double ACCURACY_IN_NORM = 3e-4;

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  /**
   * Smooth networks only: where a step crosses a kink of ReLU or max pooling, the gradient jumps,
   * and no difference of gradients is near the Hessian.
   */
  static Stream<KnownCase> cases() {
    return KnownCase.all().filter(c -> !c.name().equals("cnn-relu"));
  }

  /** A known network as a stack that offers gradients only. */
  private static BiConsumer<Buffer, Buffer> gradient(Hessian hessian) {
    return (parameters, gradient) ->
        device.algebra().copy(hessian.linearize((HostBuffer) parameters).gradient(), gradient);
  }

  /** The gradient of the quadratic form of a matrix, plus a cubic term. */
  private static BiConsumer<Buffer, Buffer> polynomial(double[][] a, double cubic) {
    return (parameters, gradient) -> {
      double[] x = Numbers.doubles(parameters);
      double[] ax = OperatorContract.product(a, x);
      for (int i = 0; i < x.length; i++) {
        ((HostBuffer) gradient).set(i, (float) (ax[i] + cubic * x[i] * x[i]));
      }
    };
  }

  private static float[] array(Buffer buffer) {
    return ((HostBuffer) buffer).toArray();
  }

  private static double[] direction(double[] all, int i, int n) {
    return Arrays.copyOfRange(all, i * n, (i + 1) * n);
  }

  /** Random probes against PyTorch's float64 products; the estimate beside the true error. */
  @ParameterizedTest
  @MethodSource("cases")
  void probesAreAccurateAndTheEstimateIsHonest(KnownCase c) {
    try (Scope scope = Scope.open();
        Hessian host = new Hessian(c.network(), c.loss(), c.batch(scope), device);
        GradientDifference operator =
            new GradientDifference(
                gradient(host), c.host(scope, "parameters"), GradientDifference.FLOAT32, device)) {
      int n = (int) operator.dimension();
      Vectors v = Numbers.vectors(scope, 4, c.array("probe"));
      Vectors hv = scope.vectors(4, n);
      operator.apply(v, hv);
      double stated = operator.productError();
      double largest = 0;
      for (int i = 0; i < 4; i++) {
        double[] expected = direction(c.array("hvp"), i, n);
        double error = Numbers.relativeDifference(expected, array(hv.vector(i)));
        ErrorEstimate estimate = operator.estimateError(v.vector(i));
        assertTrue(error < ACCURACY, c + ": error " + error);
        assertHonest(error, estimate.relative());
        assertEquals(Numbers.norm(expected), estimate.norm(), ACCURACY * estimate.norm());
        largest = Math.max(largest, error * Numbers.norm(expected) / Math.sqrt(n));
      }
      double norm = c.expected().get("lambda_max").asDouble();
      assertTrue(largest < ACCURACY_IN_NORM * norm, "error " + largest / norm);
      assertTrue(largest < 3 * stated * norm, "stated " + stated + ", error " + largest / norm);
      assertTrue(stated < 3 * ACCURACY, "stated " + stated);
      Consistency.measure(operator, 2).require();
    }
  }

  private static void assertHonest(double error, double estimate) {
    assertTrue(
        estimate > error / 3 && estimate < 10 * error,
        () -> "error " + error + ", estimate " + estimate);
  }

  /**
   * Along the sharpest directions a step that suits random probes is hundreds of times too long.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void sharpDirectionsAndEigenvalues(KnownCase c) {
    try (Scope scope = Scope.open();
        Hessian host = new Hessian(c.network(), c.loss(), c.batch(scope), device);
        Hessian exact = new Hessian(c.network(), c.loss(), c.batch(scope), device);
        GradientDifference operator =
            new GradientDifference(
                gradient(host), c.host(scope, "parameters"), GradientDifference.FLOAT32, device)) {
      exact.linearize(c.host(scope, "parameters"));
      int n = (int) operator.dimension();
      Vectors v = Numbers.vectors(scope, 1, direction(c.array("probe"), 0, n));
      Vectors hv = scope.vectors(1, n);
      double largest = c.expected().get("lambda_max").asDouble();
      Vectors expected = scope.vectors(1, n);
      for (int i = 0; i < 30; i++) {
        exact.apply(v, expected);
        if (i == 1 || i == 29) {
          operator.apply(v, hv);
          double[] truth = Numbers.doubles(expected.buffer());
          double error = Numbers.relativeDifference(truth, array(hv.buffer()));
          double estimate = operator.relativeError(v.buffer());
          assertTrue(error < ACCURACY, c + ": error " + error);
          assertHonest(error, estimate);
          assertTrue(error < 3 * operator.productError(), "stated " + operator.productError());
          double inNorm =
              error * Numbers.norm(truth) / Numbers.norm(Numbers.doubles(v.buffer())) / largest;
          assertTrue(inNorm < ACCURACY_IN_NORM, c + ": error in norm " + inNorm);
        }
        double norm = Math.sqrt(device.algebra().dot(expected.buffer(), expected.buffer()));
        device.algebra().axpby(1 / norm, expected.buffer(), 0, v.buffer());
      }
      Lanczos.Result spectrum = Lanczos.fixed(30).withSeed(3).run(operator);
      assertEquals(largest, spectrum.max().value(), ACCURACY * largest);
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void productsFollowTheLengthOfTheVector(KnownCase c) {
    try (Scope scope = Scope.open();
        Hessian host = new Hessian(c.network(), c.loss(), c.batch(scope), device);
        GradientDifference operator =
            new GradientDifference(
                gradient(host), c.host(scope, "parameters"), GradientDifference.FLOAT32, device)) {
      int n = (int) operator.dimension();
      double[] probe = direction(c.array("probe"), 1, n);
      double[] expected = direction(c.array("hvp"), 1, n);
      for (double scale : new double[] {1e3, 1e-3, 1e-12, 1e12}) {
        double[] scaled = Arrays.stream(probe).map(x -> scale * x).toArray();
        double[] product = Arrays.stream(expected).map(x -> scale * x).toArray();
        Vectors hv = scope.vectors(1, n);
        operator.apply(Numbers.vectors(scope, 1, scaled), hv);
        Numbers.assertClose("H v", product, array(hv.buffer()), ACCURACY);
      }
      Vectors hv = scope.vectors(1, n);
      Vectors quarter = scope.vectors(1, n);
      operator.apply(Numbers.vectors(scope, 1, probe), hv);
      double[] scaled = Arrays.stream(probe).map(x -> 0.25 * x).toArray();
      operator.apply(Numbers.vectors(scope, 1, scaled), quarter);
      device.algebra().axpby(4, quarter.buffer(), 0, quarter.buffer());
      assertArrayEquals(array(hv.buffer()), array(quarter.buffer()), "powers of two");
    }
  }

  @Test
  void quadraticLoss() {
    Dense dense = OperatorContract.randomDense(4, 21);
    try (Scope scope = Scope.open()) {
      HostBuffer theta = (HostBuffer) Numbers.vectors(scope, 1, Numbers.uniform(21, 6)).buffer();
      try (GradientDifference operator =
          new GradientDifference(
              polynomial(dense.matrix(), 0), theta, GradientDifference.FLOAT32, device)) {
        OperatorContract.verify(operator, dense.matrix(), 1e-4);
        assertTrue(operator.quadraticForm64(theta).isEmpty());
        assertTrue(operator.productError() < 1e-4, "" + operator.productError());
      }
    }
  }

  @Test
  void parametersAndVectorsOfZero() {
    double[][] a = Dense.diagonal(2, -3, 0).matrix();
    try (Scope scope = Scope.open();
        GradientDifference operator =
            new GradientDifference(
                polynomial(a, 0), scope.allocate(3), GradientDifference.FLOAT32, device)) {
      OperatorContract.verify(operator, a, 1e-6);
      Vectors v = Numbers.vectors(scope, 2, new double[] {0, 0, 0, 0, 0, 5});
      Vectors hv = scope.vectors(2, 3);
      device.algebra().fill(hv.buffer(), 7);
      operator.apply(v, hv);
      assertArrayEquals(new float[6], array(hv.buffer()));
      assertEquals(new ErrorEstimate(0, 0), operator.estimateError(v.vector(0)));
      assertEquals(0, operator.relativeError(v.vector(0)));
    }
  }

  @Test
  void constantGradientIsTheZeroOperator() {
    try (Scope scope = Scope.open();
        GradientDifference operator =
            new GradientDifference(
                (parameters, gradient) -> device.algebra().fill(gradient, 3),
                scope.allocate(5),
                GradientDifference.FLOAT32,
                device)) {
      OperatorContract.verify(operator, new double[5][5], 0);
      assertEquals(device.unitRoundoff(), operator.productError());
      assertEquals(0, Consistency.measure(operator, 1).require().asymmetry());
    }
  }

  /** A gradient rounded to bfloat16 is 2^-9 off in each element; the estimate must say so. */
  @ParameterizedTest
  @MethodSource("cases")
  void coarseGradientsAreSeenInTheEstimate(KnownCase c) {
    try (Scope scope = Scope.open();
        Hessian host = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      BiConsumer<Buffer, Buffer> exact = gradient(host);
      BiConsumer<Buffer, Buffer> rounded =
          (parameters, gradient) -> {
            exact.accept(parameters, gradient);
            HostBuffer g = (HostBuffer) gradient;
            for (long i = 0; i < g.size(); i++) {
              int bits = Float.floatToRawIntBits(g.get(i)) + 0x8000;
              g.set(i, Float.intBitsToFloat(bits & 0xFFFF0000));
            }
          };
      HostBuffer theta = c.host(scope, "parameters");
      try (GradientDifference operator =
          new GradientDifference(rounded, theta, GradientDifference.BFLOAT16, device)) {
        int n = (int) operator.dimension();
        Vectors v = Numbers.vectors(scope, 4, c.array("probe"));
        Vectors hv = scope.vectors(4, n);
        operator.apply(v, hv);
        for (int i = 0; i < 4; i++) {
          double[] expected = direction(c.array("hvp"), i, n);
          double error = Numbers.relativeDifference(expected, array(hv.vector(i)));
          double estimate = operator.relativeError(v.vector(i));
          assertTrue(error < 0.15, "error " + error);
          assertHonest(error, estimate);
        }
      }
    }
  }

  @Test
  void theHostsParametersStayAsTheyAre() {
    double[][] a = OperatorContract.randomDense(4, 6).matrix();
    try (Scope scope = Scope.open()) {
      HostBuffer theta = (HostBuffer) Numbers.vectors(scope, 1, Numbers.uniform(6, 6)).buffer();
      float[] before = theta.toArray();
      BiConsumer<Buffer, Buffer> careless =
          (parameters, gradient) -> {
            polynomial(a, 0.1).accept(parameters, gradient);
            device.algebra().fill(parameters, Float.NaN);
          };
      try (GradientDifference operator =
          new GradientDifference(careless, theta, GradientDifference.FLOAT32, device)) {
        Vectors v = Numbers.vectors(scope, 3, Numbers.uniform(18, 7));
        Vectors hv = scope.vectors(3, 6);
        operator.apply(v, hv);
        float[] once = array(hv.buffer());
        operator.productError();
        operator.apply(v, hv);
        assertArrayEquals(once, array(hv.buffer()));
        assertArrayEquals(before, theta.toArray());
        theta.put(9, 9, 9);
        operator.apply(v, hv);
        assertArrayEquals(once, array(hv.buffer()), "parameters were copied");
      }
    }
  }

  @Test
  void aHostThatThrowsLeavesEverythingUsable() {
    double[][] a = OperatorContract.randomDense(4, 6).matrix();
    boolean[] broken = {false};
    BiConsumer<Buffer, Buffer> sometimes =
        (parameters, gradient) -> {
          if (broken[0]) {
            throw new UnsupportedOperationException("host");
          }
          polynomial(a, 0).accept(parameters, gradient);
        };
    try (Scope scope = Scope.open()) {
      HostBuffer theta = (HostBuffer) Numbers.vectors(scope, 1, Numbers.uniform(6, 6)).buffer();
      float[] before = theta.toArray();
      try (GradientDifference operator =
          new GradientDifference(sometimes, theta, GradientDifference.FLOAT32, device)) {
        Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(6, 7));
        Vectors hv = scope.vectors(1, 6);
        broken[0] = true;
        assertThrows(UnsupportedOperationException.class, () -> operator.apply(v, hv));
        assertArrayEquals(before, theta.toArray());
        broken[0] = false;
        OperatorContract.verify(operator, a, 1e-4);
      }
      broken[0] = true;
      assertThrows(
          UnsupportedOperationException.class,
          () -> new GradientDifference(sometimes, theta, GradientDifference.FLOAT32, device));
    }
  }

  @Test
  void reportsWhatIsNotFinite() {
    BiConsumer<Buffer, Buffer> root =
        (parameters, gradient) ->
            ((HostBuffer) gradient).set(0, (float) Math.sqrt(((HostBuffer) parameters).get(0)));
    try (Scope scope = Scope.open()) {
      HostBuffer theta = scope.allocate(1);
      try (GradientDifference operator =
          new GradientDifference(root, theta, GradientDifference.FLOAT32, device)) {
        Vectors v = Numbers.vectors(scope, 1, new double[] {1});
        Vectors hv = scope.vectors(1, 1);
        assertThrows(NonFiniteException.class, () -> operator.apply(v, hv));
        Vectors nan = Numbers.vectors(scope, 1, new double[] {Double.NaN});
        assertThrows(NonFiniteException.class, () -> operator.apply(nan, hv));
      }
      theta.set(0, -1);
      assertThrows(
          NonFiniteException.class,
          () -> new GradientDifference(root, theta, GradientDifference.FLOAT32, device));
      theta.set(0, Float.POSITIVE_INFINITY);
      assertThrows(
          NonFiniteException.class,
          () -> new GradientDifference(root, theta, GradientDifference.FLOAT32, device));
    }
  }

  @Test
  void refusesWrongArguments() {
    BiConsumer<Buffer, Buffer> zero = (parameters, gradient) -> {};
    try (Scope scope = Scope.open()) {
      HostBuffer theta = scope.allocate(2);
      for (double precision : new double[] {0, 1, -1, Double.NaN}) {
        OperatorContract.assertRefuses(
            "precision: found " + precision + ", expected above 0 and below 1",
            () -> new GradientDifference(zero, theta, precision, device));
      }
      HostBuffer none = scope.allocate(0);
      OperatorContract.assertRefuses(
          "parameters: found 0 values, expected at least 1",
          () -> new GradientDifference(zero, none, 0.1, device));
      try (GradientDifference operator = new GradientDifference(zero, theta, 0.1, device)) {
        OperatorContract.assertRefuses(
            "v: found vectors of length 3, expected 2",
            () -> operator.estimateError(scope.allocate(3)));
      }
    }
  }

  /** Rectified units have kinks: the product is that of the smooth pieces, roughly. */
  @Test
  void kinksAndNoiseDoNotRunAway() {
    Random random = new Random(3);
    int[] calls = {0};
    BiConsumer<Buffer, Buffer> noisy =
        (parameters, gradient) -> {
          calls[0]++;
          for (int i = 0; i < 8; i++) {
            float x = ((HostBuffer) parameters).get(i);
            ((HostBuffer) gradient).set(i, Math.abs(x) + 1e-3f * (float) random.nextGaussian());
          }
        };
    try (Scope scope = Scope.open();
        GradientDifference operator =
            new GradientDifference(noisy, scope.allocate(8), GradientDifference.FLOAT32, device)) {
      Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(8, 2));
      Vectors hv = scope.vectors(1, 8);
      operator.apply(v, hv);
      assertTrue(calls[0] <= 13, calls[0] + " gradients");
      assertTrue(operator.productError() > 0.1, "" + operator.productError());
    }
  }
}

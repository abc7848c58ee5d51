package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.Dense;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class PreconditionedTest {

  private static final Adam ADAM = new Adam(100, 0.9, 0.999, 1e-8);

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  private static float[] diagonal(int n) {
    Random random = new Random(9);
    float[] p = new float[n];
    for (int i = 0; i < n; i++) {
      p[i] = (float) Math.pow(10, 4 * random.nextDouble() - 2);
    }
    return p;
  }

  @Test
  void scalesRowsAndColumns() {
    int n = 37;
    float[] p = diagonal(n);
    double[][] expected = OperatorContract.randomDense(5, n).matrix();
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        expected[i][j] /= Math.sqrt((double) p[i] * p[j]);
      }
    }
    SymmetricOperator inner = OperatorContract.randomDense(5, n).on(device);
    try (Scope scope = Scope.open();
        SymmetricOperator array = inner.preconditioned(p);
        SymmetricOperator buffer = inner.preconditioned(scope.allocate(n).put(p))) {
      OperatorContract.verify(array, expected, 1e-6);
      OperatorContract.verify(buffer, expected, 1e-6);
    }
    try (SymmetricOperator single = Dense.diagonal(3).on(device).preconditioned(4f)) {
      OperatorContract.verify(single, new double[][] {{0.75}}, 1e-7);
    }
  }

  @Test
  void copiesTheDiagonal() {
    SymmetricOperator inner = Dense.diagonal(8, 8).on(device);
    try (Scope scope = Scope.open()) {
      HostBuffer p = scope.allocate(2).put(2, 4);
      try (SymmetricOperator operator = inner.preconditioned(p)) {
        p.put(-1, Float.NaN);
        OperatorContract.verify(operator, new double[][] {{4, 0}, {0, 2}}, 1e-6);
      }
    }
  }

  /** Cohen and others (2022), by hand: t = 2, beta1 = 0.9, beta2 = 0.99, epsilon = 0.5. */
  @Test
  void adam() {
    double[] v = {0.0199 * 4, 0, 0.0199 * 0.0625};
    double[] p = {0.19 * 2.5, 0.19 * 0.5, 0.19 * 0.75};
    double[][] expected = new double[3][3];
    for (int i = 0; i < 3; i++) {
      expected[i][i] = 1 / p[i];
    }
    try (Scope scope = Scope.open();
        SymmetricOperator operator =
            Preconditioned.adam(
                Dense.diagonal(1, 1, 1).on(device),
                (HostBuffer) Numbers.vectors(scope, 1, v).buffer(),
                new Adam(2, 0.9, 0.99, 0.5))) {
      OperatorContract.verify(operator, expected, 1e-6);
    }
  }

  /**
   * Adam with a frozen second moment on a quadratic loss: the iterates stay bounded just below the
   * threshold (2 + 2 beta1) / ((1 - beta1) eta) = 38 / eta and blow up just above it.
   */
  @Test
  void preconditionedSharpnessDecidesStability() {
    double[] v = {0.04, 0.25, 1};
    double[] curvature = {3, 1, 7};
    long step = 1_000_000;
    try (Scope scope = Scope.open();
        SymmetricOperator operator =
            Preconditioned.adam(
                Dense.diagonal(curvature).on(device),
                (HostBuffer) Numbers.vectors(scope, 1, v).buffer(),
                new Adam(step, 0.9, 0.999, 1e-8))) {
      double sharpness = Lanczos.fixed(3).run(operator).max().value();
      assertEquals(15, sharpness, 1e-4);
      assertTrue(iterate(v, curvature, 0.99 * 38 / sharpness) < 10);
      assertTrue(iterate(v, curvature, 1.01 * 38 / sharpness) > 1e6);
    }
  }

  private static double iterate(double[] v, double[] curvature, double eta) {
    double[] theta = {1, 1, 1};
    double[] m = new double[3];
    for (int t = 0; t < 10_000 && Numbers.norm(theta) < 1e8; t++) {
      for (int i = 0; i < 3; i++) {
        m[i] = 0.9 * m[i] + 0.1 * curvature[i] * theta[i];
        theta[i] -= eta * m[i] / (Math.sqrt(v[i]) + 1e-8);
      }
    }
    return Numbers.norm(theta);
  }

  /** With w = P^1/2 v the product is P^-1/2 H v, and PyTorch's H v is known. */
  @Test
  void agreesWithExactProductsOfANetwork() {
    KnownCase c = KnownCase.vitSmall();
    double[] probes = c.array("probe");
    double[] products = c.array("hvp");
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      int n = (int) hessian.dimension();
      float[] p = diagonal(n);
      double[] w = new double[4 * n];
      double[] expected = new double[4 * n];
      for (int i = 0; i < 4 * n; i++) {
        w[i] = probes[i] * Math.sqrt(p[i % n]);
        expected[i] = products[i] / Math.sqrt(p[i % n]);
      }
      try (SymmetricOperator operator = hessian.preconditioned(p)) {
        Vectors v = Numbers.vectors(scope, 4, w);
        Vectors hv = scope.vectors(4, n);
        operator.apply(v, hv);
        double[] forms = operator.quadraticForm(v);
        for (int i = 0; i < 4; i++) {
          double[] product = Arrays.copyOfRange(expected, i * n, (i + 1) * n);
          Numbers.assertClose("H v", product, ((HostBuffer) hv.vector(i)).toArray(), 2e-5);
          double form = c.expected().get("quadratic_forms").get(i).asDouble();
          double scale = Numbers.norm(product) * Numbers.norm(Numbers.doubles(v.vector(i)));
          assertEquals(form, forms[i], 2e-5 * scale, "v'Hv");
        }
        Consistency.measure(operator, 4).require();
      }
    }
  }

  /**
   * Key biases have gradients and curvature of zero, so Adam's P is epsilon there and enlarges what
   * rounding leaves 1e8 times. The asymmetry of the whole matrix still stays below the stated
   * error.
   */
  @Test
  void statedErrorHoldsForAdamOnATransformer() {
    Network network =
        new VisionTransformer()
            .image(1, 4, 4)
            .patch(2)
            .embedding(8)
            .depth(1)
            .heads(2)
            .hidden(12)
            .classes(5)
            .build();
    Loss loss = Loss.crossEntropy();
    try (Scope scope = Scope.open();
        Hessian hessian =
            new Hessian(network, loss, Samples.batch(scope, network, loss, 16, 1), device)) {
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, 3);
      hessian.linearize(parameters);
      HostBuffer v = scope.allocate(hessian.dimension());
      double[] gradient = Numbers.doubles(hessian.gradient());
      for (int i = 0; i < gradient.length; i++) {
        v.set(i, (float) (gradient[i] * gradient[i]));
      }
      try (SymmetricOperator operator =
          hessian.preconditioned(v, new Adam(100_000, 0.9, 0.999, 1e-8))) {
        double[][] a = OperatorContract.columns(operator);
        double norm = spectralNorm(a, false);
        double antisymmetric = spectralNorm(a, true) / 2;
        assertTrue(antisymmetric < operator.productError() * norm, antisymmetric + " of " + norm);
      }
    }
  }

  /** Power iteration on A'A, or on the same of A - A'. */
  private static double spectralNorm(double[][] a, boolean antisymmetric) {
    double[] v = Numbers.uniform(a.length, 3);
    double growth = 0;
    for (int i = 0; i < 10; i++) {
      double norm = Numbers.norm(v);
      double[] x = Arrays.stream(v).map(value -> value / norm).toArray();
      double[] ax = OperatorContract.product(a, x);
      v = antisymmetric ? minus(ax, transposedProduct(a, x)) : ax;
      growth = Numbers.norm(v);
    }
    return growth;
  }

  private static double[] minus(double[] a, double[] b) {
    double[] difference = a.clone();
    Arrays.setAll(difference, i -> a[i] - b[i]);
    return difference;
  }

  private static double[] transposedProduct(double[][] a, double[] x) {
    double[] y = new double[x.length];
    for (int i = 0; i < x.length; i++) {
      for (int j = 0; j < x.length; j++) {
        y[j] += a[i][j] * x[i];
      }
    }
    return y;
  }

  @Test
  void passesOnTheErrorButNoFormInFloat64() {
    SymmetricOperator plain = Dense.diagonal(1, -2, 3).on(device);
    SymmetricOperator precise = new ShiftedTest.Float64(plain, 1e-5);
    try (Scope scope = Scope.open();
        SymmetricOperator withForm = precise.preconditioned(0.25f, 4, 1);
        SymmetricOperator without = plain.preconditioned(0.25f, 4, 1)) {
      Buffer v = Numbers.vectors(scope, 1, new double[] {0.3, 0.5, 1e-4}).buffer();
      assertTrue(withForm.quadraticForm64(v).isEmpty(), "the scaled vector is rounded");
      assertTrue(without.quadraticForm64(v).isEmpty());
      assertTrue(withForm.productError() >= 1e-5 && withForm.productError() < 1.1e-5);
    }
  }

  @Test
  void refusesWhatIsNotAPositiveDiagonal() {
    SymmetricOperator inner = Dense.diagonal(1, 2, 3).on(device);
    String expected = ", expected a positive finite value with 1 / sqrt(value) in float32";
    for (float wrong : new float[] {0, -1, Float.NaN, Float.POSITIVE_INFINITY}) {
      OperatorContract.assertRefuses(
          "diagonal[1]: found " + (double) wrong + expected,
          () -> inner.preconditioned(1, wrong, 1));
    }
    OperatorContract.assertRefuses(
        "diagonal: found 2 values, expected 3", () -> inner.preconditioned(1, 1));
    try (Scope scope = Scope.open()) {
      HostBuffer v = scope.allocate(3).put(1, 1, -4);
      OperatorContract.assertRefuses(
          "second moment[2]: found -4.0, expected a finite value of at least 0",
          () -> inner.preconditioned(v, ADAM));
      v.put(1, 0, 4);
      OperatorContract.assertRefuses(
          "diagonal[1]: found 0.0" + expected,
          () -> inner.preconditioned(v, new Adam(1, 0.9, 0.999, 0)));
      OperatorContract.assertRefuses(
          "second moment: found 1 values, expected 3",
          () -> inner.preconditioned(v.slice(0, 1), ADAM));
    }
    OperatorContract.assertRefuses(
        "step: found 0, expected at least 1", () -> new Adam(0, 0.9, 0.999, 1e-8));
    OperatorContract.assertRefuses(
        "beta1: found 1.0, expected at least 0 and below 1", () -> new Adam(1, 1, 0.999, 1e-8));
    OperatorContract.assertRefuses(
        "beta2: found NaN, expected at least 0 and below 1",
        () -> new Adam(1, 0.9, Double.NaN, 1e-8));
    OperatorContract.assertRefuses(
        "epsilon: found -1.0, expected a finite value of at least 0",
        () -> new Adam(1, 0.9, 0.999, -1));
  }

  @Test
  void useAfterCloseThrows() {
    SymmetricOperator operator = Dense.diagonal(1, 2).on(device).preconditioned(1, 1);
    operator.close();
    operator.close();
    try (Scope scope = Scope.open()) {
      Vectors v = scope.vectors(1, 2);
      assertThrows(IllegalStateException.class, () -> operator.quadraticForm(v));
    }
  }
}

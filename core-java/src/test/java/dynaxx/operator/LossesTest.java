package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.layer.Activation;
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
import dynaxx.network.op.Activate;
import dynaxx.network.op.Concat;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Slice;
import dynaxx.network.op.Softmax;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every loss of a small network against PyTorch in float64: value, gradient, Hessian-vector and
 * Gauss-Newton product, of the whole batch and in micro-batches. {@code make.py} beside the values
 * makes them.
 */
@Tag("kernel")
class LossesTest {

  private static final double LOSS = 1e-6;
  private static final double NORM = 2e-5;
  private static final int INPUTS = 3;
  private static final int HIDDEN = 4;
  private static final float[] CLASS_WEIGHTS = {0.2f, 1.5f, 0.9f};
  private static final int IGNORED = -100;

  /** Losses that are not convex in their predictions, or couple them. */
  private static final List<String> NOT_CONVEX =
      List.of("gaussian", "gaussian-log", "cosine", "contrastive");

  private record Case(String name, Map<String, double[]> values) {

    double[] get(String key) {
      return values.get(key);
    }

    Shape output() {
      return Shape.of(Arrays.stream(get("output")).mapToInt(d -> (int) d).toArray());
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() throws IOException {
    List<Case> cases = new ArrayList<>();
    try (InputStream in = LossesTest.class.getResourceAsStream("/dynaxx/losses/losses.txt");
        BufferedReader lines =
            new BufferedReader(new InputStreamReader(in, StandardCharsets.UTF_8))) {
      for (String line = lines.readLine(); line != null; line = lines.readLine()) {
        String[] words = line.split(" ");
        if (words[0].equals("case")) {
          cases.add(new Case(words[1], new HashMap<>()));
        } else {
          double[] values = Arrays.stream(words).skip(1).mapToDouble(Double::parseDouble).toArray();
          cases.getLast().values().put(words[0], values);
        }
      }
    }
    return cases.stream();
  }

  private static Loss loss(String name) {
    return switch (name.replaceFirst("-(near|far)$", "")) {
      case "cross-entropy", "cross-entropy-confident" -> Loss.crossEntropy();
      case "cross-entropy-ignored" -> Loss.crossEntropy(IGNORED, 0);
      case "cross-entropy-weighted" -> Loss.crossEntropy(IGNORED, 0, CLASS_WEIGHTS);
      case "cross-entropy-smoothed" -> Loss.crossEntropy(IGNORED, 0.2, CLASS_WEIGHTS);
      case "cross-entropy-sum" -> Loss.crossEntropy(IGNORED, 0).with("sum", false);
      case "cross-entropy-by-example" -> Loss.crossEntropy(IGNORED, 0).with("mean", false);
      case "cross-entropy-example-weights" -> Loss.crossEntropy().with("tokens", true);
      case "soft-cross-entropy" -> Loss.softCrossEntropy(0);
      case "soft-cross-entropy-smoothed" -> Loss.softCrossEntropy(0.1, CLASS_WEIGHTS);
      case "z-loss-sum" ->
          Loss.crossEntropy().plus(0.3, Loss.squaredNormalizer()).with("sum", false);
      case "z-loss" -> Loss.crossEntropy().plus(0.3, Loss.squaredNormalizer());
      case "binary-cross-entropy" -> Loss.binaryCrossEntropy();
      case "binary-cross-entropy-positive" -> Loss.binaryCrossEntropy(3, 0.4f);
      case "probabilities" -> Loss.binaryCrossEntropyOfProbabilities();
      case "mse" -> Loss.meanSquaredError();
      case "mse-sum" -> Loss.meanSquaredError().with("sum", false);
      case "mse-weighted" -> Loss.meanSquaredError().with("tokens", true);
      case "huber" -> Loss.huber(0.7);
      case "smooth-l1" -> Loss.smoothL1(0.7);
      case "l1" -> Loss.l1();
      case "poisson-log" -> Loss.poisson(true);
      case "poisson" -> Loss.poisson(false);
      case "gaussian" -> Loss.gaussian(false);
      case "gaussian-log" -> Loss.gaussian(true);
      case "kullback-leibler" -> Loss.kullbackLeibler();
      case "cosine" -> Loss.cosine();
      case "contrastive" -> Loss.contrastive(0.5);
      case "several" ->
          Loss.crossEntropy()
              .over(0, Shape.of(3))
              .times(2)
              .plus(0.25, Loss.meanSquaredError().over(3, Shape.of(2)));
      default -> throw new AssertionError("no loss for case " + name);
    };
  }

  /** A network whose predictions go through what some losses need. */
  private static Network network(Case c) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(INPUTS));
    int out = (int) c.output().size();
    Parameter a = g.parameter("a", Initializer.ZEROS, HIDDEN, INPUTS);
    Parameter b = g.parameter("b", Initializer.ZEROS, HIDDEN);
    Parameter d = g.parameter("d", Initializer.ZEROS, out, HIDDEN);
    Parameter e = g.parameter("e", Initializer.ZEROS, out);
    Node h = g.add(new Activate(Activation.TANH), g.add(new Linear(a, b), g.input()));
    Node z = g.add(new Reshape(c.output()), g.add(new Linear(d, e), h));
    return g.build(
        switch (c.name()) {
          case "probabilities" -> g.add(new Activate(Activation.SIGMOID), z);
          case "poisson" -> g.add(new Activate(Activation.SOFTPLUS), z);
          case "kullback-leibler" -> g.add(new Activate(Elementary.LOG), g.add(new Softmax(), z));
          case "gaussian" -> {
            Node mean = g.add(new Slice(0, 0, 2, 1), z);
            Node raw = g.add(new Activate(Activation.SOFTPLUS), g.add(new Slice(0, 2, 4, 1), z));
            Node variance = g.add(new Activate(Elementary.affine(1, 0.1)), raw);
            yield g.add(new Concat(0), mean, variance);
          }
          default -> z;
        });
  }

  private static HostBuffer host(Scope scope, double[] values) {
    HostBuffer buffer = scope.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      buffer.set(i, (float) values[i]);
    }
    return buffer;
  }

  /** Logits that have something in common keep fewer digits of what differs, or are refused. */
  @ParameterizedTest
  @MethodSource("cases")
  void agreesWithPyTorch(Case c) {
    try (Device device = TestDevice.open(2)) {
      if (c.name().endsWith("-far")) {
        UntrustworthyOperatorException e =
            assertThrows(
                UntrustworthyOperatorException.class, () -> check(c, device, 0, LOSS, NORM));
        assertTrue(e.getMessage().contains("found an example whose logits lie "), e.getMessage());
        check(c, device.float64().orElseThrow(), 0, 1e-7, 1e-6);
        return;
      }
      if (c.name().endsWith("-near")) {
        check(c, device, 2, 1e-5, 1e-5);
        check(c, device.float64().orElseThrow(), 0, 1e-7, 1e-6);
        return;
      }
      check(c, device, 0, LOSS, NORM);
      check(c, device.float64().orElseThrow(), 0, 1e-7, 1e-6);
      if (!c.name().equals("contrastive")) {
        check(c, device, 2, LOSS, NORM);
      }
    }
  }

  private static void check(
      Case c, Device device, int microBatch, double lossTolerance, double normTolerance) {
    Network network = network(c);
    Limits limits = new Limits(0, microBatch, 4);
    Loss loss = loss(c.name());
    try (Scope scope = Scope.open()) {
      Batch batch = batch(scope, c, network, loss);
      HostBuffer w = host(scope, c.get("w"));
      try (Hessian hessian = new Hessian(network, loss, batch, device, limits);
          GaussNewton gaussNewton = new GaussNewton(network, loss, batch, device, limits)) {
        hessian.linearize(w);
        gaussNewton.linearize(w);
        double expected = c.get("loss")[0];
        assertEquals(expected, hessian.loss(), lossTolerance * Math.abs(expected), "loss");
        double[] gradient = Numbers.doubles(device, scope, hessian.gradient());
        close("gradient", c.get("g"), gradient, normTolerance);
        close("Hv", c.get("hv"), product(hessian, scope, c.get("v")), normTolerance);
        close("Gv", c.get("gv"), product(gaussNewton, scope, c.get("v")), normTolerance);
      }
    }
  }

  private static Batch batch(Scope scope, Case c, Network network, Loss loss) {
    HostBuffer weights = c.get("weights") == null ? null : host(scope, c.get("weights"));
    HostBuffer given = host(scope, c.get("t"));
    HostBuffer targets = loss.targets(scope, network.outputShape(), given, weights);
    return Batch.of(network, loss, host(scope, c.get("x")), targets);
  }

  /**
   * EKFAC passes the columns of the Hessian's root back, and has the trace of the Gauss-Newton
   * matrix only if these are right.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void theRootOfItsHessianIsExact(Case c) {
    Network network = network(c);
    Loss loss = loss(c.name());
    try (Device device = TestDevice.open(2)) {
      Device exact = device.float64().orElseThrow();
      // Logits far from zero are refused in float32.
      for (Device d : c.name().endsWith("-far") ? List.of(exact) : List.of(device, exact)) {
        assertTraces(c, network, loss, d);
      }
    }
  }

  private static void assertTraces(Case c, Network network, Loss loss, Device device) {
    try (Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(network, loss, batch(scope, c, network, loss), device)) {
      from.linearize(host(scope, c.get("w")));
      if (NOT_CONVEX.contains(c.name())) {
        refused("", () -> from.ekfac(100, 1));
        return;
      }
      try (SymmetricOperator k = from.ekfac(100, 1)) {
        double exact = trace(from, scope);
        assertEquals(exact, trace(k, scope), NORM * exact);
      }
    }
  }

  private static double trace(SymmetricOperator operator, Scope scope) {
    int n = (int) operator.dimension();
    double[] units = new double[n * n];
    for (int i = 0; i < n; i++) {
      units[i * n + i] = 1;
    }
    Buffer v = operator.device().upload(scope, host(scope, units).segment());
    return Arrays.stream(operator.quadraticForm(Vectors.of(v, n, n))).sum();
  }

  private static double[] product(NetworkOperator operator, Scope scope, double[] direction) {
    Device device = operator.device();
    long n = operator.dimension();
    Buffer v = device.upload(scope, host(scope, direction).segment());
    Vectors product = device.vectors(scope, 1, n);
    operator.apply(Vectors.of(v, 1, n), product);
    double form = operator.quadraticForm(Vectors.of(v, 1, n))[0];
    double[] found = Numbers.doubles(device, scope, product.buffer());
    double along = 0;
    double size = 0;
    for (int i = 0; i < found.length; i++) {
      along += found[i] * direction[i];
      size += Math.abs(found[i] * direction[i]);
    }
    assertEquals(along, form, 1e-5 * size, "form of " + operator.getClass().getSimpleName());
    return found;
  }

  private static void close(String what, double[] expected, double[] found, double tolerance) {
    double size = Math.max(1e-6, Numbers.norm(expected));
    double[] difference = new double[found.length];
    for (int i = 0; i < found.length; i++) {
      difference[i] = found[i] - expected[i];
    }
    double error = Numbers.norm(difference) / size;
    assertTrue(error <= tolerance, () -> what + ": relative error " + error);
  }

  /** Rows are shared out among threads; nothing that they sum depends on how many there are. */
  @Test
  void zLossHasTheSameBitsOnAnyNumberOfThreads() {
    int rows = 37;
    int classes = 501;
    NetworkBuilder g = NetworkBuilder.of(Shape.of(INPUTS));
    Parameter a = g.parameter("a", Initializer.ZEROS, rows * classes, INPUTS);
    Parameter b = g.parameter("b", Initializer.ZEROS, rows * classes);
    Node z = g.add(new Reshape(Shape.of(rows, classes)), g.add(new Linear(a, b), g.input()));
    Network network = g.build(z);
    Loss loss = Loss.crossEntropy().plus(0.3, Loss.squaredNormalizer());
    int n = Math.toIntExact(network.parameterCount());
    List<float[]> first = List.of();
    for (int threads : new int[] {1, 2, 3, 7}) {
      List<float[]> found = new ArrayList<>();
      try (Scope scope = Scope.open();
          Device device = TestDevice.open(threads)) {
        HostBuffer x = host(scope, Numbers.uniform(3 * INPUTS, 5));
        Batch batch = Batch.of(network, loss, x, scope.allocate(3 * rows));
        try (Hessian hessian = new Hessian(network, loss, batch, device, new Limits(0, 0, 2))) {
          hessian.linearize(host(scope, Numbers.uniform(n, 6)));
          Vectors v = Numbers.vectors(device, scope, 2, Numbers.uniform(2 * n, 7));
          Vectors hv = device.vectors(scope, 2, n);
          hessian.apply(v, hv);
          found.add(new float[] {(float) hessian.loss()});
          found.add(Numbers.floats(device, hessian.gradient()));
          found.add(Numbers.floats(device, hv.buffer()));
        }
      }
      first = first.isEmpty() ? found : first;
      for (int i = 0; i < found.size(); i++) {
        assertArrayEquals(first.get(i), found.get(i), threads + " threads");
      }
    }
  }

  /** The sum of squares once more, by four functions of somebody else. */
  @Test
  void takesALossOfOnesOwn() throws IOException {
    Case c = cases().filter(one -> one.name().equals("mse-sum")).findFirst().orElseThrow();
    Network network = network(c);
    Loss own =
        Loss.of(
            "own",
            Shape::size,
            (z, t) -> Math.pow(z[0] - t[0], 2) + Math.pow(z[1] - t[1], 2),
            (z, t) -> new double[] {2 * (z[0] - t[0]), 2 * (z[1] - t[1])},
            (z, t) -> v -> new double[] {2 * v[0], 2 * v[1]});
    try (Scope scope = Scope.open();
        Device device = TestDevice.open(1);
        Hessian hessian =
            new Hessian(
                network,
                own.with("sum", false),
                batch(scope, c, network, own.with("sum", false)),
                device)) {
      hessian.linearize(host(scope, c.get("w")));
      assertEquals(c.get("loss")[0], hessian.loss(), LOSS * c.get("loss")[0]);
      close("Hv", c.get("hv"), product(hessian, scope, c.get("v")), NORM);
    }
  }

  /** Targets are the gradient by the predictions, and there is no second derivative. */
  @Test
  void innerProductIsLinear() throws IOException {
    Case c = cases().filter(one -> one.name().equals("mse")).findFirst().orElseThrow();
    Network network = network(c);
    Loss own =
        Loss.of("own", Shape::size, Numbers::dot, (z, t) -> t, (z, t) -> v -> new double[v.length]);
    try (Scope scope = Scope.open();
        Device device = TestDevice.open(1);
        Hessian expected = new Hessian(network, own, batch(scope, c, network, own), device);
        Hessian found =
            new Hessian(
                network,
                Loss.innerProduct(),
                batch(scope, c, network, Loss.innerProduct()),
                device,
                new Limits(0, 2, 4))) {
      HostBuffer w = host(scope, c.get("w"));
      expected.linearize(w);
      found.linearize(w);
      assertEquals(expected.loss(), found.loss(), LOSS * Math.abs(expected.loss()));
      double[] gradient = Numbers.doubles(device, scope, expected.gradient());
      close("gradient", gradient, Numbers.doubles(device, scope, found.gradient()), NORM);
      double[] product = product(expected, scope, c.get("v"));
      close("Hv", product, product(found, scope, c.get("v")), NORM);
    }
    refused("reduction: found sum or", () -> Loss.innerProduct().with("sum", false));
  }

  @Test
  void refusesWhatCannotBe() throws IOException {
    Case coupled = cases().filter(c -> c.name().equals("contrastive")).findFirst().orElseThrow();
    Network network = network(coupled);
    Loss loss = Loss.contrastive(0.5);
    try (Scope scope = Scope.open();
        Device device = TestDevice.open(1)) {
      Batch batch = batch(scope, coupled, network, loss);
      refused(
          "contrastive loss couples its examples",
          () -> new Hessian(network, loss, batch, device, new Limits(0, 2, 4)).close());
      refused(
          "contrastive couples the examples",
          () -> new EmpiricalFisher(network, loss, batch, device).close());
      HostBuffer none = scope.allocate(5).put(-100, -100, -100, -100, -100);
      refused(
          "found none that counts",
          () -> Loss.crossEntropy(IGNORED, 0).targets(scope, Shape.of(3), none, null));
      HostBuffer wrong = scope.allocate(1).put(3);
      refused(
          "found 3.0 at 0, expected a class from 0 to 2, or -100 for none",
          () -> Loss.crossEntropy(IGNORED, 0).targets(scope, Shape.of(3), wrong, null));
      refused("found '", () -> Loss.crossEntropy().with("median", false));
      HostBuffer no = scope.allocate(6).put(0.5f, 0.5f, 0, 1, 1, 0);
      refused(
          "found a sum of 2.0 over the 3 classes of prediction 1, expected a distribution",
          () -> Loss.softCrossEntropy(0).targets(scope, Shape.of(3), no, null));
      HostBuffer bits = scope.allocate(4);
      refused(
          "pos weights: found 3, expected one, or one for each of 4",
          () -> Loss.binaryCrossEntropy(1, 2, 3).targets(scope, Shape.of(4), bits, null));
      refused(
          "pos weights: found -1.0, expected 0 or more",
          () -> Loss.binaryCrossEntropy(-1).targets(scope, Shape.of(4), bits, null));
    }
  }

  /** What a network must leave out is known of a sum and of a multiple, too. */
  @Test
  void sumsAndMultiplesTakeLogits() {
    assertTrue(Loss.binaryCrossEntropy().times(2).takesBinaryLogits());
    assertTrue(Loss.squaredNormalizer().plus(1, Loss.crossEntropy()).takesLogits());
  }

  private static void refused(String text, Runnable work) {
    IllegalArgumentException e = assertThrows(IllegalArgumentException.class, work::run);
    assertTrue(e.getMessage().contains(text), e.getMessage());
  }
}

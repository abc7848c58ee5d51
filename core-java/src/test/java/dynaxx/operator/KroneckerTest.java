package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Conv;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Operand;
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import dynaxx.testing.PageExamples;
import dynaxx.testing.TestDevice;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * KFAC and EKFAC against PyTorch in float64, and against the Gauss-Newton matrix where they are
 * exact. {@code kfac.py} beside the known cases makes PyTorch's values.
 */
@Tag("kernel")
class KroneckerTest {

  /** Of a product's norm: four rotations and a sum of products in float32. */
  private static final double NORM = 1e-5;

  private static final int ALL = 1_000_000;
  private static final String SLOW = "takes minutes on an emulated device";
  private static final Loss CROSS_ENTROPY = Loss.crossEntropy();
  private static final Loss SQUARED = Loss.meanSquaredError();
  private static final Device DEVICE = TestDevice.open(2);

  @AfterAll
  static void close() {
    DEVICE.close();
  }

  private static HostBuffer parameters(Scope scope, Network network) {
    HostBuffer w = scope.allocate(network.parameterCount());
    network.initialize(w, 3);
    for (long i = 0; i < w.size(); i++) {
      w.set(i, w.get(i) + 0.05f * (i % 5 - 2));
    }
    return w;
  }

  private static SymmetricOperator open(GaussNewton from, boolean scaled) {
    return scaled ? from.ekfac(ALL, 1) : from.kfac(ALL, 1);
  }

  private static double[] product(SymmetricOperator operator, double[] v) {
    try (Scope scope = Scope.open()) {
      int n = v.length;
      Vectors in = Numbers.vectors(operator.device(), scope, 1, v);
      Vectors out = operator.device().vectors(scope, 1, n);
      operator.apply(in, out);
      float[] found = Numbers.floats(operator.device(), out.buffer());
      double[] wide = new double[n];
      Arrays.setAll(wide, i -> found[i]);
      return wide;
    }
  }

  private static double[][] dense(SymmetricOperator operator) {
    int n = (int) operator.dimension();
    double[][] columns = new double[n][];
    for (int i = 0; i < n; i++) {
      double[] unit = new double[n];
      unit[i] = 1;
      columns[i] = product(operator, unit);
    }
    return columns;
  }

  private static double trace(double[][] matrix) {
    double sum = 0;
    for (int i = 0; i < matrix.length; i++) {
      sum += matrix[i][i];
    }
    return sum;
  }

  // PyTorch

  static Stream<KnownCase> known() {
    return Stream.of(KnownCase.mlpTanh(), KnownCase.cnnRelu());
  }

  @ParameterizedTest
  @MethodSource("known")
  void reproducesPyTorch(KnownCase c) {
    JsonNode expected = KnownCase.json(c + "/kfac.json");
    double[] rows = c.array("kfac");
    int n = (int) c.network().parameterCount();
    double[] v = Arrays.copyOf(c.array("probe"), n);
    try (Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(c.network(), c.loss(), c.batch(scope), DEVICE)) {
      from.linearize(c.host(scope, "parameters"));
      for (boolean scaled : List.of(false, true)) {
        try (SymmetricOperator k = open(from, scaled)) {
          int row = scaled ? 1 : 0;
          double[] kv = Arrays.copyOfRange(rows, row * n, (row + 1) * n);
          assertClose(kv, product(k, v), NORM);
          Buffer b = Numbers.vectors(DEVICE, scope, 1, v).buffer();
          Buffer x = DEVICE.allocate(scope, n);
          JsonNode own = expected.get(scaled ? "ekfac" : "kfac");
          // What rounding the solution to float32 leaves.
          double rounding = 1e-7 * own.get("largest").get(0).asDouble() / 0.01;
          assertTrue(k.shifted(0.01).solve(b, x, 1e-6, 10) <= 1e-6 + rounding);
          double[] solved = Arrays.copyOfRange(rows, (row + 2) * n, (row + 3) * n);
          Numbers.assertClose("solution", solved, Numbers.floats(DEVICE, x), 2e-5);
          if (TestDevice.isHost()) {
            double trace = own.get("trace").asDouble();
            assertEquals(trace, trace(dense(k)), NORM * trace);
            assertEquals(trace, k.knownTrace().orElseThrow(), NORM * trace);
          }
          double[] largest =
              Lanczos.fixed(60).run(k).ritz().reversed().stream()
                  .limit(5)
                  .mapToDouble(Lanczos.RitzValue::value)
                  .toArray();
          for (int i = 0; i < 5; i++) {
            double value = own.get("largest").get(i).asDouble();
            assertEquals(value, largest[i], NORM * value);
          }
        }
      }
    }
  }

  private static void assertClose(double[] expected, double[] found, double tolerance) {
    double difference = Numbers.relativeDifference(expected, found);
    assertTrue(difference <= tolerance, "difference " + difference);
  }

  // Where they are exact

  /** Weights by rows, by columns and without a bias; no activation. */
  private static Network deepLinear() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(5));
    Node x = g.linear(g.input(), 6, "first");
    Parameter turned = g.parameter("turned", Initializer.glorot(6, 4), 6, 4);
    Parameter bias = g.parameter("turned.bias", Initializer.ZEROS, 4);
    x = g.add(new Linear(Operand.of(turned).t(), Operand.of(bias)), x);
    Parameter plain = g.parameter("plain", Initializer.glorot(4, 3), 3, 4);
    return g.build(g.add(new Linear(plain, null), x));
  }

  /** Largest difference of the diagonal blocks of the given sizes, of the largest entry. */
  private static double blockDifference(double[][] a, double[][] b, int... sizes) {
    double worst = 0;
    double scale = 0;
    int from = 0;
    for (int size : sizes) {
      for (int i = from; i < from + size; i++) {
        for (int j = from; j < from + size; j++) {
          worst = Math.max(worst, Math.abs(a[i][j] - b[i][j]));
          scale = Math.max(scale, Math.abs(a[i][j]));
        }
      }
      from += size;
    }
    assertEquals(a.length, from);
    return worst / scale;
  }

  private static void assertBlocks(Network network, Loss loss, int examples, int... sizes) {
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, loss, examples, 4);
      try (GaussNewton from = new GaussNewton(network, loss, batch, DEVICE)) {
        from.linearize(parameters(scope, network));
        double[][] exact = dense(from);
        for (boolean scaled : List.of(false, true)) {
          try (SymmetricOperator k = open(from, scaled)) {
            double[][] found = dense(k);
            double difference = blockDifference(exact, found, sizes);
            assertTrue(difference <= NORM, "ekfac " + scaled + ": " + difference);
            assertEquals(0, found[0][sizes[0] % found.length] * (sizes.length - 1), "coupled");
          }
        }
      }
    }
  }

  @Test
  void isExactBlockByBlockOnADeepLinearNetworkWithSquaredError() {
    assertBlocks(deepLinear(), SQUARED, 9, 5 * 6 + 6, 6 * 4 + 4, 12);
  }

  @Test
  void isExactOnOneLinearLayerWithSquaredError() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(7));
    assertBlocks(g.build(g.linear(g.input(), 4, "only")), SQUARED, 12, 32);
  }

  @Test
  void isExactBlockByBlockOnOneExample() {
    assertBlocks(Mlp.of(Activation.TANH, 6, 5, 4), CROSS_ENTROPY, 1, 6 * 5 + 5, 5 * 4 + 4);
  }

  @Test
  void isTheMatrixOfItsOwnColumns() {
    Network network = deepLinear();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, SQUARED, 9, 4);
      try (GaussNewton from = new GaussNewton(network, SQUARED, batch, DEVICE);
          SymmetricOperator k = open(from.linearize(parameters(scope, network)), true)) {
        if (TestDevice.isHost()) {
          OperatorContract.verify(k, dense(k), NORM);
        }
      }
    }
  }

  /** Tokens, groups, norms, tied and positional parameters. */
  static Stream<Network> networks() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 6, 5));
    Node x = g.add(grouped(g, "grouped", 6, 2, 2), g.input());
    x = g.tanh(x);
    x = g.add(grouped(g, "depthwise", 6, 1, 6).withPadding(1).withStride(2), x);
    x = g.groupNorm(x, 2, "norm");
    Node y = g.linear(g.flatten(x), 3, "head");
    Network groups = g.build(y);

    NetworkBuilder t = NetworkBuilder.of(Shape.of(4, 5));
    Parameter tied = t.parameter("tied", Initializer.glorot(5, 5), 5, 5);
    Node z = t.add(new Linear(tied, null), t.linear(t.input(), 5, "tokens"));
    z = t.add(new Linear(tied, null), t.tanh(z));
    Network sequence = t.build(t.linear(t.meanTokens(z), 3, "head"));
    return Stream.of(
        groups, sequence, KnownCase.vitSmall().network(), KnownCase.lmCausal().network());
  }

  private static Conv grouped(NetworkBuilder g, String name, int out, int in, int groups) {
    Parameter weight = g.parameter(name, Initializer.glorot(9L * in, 9L * out), out, in, 3, 3);
    Parameter bias = g.parameter(name + ".bias", Initializer.ZEROS, out);
    return Conv.of(weight, bias).withGroups(groups);
  }

  private static double trace(SymmetricOperator operator) {
    try (Scope scope = Scope.open()) {
      long n = operator.dimension();
      double sum = 0;
      Vectors unit = operator.device().vectors(scope, 1, n);
      for (long i = 0; i < n; i++) {
        operator.device().algebra().fill(unit.buffer(), 0);
        operator.device().algebra().fill(unit.buffer().slice(i, 1), 1);
        sum += operator.quadraticForm(unit)[0];
      }
      return sum;
    }
  }

  /** The diagonal in any orthonormal basis adds up to the trace. */
  @ParameterizedTest
  @MethodSource("networks")
  void theTraceOfEkfacIsThatOfTheGaussNewtonMatrix(Network network) {
    assumeTrue(TestDevice.isHost(), SLOW);
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 3, 4);
      try (GaussNewton from = new GaussNewton(network, CROSS_ENTROPY, batch, DEVICE)) {
        from.linearize(parameters(scope, network));
        double exact = trace(from);
        try (SymmetricOperator k = open(from, true)) {
          assertEquals(exact, trace(k), NORM * exact);
          assertEquals(exact, k.knownTrace().orElseThrow(), NORM * exact);
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("networks")
  void otherParametersHaveTheExactDiagonal(Network network) {
    assumeTrue(TestDevice.isHost(), SLOW);
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 3, 4);
      try (GaussNewton from = new GaussNewton(network, CROSS_ENTROPY, batch, DEVICE)) {
        from.linearize(parameters(scope, network));
        try (SymmetricOperator k = open(from, false)) {
          int others = 0;
          for (Parameter p : network.parameters()) {
            boolean norm = p.name().contains("norm") || p.name().contains("ln");
            if (norm || p.name().contains("tied") || p.name().contains("pos")) {
              others++;
              assertDiagonal(from, k, p);
            }
          }
          assertTrue(others > 0, network.parameters().toString());
        }
      }
    }
  }

  private static void assertDiagonal(GaussNewton exact, SymmetricOperator k, Parameter p) {
    int n = (int) exact.dimension();
    double largest = 0;
    double worst = 0;
    for (int i = 0; i < Math.min(p.size(), 20); i++) {
      int at = (int) p.offset() + i;
      double[] unit = new double[n];
      unit[at] = 1;
      double[] column = product(k, unit);
      double entry = product(exact, unit)[at];
      largest = Math.max(largest, entry);
      worst = Math.max(worst, Math.abs(entry - column[at]));
      column[at] = 0;
      assertEquals(0, Numbers.norm(column), p.name());
    }
    assertTrue(worst <= NORM * largest, p.name() + ": " + worst + " of " + largest);
  }

  /** Positions of a sequence count like examples: A over all of them, G summed over them. */
  @Test
  void positionsCountLikeExamples() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(3, 4));
    Network sequences = g.build(g.linear(g.tanh(g.linear(g.input(), 5, "a")), 2, "b"));
    Network single = Mlp.of(Activation.TANH, 4, 5, 2);
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, sequences, SQUARED, 4, 9);
      HostBuffer x = (HostBuffer) batch.inputs();
      HostBuffer t = (HostBuffer) batch.targets();
      HostBuffer w = parameters(scope, single);
      try (GaussNewton some = new GaussNewton(sequences, SQUARED, batch, DEVICE);
          GaussNewton all =
              new GaussNewton(single, SQUARED, Batch.of(single, SQUARED, x, t), DEVICE);
          SymmetricOperator a = some.linearize(w).kfac(ALL, 1);
          SymmetricOperator b = all.linearize(w).kfac(ALL, 1)) {
        double[] v = Numbers.uniform((int) w.size(), 3);
        assertEquals(12, all.examples());
        assertClose(product(b, v), product(a, v), NORM);
      }
    }
  }

  // Random columns

  @Test
  void randomColumnsAreUnbiased() {
    assumeTrue(TestDevice.isHost(), SLOW);
    Network network = Mlp.of(Activation.TANH, 6, 5, 4);
    int n = (int) network.parameterCount();
    double[] v = Numbers.uniform(n, 5);
    int seeds = 200;
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, CROSS_ENTROPY, 6, 4);
      try (GaussNewton from = new GaussNewton(network, CROSS_ENTROPY, batch, DEVICE)) {
        from.linearize(parameters(scope, network));
        double exact;
        try (SymmetricOperator k = from.kfac(4, 1)) {
          exact = Numbers.dot(v, product(k, v));
        }
        double[] found = new double[seeds];
        for (int seed = 0; seed < seeds; seed++) {
          try (SymmetricOperator k = from.kfac(2, seed)) {
            found[seed] = Numbers.dot(v, product(k, v));
          }
        }
        double mean = Arrays.stream(found).average().orElseThrow();
        double square = Arrays.stream(found).map(f -> (f - mean) * (f - mean)).sum();
        double error = Math.sqrt(square / (seeds - 1) / seeds);
        assertTrue(error < 0.05 * exact, "standard error " + error + " of " + exact);
        assertEquals(exact, mean, 4 * error);
      }
    }
  }

  @Test
  void theSeedDecides() {
    KnownCase c = KnownCase.mlpTanh();
    float[] one = bits(c, 2, Limits.DEFAULT, 1, 3);
    assertArrayEquals(one, bits(c, 2, Limits.DEFAULT, 1, 3));
    assertFalse(Arrays.equals(one, bits(c, 2, Limits.DEFAULT, 2, 3)));
    // Columns of an example do not depend on where the batch is cut.
    float[] cut = bits(c, 2, new Limits(0, 9, 2), 1, 3);
    assertTrue(Numbers.relativeDifference(wide(one), cut) <= NORM);
  }

  // Bits, limits, what is refused

  private static float[] bits(KnownCase c, int threads, Limits limits, long seed, int columns) {
    int n = (int) c.network().parameterCount();
    try (Device device = TestDevice.open(threads);
        Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(c.network(), c.loss(), c.batch(scope), device, limits)) {
      from.linearize(c.host(scope, "parameters"));
      float[] all = new float[4 * n];
      Vectors v = Numbers.vectors(device, scope, 1, Numbers.uniform(n, 8));
      Vectors out = device.vectors(scope, 1, n);
      int at = 0;
      for (SymmetricOperator k : List.of(from.kfac(columns, seed), from.ekfac(columns, seed))) {
        k.apply(v, out);
        System.arraycopy(Numbers.floats(device, out.buffer()), 0, all, at, n);
        k.shifted(0.01).solve(v.buffer(), out.buffer(), 1e-6, 8);
        System.arraycopy(Numbers.floats(device, out.buffer()), 0, all, at + n, n);
        at += 2 * n;
        k.close();
      }
      return all;
    }
  }

  private static double[] wide(float[] values) {
    double[] wide = new double[values.length];
    Arrays.setAll(wide, i -> values[i]);
    return wide;
  }

  @ParameterizedTest
  @MethodSource("known")
  void givesTheSameBitsForAnyThreads(KnownCase c) {
    float[] one = bits(c, 1, Limits.DEFAULT, 1, ALL);
    assertArrayEquals(one, bits(c, 2, Limits.DEFAULT, 1, ALL));
    assertArrayEquals(one, bits(c, 3, Limits.DEFAULT, 1, ALL));
  }

  @ParameterizedTest
  @MethodSource("known")
  void microBatchesAddUpToTheWhole(KnownCase c) {
    float[] whole = bits(c, 2, Limits.DEFAULT, 1, ALL);
    float[] parts = bits(c, 2, new Limits(0, 7, 1), 1, ALL);
    assertTrue(Numbers.relativeDifference(wide(whole), parts) <= 2e-5);
  }

  /** With work space for one example at a time, and not a byte less. */
  @ParameterizedTest
  @MethodSource("known")
  void staysWithinTheMemoryLimit(KnownCase c) {
    float[] whole = bits(c, 2, Limits.DEFAULT, 1, ALL);
    long limit = 4 * Tape.bytesPerExample(c.network(), c.loss());
    for (String refusal = refusal(c, limit); !refusal.isEmpty(); refusal = refusal(c, limit)) {
      String[] numbers = refusal.replaceAll("[^0-9]+", " ").strip().split(" ");
      assertTrue(refusal.startsWith("memory limit: found "), refusal);
      limit += Long.parseLong(numbers[1]) - Long.parseLong(numbers[0]);
    }
    float[] found = bits(c, 2, new Limits(limit, 2, 1), 1, ALL);
    assertTrue(Numbers.relativeDifference(wide(whole), found) <= 2e-5);
    assertFalse(refusal(c, limit - 4).isEmpty());
  }

  private static String refusal(KnownCase c, long limit) {
    try {
      bits(c, 2, new Limits(limit, 2, 1), 1, ALL);
      return "";
    } catch (IllegalArgumentException e) {
      return e.getMessage();
    }
  }

  @Test
  void theMessageNamesTheLargestLayer() {
    KnownCase c = KnownCase.mlpTanh();
    String message = refusal(c, 8 * Tape.bytesPerExample(c.network(), c.loss()));
    assertTrue(message.contains("24 x 50, takes most"), message);
  }

  private static String refusal(
      Network network, Loss loss, Function<GaussNewton, SymmetricOperator> make) {
    try (Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(network, loss, whole(scope, network, loss), DEVICE)) {
      from.linearize(parameters(scope, network));
      return assertThrows(IllegalArgumentException.class, () -> make.apply(from)).getMessage();
    }
  }

  private static Batch whole(Scope scope, Network network, Loss loss) {
    HostBuffer x = scope.allocate(4 * network.inputShape().size());
    HostBuffer t = scope.allocate(4 * loss.targetSize(network.outputShape()));
    for (long i = 0; i < t.size(); i++) {
      t.set(i, i % 2);
    }
    return Batch.of(network, loss, x, t);
  }

  @Test
  void saysWhyItRefuses() {
    Network network = Mlp.of(Activation.TANH, 3, 4, 2);
    assertEquals(
        "columns: found 0, expected at least 1",
        refusal(network, CROSS_ENTROPY, from -> from.kfac(0, 1)));
    String coupled = refusal(network, Loss.contrastive(0.5), from -> from.kfac(8, 1));
    assertTrue(coupled.contains("contrastive couples the examples"), coupled);
    String bent = refusal(network, Loss.cosine(), from -> from.ekfac(8, 1));
    assertTrue(bent.contains("cosine") && bent.contains("convex"), bent);
    String turned = refusal(network, SQUARED.times(-1), from -> from.kfac(8, 1));
    assertTrue(turned.contains("factor") && turned.contains("convex"), turned);
    try (Scope scope = Scope.open();
        GaussNewton from =
            new GaussNewton(
                network, SQUARED, Samples.batch(scope, network, SQUARED, 4, 1), DEVICE)) {
      assertThrows(IllegalStateException.class, () -> from.kfac(8, 1));
    }
  }

  // Solving, and what it leaves behind

  @ParameterizedTest
  @ValueSource(doubles = {10, 1e-2, 1e-4})
  void solvesInAStep(double damping) {
    KnownCase c = KnownCase.cnnRelu();
    int n = (int) c.network().parameterCount();
    try (Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(c.network(), c.loss(), c.batch(scope), DEVICE);
        SymmetricOperator k = from.linearize(c.host(scope, "parameters")).ekfac(ALL, 1)) {
      double[] b = Numbers.uniform(n, 6);
      Buffer x = DEVICE.allocate(scope, n);
      Buffer right = Numbers.vectors(DEVICE, scope, 1, b).buffer();
      SymmetricOperator damped = k.shifted(damping / 2).shifted(damping / 2);
      double residual = damped.solve(right, x, 1e-9, 2);
      double[] again = product(damped, wide(Numbers.floats(DEVICE, x)));
      double[] rest = new double[n];
      Arrays.setAll(rest, i -> b[i] - again[i]);
      // Rounding of x alone leaves norm / damping units of roundoff.
      assertTrue(residual <= 1e-6 + 1e-7 * 20 / damping, "residual " + residual);
      assertEquals(residual, Numbers.norm(rest) / Numbers.norm(b), 1e-6);
      damped.close();
      assertNotEquals(0, Numbers.norm(product(k, b)));
      assertThrows(IllegalArgumentException.class, () -> k.shifted(Double.NaN));
      assertThrows(IllegalArgumentException.class, () -> damped.solve(right, x, 2, 5));
    }
  }

  /** Without damping by MINRES: a right-hand side that the matrix reaches. */
  @Test
  void solvesASingularSystem() {
    Network network = deepLinear();
    try (Scope scope = Scope.open()) {
      Batch batch = Samples.batch(scope, network, SQUARED, 2, 4);
      try (GaussNewton from = new GaussNewton(network, SQUARED, batch, DEVICE);
          SymmetricOperator k = from.linearize(parameters(scope, network)).kfac(ALL, 1)) {
        int n = (int) k.dimension();
        double[] b = product(k, Numbers.uniform(n, 6));
        Buffer x = DEVICE.allocate(scope, n);
        double residual = k.solve(Numbers.vectors(DEVICE, scope, 1, b).buffer(), x, 1e-4, 400);
        assertTrue(residual <= 1e-4, "residual " + residual);
      }
    }
  }

  /** What docs/kfac.md shows. */
  @Test
  void thePagesExampleRuns() throws IOException {
    KnownCase c = KnownCase.mlpTanh();
    Network network = c.network();
    Loss loss = c.loss();
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(1)) {
      Batch batch = c.batch(scope);
      HostBuffer parameters = c.host(scope, "parameters");
      HostBuffer gradient = c.host(scope, "gradient");
      HostBuffer step = scope.allocate(gradient.size());
      try (GaussNewton exact = new GaussNewton(network, loss, batch, device);
          SymmetricOperator kfac = exact.linearize(parameters).kfac(64, 1)) {
        double residual = kfac.shifted(1e-3).solve(gradient, step, 1e-5, 10);
        System.out.println("(K + 1e-3 I) step = gradient, residual " + residual);
        assertTrue(residual <= 1e-5, "residual " + residual);
      }
    }
    Path source = Path.of("src/test/java/dynaxx/operator/KroneckerTest.java");
    PageExamples.assertCompiled(Path.of("../docs/kfac.md"), 1, source);
  }

  @Test
  void leavesTheGaussNewtonOperatorAsItWas() {
    KnownCase c = KnownCase.mlpTanh();
    int n = (int) c.network().parameterCount();
    try (Scope scope = Scope.open();
        GaussNewton from = new GaussNewton(c.network(), c.loss(), c.batch(scope), DEVICE)) {
      from.linearize(c.host(scope, "parameters"));
      double[] v = Numbers.uniform(n, 8);
      Buffer direction = Numbers.vectors(DEVICE, scope, 1, v).buffer();
      double[] product = product(from, v);
      double[] derivatives = from.exampleDerivatives(direction);
      try (SymmetricOperator k = from.ekfac(ALL, 1)) {
        assertArrayEquals(product, product(from, v));
        assertArrayEquals(derivatives, from.exampleDerivatives(direction));
        double[] before = product(k, v);
        HostBuffer elsewhere = scope.allocate(n);
        from.linearize(elsewhere);
        assertArrayEquals(before, product(k, v));
      }
    }
  }
}

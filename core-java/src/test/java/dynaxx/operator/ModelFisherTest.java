package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.kernel.Elementary;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
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
import dynaxx.network.pass.Tape;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.testing.Numbers;
import dynaxx.testing.TestDevice;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The Fisher matrix by draws from the model: its mean is the Gauss-Newton matrix of the same loss,
 * within the standard error of the draws.
 */
@Tag("kernel")
class ModelFisherTest {

  private static final int EXAMPLES = 5;
  private static final int INPUTS = 3;
  private static final int DRAWS = 4000;
  private static final int DIRECTIONS = 6;

  /** Chance of a wrong alarm in one of 150 comparisons: 0.1 %. */
  private static final double STANDARD_ERRORS = 4.5;

  private static final long SEED = 17;

  /** What the last layer's output goes through. */
  private enum Head {
    PLAIN,
    SIGMOID,
    SOFTPLUS,
    MEAN_AND_VARIANCE
  }

  /**
   * A loss with its targets.
   *
   * @param shape of predictions
   * @param targets of all examples; or null where the Gauss-Newton matrix needs those of the model
   * @param ofModel for predictions, targets whose Gauss-Newton matrices have the mean that the
   *     targets of the model give
   */
  private record Case(
      String name,
      Loss loss,
      Shape shape,
      Head head,
      double[] targets,
      double[] weights,
      List<UnaryOperator<double[]>> ofModel) {

    static Case of(String name, Loss loss, Shape shape, double... targets) {
      return new Case(name, loss, shape, Head.PLAIN, targets, null, List.of());
    }

    Case weighted(double... each) {
      return new Case(name, loss, shape, head, targets, each, ofModel);
    }

    static Case ofModel(
        String name, Loss loss, Shape shape, Head head, List<UnaryOperator<double[]>> targets) {
      return new Case(name, loss, shape, head, null, null, targets);
    }

    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
    Shape classes = Shape.of(3);
    Shape rows = Shape.of(4, 3);
    double[] labels = {0, 1, 2, 1, 0};
    double[] some = {
      0, -100, 1, 2, -100, -100, -100, -100, 1, 1, -100, 0, 2, 2, 1, 0, -100, 1, 2, -100
    };
    double[] soft = {0.2, 0.3, 0.5, 1, 0, 0, 0.1, 0.1, 0.8, 0.25, 0.5, 0.25, 0.4, 0.6, 0};
    double[] bits = {0, 1, 0.25, 1, 0, 0, 1, 0.5, 1, 1};
    double[] values = {0.3, -1, 2, 0.1, 0, 0.5, -0.7, 1, 1.2, -0.2};
    double[] mixed = new double[EXAMPLES * 3];
    for (int e = 0; e < EXAMPLES; e++) {
      mixed[3 * e] = labels[e];
      mixed[3 * e + 1] = values[2 * e];
      mixed[3 * e + 2] = values[2 * e + 1];
    }
    float[] w = {0.2f, 1.5f, 0.9f};
    Loss several =
        Loss.crossEntropy()
            .over(0, classes)
            .times(2)
            .plus(0.25, Loss.meanSquaredError().over(3, Shape.of(2)));
    return Stream.of(
        Case.of("cross-entropy", Loss.crossEntropy(), classes, labels),
        Case.of("ignored", Loss.crossEntropy(-100, 0), rows, some),
        Case.of("weighted", Loss.crossEntropy(-100, 0, w), rows, some),
        Case.of("smoothed", Loss.crossEntropy(-100, 0.2, w), rows, some),
        Case.of("sum", Loss.crossEntropy(-100, 0).with("sum", false), rows, some),
        Case.of("by example", Loss.crossEntropy(-100, 0).with("mean", false), rows, some),
        Case.of("example weights", Loss.crossEntropy().with("tokens", true), classes, labels)
            .weighted(1, 0.5, 0, 2, 0.25),
        Case.of("soft", Loss.softCrossEntropy(0.1, w), classes, soft),
        Case.of("binary", Loss.binaryCrossEntropy(), Shape.of(2), bits),
        Case.of("binary, positive", Loss.binaryCrossEntropy(3, 0.4f), Shape.of(2), bits),
        Case.of("mse", Loss.meanSquaredError(), Shape.of(2), values),
        Case.of("mse, sum", Loss.meanSquaredError().with("sum", false), Shape.of(2), values),
        Case.of("mse, weights", Loss.meanSquaredError().with("mean", true), Shape.of(2), values)
            .weighted(1, 0.5, 0, 2, 0.25),
        Case.of("poisson", Loss.poisson(true), Shape.of(2), 1, 0, 3, 2, 0, 0, 1, 5, 2, 1),
        Case.of("several", several, Shape.of(5), mixed),
        Case.ofModel(
            "probabilities",
            Loss.binaryCrossEntropyOfProbabilities(),
            Shape.of(2),
            Head.SIGMOID,
            List.of(z -> z)),
        Case.ofModel("rates", Loss.poisson(false), Shape.of(2), Head.SOFTPLUS, List.of(z -> z)),
        Case.ofModel(
            "gaussian",
            Loss.gaussian(false),
            Shape.of(4),
            Head.MEAN_AND_VARIANCE,
            List.of(z -> deviating(z, 1, false), z -> deviating(z, -1, false))),
        Case.ofModel(
            "gaussian, logarithms",
            Loss.gaussian(true),
            Shape.of(4),
            Head.PLAIN,
            List.of(z -> deviating(z, 1, true), z -> deviating(z, -1, true))));
  }

  /** Targets one standard deviation from the means. */
  private static double[] deviating(double[] z, int sign, boolean logarithms) {
    double[] t = new double[z.length / 2];
    for (int i = 0; i < t.length; i++) {
      int at = i / 2 * 4 + i % 2;
      double variance = logarithms ? Math.exp(z[at + 2]) : z[at + 2];
      t[i] = z[at] + sign * Math.sqrt(variance);
    }
    return t;
  }

  private static Network network(Case c) {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(INPUTS));
    int out = (int) c.shape().size();
    Parameter a = g.parameter("a", Initializer.ZEROS, 4, INPUTS);
    Parameter b = g.parameter("b", Initializer.ZEROS, 4);
    Parameter d = g.parameter("d", Initializer.ZEROS, out, 4);
    Parameter e = g.parameter("e", Initializer.ZEROS, out);
    Node h = g.add(new Activate(Activation.TANH), g.add(new Linear(a, b), g.input()));
    Node z = g.add(new Reshape(c.shape()), g.add(new Linear(d, e), h));
    return g.build(
        switch (c.head()) {
          case PLAIN -> z;
          case SIGMOID -> g.add(new Activate(Activation.SIGMOID), z);
          case SOFTPLUS -> g.add(new Activate(Activation.SOFTPLUS), z);
          case MEAN_AND_VARIANCE -> {
            Node mean = g.add(new Slice(0, 0, 2, 1), z);
            Node raw = g.add(new Activate(Activation.SOFTPLUS), g.add(new Slice(0, 2, 4, 1), z));
            Node variance = g.add(new Activate(Elementary.affine(1, 0.1)), raw);
            yield g.add(new Concat(0), mean, variance);
          }
        });
  }

  private static HostBuffer host(Scope scope, double[] values) {
    HostBuffer buffer = scope.allocate(values.length);
    for (int i = 0; i < values.length; i++) {
      buffer.set(i, (float) values[i]);
    }
    return buffer;
  }

  /** A case at a point. */
  private static final class Problem implements AutoCloseable {
    private final Scope scope = Scope.open();
    private final Device device;
    private final Case c;
    private final Network network;
    private final HostBuffer w;
    private final double[] directions;

    Problem(Case c, int threads) {
      this.c = c;
      device = TestDevice.open(threads);
      network = network(c);
      int n = Math.toIntExact(network.parameterCount());
      w = host(scope, Numbers.uniform(n, 3));
      directions = Numbers.uniform(DIRECTIONS * n, 4);
    }

    Batch batch(double[] targets) {
      HostBuffer weights = c.weights() == null ? null : host(scope, c.weights());
      HostBuffer x = host(scope, Numbers.uniform(EXAMPLES * INPUTS, 2));
      HostBuffer made =
          c.loss().targets(scope, network.outputShape(), host(scope, targets), weights);
      return Batch.of(network, c.loss(), x, made);
    }

    double[] predictions() {
      long size = EXAMPLES * c.shape().size();
      HostBuffer x = host(scope, Numbers.uniform(EXAMPLES * INPUTS, 2));
      Loss none = Loss.meanSquaredError();
      try (Tape tape = new Tape(network, none, device, EXAMPLES)) {
        Batch placed = Batch.of(network, none, x, scope.allocate(size)).on(device, scope);
        tape.forward(device.place(scope, w), placed, EXAMPLES);
        return Numbers.doubles(device, scope, tape.output().slice(0, size));
      }
    }

    Vectors directions() {
      return Numbers.vectors(device, scope, DIRECTIONS, directions);
    }

    double[] gaussNewton(double[] targets) {
      try (GaussNewton exact = new GaussNewton(network, c.loss(), batch(targets), device)) {
        return exact.linearize(w).quadraticForm(directions());
      }
    }

    EmpiricalFisher fisher(double[] targets, Limits limits, long seed, int draws) {
      return EmpiricalFisher.ofModel(network, c.loss(), batch(targets), device, limits, seed, draws)
          .linearize(w);
    }

    @Override
    public void close() {
      device.close();
      scope.close();
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void meanOfManyDrawsIsTheGaussNewtonMatrix(Case c) {
    try (Problem problem = new Problem(c, 2)) {
      double[] z = problem.predictions();
      List<double[]> all =
          c.targets() != null
              ? List.of(c.targets())
              : c.ofModel().stream().map(f -> f.apply(z)).toList();
      double[] exact = new double[DIRECTIONS];
      for (double[] targets : all) {
        double[] forms = problem.gaussNewton(targets);
        Arrays.setAll(exact, i -> exact[i] + forms[i] / all.size());
      }
      try (EmpiricalFisher fisher = problem.fisher(all.getFirst(), Limits.DEFAULT, SEED, DRAWS)) {
        assertEquals(EXAMPLES * DRAWS, fisher.examples());
        double[] forms = fisher.quadraticForm(problem.directions());
        for (int i = 0; i < DIRECTIONS; i++) {
          double error = standardError(fisher, problem.directions(), i, forms[i]);
          double distance = Math.abs(forms[i] - exact[i]) / error;
          assertTrue(distance < STANDARD_ERRORS, "direction " + i + ": " + distance);
          assertTrue(error < 0.05 * exact[i], "error " + error + " of " + exact[i]);
        }
      }
    }
  }

  /** Of the mean of N S squares, over what each of the N examples draws. */
  private static double standardError(EmpiricalFisher fisher, Vectors v, int i, double form) {
    double[] derivatives = fisher.exampleDerivatives(v.vector(i));
    double mean = Arrays.stream(derivatives).map(d -> d * d).average().orElseThrow();
    assertEquals(form, mean, 1e-5 * form, "form and squares");
    double sum = 0;
    for (int e = 0; e < EXAMPLES; e++) {
      double own = 0;
      double squares = 0;
      for (int s = 0; s < DRAWS; s++) {
        double d = derivatives[s * EXAMPLES + e];
        own += d * d / DRAWS;
        squares += d * d * d * d / DRAWS;
      }
      sum += (squares - own * own) / DRAWS;
    }
    return Math.sqrt(sum) / EXAMPLES;
  }

  /** Targets of the data make another matrix, so that the comparison above can fail. */
  @Test
  void theEmpiricalFisherMatrixIsAnother() {
    Case c = cases().findFirst().orElseThrow();
    try (Problem problem = new Problem(c, 1);
        EmpiricalFisher empirical =
            new EmpiricalFisher(
                problem.network, c.loss(), problem.batch(c.targets()), problem.device)) {
      double[] exact = problem.gaussNewton(c.targets());
      double[] forms = empirical.linearize(problem.w).quadraticForm(problem.directions());
      assertTrue(Numbers.relativeDifference(exact, forms) > 0.2);
    }
  }

  @Test
  void sameSeedSameBits() {
    Case c = cases().filter(one -> one.name().equals("weighted")).findFirst().orElseThrow();
    List<float[]> found = new ArrayList<>();
    for (int threads : new int[] {1, 3}) {
      try (Problem problem = new Problem(c, threads)) {
        for (long seed : new long[] {SEED, SEED, SEED + 1}) {
          try (EmpiricalFisher fisher = problem.fisher(c.targets(), Limits.DEFAULT, seed, 3)) {
            found.add(product(problem, fisher));
            fisher.linearize(host(problem.scope, new double[(int) fisher.dimension()]));
            fisher.linearize(problem.w);
            assertArrayEquals(found.getLast(), product(problem, fisher), "at the same point again");
          }
        }
      }
    }
    for (int i : new int[] {1, 3, 4}) {
      assertArrayEquals(found.getFirst(), found.get(i), "run " + i);
    }
    assertArrayEquals(found.get(2), found.get(5), "the other seed");
    assertFalse(Arrays.equals(found.get(0), found.get(2)), "another seed draws others");
  }

  private static float[] product(Problem problem, EmpiricalFisher fisher) {
    Vectors product = problem.device.vectors(problem.scope, DIRECTIONS, fisher.dimension());
    fisher.apply(problem.directions(), product);
    return Numbers.floats(problem.device, product.buffer());
  }

  /** Micro-batches change the order of sums, and float64 their rounding, but not the draws. */
  @Test
  void drawsAreThoseOfTheExample() {
    Case c = cases().filter(one -> one.name().equals("several")).findFirst().orElseThrow();
    try (Problem problem = new Problem(c, 2);
        EmpiricalFisher whole = problem.fisher(c.targets(), Limits.DEFAULT, SEED, 4);
        EmpiricalFisher parts = problem.fisher(c.targets(), new Limits(0, 3, 2), SEED, 4)) {
      double[] forms = whole.quadraticForm(problem.directions());
      double[] others = parts.quadraticForm(problem.directions());
      assertTrue(Numbers.relativeDifference(forms, others) < 1e-6);
      double exact = whole.quadraticForm64(problem.directions().vector(0)).orElseThrow();
      assertEquals(exact, forms[0], 1e-5 * exact);
      assertEquals(3, parts.microBatch());
      Batch changed = problem.batch(c.targets());
      assertEquals(
          forms[0],
          whole.batch(changed).linearize(problem.w).quadraticForm(problem.directions())[0]);
      double[] leading = whole.leading(2);
      double norm = Numbers.norm(leading);
      assertTrue(norm > 0 && leading[0] >= leading[1]);
    }
  }

  @Test
  void refusesWhatIsNoLogLikelihood() {
    Shape two = Shape.of(2);
    double[] values = new double[2 * EXAMPLES];
    refused("found huber, which is no log-likelihood", Case.of("", Loss.huber(1), two, values), 1);
    refused("found smooth-l1, which", Case.of("", Loss.smoothL1(1), two, values), 1);
    refused("found l1, which", Case.of("", Loss.l1(), two, values), 1);
    refused("found cosine, which", Case.of("", Loss.cosine(), two, values), 1);
    refused("found kullback-leibler, which", Case.of("", Loss.kullbackLeibler(), two, values), 1);
    refused("found inner-product, which", Case.of("", Loss.innerProduct(), two, values), 1);
    refused(
        "found binary-cross-entropy-of-probabilities, which",
        Case.of("", Loss.binaryCrossEntropyOfProbabilities(2), two, values),
        1);
    Loss own =
        Loss.of("mine", Shape::size, (z, t) -> z[0], (z, t) -> new double[2], (z, t) -> v -> v);
    refused("found mine, which", Case.of("", own, two, values), 1);
    double[] labels = new double[EXAMPLES];
    refused(
        "found z-loss, which",
        Case.of("", Loss.crossEntropy().plus(0.1, Loss.squaredNormalizer()), two, labels),
        1);
    refused(
        "found the factor -1.0 of mse, expected at least 0",
        Case.of("", Loss.meanSquaredError().times(-1), two, values),
        1);
    refused("contrastive couples the examples", Case.of("", Loss.contrastive(1), two, labels), 1);
    refused("draws: found 0 for", Case.of("", Loss.crossEntropy(), two, labels), 0);
  }

  /** As every operator of such a loss: 10,000 and a few units have lost their digits. */
  @Test
  void refusesLogitsFarFromZero() {
    Case c = cases().findFirst().orElseThrow();
    try (Problem problem = new Problem(c, 1)) {
      for (long i = problem.w.size() - 3; i < problem.w.size(); i++) {
        problem.w.set(i, 10_000 + i);
      }
      assertThrows(
          UntrustworthyOperatorException.class,
          () -> problem.fisher(c.targets(), Limits.DEFAULT, SEED, 2).close());
    }
  }

  private static void refused(String text, Case c, int draws) {
    try (Problem problem = new Problem(c, 1)) {
      IllegalArgumentException e =
          assertThrows(
              IllegalArgumentException.class,
              () -> problem.fisher(c.targets(), Limits.DEFAULT, SEED, draws).close());
      assertTrue(e.getMessage().contains(text), e.getMessage());
    }
  }
}

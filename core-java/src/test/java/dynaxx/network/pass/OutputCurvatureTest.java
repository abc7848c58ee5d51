package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Linear;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.GaussNewton;
import dynaxx.operator.NetworkOperator;
import dynaxx.testing.Numbers;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Gauss-Newton and empirical Fisher products and forms of every op and of whole networks, against
 * matrices built from hyper-dual Jacobians in double precision.
 */
class OutputCurvatureTest {

  private static final int EXAMPLES = 3;
  private static final int DIRECTIONS = 3;
  private static final double TOLERANCE = 2e-5;

  private record Case(String name, Network network, Loss loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  private static Case tied() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4));
    Parameter w = g.parameter("w", Initializer.deviation(0.5), 4, 4);
    Parameter b = g.parameter("b", Initializer.deviation(0.5), 4);
    NetworkBuilder.Node x = g.add(new Linear(w, b), g.input());
    x = g.add(new Activate(Activation.TANH), x);
    x = g.add(new Linear(w, null), x);
    x = g.add(new PositionEmbedding(b), x);
    return new Case("tied parameters", g.build(x), Loss.crossEntropy());
  }

  static Stream<Case> cases() {
    Network mlp = Mlp.of(Activation.SILU, 7, 6, 5);
    Network vit =
        new VisionTransformer()
            .image(2, 4, 4)
            .patch(2)
            .embedding(4)
            .depth(1)
            .heads(2)
            .hidden(6)
            .classes(5)
            .build();
    Network lm =
        new LanguageModel()
            .vocabulary(7)
            .context(5)
            .embedding(4)
            .depth(1)
            .heads(2)
            .hidden(6)
            .build();
    return Stream.concat(
        OpPassesTest.cases().map(c -> new Case(c.name(), c.network(), c.loss())),
        Stream.of(
            new Case("perceptron", mlp, Loss.crossEntropy()),
            new Case("perceptron, squared error", mlp, Loss.meanSquaredError()),
            new Case("vision transformer", vit, Loss.crossEntropy()),
            new Case("language model", lm, Loss.crossEntropy()),
            tied()));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void agreesWithTheDenseMatrix(Case c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(c.network.parameterCount());
      c.network.initialize(w, 5);
      Batch batch = Samples.batch(scope, c.network, c.loss, EXAMPLES, 17);
      Oracle oracle = new Oracle(c.network, c.loss, w, batch);
      double[][][] jacobians = oracle.jacobians();
      try (NetworkOperator g = new GaussNewton(c.network, c.loss, batch, device)) {
        g.linearize(w);
        check("Gauss-Newton", g, scope, v -> oracle.gaussNewtonVector(jacobians, v));
      }
      if (c.network.couplesExamples()) {
        return; // there are no gradients of single examples
      }
      double[][] gradients = oracle.exampleGradients();
      try (NetworkOperator f = new EmpiricalFisher(c.network, c.loss, batch, device)) {
        f.linearize(w);
        check("empirical Fisher", f, scope, v -> fisherVector(gradients, v));
      }
    }
  }

  private static double[] fisherVector(double[][] gradients, double[] v) {
    double[] product = new double[v.length];
    for (double[] g : gradients) {
      double along = Numbers.dot(g, v) / gradients.length;
      for (int i = 0; i < v.length; i++) {
        product[i] += along * g[i];
      }
    }
    return product;
  }

  private static void check(
      String name, NetworkOperator operator, Scope scope, UnaryOperator<double[]> reference) {
    int n = (int) operator.dimension();
    Vectors v = Numbers.vectors(scope, DIRECTIONS, Numbers.uniform(n * DIRECTIONS, 23));
    Vectors products = scope.vectors(DIRECTIONS, n);
    operator.apply(v, products);
    double[] forms = operator.quadraticForm(v);
    for (int i = 0; i < DIRECTIONS; i++) {
      double[] vi = Numbers.doubles(v.vector(i));
      double[] expected = reference.apply(vi);
      float[] found = ((HostBuffer) products.vector(i)).toArray();
      Numbers.assertClose(name + " product", expected, found, TOLERANCE);
      double form = Numbers.dot(vi, expected);
      double scale = Numbers.norm(vi) * Numbers.norm(expected);
      assertEquals(form, forms[i], TOLERANCE * scale, name + " form");
    }
  }
}

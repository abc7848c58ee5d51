package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
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
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Frame.Mode;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Operand;
import dynaxx.network.pass.ParameterGroup.Method;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Norms, products and derivatives of the gradients of single examples. */
class ExampleGradientsTest {

  private static final int EXAMPLES = 5;
  private static final double TOLERANCE = 1e-5;

  private record Case(String name, Network network, Loss loss) {
    @Override
    public String toString() {
      return name;
    }
  }

  static Stream<Case> cases() {
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
        OpPassesTest.cases()
            .filter(c -> !c.network().couplesExamples())
            .map(c -> new Case(c.name(), c.network(), c.loss())),
        Stream.of(
            new Case("perceptron", Mlp.of(Activation.SILU, 7, 6, 5), Loss.crossEntropy()),
            new Case("language model", lm, Loss.crossEntropy()),
            new Case("tied weights", tied(), Loss.crossEntropy()),
            new Case("tied table", tiedTable(), Loss.crossEntropy()),
            new Case("unrolled", unrolled(), Loss.crossEntropy())));
  }

  private static Network tiedTable() {
    return LanguageModel.llama()
        .vocabulary(7)
        .context(4)
        .embedding(8)
        .depth(1)
        .heads(4)
        .keyHeads(2)
        .hidden(5)
        .tied(true)
        .build();
  }

  private static Network unrolled() {
    return new SequenceModel().rows(4, 3).kind(Recurrent.GRU).hidden(4).classes(3).build();
  }

  /** One weight and one bias used by four ops, in an order that joins two groups late. */
  private static Network tied() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(3, 4));
    Parameter w = g.parameter("w", Initializer.deviation(0.5), 4, 4);
    Parameter b = g.parameter("b", Initializer.deviation(0.5), 4);
    Parameter alone = g.parameter("alone", Initializer.deviation(0.5), 4, 4);
    NetworkBuilder.Node x = g.add(new Linear(w, null), g.input());
    x = g.add(new Activate(Activation.TANH), x);
    x = g.add(new Linear(alone, null), x);
    x = g.add(Norm.layer(b, b, 1e-3), x);
    x = g.add(new Linear(w, b), x);
    return g.build(g.add(new Linear(w, null), x));
  }

  private static Tape record(Tape tape, HostBuffer w, Batch batch, int total) {
    try (Scope scope = Scope.open()) {
      tape.forward(w, batch, total, Mode.MEASURE);
      tape.backward(scope.allocate(w.size()));
    }
    return tape;
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("cases")
  void agreeWithHyperDualNumbersEitherWay(Case c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Tape tape = new Tape(c.network, c.loss, device, EXAMPLES)) {
      HostBuffer w = scope.allocate(c.network.parameterCount());
      c.network.initialize(w, 5);
      Batch batch = Samples.batch(scope, c.network, c.loss, EXAMPLES, 17);
      double[][] expected = new Oracle(c.network, c.loss, w, batch).exampleGradients();
      record(tape, w, batch, EXAMPLES);
      for (Method method : Method.values()) {
        norms(method, tape, expected);
        double[][] gram =
            new ExampleGram(c.network, device, EXAMPLES, 1 << 20, method)
                .compute(1, i -> tape, false);
        checkGram(expected, gram);
      }
      derivatives(tape, scope, expected);
    }
  }

  private static void norms(Method method, Tape tape, double[][] expected) {
    for (long memory : new long[] {1 << 20, least(tape.network(), method)}) {
      try (ExampleNorms norms =
          new ExampleNorms(tape.network(), tape.device(), EXAMPLES, memory, method)) {
        double[] found = norms.squared(tape);
        for (int i = 0; i < EXAMPLES; i++) {
          double norm = Numbers.dot(expected[i], expected[i]);
          assertEquals(norm, found[i], TOLERANCE * norm, method + " norm of example " + i);
        }
      }
    }
  }

  /** What the constructor says is least. */
  private static long least(Network network, Method method) {
    try (Device device = Devices.cpu(1)) {
      String message =
          assertThrows(
                  IllegalArgumentException.class,
                  () -> new ExampleNorms(network, device, EXAMPLES, 0, method))
              .getMessage();
      assertTrue(message.startsWith("memory limit: found 0 bytes, expected at least "), message);
      return Long.parseLong(message.split(" ")[8]);
    }
  }

  private static void checkGram(double[][] gradients, double[][] gram) {
    for (int i = 0; i < gradients.length; i++) {
      for (int j = 0; j < gradients.length; j++) {
        double scale = Numbers.norm(gradients[i]) * Numbers.norm(gradients[j]);
        double product = Numbers.dot(gradients[i], gradients[j]);
        assertEquals(product, gram[i][j], TOLERANCE * scale, "product " + i + ", " + j);
        assertEquals(gram[i][j], gram[j][i], "symmetric");
      }
    }
  }

  private static void derivatives(Tape tape, Scope scope, double[][] expected) {
    Network network = tape.network();
    int n = (int) network.parameterCount();
    Vectors v = Numbers.vectors(scope, 2, Numbers.uniform(2 * n, 6));
    try (FisherSweep sweep = new FisherSweep(network, tape.device(), EXAMPLES, 2)) {
      double[][] found = sweep.derivatives(tape, v);
      for (int k = 0; k < 2; k++) {
        double[] direction = Numbers.doubles(v.vector(k));
        for (int i = 0; i < EXAMPLES; i++) {
          double scale = Numbers.norm(direction) * Numbers.norm(expected[i]);
          double derivative = Numbers.dot(direction, expected[i]);
          assertEquals(derivative, found[k][i], TOLERANCE * scale, "derivative of example " + i);
        }
      }
    }
  }

  /**
   * Ragged parts, on tapes of their own or one recorded again, with as little memory as allowed.
   */
  @ParameterizedTest
  @MethodSource("cases")
  void gramOverPartsIsTheSame(Case c) {
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        Tape whole = new Tape(c.network, c.loss, device, EXAMPLES);
        Tape again = new Tape(c.network, c.loss, device, 2)) {
      HostBuffer w = scope.allocate(c.network.parameterCount());
      c.network.initialize(w, 5);
      Batch batch = Samples.batch(scope, c.network, c.loss, EXAMPLES, 17);
      record(whole, w, batch, EXAMPLES);
      List<Batch> parts = List.of(batch.slice(0, 2), batch.slice(2, 2), batch.slice(4, 1));
      for (Method method : Method.values()) {
        ExampleGram roomy = new ExampleGram(c.network, device, EXAMPLES, 1 << 20, method);
        double[][] expected = roomy.compute(1, i -> whole, false);
        long least = leastGram(c.network, device, method);
        ExampleGram tight = new ExampleGram(c.network, device, EXAMPLES, least, method);
        List<Integer> recordings = new ArrayList<>();
        for (ExampleGram gram : List.of(roomy, tight)) {
          double[][] found =
              gram.compute(
                  3,
                  i -> {
                    recordings.add(i);
                    return record(again, w, parts.get(i), EXAMPLES);
                  },
                  true);
          for (int i = 0; i < EXAMPLES; i++) {
            double scale = Math.sqrt(expected[i][i]);
            for (int j = 0; j < EXAMPLES; j++) {
              assertEquals(expected[i][j], found[i][j], 2e-6 * scale * Math.sqrt(expected[j][j]));
            }
          }
        }
        assertEquals(List.of(0, 1, 2), recordings.subList(0, 3), "one recording serves all");
        assertEquals(0, recordings.size() % 3);
      }
    }
  }

  private static long leastGram(Network network, Device device, Method method) {
    for (long bytes = 0; ; ) {
      try {
        new ExampleGram(network, device, EXAMPLES, bytes, method);
        return bytes;
      } catch (IllegalArgumentException e) {
        String message = e.getMessage();
        assertTrue(message.startsWith("memory limit: found " + bytes), message);
        bytes = Long.parseLong(message.split(" ")[11]);
      }
    }
  }

  @Test
  void sameBitsForAnyThreadsAndRowsAtOnce() {
    Network network = Mlp.of(Activation.TANH, 40, 30, 10);
    try (Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(network.parameterCount());
      network.initialize(w, 5);
      Batch batch = Samples.batch(scope, network, Loss.crossEntropy(), 50, 17);
      for (Method method : Method.values()) {
        double[][] first = null;
        for (int threads : new int[] {1, 2, 4}) {
          for (long memory : new long[] {1 << 24, 50 * 1240 * 4}) {
            try (Device device = Devices.cpu(threads);
                Tape tape = new Tape(network, Loss.crossEntropy(), device, 50)) {
              record(tape, w, batch, 50);
              double[][] gram =
                  new ExampleGram(network, device, 50, memory, method).compute(1, i -> tape, false);
              first = first == null ? gram : first;
              assertArrayEquals(first, gram);
            }
          }
        }
      }
    }
  }

  private static List<List<Integer>> nodes(List<ParameterGroup> groups) {
    return groups.stream().map(ParameterGroup::nodes).toList();
  }

  /** Three layers that use columns of one parameter. */
  private static Network parts() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(4, 4));
    Parameter all = g.parameter("all", Initializer.deviation(0.5), 4, 12);
    NetworkBuilder.Node[] parts = new NetworkBuilder.Node[3];
    for (int i = 0; i < 3; i++) {
      Operand part = new Operand.View(all, 4 * i, Shape.of(4, 4), List.of(12L, 1L));
      parts[i] = g.add(new Linear(part.t(), null), g.input());
    }
    return g.build(g.add(new Add(), g.add(new Multiply(), parts[0], parts[1]), parts[2]));
  }

  /** Which ops form a group, and when inputs and adjoints are the cheaper way. */
  @Test
  void groupsAndCosts() {
    List<ParameterGroup> tied = ParameterGroup.of(tied());
    assertEquals(List.of(List.of(3), List.of(1, 4, 5, 6)), nodes(tied));
    assertEquals(20, tied.get(1).size());
    assertEquals(2, tied.get(1).columns().size());
    for (int tokens : new int[] {1, 3, 5, 20}) {
      NetworkBuilder g = NetworkBuilder.of(Shape.of(tokens, 16));
      Parameter weight = g.parameter("w", Initializer.ZEROS, 48, 16);
      Network network = g.build(g.add(new Linear(weight, null), g.input()));
      ParameterGroup group = ParameterGroup.of(network).getFirst();
      assertEquals(tokens < 12, group.ghostNorms(Method.CHEAPER), "norms, tokens " + tokens);
      assertEquals(tokens < 5, group.ghostGram(Method.CHEAPER, 16), "Gram, tokens " + tokens);
    }
    List<ParameterGroup> parts = ParameterGroup.of(parts());
    assertEquals(List.of(List.of(1), List.of(2), List.of(3)), nodes(parts), "disjoint columns");
    assertTrue(parts.stream().allMatch(g -> g.ghostNorms(Method.GHOST)), "all by ghost norms");
    assertEquals(List.of(16L, 16L, 16L), parts.stream().map(ParameterGroup::size).toList());
    int[] parameters =
        IntStream.range(1, tied().steps().size())
            .filter(i -> !tied().steps().get(i).op().parameters().isEmpty())
            .toArray();
    assertArrayEquals(new int[] {1, 3, 4, 5, 6}, parameters);
  }

  /** Passes over single examples overwrite what ops saved; a Hessian must not read it then. */
  @Test
  void tapesServeForHessiansOnlyAfterABackwardPass() {
    Network network =
        new LanguageModel()
            .vocabulary(7)
            .context(5)
            .embedding(4)
            .depth(1)
            .heads(2)
            .hidden(6)
            .build();
    Loss loss = Loss.crossEntropy();
    int n = (int) network.parameterCount();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open();
        Tape tape = new Tape(network, loss, device, 3);
        TangentSweep hessian = new TangentSweep(network, TangentSweep.Kind.PRODUCT, device, 3, 1);
        TangentSweep gaussNewton =
            new TangentSweep(network, TangentSweep.Kind.GAUSS_NEWTON, device, 3, 1);
        TangentSweep forms = new TangentSweep(network, TangentSweep.Kind.QUADRATIC, device, 3, 1);
        FisherSweep fisher = new FisherSweep(network, device, 3, 1)) {
      HostBuffer w = scope.allocate(n);
      network.initialize(w, 5);
      Batch batch = Samples.batch(scope, network, loss, 3, 17);
      Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(n, 6));
      Vectors av = scope.vectors(1, n);
      tape.forward(w, batch, 3, Mode.MEASURE);
      gaussNewton.addGaussNewtonProducts(tape, v, av);
      assertThrows(IllegalStateException.class, () -> fisher.derivatives(tape, v));
      tape.backward(scope.allocate(n));
      Vectors before = scope.vectors(1, n);
      hessian.addProducts(tape, v, before);
      gaussNewton.addGaussNewtonProducts(tape, v, av);
      assertThrows(IllegalStateException.class, () -> hessian.addProducts(tape, v, av));
      assertThrows(
          IllegalStateException.class,
          () -> forms.addQuadraticForms(tape, v, device.scalars(scope, 1)));
      fisher.addProducts(tape, v, av);
      tape.backward(scope.allocate(n));
      Vectors after = scope.vectors(1, n);
      hessian.addProducts(tape, v, after);
      assertArrayEquals(
          ((HostBuffer) before.buffer()).toArray(), ((HostBuffer) after.buffer()).toArray());
      assertThrows(
          IllegalArgumentException.class, () -> hessian.addGaussNewtonProducts(tape, v, av));
      tape.forward(w, batch, 3, Mode.training(1, 1));
      tape.backward(scope.allocate(n));
      assertThrows(
          IllegalStateException.class, () -> gaussNewton.addGaussNewtonProducts(tape, v, av));
      assertThrows(IllegalStateException.class, () -> fisher.derivatives(tape, v));
    }
  }
}

package dynaxx.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.pass.BatchPlan;
import dynaxx.operator.Hessian;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What is counted on paper is what a real network does. */
class TransformerCostTest {

  private static final int EXAMPLES = 6;
  private static final TransformerShape QUICK = new TransformerShape(1, 7, 17, 32, 3, 4, 64, 10);

  /** A network with random data, over a device that counts. */
  private record Model(Network network, Batch batch, HostBuffer parameters) {

    static Model of(TransformerShape shape, int examples, Scope scope) {
      Network network = shape.network();
      Random random = new Random(1);
      HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
      for (long i = 0; i < inputs.size(); i++) {
        inputs.set(i, (float) random.nextGaussian());
      }
      HostBuffer targets = scope.allocate(examples);
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, 1);
      return new Model(
          network, Batch.of(network, Loss.crossEntropy(), inputs, targets), parameters);
    }
  }

  private static void assertCounted(CountingDevice found, Work expected) {
    assertEquals(expected.flop(), found.flop);
    assertEquals(expected.launches(), found.launches);
    found.reset();
  }

  @ParameterizedTest
  @CsvSource({"0, 1", "1, 1", "1, 3", "3, 1", "3, 8"})
  void passesTakeTheOperationsAndLaunchesCounted(int depth, int k) {
    TransformerShape shape = new TransformerShape(1, 7, 17, 32, depth, 4, 64, 10);
    TransformerCost cost = new TransformerCost(shape);
    try (Device cpu = Devices.open("cpu", 1);
        Scope scope = Scope.open()) {
      CountingDevice counting = new CountingDevice(cpu);
      Model model = Model.of(shape, EXAMPLES, scope);
      assertEquals(model.network().parameterCount(), shape.parameters());
      try (Hessian hessian =
          new Hessian(model.network(), Loss.crossEntropy(), model.batch(), counting.device())) {
        long n = hessian.dimension();
        Vectors v = counting.device().vectors(scope, k, n);
        Vectors hv = counting.device().vectors(scope, k, n);
        cpu.algebra().rademacher(1, 0, v);
        hessian.linearize(model.parameters());
        counting.reset();
        hessian.linearize(model.parameters());
        assertCounted(counting, cost.gradient(EXAMPLES));
        hessian.apply(v, hv);
        assertCounted(counting, cost.product(EXAMPLES, k));
        hessian.quadraticForm(v);
        assertCounted(counting, cost.form(EXAMPLES, k));
      }
    }
  }

  /** Beside the matrix products that are counted exactly, a snapshot works on vectors. */
  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void aSnapshotTakesTheOperationsCounted(boolean lanczos) {
    ProbeSettings article = ProbeSettings.article();
    ProbeSettings settings = lanczos ? article : ProbeSettings.cheap();
    int examples = 16;
    TransformerCost cost = new TransformerCost(QUICK);
    try (Device cpu = Devices.open("cpu", 1);
        Scope scope = Scope.open()) {
      CountingDevice counting = new CountingDevice(cpu);
      Model model = Model.of(QUICK, examples, scope);
      try (CurvatureProbe probe =
          new CurvatureProbe(
              model.network(), Loss.crossEntropy(), model.batch(), counting.device())) {
        probe.measure(model.parameters(), article);
        counting.reset();
        Snapshot found = probe.measure(model.parameters(), settings);
        assertEquals(found.gradientEquivalents(), SnapshotWork.gradients(settings), 1e-9);
        BatchPlan plan = cost.plan(examples, cpu.defaultMemoryLimit());
        Work work = cost.snapshot(settings, examples, plan);
        assertEquals(1, counting.flop / work.flop(), 0.03);
        assertEquals(1, counting.launches / work.launches(), 0.05);
      }
    }
  }

  @Test
  void recordingsThatDoNotFitAreMadeAgainInEverySweep() {
    TransformerCost cost = new TransformerCost(QUICK);
    ProbeSettings article = ProbeSettings.article();
    BatchPlan roomy = cost.plan(256, 1L << 30);
    BatchPlan tight = cost.plan(256, 4L << 20);
    assertTrue(roomy.resident() && !tight.resident(), roomy + "; " + tight);
    double ratio =
        cost.snapshot(article, 256, tight).flop() / cost.snapshot(article, 256, roomy).flop();
    // A recording and a product of each Lanczos step; forms one by one.
    assertEquals(1.6, ratio, 0.02);
    assertTrue(cost.memory(article, 256, tight) < cost.memory(article, 256, roomy));
    assertThrows(IllegalArgumentException.class, () -> cost.plan(256, 1000));
  }

  @ParameterizedTest
  @ValueSource(longs = {1_000_000, 10_000_000, 100_000_000, 350_000_000, 1_000_000_000})
  void shapesHaveAboutTheParametersAskedFor(long parameters) {
    TransformerShape shape = TransformerShape.of(parameters, 197);
    assertEquals(1, (double) shape.parameters() / parameters, 0.1, shape.toString());
    assertEquals(shape.parameters(), shape.network().parameterCount());
    // The rule of thumb: six operations for each parameter and token, and attention on top.
    double rule = 6.0 * parameters * 197;
    double flop = new TransformerCost(shape).gradient(1).flop();
    assertTrue(flop > 0.7 * rule && flop < 1.6 * rule, shape + ": " + flop / rule);
  }

  @Test
  void sizesOutOfRangeAreRefused() {
    assertThrows(IllegalArgumentException.class, () -> TransformerShape.of(1000, 197));
    assertThrows(IllegalArgumentException.class, () -> TransformerShape.of(Long.MAX_VALUE, 197));
  }
}

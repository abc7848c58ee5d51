package dynaxx.spectrum;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.LanguageModel;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.Samples;
import dynaxx.network.op.Linear;
import dynaxx.network.pass.ExampleNorms;
import dynaxx.network.pass.Tape;
import dynaxx.operator.EmpiricalFisher;
import dynaxx.operator.Hessian;
import dynaxx.operator.NonFiniteException;
import dynaxx.testing.Numbers;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ExampleStatisticsTest {

  private static final int EXAMPLES = 23;

  private static Network regression() {
    NetworkBuilder g = NetworkBuilder.of(Shape.of(6));
    Parameter w = g.parameter("w", Initializer.deviation(0.5), 1, 6);
    return g.build(g.add(new Linear(w, null), g.input()));
  }

  private static Network language() {
    return new LanguageModel()
        .vocabulary(11)
        .context(6)
        .embedding(8)
        .depth(1)
        .heads(2)
        .hidden(12)
        .build();
  }

  private static HostBuffer parameters(Scope scope, Network network) {
    HostBuffer w = scope.allocate(network.parameterCount());
    network.initialize(w, 3);
    return w;
  }

  /** Least squares: {@code g_i = 2 (w.x_i - y_i) x_i}; 23 examples leave 3 over from fives. */
  @Test
  void linearRegression() {
    Network network = regression();
    Loss loss = Loss.meanSquaredError();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, EXAMPLES, 4);
      double[][] gradients = regressionGradients(batch, Numbers.doubles(w));
      double[] mean = new double[6];
      for (double[] g : gradients) {
        Arrays.setAll(mean, j -> mean[j] + g[j] / EXAMPLES);
      }
      NoiseScale expected =
          NoiseScale.ofExamples(
              Arrays.stream(gradients).mapToDouble(g -> Numbers.dot(g, g)).toArray(),
              Arrays.stream(gradients).mapToDouble(g -> Numbers.dot(g, mean)).toArray());
      ExampleStatistics found = ExampleStatistics.measure(network, loss, batch, 5, 0, w, device);
      for (int i = 0; i < EXAMPLES; i++) {
        double norm = Numbers.dot(gradients[i], gradients[i]);
        assertEquals(norm, found.squaredNorms()[i], 1e-5 * norm);
      }
      assertEquals(Numbers.dot(mean, mean), found.squaredNormOfMean(), 1e-5);
      assertEquals(expected.traceSigma(), found.variance(), 1e-5 * expected.traceSigma());
      assertEquals(expected.squaredGradient(), found.noiseScale().squaredGradient(), 1e-4);
      double error = expected.traceSigmaError().orElseThrow();
      assertEquals(error, found.noiseScale().traceSigmaError().orElseThrow(), 1e-4 * error);
      error = expected.squaredGradientError().orElseThrow();
      assertEquals(error, found.noiseScale().squaredGradientError().orElseThrow(), 1e-4 * error);
      GradientStatistics alone = GradientStatistics.measure(network, loss, batch, 5, 0, w, device);
      assertEquals(alone.variance(), found.microBatches().variance(), 1e-5 * alone.variance());
      assertEquals(alone.gradientNorm(), found.microBatches().gradientNorm(), 1e-5);
      assertEquals(3, alone.leftOut());
      assertEquals(4, alone.count());
    }
  }

  private static double[][] regressionGradients(Batch batch, double[] w) {
    double[] x = Numbers.doubles(batch.inputs());
    double[] y = Numbers.doubles(batch.targets());
    double[][] gradients = new double[EXAMPLES][];
    for (int i = 0; i < EXAMPLES; i++) {
      double[] row = Arrays.copyOfRange(x, 6 * i, 6 * i + 6);
      double residual = Numbers.dot(row, w) - y[i];
      gradients[i] = Arrays.stream(row).map(v -> 2 * residual * v).toArray();
    }
    return gradients;
  }

  /** Micro-batches of one example have the variance of the examples themselves. */
  @Test
  void agreesWithMicroBatchesOfOne() {
    Network network = language();
    Loss loss = Loss.crossEntropy();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, EXAMPLES, 4);
      ExampleStatistics found = ExampleStatistics.measure(network, loss, batch, 1, 0, w, device);
      GradientStatistics ones = found.microBatches();
      assertEquals(ones.variance(), found.variance(), 1e-5 * found.variance());
      NoiseScale scale = ones.noiseScale();
      assertEquals(scale.traceSigma(), found.variance(), 1e-5 * found.variance());
      assertEquals(
          scale.squaredGradient(), found.noiseScale().squaredGradient(), 1e-5 * found.variance());
      assertTrue(scale.traceSigmaError().isEmpty());
    }
  }

  /** {@code tr F = mean |g_i|^2}, however the batch is cut and however little memory there is. */
  @Test
  void meanSquaredNormIsTheTraceOfTheEmpiricalFisherMatrix() {
    Network network = language();
    Loss loss = Loss.crossEntropy();
    int n = (int) network.parameterCount();
    long least = 2 * Tape.bytesPerExample(network, loss) + 2 * ExampleNorms.leastBytes(network);
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, EXAMPLES, 4);
      double trace = 0;
      try (EmpiricalFisher fisher = new EmpiricalFisher(network, loss, batch, device)) {
        Vectors units = scope.vectors(n, n);
        for (long i = 0; i < n; i++) {
          ((HostBuffer) units.buffer()).set(i * n + i, 1);
        }
        trace = Arrays.stream(fisher.linearize(w).quadraticForm(units)).sum();
      }
      ExampleStatistics whole = ExampleStatistics.measure(network, loss, batch, 11, 0, w, device);
      for (long memory : new long[] {2 * least, 6 * least}) {
        for (int microBatch : new int[] {4, 11}) {
          ExampleStatistics found =
              ExampleStatistics.measure(network, loss, batch, microBatch, memory, w, device);
          assertEquals(trace, found.meanSquaredNorm(), 1e-5 * trace);
          assertEquals(whole.variance(), found.variance(), 1e-5 * trace);
          assertEquals(
              whole.noiseScale().traceSigmaError().orElseThrow(),
              found.noiseScale().traceSigmaError().orElseThrow(),
              1e-5 * trace);
        }
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> ExampleStatistics.measure(network, loss, batch, 4, 100, w, device));
    }
  }

  @Test
  void sameBitsForAnyThreads() {
    Network network = language();
    Loss loss = Loss.crossEntropy();
    try (Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, EXAMPLES, 4);
      ExampleStatistics first = null;
      for (int threads : new int[] {1, 2, 4}) {
        try (Device device = Devices.cpu(threads)) {
          ExampleStatistics found =
              ExampleStatistics.measure(network, loss, batch, 5, 0, w, device);
          first = first == null ? found : first;
          assertArrayEquals(first.squaredNorms(), found.squaredNorms());
          assertEquals(first.noiseScale(), found.noiseScale());
          assertEquals(first.microBatches(), found.microBatches());
        }
      }
    }
  }

  @Test
  void refusesWhatDoesNotFit() {
    Network network = regression();
    Loss loss = Loss.meanSquaredError();
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, 5, 4);
      for (int microBatch : new int[] {0, 3}) {
        String message =
            assertThrows(
                    IllegalArgumentException.class,
                    () -> ExampleStatistics.measure(network, loss, batch, microBatch, 0, w, device))
                .getMessage();
        assertEquals(
            "microBatch: found "
                + microBatch
                + " for a batch of 5 examples, expected from 1 to 2 (two micro-batches at least)",
            message);
      }
      assertThrows(
          IllegalArgumentException.class,
          () -> GradientStatistics.measure(network, loss, batch, 2, -1, w, device));
      w.set(1, Float.NaN);
      assertThrows(
          NonFiniteException.class,
          () -> ExampleStatistics.measure(network, loss, batch, 2, 0, w, device));
    }
  }

  /** What is read out of a Hessian's recording is what passes of their own give. */
  @Test
  void theRecordingGivesTheSameStatistics() {
    Loss loss = Loss.crossEntropy();
    Network network = language();
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      HostBuffer w = parameters(scope, network);
      Batch batch = Samples.batch(scope, network, loss, EXAMPLES, 4);
      ExampleStatistics expected = ExampleStatistics.measure(network, loss, batch, 5, 0, w, device);
      // micro-batches of 5 across parts of 7, recorded again for every product
      for (Hessian.Limits limits :
          new Hessian.Limits[] {
            Hessian.Limits.DEFAULT, new Hessian.Limits(0, 7, 4), new Hessian.Limits(120_000, 0, 1)
          }) {
        try (Hessian hessian = new Hessian(network, loss, batch, device, limits)) {
          hessian.linearize(w);
          Vectors v = device.vectors(scope, 1, network.parameterCount());
          device.algebra().rademacher(1, 0, v);
          double form = hessian.quadraticForm(v)[0];
          ExampleStatistics found = ExampleStatistics.of(hessian, 5, 1 << 20);
          assertArrayEquals(expected.squaredNorms(), found.squaredNorms(), 1e-5);
          assertEquals(
              expected.noiseScale().simple().getAsDouble(),
              found.noiseScale().simple().getAsDouble(),
              1e-4 * expected.noiseScale().simple().getAsDouble());
          GradientStatistics micro = found.microBatches();
          assertEquals(expected.microBatches().variance(), micro.variance(), 1e-5);
          assertEquals(expected.microBatches().gradientNorm(), micro.gradientNorm(), 1e-5);
          assertEquals(3, micro.leftOut());
          assertEquals(expected.squaredNormOfMean(), found.squaredNormOfMean(), 1e-5);
          assertEquals(form, hessian.quadraticForm(v)[0], "the recording serves as before");
        }
      }
    }
  }
}

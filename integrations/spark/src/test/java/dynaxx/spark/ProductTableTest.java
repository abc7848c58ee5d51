package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.testing.Numbers;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.apache.spark.api.java.JavaRDD;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/** Bytes moved and time for each product against n: the table of docs/spark.md. */
class ProductTableTest {

  private static final int EXAMPLES = 512;
  private static final int REPEATS = 7;
  private static final int INPUTS = 784;
  private static final long MEBIBYTE = 1 << 20;

  /** What is not vectors: code of tasks, checks, headers. */
  private static final long SMALL = 200_000;

  private static Network network(int hidden) {
    return Mlp.of(Activation.TANH, INPUTS, hidden, 10);
  }

  private static Examples draw(int partition, int examples) {
    Random random = new Random(partition);
    float[] inputs = new float[examples * INPUTS];
    float[] targets = new float[examples];
    for (int i = 0; i < inputs.length; i++) {
      inputs[i] = (float) random.nextGaussian();
    }
    for (int i = 0; i < examples; i++) {
      targets[i] = random.nextInt(10);
    }
    return new Examples(inputs, targets);
  }

  private record Measured(double milliseconds, long[] bytes) {}

  private static Measured measure(Cluster cluster, Traffic traffic, Runnable work) {
    double fastest = Double.POSITIVE_INFINITY;
    for (int i = 0; i < REPEATS; i++) {
      cluster.await();
      traffic.taken();
      long start = System.nanoTime();
      work.run();
      fastest = Math.min(fastest, (System.nanoTime() - start) * 1e-6);
    }
    cluster.await();
    return new Measured(fastest, traffic.taken());
  }

  private static double oneMachine(int hidden, HostBuffer parameters, Vectors v, Vectors hv) {
    Network network = network(hidden);
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open()) {
      Examples all = draw(0, EXAMPLES);
      Batch batch =
          Batch.of(
              network,
              Loss.crossEntropy(),
              scope.allocate(all.inputs().length).put(all.inputs()),
              scope.allocate(EXAMPLES).put(all.targets()));
      try (Hessian hessian = new Hessian(network, Loss.crossEntropy(), batch, device)) {
        hessian.linearize(parameters);
        double fastest = Double.POSITIVE_INFINITY;
        for (int i = 0; i < REPEATS; i++) {
          long start = System.nanoTime();
          hessian.apply(v, hv);
          fastest = Math.min(fastest, (System.nanoTime() - start) * 1e-6);
        }
        return fastest;
      }
    }
  }

  private static void row(Cluster cluster, Traffic traffic, int hidden, int partitions) {
    int each = EXAMPLES / partitions;
    JavaRDD<Examples> data =
        cluster
            .spark()
            .parallelize(IntStream.range(0, partitions).boxed().toList(), partitions)
            .map(partition -> draw(partition, each));
    try (Device device = Devices.cpu(2);
        Scope scope = Scope.open();
        SparkHessian hessian =
            new SparkHessian(
                () -> network(hidden), Loss::crossEntropy, data, device, Limits.DEFAULT)) {
      int n = (int) hessian.dimension();
      HostBuffer parameters = scope.allocate(n);
      network(hidden).initialize(parameters, 1);
      Vectors v = Numbers.vectors(scope, 1, Numbers.uniform(n, 3));
      Vectors hv = scope.vectors(1, n);
      hessian.linearize(parameters);
      Measured product = measure(cluster, traffic, () -> hessian.apply(v, hv));
      Measured form = measure(cluster, traffic, () -> hessian.quadraticForm(v));
      double alone = oneMachine(hidden, parameters, v, hv);
      System.out.printf(
          "| %,d | %d | %s | %.0f | %s | %.0f | %.0f |%n",
          n,
          partitions,
          mebibytes(product.bytes()),
          product.milliseconds(),
          mebibytes(form.bytes()),
          form.milliseconds(),
          alone);
      assertBytes(
          product.bytes(),
          2 * 4L * n,
          partitions <= 4 ? 0 : partitions * 4L * n,
          partitions <= 4 ? partitions * 4L * n : groups(partitions) * 8L * n);
      assertBytes(form.bytes(), 2 * 4L * n, 0, 0);
    }
  }

  private static int groups(int partitions) {
    return Math.ceilDiv(partitions, (int) Math.ceil(Math.sqrt(partitions)));
  }

  private static String mebibytes(long[] bytes) {
    return String.format(
        "%.2f | %.2f | %.2f",
        (double) bytes[0] / MEBIBYTE, (double) bytes[1] / MEBIBYTE, (double) bytes[2] / MEBIBYTE);
  }

  private static void assertBytes(long[] found, long down, long across, long up) {
    assertEquals(down, found[0], 0.02 * down + SMALL, "to executors");
    assertEquals(across, found[1], 0.1 * across + SMALL, "between executors");
    assertEquals(up, found[2], 0.02 * up + SMALL, "to the driver");
  }

  @Test
  @EnabledIfSystemProperty(
      named = "dynaxx.test.full",
      matches = "true",
      disabledReason = "minutes; -Pfull measures the table of docs/spark.md")
  void bytesAndTimeAgainstParameters() {
    Cluster cluster = Cluster.fast();
    Traffic traffic = new Traffic();
    cluster.spark().sc().addSparkListener(traffic);
    for (int hidden : List.of(13, 126, 1258, 12579)) {
      row(cluster, traffic, hidden, 4);
    }
    row(cluster, traffic, 1258, 16);
  }
}

package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.Mlp;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.TraceEstimator;
import dynaxx.testing.KnownCase;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.function.Function0;
import org.apache.spark.util.LongAccumulator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** On two executors: against the same operator on one machine, against PyTorch, and what fails. */
class SparkHessianTest {

  private static final KnownCase CASE = KnownCase.mlpTanh();

  private static Cluster cluster;
  private final Device device = Devices.cpu(2);
  private final Scope scope = Scope.open();

  @BeforeAll
  static void start() {
    cluster = Cluster.of(2);
  }

  @AfterEach
  void free() {
    scope.close();
    device.close();
  }

  private SparkHessian known(int... sizes) {
    return known(cluster.rdd(KnownData.partitions(CASE, sizes)), Limits.DEFAULT);
  }

  private SparkHessian known(JavaRDD<Examples> data, Limits limits) {
    return new SparkHessian(
        () -> KnownCase.mlpTanh().network(),
        () -> KnownCase.mlpTanh().loss(),
        data,
        device,
        limits);
  }

  private HostBuffer parameters() {
    return CASE.host(scope, "parameters");
  }

  private float[] product(SparkHessian hessian, long seed) {
    int n = (int) hessian.dimension();
    Vectors hv = scope.vectors(1, n);
    hessian.apply(Numbers.vectors(scope, 1, Numbers.uniform(n, seed)), hv);
    return ((HostBuffer) hv.buffer()).toArray();
  }

  @Test
  void equalsTheHessianOnOneMachine() {
    try (Hessian one = new Hessian(CASE.network(), CASE.loss(), CASE.batch(scope), device);
        SparkHessian found = known(20, 1, 0, 30, 2, 11)) {
      one.linearize(parameters());
      found.linearize(parameters());
      assertEquals(64, found.examples());
      assertEquals(one.loss(), found.loss(), 1e-6 * one.loss());
      assertEquals(one.gradientNorm(), found.gradientNorm(), 1e-6 * one.gradientNorm());
      assertClose("gradient", one.gradient(), found.gradient());
      int n = (int) one.dimension();
      Vectors v = Numbers.vectors(scope, 11, Numbers.uniform(11 * n, 8));
      Vectors expected = scope.vectors(11, n);
      Vectors products = scope.vectors(11, n);
      one.apply(v, expected);
      found.apply(v, products);
      double[] forms = one.quadraticForm(v);
      double[] foundForms = found.quadraticForm(v);
      for (int i = 0; i < 11; i++) {
        assertClose("product", expected.vector(i), products.vector(i));
        double scale =
            Numbers.norm(Numbers.doubles(v.vector(i)))
                * Numbers.norm(Numbers.doubles(expected.vector(i)));
        assertEquals(forms[i], foundForms[i], 1e-6 * scale);
      }
      assertEquals(
          one.quadraticForm64(v.vector(0)).orElseThrow(),
          found.quadraticForm64(v.vector(0)).orElseThrow(),
          1e-12 * Math.abs(forms[0]));
    }
  }

  private static void assertClose(String what, Buffer expected, Buffer found) {
    float[] values = ((HostBuffer) found).toArray();
    double difference = Numbers.relativeDifference(Numbers.doubles(expected), values);
    assertTrue(difference < 1e-6, what + ": " + difference);
  }

  @Test
  void reproducesTheCurvatureThatPyTorchComputed() {
    try (SparkHessian hessian = known(20, 24, 20)) {
      hessian.linearize(parameters());
      double largest = CASE.expected().get("lambda_max").asDouble();
      double smallest = CASE.expected().get("lambda_min").asDouble();
      Lanczos.Result found = Lanczos.fixed(40).withSeed(7).run(hessian);
      assertEquals(largest, found.max().value(), 1e-4 * largest);
      assertEquals(smallest, found.min().value(), 1e-4 * largest);
      Estimate trace = TraceEstimator.hutchinson(64, 3).run(hessian);
      double exact = CASE.expected().get("trace").asDouble();
      assertEquals(exact, trace.value(), 4 * trace.standardError());
    }
  }

  @Test
  void keepsTheContractOfOperators() {
    try (Hessian one = new Hessian(small(), Loss.meanSquaredError(), smallBatch(), device);
        SparkHessian found = small(Loss::meanSquaredError, 1, 2, 0.5f)) {
      HostBuffer parameters = smallParameters();
      one.linearize(parameters);
      found.linearize(parameters);
      OperatorContract.verify(found, OperatorContract.columns(one), 1e-6);
    }
  }

  private static Network small() {
    return Mlp.of(Activation.TANH, 2, 3, 1);
  }

  private HostBuffer smallParameters() {
    HostBuffer parameters = scope.allocate(small().parameterCount());
    small().initialize(parameters, 4);
    return parameters;
  }

  private Batch smallBatch() {
    return Batch.of(
        small(),
        Loss.meanSquaredError(),
        scope.allocate(6).put(1, -1, 2, -1, 0.5f, -1),
        scope.allocate(3).put(1, 2, 0.5f));
  }

  /** One example for each partition, with the given input and the same target. */
  private SparkHessian small(Function0<Loss> loss, float... values) {
    List<List<Examples>> partitions = new ArrayList<>();
    for (float value : values) {
      partitions.add(List.of(new Examples(new float[] {value, -1}, new float[] {value})));
    }
    return new SparkHessian(SparkHessianTest::small, loss, cluster.rdd(partitions), device);
  }

  @Test
  void readsThePartitionsOnceAndAgainOnlyWhereTheyWereLost() {
    LongAccumulator reads = cluster.spark().sc().longAccumulator();
    JavaRDD<Examples> data =
        cluster
            .rdd(KnownData.partitions(CASE, 16, 16, 16, 16))
            .mapPartitions(
                blocks -> {
                  reads.add(1);
                  return blocks;
                });
    try (SparkHessian hessian = known(data, Limits.DEFAULT)) {
      hessian.linearize(parameters());
      float[] first = product(hessian, 1);
      long settled = reads.value();
      assertArrayEquals(first, product(hessian, 1));
      hessian.linearize(parameters());
      assertArrayEquals(first, product(hessian, 1));
      assertEquals(settled, reads.value());
      cluster.onExecutors(i -> LongStream.range(0, 1000).forEach(HeldPartitions::close));
      assertArrayEquals(first, product(hessian, 1));
      assertEquals(settled + 4, reads.value());
    }
  }

  @Test
  void limitsChangeMicroBatchesOnly() {
    JavaRDD<Examples> data = cluster.rdd(KnownData.partitions(CASE, 32, 32));
    try (SparkHessian whole = known(32, 32);
        SparkHessian cut = known(data, new Limits(0, 5, 2))) {
      whole.linearize(parameters());
      cut.linearize(parameters());
      double[] expected = new double[(int) whole.dimension()];
      float[] wholeProduct = product(whole, 2);
      Arrays.setAll(expected, i -> wholeProduct[i]);
      assertTrue(Numbers.relativeDifference(expected, product(cut, 2)) < 1e-6);
    }
  }

  /** Coupled examples are one micro-batch, for which float64 may have no room. */
  @Test
  void hasNoFormInFloat64WhereOneMachineHasNone() {
    float[] inputs = {1, 2, 3, 4, -1, 2, 0.5f, 1};
    float[] targets = {0, 0, 1, 1};
    HostBuffer parameters = smallParameters();
    Vectors v = Numbers.vectors(scope, 1, Numbers.uniform((int) parameters.size(), 5));
    Batch batch =
        Batch.of(
            small(),
            Loss.contrastive(0.5),
            scope.allocate(inputs.length).put(inputs),
            scope.allocate(targets.length).put(targets));
    Limits limits = new Limits(leastMemory(batch, parameters), 0, 1);
    JavaRDD<Examples> data = cluster.rdd(List.of(List.of(new Examples(inputs, targets))));
    try (Hessian one = new Hessian(small(), Loss.contrastive(0.5), batch, device, limits);
        SparkHessian found =
            new SparkHessian(
                SparkHessianTest::small, () -> Loss.contrastive(0.5), data, device, limits)) {
      one.linearize(parameters);
      found.linearize(parameters);
      assertEquals(OptionalDouble.empty(), one.quadraticForm64(v.vector(0)));
      assertEquals(OptionalDouble.empty(), found.quadraticForm64(v.vector(0)));
    }
  }

  private long leastMemory(Batch batch, HostBuffer parameters) {
    for (long memory = 16; ; memory += 16) {
      try (Hessian hessian =
          new Hessian(small(), Loss.contrastive(0.5), batch, device, new Limits(memory, 0, 1))) {
        hessian.linearize(parameters);
        return memory;
      } catch (IllegalArgumentException | IllegalStateException e) {
        assertTrue(memory < 1 << 20, e.getMessage());
      }
    }
  }

  @Test
  void namesThePartitionOfAValueThatIsNotFinite() {
    try (SparkHessian hessian = small(Loss::meanSquaredError, 1, 2, 3e38f, 3)) {
      NonFiniteException e =
          assertThrows(NonFiniteException.class, () -> hessian.linearize(smallParameters()));
      assertEquals(
          "partition 2: gradient norm: found NaN, expected a finite value", e.getMessage());
      assertThrows(IllegalStateException.class, hessian::loss);
    }
    try (SparkHessian hessian = small(() -> Interrupted.brokenAbove(2.5), 1, 2, 1, 2, 1, 3, 1)) {
      hessian.linearize(smallParameters());
      NonFiniteException e = assertThrows(NonFiniteException.class, () -> product(hessian, 1));
      assertEquals("partition 5: product: found NaN, expected a finite value", e.getMessage());
      Vectors v = scope.vectors(1, hessian.dimension());
      ((HostBuffer) v.buffer()).set(0, 1);
      e = assertThrows(NonFiniteException.class, () -> hessian.quadraticForm(v));
      assertEquals(
          "partition 5: quadratic form: found NaN, expected a finite value", e.getMessage());
      ((HostBuffer) v.buffer()).set(0, Float.POSITIVE_INFINITY);
      e = assertThrows(NonFiniteException.class, () -> hessian.quadraticForm(v));
      assertEquals(
          "v: squared norm of vector 0: found Infinity, expected a finite value", e.getMessage());
    }
  }

  @Test
  void refusesWhatCannotBeSent() {
    Object local = new Object();
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class,
            () ->
                new SparkHessian(
                    () -> local == null ? null : small(),
                    Loss::meanSquaredError,
                    cluster.rdd(KnownData.partitions(CASE, 4)),
                    device));
    assertEquals(
        "network: found a factory that holds what cannot be sent to executors (java.lang.Object),"
            + " expected one that makes everything itself, such as a lambda without captured"
            + " objects",
        e.getMessage());
  }

  @Test
  void refusesDataThatDoNotFit() {
    List<List<Examples>> wrong =
        List.of(
            List.of(new Examples(new float[] {1, 2}, new float[] {1})),
            List.of(new Examples(new float[] {1, 2, 3}, new float[] {1})));
    try (SparkHessian hessian =
        new SparkHessian(
            SparkHessianTest::small, Loss::meanSquaredError, cluster.rdd(wrong), device)) {
      OperatorContract.assertRefuses(
          "partition 1: inputs: found 3 values, expected a positive multiple of 2",
          () -> hessian.linearize(smallParameters()));
      OperatorContract.assertRefuses(
          "parameters: found 3 values, expected 13", () -> hessian.linearize(scope.allocate(3)));
    }
    try (SparkHessian empty =
        new SparkHessian(
            SparkHessianTest::small,
            Loss::meanSquaredError,
            cluster.rdd(List.of(List.of(), List.of())),
            device)) {
      OperatorContract.assertRefuses(
          "data: found no examples, expected at least one",
          () -> empty.linearize(smallParameters()));
    }
  }

  /** What the program's own code says of a line is not lost. */
  @Test
  void keepsTheCauseOfDataThatCannotBeRead() {
    JavaRDD<Examples> data =
        cluster
            .spark()
            .parallelize(List.of("1", "x"), 2)
            .map(Float::parseFloat)
            .map(x -> new Examples(new float[] {x, 0}, new float[] {x}));
    try (SparkHessian hessian =
        new SparkHessian(SparkHessianTest::small, Loss::meanSquaredError, data, device)) {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> hessian.linearize(smallParameters()));
      assertEquals("partition 1: For input string: \"x\"", e.getMessage());
      assertInstanceOf(NumberFormatException.class, e.getCause());
    }
  }

  @Test
  void refusesCoupledExamplesInSeveralPartitions() {
    IllegalArgumentException e =
        assertThrows(
            IllegalArgumentException.class, () -> small(() -> Loss.contrastive(0.5), 1, 2));
    assertEquals(
        "examples in several partitions: needs gradients of single examples, and contrastive"
            + " couples the examples: the loss of one depends on all the others",
        e.getMessage());
  }

  @Test
  void noticesAnRddThatGivesOtherExamplesWhenItIsReadAgain() {
    JavaRDD<Examples> data =
        cluster
            .spark()
            .parallelize(List.of(1, 2, 3), 3)
            .map(i -> new Examples(new float[] {i, System.nanoTime()}, new float[] {i}));
    try (SparkHessian hessian =
        new SparkHessian(SparkHessianTest::small, Loss::meanSquaredError, data, device)) {
      hessian.linearize(smallParameters());
      product(hessian, 1);
      cluster.onExecutors(i -> LongStream.range(0, 1000).forEach(HeldPartitions::close));
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> product(hessian, 1));
      assertTrue(
          e.getMessage().startsWith("data: partition 0 was read again and gave 1 examples"),
          e.getMessage());
    }
  }

  @Test
  void needsAPointAndRefusesWorkAfterClose() {
    SparkHessian hessian = small(Loss::meanSquaredError, 1, 2);
    IllegalStateException e = assertThrows(IllegalStateException.class, () -> product(hessian, 1));
    assertEquals("spark hessian: expected linearize(parameters) first", e.getMessage());
    hessian.linearize(smallParameters());
    assertTrue(held() > 0);
    hessian.close();
    hessian.close();
    assertEquals(0, held(), "partitions that an executor still holds");
    e = assertThrows(IllegalStateException.class, () -> product(hessian, 1));
    assertEquals("spark hessian: found closed, expected open", e.getMessage());
    e = assertThrows(IllegalStateException.class, () -> hessian.linearize(smallParameters()));
    assertEquals("spark hessian: found closed, expected open", e.getMessage());
    e = assertThrows(IllegalStateException.class, hessian::loss);
    assertEquals("spark hessian: found closed, expected open", e.getMessage());
  }

  @Test
  void closeReachesExecutorsThatNoPartitionGoesToAnyMore() {
    SparkHessian hessian = small(Loss::meanSquaredError, 1);
    hessian.linearize(smallParameters());
    long operator = hessian.operator();
    // a task of each executor has held a partition that another executor holds by now
    cluster.onExecutors(i -> hold(operator));
    assertTrue(held() > 0);
    hessian.close();
    assertEquals(0, held(), "partitions that an executor still holds");
  }

  private static void hold(long operator) {
    Problem problem =
        new Problem(operator, SparkHessianTest::small, Loss::meanSquaredError, 1 << 20, 0, 8);
    Examples examples = new Examples(new float[] {1, 2}, new float[] {3});
    HeldPartitions.get(problem, 7, 1, List.of(examples).iterator(), 1);
  }

  @Test
  void saysWhySparkGaveUp() {
    SparkContext spark = cluster.spark().sc();
    spark.setJobGroup("cancelled", "cancelled", false);
    spark.cancelJobGroupAndFutureJobs("cancelled");
    SparkHessian hessian = small(Loss::meanSquaredError, 1, 2);
    try (hessian) {
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> hessian.linearize(smallParameters()));
      assertTrue(e.getMessage().startsWith("spark hessian: a job of Spark failed: "), e::toString);
      assertTrue(e.getMessage().contains("cancelled"), e::toString);
    } finally {
      spark.clearJobGroup();
    }
    assertThrows(IllegalStateException.class, hessian::loss);
  }

  /** The most partitions that one of the executors holds. */
  private static int held() {
    List<Integer> tasks = IntStream.range(0, 16).boxed().toList();
    return cluster
        .spark()
        .parallelize(tasks, tasks.size())
        .map(i -> HeldPartitions.size())
        .reduce(Math::max);
  }

  @Test
  void servesOneThreadAtATime(@TempDir Path folder) throws Exception {
    Path file = Files.createFile(folder.resolve("wait"));
    String name = file.toString();
    try (SparkHessian hessian = small(() -> Interrupted.waitingFor(name), 1, 2);
        SparkHessian other = small(() -> Loss.meanSquaredError(), 1, 2)) {
      hessian.linearize(smallParameters());
      CompletableFuture<float[]> first = CompletableFuture.supplyAsync(() -> product(hessian, 1));
      while (Files.exists(file)) {
        Cluster.pause();
      }
      IllegalStateException e =
          assertThrows(IllegalStateException.class, () -> product(hessian, 1));
      assertTrue(
          e.getMessage().endsWith("expected one thread at a time; give each thread its own"));
      other.linearize(smallParameters());
      float[] alone = product(other, 3);
      Files.createFile(file);
      first.get();
      CompletableFuture<float[]> again = CompletableFuture.supplyAsync(() -> product(other, 3));
      Files.deleteIfExists(file);
      float[] here = product(hessian, 1);
      assertArrayEquals(alone, again.get());
      assertArrayEquals(first.get(), here);
    }
  }
}

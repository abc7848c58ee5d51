package dynaxx.spark;

import dynaxx.device.Device;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.NetworkOperator.Limits;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.OptionalDouble;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.api.java.function.Function0;
import org.apache.spark.broadcast.Broadcast;

/**
 * The Hessian of a loss over the examples of an RDD, at the parameters of the last {@link
 * #linearize}: the mean over all examples, as {@link dynaxx.operator.Hessian} has it on one
 * machine. Lanczos and its vectors stay on the driver; parameters and directions go to the
 * executors by broadcast; each executor keeps the examples and activations of its partitions
 * between products.
 *
 * <p>Sums run in the order of the partitions. So results depend on how the examples are divided
 * into partitions, but have the same bits for any number of executors, and when some are lost and
 * their partitions are read again. All executors must have the same kind of processor for that.
 *
 * <p>One operator serves one thread at a time.
 */
public final class SparkHessian implements SymmetricOperator {

  /** Memory for the recordings of one partition if the limits do not state any: 256 MiB. */
  public static final long DEFAULT_MEMORY_BYTES = 1L << 28;

  private static final String NAME = "spark hessian";
  private static final Logger LOG = System.getLogger("dynaxx.spark");
  private static final AtomicLong OPERATORS = new AtomicLong();

  /** Longest Java array, on all machines. */
  private static final long MOST_PARAMETERS = Integer.MAX_VALUE - 8;

  private final Problem problem;
  private final Device device;
  private final JavaSparkContext spark;
  private final PlacedRdd data;
  private final SymmetricOperator products;
  private final Scope scope = Scope.open();
  private final Buffer gradient;
  private Census census;
  private long points;
  private Broadcast<float[]> parameters;
  private double loss;
  private double gradientNorm;

  /**
   * The Hessian over an RDD, with {@link #DEFAULT_MEMORY_BYTES} for each partition.
   *
   * @param network makes the network, on the driver and on each executor
   * @param loss makes its loss
   * @param data the examples, the same in the same order each time a partition is read
   * @param device where the estimators work, on the driver
   */
  public SparkHessian(
      Function0<Network> network, Function0<Loss> loss, JavaRDD<Examples> data, Device device) {
    this(network, loss, data, device, Limits.DEFAULT);
  }

  /**
   * The Hessian over an RDD.
   *
   * @param network makes the network, on the driver and on each executor
   * @param loss makes its loss
   * @param data the examples, the same in the same order each time a partition is read
   * @param device where the estimators work, on the driver
   * @param limits memory of each partition's recordings, micro-batch, and directions of one job
   * @throws IllegalArgumentException if a factory cannot be sent to executors, the network has more
   *     parameters than a Java array has elements, or the network or the loss couples the examples
   *     and they lie in several partitions
   */
  public SparkHessian(
      Function0<Network> network,
      Function0<Loss> loss,
      JavaRDD<Examples> data,
      Device device,
      Limits limits) {
    long memory = limits.memoryBytes() == 0 ? DEFAULT_MEMORY_BYTES : limits.memoryBytes();
    problem =
        new Problem(
            OPERATORS.incrementAndGet(),
            network,
            loss,
            memory,
            limits.microBatch(),
            limits.directions());
    Network made = problem.network();
    long n = made.parameterCount();
    if (n > MOST_PARAMETERS) {
      throw new IllegalArgumentException(
          "network: found " + n + " parameters, expected at most " + MOST_PARAMETERS);
    }
    if (data.getNumPartitions() > 1) {
      made.requireSeparateExamples("examples in several partitions");
      problem.loss().requireSeparateExamples("examples in several partitions");
    }
    this.device = device;
    this.data = new PlacedRdd(data.rdd());
    spark = JavaSparkContext.fromSparkContext(data.context());
    products = SymmetricOperator.of(n, device, this::multiply);
    gradient = device.allocate(scope, n);
  }

  /**
   * Takes a new point: forward and backward once on every partition.
   *
   * @param values n parameters in host memory, or on the driver's device; not needed after the call
   * @return this
   * @throws IllegalArgumentException if the size or a partition's examples do not fit, naming the
   *     partition
   * @throws NonFiniteException if a partition's loss or gradient is NaN or infinite, naming the
   *     partition
   * @throws IllegalStateException if the RDD gave other examples than before, a job of Spark fails,
   *     or the operator is closed
   */
  public SparkHessian linearize(Buffer values) {
    Shape.requireSize("parameters", values.size(), dimension());
    return exclusively(
        () -> {
          forgetPoint();
          points++;
          Broadcast<float[]> sent = spark.broadcast(toArray(values));
          try {
            record(run(Job.Kind.GRADIENT, sent, null));
            parameters = sent;
          } finally {
            if (parameters == null) {
              sent.destroy();
            }
          }
          return this;
        });
  }

  private void record(OrderedSum sum) {
    loss = sum.scalar(0, census.examples());
    fill(sum.vector(0, census.examples()), gradient);
    gradientNorm = Math.sqrt(device.algebra().dot(gradient, gradient));
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException before {@link #linearize}, if a job of Spark fails or the
   *     operator is closed
   * @throws NonFiniteException if a vector, or a partition's product, is NaN or infinite
   */
  @Override
  public void apply(Vectors v, Vectors hv) {
    products.apply(v, hv);
  }

  private void multiply(Vectors v, Vectors hv) {
    exclusively(
        () -> {
          requirePoint();
          for (int from = 0; from < v.count(); from += problem.directions()) {
            int k = Math.min(problem.directions(), v.count() - from);
            OrderedSum sum = run(Job.Kind.PRODUCTS, v.subset(from, k));
            for (int i = 0; i < k; i++) {
              fill(sum.vector(i, census.examples()), hv.vector(from + i));
            }
          }
          return null;
        });
  }

  /**
   * {@inheritDoc}
   *
   * <p>Costs half a product, and only numbers come back from the executors.
   *
   * @throws IllegalStateException before {@link #linearize}, if a job of Spark fails or the
   *     operator is closed
   * @throws NonFiniteException if a vector, or a partition's form, is NaN or infinite
   */
  @Override
  public double[] quadraticForm(Vectors v) {
    requireLength(v.length());
    return exclusively(
        () -> {
          requirePoint();
          double[] forms = new double[v.count()];
          for (int from = 0; from < v.count(); from += problem.directions()) {
            int k = Math.min(problem.directions(), v.count() - from);
            OrderedSum sum = run(Job.Kind.FORMS, v.subset(from, k));
            for (int i = 0; i < k; i++) {
              forms[from + i] = sum.scalar(i, census.examples());
            }
          }
          return forms;
        });
  }

  /**
   * {@inheritDoc}
   *
   * @throws IllegalStateException before {@link #linearize}, if a job of Spark fails or the
   *     operator is closed
   */
  @Override
  public OptionalDouble quadraticForm64(Buffer v) {
    requireLength(v.size());
    return exclusively(
        () -> {
          requirePoint();
          OrderedSum sum = run(Job.Kind.FORMS64, Vectors.of(v, 1, v.size()));
          return sum.scalarCount() == 0
              ? OptionalDouble.empty()
              : OptionalDouble.of(sum.scalar(0, census.examples()));
        });
  }

  private OrderedSum run(Job.Kind kind, Vectors v) {
    float[][] directions = new float[v.count()][];
    for (int i = 0; i < directions.length; i++) {
      NonFiniteException.check(
          "v: squared norm of vector " + i, device.algebra().dot(v.vector(i), v.vector(i)));
      directions[i] = toArray(v.vector(i));
    }
    Broadcast<float[][]> sent = spark.broadcast(directions);
    try {
      return run(kind, parameters, sent);
    } finally {
      sent.destroy();
    }
  }

  private OrderedSum run(Job.Kind kind, Broadcast<float[]> point, Broadcast<float[][]> directions) {
    Job job = new Job(kind, problem, points, point, directions);
    JavaRDD<Part> parts = data.toJavaRDD().mapPartitionsWithIndex(job, true);
    OrderedSum sum = sum(parts, job.givesVectors());
    check(sum.parts());
    return sum;
  }

  private static OrderedSum sum(JavaRDD<Part> parts, boolean vectors) {
    try {
      return vectors ? PartitionSums.ofVectors(parts) : PartitionSums.ofScalars(parts);
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) { // Scala does not declare SparkException, which is a checked one
      throw new IllegalStateException(NAME + ": a job of Spark failed: " + reason(e), e);
    }
  }

  private static String reason(Exception e) {
    if (e instanceof InterruptedException) {
      Thread.currentThread().interrupt();
    }
    return String.valueOf(e.getMessage()).lines().findFirst().orElse("");
  }

  private void check(List<Part> parts) {
    parts.forEach(part -> data.place(part.partition, part.place));
    for (Part part : parts) {
      if (part.refusal != null) {
        throw part.refusal;
      }
    }
    if (census == null) {
      census = new Census(parts);
    }
    census.check(parts);
  }

  private float[] toArray(Buffer values) {
    if (values instanceof HostBuffer host) {
      return host.toArray();
    }
    try (Scope copy = Scope.open()) {
      HostBuffer host = copy.allocate(values.size());
      device.download(values, host.segment());
      return host.toArray();
    }
  }

  private void fill(float[] values, Buffer to) {
    if (to instanceof HostBuffer host) {
      host.put(values);
      return;
    }
    try (Scope copy = Scope.open()) {
      HostBuffer host = copy.allocate(values.length).put(values);
      device.algebra().copy(device.upload(copy, host.segment()), to);
    }
  }

  private <T> T exclusively(Supplier<T> work) {
    return device
        .turns()
        .alone(
            this,
            NAME,
            () -> {
              requireOpen();
              return work.get();
            });
  }

  private void requireOpen() {
    if (!scope.isOpen()) {
      throw new IllegalStateException(NAME + ": found closed, expected open");
    }
  }

  private void requirePoint() {
    requireOpen();
    if (parameters == null) {
      throw new IllegalStateException(NAME + ": expected linearize(parameters) first");
    }
  }

  private void requireLength(long found) {
    if (found != dimension()) {
      throw new IllegalArgumentException(
          "v: found vectors of length " + found + ", expected " + dimension());
    }
  }

  private void forgetPoint() {
    if (parameters != null) {
      parameters.destroy();
      parameters = null;
    }
  }

  /** What executors know it by. */
  long operator() {
    return problem.operator();
  }

  @Override
  public long dimension() {
    return products.dimension();
  }

  @Override
  public Device device() {
    return device;
  }

  /**
   * Examples of all partitions, counted at the first point.
   *
   * @return N
   */
  public long examples() {
    requirePoint();
    return census.examples();
  }

  /**
   * Mean loss over all examples.
   *
   * @return at the last point
   */
  public double loss() {
    requirePoint();
    return loss;
  }

  /**
   * Gradient of the mean loss.
   *
   * @return n values on the driver's device, overwritten by the next {@link #linearize}
   */
  public Buffer gradient() {
    requirePoint();
    return gradient;
  }

  /**
   * Euclidean norm of the gradient.
   *
   * @return at the last point
   */
  public double gradientNorm() {
    requirePoint();
    return gradientNorm;
  }

  /** Frees what the executors and the driver hold; closing twice is harmless. */
  @Override
  public void close() {
    device
        .turns()
        .alone(
            this,
            NAME,
            () -> {
              if (scope.isOpen()) {
                scope.close();
                closeExecutors();
              }
              return null;
            });
  }

  private void closeExecutors() {
    try {
      if (!spark.sc().isStopped()) {
        forgetPoint();
        Release.everywhere(spark, operator());
      }
    } catch (Exception e) { // SparkException, which is a checked one, among them
      LOG.log(Level.WARNING, NAME + ": executors keep memory until they end: " + reason(e));
    } finally {
      HeldPartitions.close(operator());
    }
  }
}

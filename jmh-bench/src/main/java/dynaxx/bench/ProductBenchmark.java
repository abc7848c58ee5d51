package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Hessian-vector products and quadratic forms against the gradient of the same network over the
 * same batch. The floor of a product is 2 gradients, of a quadratic form 1, counted in matrix
 * products.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 3, time = 3)
@Measurement(iterations = 5, time = 3)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class ProductBenchmark {

  private static final int DIRECTIONS = 8;

  /**
   * The demo's quick network, and one that is wide enough for matrix products to dominate; for a
   * GPU also {@code -p network=vit-s16,vit-b16}.
   */
  @Param({"quick", "wide"})
  public String network;

  /** Examples of the batch. */
  @Param("256")
  public int batch;

  private final Scope scope = Scope.open();
  private Device device;
  private Hessian hessian;
  private HostBuffer parameters;
  private Directions one;
  private Directions eight;

  /** Builds the network, random data and random directions. */
  @Setup(Level.Trial)
  public void open() {
    Workload work = Workload.of(network, batch, scope);
    parameters = work.parameters();
    device = Devices.open();
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    hessian.linearize(parameters);
    long n = hessian.dimension();
    one = Directions.of(device, scope, 1, n);
    eight = Directions.of(device, scope, DIRECTIONS, n);
  }

  /** Frees memory and threads. */
  @TearDown(Level.Trial)
  public void close() {
    hessian.close();
    scope.close();
    device.close();
  }

  /** Forward and backward pass. */
  @Benchmark
  public double gradient() {
    return hessian.linearize(parameters).gradientNorm();
  }

  /** One product. */
  @Benchmark
  public Vectors product1() {
    hessian.apply(one.v(), one.products());
    return one.done();
  }

  /** Eight products in one sweep. */
  @Benchmark
  public Vectors product8() {
    hessian.apply(eight.v(), eight.products());
    return eight.done();
  }

  /** Eight quadratic forms in one sweep. */
  @Benchmark
  public double[] quadraticForm8() {
    return hessian.quadraticForm(eight.v());
  }
}

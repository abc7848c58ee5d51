package dynaxx.bench;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;

/**
 * Hessian-vector products and quadratic forms against the gradient of the same network over the
 * same batch. The floor of a product is 2 gradients, of a quadratic form 1, counted in matrix
 * products.
 */
public class ProductBenchmark extends DeviceBenchmark {

  private static final int DIRECTIONS = 8;

  /**
   * The demo's quick network, one that is wide enough for matrix products to dominate, and one of
   * each family that the demo trains; for a GPU also {@code -p network=vit-s16,vit-b16}.
   */
  @Param({"quick", "wide", "mlp", "cnn", "resnet", "gru", "lstm", "vit", "gpt", "llama"})
  public String network;

  /** Examples of the batch, or 0 for 256, of language models and the ResNet 64. */
  @Param("0")
  public int batch;

  private Hessian hessian;
  private HostBuffer parameters;
  private Directions one;
  private Directions eight;

  /** Builds the network, random data and random directions. */
  @Setup(Level.Trial)
  public void open() {
    openDevice();
    Workload work = Workload.of(network, batch, scope);
    parameters = work.parameters();
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    scope.onClose(hessian::close);
    hessian.linearize(parameters);
    long n = hessian.dimension();
    one = Directions.of(device, scope, 1, n);
    eight = Directions.of(device, scope, DIRECTIONS, n);
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

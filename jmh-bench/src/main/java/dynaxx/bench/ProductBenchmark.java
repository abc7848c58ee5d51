package dynaxx.bench;

import dynaxx.backend.Backend;
import dynaxx.backend.Backends;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.network.VisionTransformer;
import dynaxx.operator.Hessian;
import java.util.Random;
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
  private static final int EXAMPLES = 256;

  /** The demo's quick network, and one that is wide enough for matrix products to dominate. */
  @Param({"quick", "wide"})
  public String network;

  private final Scope scope = Scope.open();
  private Backend backend;
  private Hessian hessian;
  private HostBuffer parameters;
  private Vectors one;
  private Vectors eight;
  private Vectors productOfOne;
  private Vectors productsOfEight;

  /** Builds the network, random data and random directions. */
  @Setup(Level.Trial)
  public void open() {
    VisionTransformer builder = new VisionTransformer().patch(7).heads(4);
    Network built =
        network.equals("quick")
            ? builder.embedding(32).depth(3).hidden(64).build()
            : builder.embedding(192).depth(4).hidden(768).build();
    Random random = new Random(1);
    HostBuffer inputs = scope.allocate(EXAMPLES * built.inputShape().size());
    HostBuffer labels = scope.allocate(EXAMPLES);
    fill(inputs, random);
    for (int i = 0; i < EXAMPLES; i++) {
      labels.set(i, random.nextInt(10));
    }
    parameters = scope.allocate(built.parameterCount());
    built.initialize(parameters, 1);
    Loss loss = Loss.crossEntropy();
    backend = Backends.open();
    hessian = new Hessian(built, loss, Batch.of(built, loss, inputs, labels), backend);
    hessian.linearize(parameters);
    one = scope.vectors(1, built.parameterCount());
    eight = scope.vectors(DIRECTIONS, built.parameterCount());
    productOfOne = scope.vectors(1, built.parameterCount());
    productsOfEight = scope.vectors(DIRECTIONS, built.parameterCount());
    fill((HostBuffer) one.buffer(), random);
    fill((HostBuffer) eight.buffer(), random);
  }

  private static void fill(HostBuffer values, Random random) {
    for (long i = 0; i < values.size(); i++) {
      values.set(i, (float) random.nextGaussian());
    }
  }

  /** Frees memory and threads. */
  @TearDown(Level.Trial)
  public void close() {
    hessian.close();
    backend.close();
    scope.close();
  }

  /** Forward and backward pass. */
  @Benchmark
  public double gradient() {
    return hessian.linearize(parameters).gradientNorm();
  }

  /** One product. */
  @Benchmark
  public Vectors product1() {
    hessian.apply(one, productOfOne);
    return productOfOne;
  }

  /** Eight products in one sweep. */
  @Benchmark
  public Vectors product8() {
    hessian.apply(eight, productsOfEight);
    return productsOfEight;
  }

  /** Eight quadratic forms in one sweep. */
  @Benchmark
  public double[] quadraticForm8() {
    return hessian.quadraticForm(eight);
  }
}

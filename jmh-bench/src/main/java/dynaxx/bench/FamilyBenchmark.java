package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Activation;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.model.ConvolutionalNetwork;
import dynaxx.model.LanguageModel;
import dynaxx.model.Mlp;
import dynaxx.model.Recurrent;
import dynaxx.model.SequenceModel;
import dynaxx.model.VisionTransformer;
import dynaxx.network.Batch;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import dynaxx.operator.Hessian;
import java.util.Locale;
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
 * Hessian-vector products against the gradient for each family of networks that the demo trains:
 * perceptron, convolutional, recurrent, vision transformer, language models.
 */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 2, time = 3)
@Measurement(iterations = 4, time = 3)
@Fork(value = 1, jvmArgsAppend = "--add-modules=jdk.incubator.vector")
public class FamilyBenchmark {

  private static final int DIRECTIONS = 8;

  /** Which network; {@link Family} says what they are. */
  @Param({"mlp", "cnn", "gru", "lstm", "vit", "gpt", "llama"})
  public String family;

  private final Scope scope = Scope.open();
  private Device device;
  private Hessian hessian;
  private HostBuffer parameters;
  private Vectors one;
  private Vectors eight;
  private Vectors productOfOne;
  private Vectors productsOfEight;

  /** Builds the network, random data and random directions; prints the number of parameters. */
  @Setup(Level.Trial)
  public void open() {
    Workload work = Family.valueOf(family.toUpperCase(Locale.ROOT)).workload(scope);
    parameters = work.parameters();
    device = Devices.open();
    hessian = new Hessian(work.network(), work.loss(), work.batch(), device);
    hessian.linearize(parameters);
    long n = hessian.dimension();
    System.out.println(family + ": " + n + " parameters, " + hessian.examples() + " examples");
    one = device.vectors(scope, 1, n);
    eight = device.vectors(scope, DIRECTIONS, n);
    productOfOne = device.vectors(scope, 1, n);
    productsOfEight = device.vectors(scope, DIRECTIONS, n);
    device.algebra().rademacher(2, 0, one);
    device.algebra().rademacher(2, 1, eight);
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
    hessian.apply(one, productOfOne);
    return productOfOne;
  }

  /** Eight products in one sweep. */
  @Benchmark
  public Vectors product8() {
    hessian.apply(eight, productsOfEight);
    return productsOfEight;
  }

  /** Families of networks with random data in their shapes. */
  enum Family {
    MLP,
    CNN,
    RESNET,
    GRU,
    LSTM,
    VIT,
    GPT,
    LLAMA;

    private static final int VOCABULARY = 64;

    private Network network() {
      return switch (this) {
        case MLP -> Mlp.of(Activation.TANH, 784, 256, 128, 10);
        case CNN ->
            new ConvolutionalNetwork()
                .image(1, 28, 28)
                .stages(16, 32)
                .blocks(1)
                .groupNorm(4)
                .classes(10)
                .build();
        case RESNET ->
            new ConvolutionalNetwork()
                .image(3, 32, 32)
                .stages(64, 128, 256, 512)
                .blocks(2)
                .groupNorm(4)
                .classes(10)
                .build();
        case GRU -> recurrent(Recurrent.GRU);
        case LSTM -> recurrent(Recurrent.LSTM);
        case VIT ->
            new VisionTransformer().patch(7).heads(4).embedding(64).depth(3).hidden(128).build();
        case GPT -> language(LanguageModel.gpt());
        case LLAMA -> language(LanguageModel.llama());
      };
    }

    private static Network recurrent(Recurrent kind) {
      return new SequenceModel().rows(28, 28).kind(kind).hidden(64).classes(10).build();
    }

    private static Network language(LanguageModel model) {
      return model
          .vocabulary(VOCABULARY)
          .context(32)
          .embedding(64)
          .depth(3)
          .heads(4)
          .hidden(128)
          .build();
    }

    Workload workload(Scope scope) {
      Network network = network();
      boolean tokens = this == GPT || this == LLAMA;
      boolean few = tokens || this == RESNET;
      int examples = few ? Workload.EXAMPLES / 4 : Workload.EXAMPLES;
      Loss loss = Loss.crossEntropy();
      Random random = new Random(1);
      HostBuffer inputs = scope.allocate(examples * network.inputShape().size());
      HostBuffer targets = scope.allocate(examples * loss.targetSize(network.outputShape()));
      if (tokens) {
        whole(inputs, VOCABULARY, random);
      } else {
        Workload.fill(inputs, random);
      }
      whole(targets, network.outputShape().dim(-1), random);
      HostBuffer parameters = scope.allocate(network.parameterCount());
      network.initialize(parameters, 1);
      return new Workload(network, loss, Batch.of(network, loss, inputs, targets), parameters);
    }

    private static void whole(HostBuffer values, int bound, Random random) {
      for (long i = 0; i < values.size(); i++) {
        values.set(i, random.nextInt(bound));
      }
    }
  }
}

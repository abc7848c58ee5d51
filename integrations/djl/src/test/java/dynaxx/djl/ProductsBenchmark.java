package dynaxx.djl;

import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.pooling.Pool;
import ai.djl.nn.recurrent.GRU;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.loss.Loss;
import com.sun.management.OperatingSystemMXBean;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import java.lang.management.ManagementFactory;
import java.util.Random;

/**
 * Products of dynaxx's network and of the engine, side by side, on one thread each. Processor time
 * counts, so that other programs on the machine matter little.
 */
final class ProductsBenchmark {

  private static final int EXAMPLES = 128;
  private static final int CLASSES = 10;
  private static final double SECONDS = 4;

  private record Model(String name, Block block, long... dims) {}

  private ProductsBenchmark() {}

  public static void main(String[] arguments) {
    System.setProperty("ai.djl.pytorch.num_threads", "1");
    System.setProperty("ai.djl.pytorch.num_interop_threads", "1");
    System.out.println("| block | parameters | network | network, each of eight | engine |");
    System.out.println("|---|---|---|---|---|");
    compare(new Model("perceptron 784-256-128-10", perceptron(), 784));
    compare(new Model("convolutional, 28 x 28", convolutional(), 1, 28, 28));
    compare(new Model("GRU, 28 steps of 28, 64 states", gru(), 28, 28));
    compare(new Model("transformer encoder, 16 tokens of 32", transformer(), 16, 32));
  }

  private static Block perceptron() {
    return new SequentialBlock()
        .add(Blocks.linear(256))
        .add(Activation::gelu)
        .add(Blocks.linear(128))
        .add(Activation::gelu)
        .add(Blocks.linear(CLASSES));
  }

  private static Block convolutional() {
    return new SequentialBlock()
        .add(conv(16))
        .add(Activation::relu)
        .add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)))
        .add(conv(32))
        .add(Activation::relu)
        .add(Pool.globalAvgPool2dBlock())
        .add(Blocks.linear(CLASSES));
  }

  private static Block gru() {
    return Blocks.recurrent(GRU.builder().setStateSize(64).setNumLayers(1).build());
  }

  private static Block transformer() {
    return new SequentialBlock()
        .add(new TransformerEncoderBlock(32, 4, 64, 0.1f, Activation::gelu))
        .addSingleton(x -> x.get(":, 0"))
        .add(Blocks.linear(CLASSES));
  }

  private static Conv2d conv(int filters) {
    return Conv2d.builder().setFilters(filters).setKernelShape(new Shape(3, 3)).build();
  }

  private static void compare(Model model) {
    Random random = new Random(1);
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Shape shape = new Shape(EXAMPLES).addAll(new Shape(model.dims()));
      model.block().initialize(manager, DataType.FLOAT32, shape);
      Blocks.randomize(model.block(), 3);
      NDList data = new NDList(manager.create(normal(random, shape.size()), shape));
      float[] classes = new float[EXAMPLES];
      for (int i = 0; i < EXAMPLES; i++) {
        classes[i] = random.nextInt(4);
      }
      NDList labels = new NDList(manager.create(classes));
      DjlNetwork network = DjlNetwork.of(model.block(), shape);
      var loss = dynaxx.network.Loss.crossEntropy();
      var batch = network.batch(loss, data, labels, scope);
      Loss own = Loss.softmaxCrossEntropyLoss();
      try (Hessian hessian = new Hessian(network.network(), loss, batch, device);
          DjlHessian engine = new DjlHessian(model.block(), own, data, labels, device)) {
        hessian.linearize(network.parameters(scope));
        System.out.printf(
            "| %s | %d | %.1f | %.1f | %.1f |%n",
            model.name(),
            hessian.dimension(),
            perSecond(hessian, 1),
            perSecond(hessian, 8),
            perSecond(engine, 1));
      }
    }
  }

  private static float[] normal(Random random, long size) {
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** After as long for warming up. */
  private static double perSecond(SymmetricOperator operator, int k) {
    try (Scope scope = Scope.open()) {
      Vectors v = operator.device().vectors(scope, k, operator.dimension());
      Vectors hv = operator.device().vectors(scope, k, operator.dimension());
      operator.device().algebra().rademacher(1, 0, v);
      run(operator, v, hv);
      return run(operator, v, hv);
    }
  }

  private static double run(SymmetricOperator operator, Vectors v, Vectors hv) {
    double begin = processorSeconds();
    double end = begin;
    long products = 0;
    while (end - begin < SECONDS) {
      operator.apply(v, hv);
      products += v.count();
      end = processorSeconds();
    }
    return products / (end - begin);
  }

  private static double processorSeconds() {
    return ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class).getProcessCpuTime()
        / 1e9;
  }
}

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
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.operator.SymmetricOperator;
import java.util.Random;

/** Products a second of dynaxx's network and of the engine, side by side. */
final class ProductsBenchmark {

  private static final int EXAMPLES = 128;
  private static final int CLASSES = 10;
  private static final double SECONDS = 5;

  private record Model(String name, Block block, long... dims) {}

  private ProductsBenchmark() {}

  public static void main(String[] arguments) {
    System.out.println("| block | parameters | network | network, each of eight | engine |");
    System.out.println("|---|---|---|---|---|");
    compare(new Model("perceptron 784-256-128-10", perceptron(), 784));
    compare(new Model("convolutional, 28 x 28", convolutional(), 1, 28, 28));
    compare(new Model("GRU, 28 steps of 28", Blocks.recurrent(Blocks.gru()), 28, 28));
    compare(new Model("transformer encoder, 5 tokens", Blocks.transformer(), 5, 3));
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

  private static Conv2d conv(int filters) {
    return Conv2d.builder().setFilters(filters).setKernelShape(new Shape(3, 3)).build();
  }

  private static void compare(Model model) {
    Random random = new Random(1);
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(Runtime.getRuntime().availableProcessors());
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
            "| %s | %d | %.0f | %.0f | %.0f |%n",
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

  /** After a second of warming up. */
  private static double perSecond(SymmetricOperator operator, int k) {
    try (Scope scope = Scope.open()) {
      Vectors v = operator.device().vectors(scope, k, operator.dimension());
      Vectors hv = operator.device().vectors(scope, k, operator.dimension());
      operator.device().algebra().rademacher(1, 0, v);
      run(operator, v, hv, 1);
      return run(operator, v, hv, SECONDS);
    }
  }

  private static double run(SymmetricOperator operator, Vectors v, Vectors hv, double seconds) {
    long begin = System.nanoTime();
    long products = 0;
    while (System.nanoTime() - begin < seconds * 1e9) {
      operator.apply(v, hv);
      products += v.count();
    }
    return products / ((System.nanoTime() - begin) / 1e9);
  }
}

package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import ai.djl.nn.core.Prelu;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Hessian;
import dynaxx.testing.Numbers;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Products of dynaxx's network and products through the engine, on blocks of different kinds. */
class AgreementTest {

  private static final int EXAMPLES = 12;
  private static final int CLASSES = 4;
  private static final double TOLERANCE = 1e-5;

  private record Trial(
      String name, Supplier<Block> block, BatchNormMode mode, int tokens, long... dims) {
    Shape shape() {
      return new Shape(EXAMPLES).addAll(new Shape(dims));
    }

    NDArray data(NDManager manager, Random random) {
      float[] values = new float[(int) shape().size()];
      for (int i = 0; i < values.length; i++) {
        values[i] = tokens > 0 ? random.nextInt(tokens) : (float) random.nextGaussian();
      }
      NDArray floats = manager.create(values, shape());
      return tokens > 0 ? floats.toType(DataType.INT64, true) : floats;
    }

    @Override
    public String toString() {
      return name;
    }
  }

  private static Trial trial(String name, Supplier<Block> block, long... dims) {
    return new Trial(name, block, BatchNormMode.RUNNING, 0, dims);
  }

  static Stream<Trial> trials() {
    return Stream.of(
        trial("perceptron, all activations", Blocks::activations, 7),
        trial("convolutions, batch norm, pooling", Blocks::convolutional, 2, 9, 10),
        new Trial("batch statistics", Blocks::batchStatistics, BatchNormMode.BATCH, 0, 2, 6, 7),
        trial("convolutions of signals", Blocks::signals, 3, 17),
        trial("layer norm, dropout", Blocks::layerNorm, 7),
        trial("GRU", () -> Blocks.recurrent(Blocks.gru()), 4, 6),
        trial("LSTM", () -> Blocks.recurrent(Blocks.lstm()), 4, 6),
        trial("RNN in two directions", () -> Blocks.recurrent(Blocks.rnn()), 4, 6),
        new Trial("embedding", Blocks::embedding, BatchNormMode.RUNNING, 11, 5),
        trial("attention", Blocks::attention, 5, 3),
        trial("transformer encoder", Blocks::transformer, 5, 3),
        trial("parallel branches", Blocks::parallel, 6),
        trial("a block of one's own", () -> Blocks.gated(Blocks.ownPrelu()), 6),
        trial("a computed matrix", () -> Blocks.gated(Blocks.ownLinear()), 6));
  }

  @ParameterizedTest
  @MethodSource("trials")
  void productsAreTheSame(Trial trial) {
    Random random = new Random(7);
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      Block block = trial.block().get();
      NDList data = new NDList(trial.data(manager, random));
      block.initialize(manager, DataType.FLOAT32, trial.shape());
      Blocks.randomize(block, 3);
      float[] classes = new float[EXAMPLES];
      for (int i = 0; i < EXAMPLES; i++) {
        classes[i] = random.nextInt(CLASSES);
      }
      NDList labels = new NDList(manager.create(classes));
      DjlNetwork network = DjlNetwork.of(block, trial.mode(), trial.shape());
      var crossEntropy = dynaxx.network.Loss.crossEntropy();
      Loss loss = Loss.softmaxCrossEntropyLoss();
      var batch = network.batch(crossEntropy, data, labels, scope);
      try (Hessian own = new Hessian(network.network(), crossEntropy, batch, device);
          DjlHessian engine = new DjlHessian(block, loss, data, labels, trial.mode(), device)) {
        own.linearize(network.parameters(scope));
        assertEquals(engine.loss(), own.loss(), 1e-5 * Math.abs(engine.loss()));
        assertEquals(engine.dimension(), own.dimension());
        double[] directions = Numbers.uniform(Math.toIntExact(2 * own.dimension()), 5);
        Vectors v = Numbers.vectors(scope, 2, directions);
        Vectors a = device.vectors(scope, 2, own.dimension());
        Vectors b = device.vectors(scope, 2, own.dimension());
        System.gc(); // frees what the recorded graph must not read
        own.apply(v, a);
        engine.apply(v, b);
        double error =
            Numbers.relativeDifference(Numbers.doubles(b.buffer()), Numbers.doubles(a.buffer()));
        System.out.printf("%s: %d parameters, Hv differs by %.1e%n", trial, own.dimension(), error);
        assertTrue(error < TOLERANCE, () -> "relative difference " + error);
      }
    }
  }

  /** PyTorch's engine cannot run it, so it is compared with a block that does the same. */
  @Test
  void parametricRelu() {
    try (Scope scope = Scope.open();
        Device device = Devices.cpu(1)) {
      double[] own = product(Blocks.gated(Blocks.ownPrelu()), scope, device);
      double[] prelu = product(Blocks.gated(new Prelu()), scope, device);
      double error = Numbers.relativeDifference(own, prelu);
      assertTrue(error < 1e-6, () -> "relative difference " + error);
    }
  }

  @Test
  void labelsAreWhatTheLossTakes() {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      Block block = Blocks.gated(Blocks.ownPrelu());
      NDList data = new NDList(manager.randomNormal(new Shape(3, 6)));
      block.initialize(manager, DataType.FLOAT32, data.head().getShape());
      DjlNetwork network = DjlNetwork.of(block, data.head().getShape());
      NDArray classes = manager.create(new int[] {2, 0, 3});
      NDList numbers = new NDList(classes);
      NDList probabilities = new NDList(classes.oneHot(CLASSES));
      var plain = dynaxx.network.Loss.crossEntropy();
      var soft = dynaxx.network.Loss.softCrossEntropy(0);
      double expected = network.value(plain, data, numbers, device);
      assertEquals(expected, network.value(soft, data, probabilities, device), 1e-6);
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () -> network.value(plain, data, probabilities, device));
      assertTrue(e.getMessage().contains("labels: found 12 values, expected 3"), e::toString);
    }
  }

  private static double[] product(Block block, Scope scope, Device device) {
    try (NDManager manager = NDManager.newBaseManager()) {
      NDList data = new NDList(trial("", () -> block, 6).data(manager, new Random(5)));
      NDList labels = new NDList(manager.ones(new Shape(EXAMPLES)));
      block.setInitializer(Initializer.ONES, parameter -> true);
      block.initialize(manager, DataType.FLOAT32, data.head().getShape());
      Blocks.randomize(block, 3);
      DjlNetwork network = DjlNetwork.of(block, data.head().getShape());
      var loss = dynaxx.network.Loss.crossEntropy();
      var batch = network.batch(loss, data, labels, scope);
      try (Hessian hessian = new Hessian(network.network(), loss, batch, device)) {
        hessian.linearize(network.parameters(scope));
        int n = Math.toIntExact(hessian.dimension());
        Vectors hv = device.vectors(scope, 1, n);
        hessian.apply(Numbers.vectors(scope, 1, Numbers.uniform(n, 5)), hv);
        return Numbers.doubles(hv.buffer());
      }
    }
  }
}

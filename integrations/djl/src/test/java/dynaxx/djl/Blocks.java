package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.ParallelBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv1d;
import ai.djl.nn.convolutional.Conv2d;
import ai.djl.nn.core.Embedding;
import ai.djl.nn.core.Linear;
import ai.djl.nn.norm.BatchNorm;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.norm.LayerNorm;
import ai.djl.nn.pooling.Pool;
import ai.djl.nn.recurrent.GRU;
import ai.djl.nn.recurrent.LSTM;
import ai.djl.nn.recurrent.RNN;
import ai.djl.nn.transformer.ScaledDotProductAttentionBlock;
import ai.djl.nn.transformer.TransformerEncoderBlock;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.util.PairList;
import java.nio.FloatBuffer;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.function.BinaryOperator;

/** Blocks for the tests. */
final class Blocks {

  private Blocks() {}

  static Linear linear(int units) {
    return Linear.builder().setUnits(units).build();
  }

  /** The network of the case with known curvature. */
  static SequentialBlock mlpTanh() {
    return new SequentialBlock().add(linear(24)).add(Activation::tanh).add(linear(10));
  }

  static SequentialBlock activations() {
    SequentialBlock block = new SequentialBlock().add(linear(8));
    List<Block> functions =
        List.of(
            Activation.reluBlock(),
            Activation.relu6Block(),
            Activation.sigmoidBlock(),
            Activation.tanhBlock(),
            Activation.softPlusBlock(),
            Activation.softSignBlock(),
            Activation.leakyReluBlock(0.1f),
            Activation.eluBlock(0.7f),
            Activation.seluBlock(),
            Activation.geluBlock(),
            Activation.swishBlock(1.3f),
            Activation.mishBlock());
    functions.forEach(f -> block.add(f).add(linear(8)));
    return block.add(linear(4));
  }

  static SequentialBlock convolutional() {
    return new SequentialBlock()
        .add(conv(6, 3).optPadding(new Shape(1, 1)).build())
        .add(BatchNorm.builder().optEpsilon(1e-3f).build())
        .add(Activation::relu)
        .add(Pool.maxPool2dBlock(new Shape(2, 2), new Shape(2, 2)))
        .add(conv(8, 3).optStride(new Shape(2, 1)).optGroups(2).build())
        .add(BatchNorm.builder().optScale(false).build())
        .add(Activation::tanh)
        .add(Pool.avgPool2dBlock(new Shape(1, 3), new Shape(1, 2), new Shape(0, 1)))
        .add(ai.djl.nn.Blocks.batchFlattenBlock())
        .add(linear(4));
  }

  /** Without the frozen gain, which batch statistics do not go with. */
  static SequentialBlock batchStatistics() {
    return new SequentialBlock()
        .add(conv(6, 3).build())
        .add(BatchNorm.builder().build())
        .add(Activation::tanh)
        .add(Pool.globalAvgPool2dBlock())
        .add(linear(4));
  }

  private static Conv2d.Builder conv(int filters, int kernel) {
    return Conv2d.builder().setFilters(filters).setKernelShape(new Shape(kernel, kernel));
  }

  static SequentialBlock signals() {
    return new SequentialBlock()
        .add(
            Conv1d.builder()
                .setFilters(5)
                .setKernelShape(new Shape(3))
                .optDilation(new Shape(2))
                .build())
        .add(Activation::gelu)
        .add(Pool.maxPool1dBlock(new Shape(3), new Shape(2), new Shape(1), true))
        .add(Pool.avgPool1dBlock(new Shape(2), new Shape(1)))
        .add(Pool.globalMaxPool1dBlock())
        .add(linear(4));
  }

  static SequentialBlock layerNorm() {
    return new SequentialBlock()
        .add(linear(9))
        .add(LayerNorm.builder().build())
        .add(Activation::softPlus)
        .add(Dropout.builder().optRate(0.4f).build())
        .add(linear(7))
        .add(LayerNorm.builder().optScale(false).build())
        .add(linear(4));
  }

  static SequentialBlock recurrent(Block layer) {
    return new SequentialBlock().add(layer).addSingleton(x -> x.get(":, -1")).add(linear(4));
  }

  static Block gru() {
    return GRU.builder().setStateSize(5).setNumLayers(2).build();
  }

  static Block lstm() {
    return LSTM.builder().setStateSize(5).setNumLayers(2).build();
  }

  /** DJL cannot run one in two directions with biases. */
  static Block rnn() {
    return RNN.builder()
        .setStateSize(5)
        .setNumLayers(2)
        .setActivation(RNN.Activation.TANH)
        .optBidirectional(true)
        .optHasBiases(false)
        .build();
  }

  static SequentialBlock embedding() {
    return new SequentialBlock()
        .add(new Table(11, 6))
        .add(linear(5))
        .add(Activation::tanh)
        .addSingleton(x -> x.mean(new int[] {1}))
        .add(linear(4));
  }

  static SequentialBlock attention() {
    return new SequentialBlock()
        .add(linear(6))
        .add(ScaledDotProductAttentionBlock.builder().setEmbeddingSize(6).setHeadCount(2).build())
        .add(ai.djl.nn.Blocks.batchFlattenBlock())
        .add(linear(4));
  }

  static SequentialBlock transformer() {
    return new SequentialBlock()
        .add(linear(6))
        .add(new TransformerEncoderBlock(6, 2, 10, 0.1f, Activation::gelu))
        .addSingleton(x -> x.get(":, 0"))
        .add(linear(4));
  }

  /** A residual connection, and two branches side by side. */
  static SequentialBlock parallel() {
    ParallelBlock residual =
        new ParallelBlock(
            outputs -> new NDList(outputs.get(0).head().add(outputs.get(1).head())),
            List.of(
                new SequentialBlock().add(linear(6)).add(Activation::tanh).add(linear(8)),
                ai.djl.nn.Blocks.identityBlock()));
    ParallelBlock branches =
        new ParallelBlock(
            outputs -> new NDList(outputs.get(0).head().concat(outputs.get(1).head().mul(0.5f), 1)),
            List.of(linear(3), new SequentialBlock().add(linear(5)).add(Activation::sigmoid)));
    return new SequentialBlock().add(linear(8)).add(residual).add(branches).add(linear(4));
  }

  static SequentialBlock gated(Block gate) {
    return new SequentialBlock().add(linear(6)).add(gate).add(linear(4));
  }

  /** {@code Prelu} in other words, as PyTorch's engine lacks it. */
  static Block ownPrelu() {
    return new Own(new Shape(1), (x, slope) -> x.maximum(0).add(x.minimum(0).mul(slope)));
  }

  /** A product with a matrix that is computed. */
  static Block ownLinear() {
    return new Own(new Shape(5, 6), (x, weight) -> x.matMul(weight.tanh().transpose()));
  }

  /** A block that DJL does not have: a function of the input and one parameter. */
  static final class Own extends AbstractBlock {
    private final Parameter parameter;
    private final BinaryOperator<NDArray> function;

    Own(Shape shape, BinaryOperator<NDArray> function) {
      this.function = function;
      this.parameter =
          addParameter(
              Parameter.builder()
                  .setName("own")
                  .optShape(shape)
                  .optInitializer(Initializer.ONES)
                  .build());
    }

    @Override
    protected NDList forwardInternal(
        ParameterStore store, NDList inputs, boolean training, PairList<String, Object> unused) {
      NDArray x = inputs.head();
      return new NDList(function.apply(x, store.getValue(parameter, x.getDevice(), training)));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputs) {
      try (NDManager manager = NDManager.newBaseManager()) {
        NDArray y = function.apply(manager.ones(inputs[0]), manager.ones(parameter.getShape()));
        return new Shape[] {y.getShape()};
      }
    }
  }

  /** An embedding of numbers. */
  static final class Table extends Embedding<Integer> {

    Table(int rows, int width) {
      super(new Builder().optNumEmbeddings(rows).setEmbeddingSize(width).optUseDefault(false));
    }

    @Override
    public boolean hasItem(Integer item) {
      return item < numEmbeddings;
    }

    @Override
    public long embed(Integer item) {
      return item;
    }

    @Override
    public byte[] encode(Integer item) {
      return new byte[] {item.byteValue()};
    }

    @Override
    public Integer decode(byte[] bytes) {
      return (int) bytes[0];
    }

    @Override
    public Optional<Integer> unembed(long index) {
      return Optional.of((int) index);
    }

    private static final class Builder extends BaseBuilder<Integer, Builder> {
      @Override
      protected Builder setType(Class<Integer> type) {
        return this;
      }

      @Override
      protected Builder self() {
        return this;
      }
    }
  }

  /** Gives all parameters random values, running variances positive ones. */
  static void randomize(Block block, long seed) {
    Random random = new Random(seed);
    for (Parameter parameter : block.getParameters().values()) {
      float[] values = new float[(int) parameter.getArray().size()];
      boolean variance = parameter.getName().equals("runningVar");
      double shift = parameter.getName().equals("gamma") ? 1 : 0;
      for (int i = 0; i < values.length; i++) {
        double x = 0.4 * random.nextGaussian() + shift;
        values[i] = (float) (variance ? 0.5 + x * x : x);
      }
      parameter.getArray().set(FloatBuffer.wrap(values));
    }
  }

  /** Sets parameters, in the order of the block. */
  static void set(Block block, double... values) {
    int at = 0;
    for (Parameter parameter : block.getParameters().values()) {
      if (parameter.requiresGradient()) {
        NDArray array = parameter.getArray();
        float[] part = new float[(int) array.size()];
        for (int i = 0; i < part.length; i++) {
          part[i] = (float) values[at++];
        }
        array.set(FloatBuffer.wrap(part));
      }
    }
    if (at != values.length) {
      throw new IllegalArgumentException("values: found " + values.length + ", expected " + at);
    }
  }
}

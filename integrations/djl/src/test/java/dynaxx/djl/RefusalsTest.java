package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.AbstractBlock;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2dTranspose;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.pooling.Pool;
import ai.djl.nn.recurrent.LSTM;
import ai.djl.training.ParameterStore;
import ai.djl.training.initializer.Initializer;
import ai.djl.training.loss.Loss;
import ai.djl.util.PairList;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Scope;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** What a network cannot be made of is refused with the block's name. */
class RefusalsTest {

  private static String refusal(Block block, Shape shape) {
    try (NDManager manager = NDManager.newBaseManager()) {
      block.initialize(manager, DataType.FLOAT32, shape);
      return assertThrows(UnsupportedBlockException.class, () -> DjlNetwork.of(block, shape))
          .getMessage();
    }
  }

  private static void assertNames(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "found '" + message + "', expected " + part);
    }
  }

  @Test
  void functionsThatAreNotKnown() {
    SequentialBlock inner =
        new SequentialBlock().add(Blocks.linear(3)).addSingleton(x -> x.cumSum(1));
    Block block = new SequentialBlock().add(Activation::relu).add(inner);
    assertNames(refusal(block, new Shape(2, 5)), "02Sequential", "Lambda", "cumSum", "DjlHessian");
  }

  @Test
  void poolingThatIsNotKnown() {
    Block block =
        new SequentialBlock()
            .add(Pool.lpPool2dBlock(2, new Shape(2, 2)))
            .add(ai.djl.nn.Blocks.batchFlattenBlock())
            .add(Blocks.linear(3));
    assertNames(refusal(block, new Shape(2, 1, 4, 4)), "lpPool2d", "calls lpPool");
  }

  @Test
  void layersThatAreNotKnown() {
    Block block =
        new SequentialBlock()
            .add(Conv2dTranspose.builder().setFilters(2).setKernelShape(new Shape(2, 2)).build())
            .add(ai.djl.nn.Blocks.batchFlattenBlock());
    assertNames(refusal(block, new Shape(2, 1, 4, 4)), "Deconvolution", "calls deconvolution");
  }

  @Test
  void theAxisOfExamplesStaysWhereItIs() {
    Block block = new SequentialBlock().add(Blocks.linear(3)).addSingleton(NDArray::sum);
    assertNames(refusal(block, new Shape(2, 5)), "Lambda");
    Block merged = new SequentialBlock().add(Blocks.linear(3)).addSingleton(x -> x.reshape(-1, 1));
    assertNames(refusal(merged, new Shape(2, 5)), "reshapes the axis of examples");
  }

  @Test
  void parametersThatAreNotReached() {
    Block block =
        new ai.djl.nn.ParallelBlock(
            outputs -> outputs.getFirst(), java.util.List.of(Blocks.linear(3), Blocks.linear(2)));
    assertNames(refusal(block, new Shape(2, 5)), "_weight' is not used");
  }

  @Test
  void blocksWithoutValues() {
    Exception e =
        assertThrows(
            IllegalArgumentException.class,
            () -> DjlNetwork.of(Blocks.mlpTanh(), new Shape(1, 49)));
    assertEquals(
        "block: parameter '01Linear_weight' has no values yet, expected an initialized block",
        e.getMessage());
  }

  @Test
  void shapesThatAreNotKnown() {
    try (NDManager manager = NDManager.newBaseManager()) {
      Block block = Blocks.mlpTanh();
      block.initialize(manager, DataType.FLOAT32, new Shape(1, 49));
      Exception e =
          assertThrows(
              IllegalArgumentException.class, () -> DjlNetwork.of(block, new Shape(1, -1)));
      assertNames(e.getMessage(), "inputs: found shape (1, -1), expected");
      assertNames(
          assertThrows(IllegalArgumentException.class, () -> DjlNetwork.of(block, new Shape(1, 48)))
              .getMessage(),
          "01Linear",
          "48");
    }
  }

  static Stream<Arguments> unlikeTheEngine() {
    return Stream.of(
        lambda("computes with the number of examples", x -> x.div(x.size(0))),
        lambda("converts float32 to float64", x -> x.toType(DataType.FLOAT64, false)),
        lambda("copies an array", NDArray::duplicate),
        lambda("reduces all axes", x -> x.add(x.sum(new int[0], true))),
        lambda(
            "multiplies matrices of shapes",
            x -> x.reshape(-1, 2, 1).matMul(x.reshape(-1, 2, 1, 1))),
        lambda(
            "averages without the padding",
            x ->
                Pool.avgPool2d(
                    x.reshape(-1, 1, 2, 1),
                    new Shape(2, 1),
                    new Shape(1, 1),
                    new Shape(1, 0),
                    false,
                    false)));
  }

  private static Arguments lambda(String message, Function<NDArray, NDArray> function) {
    return Arguments.of(message, function);
  }

  /** Where the engine computes something else than the calls say, or depends on the batch. */
  @ParameterizedTest
  @MethodSource("unlikeTheEngine")
  void whatTheEngineWouldDoInAnotherWay(String message, Function<NDArray, NDArray> function) {
    Block block = new SequentialBlock().add(Blocks.linear(2)).addSingleton(function);
    assertNames(refusal(block, new Shape(2, 5)), message);
  }

  @Test
  void inputsThatAreRounded() {
    Block block =
        new SequentialBlock()
            .addSingleton(x -> x.toType(DataType.INT32, false).toType(DataType.FLOAT32, false))
            .add(Blocks.linear(2));
    assertNames(refusal(block, new Shape(2, 5)), "rounded to whole numbers");
  }

  @Test
  void dataOfAnotherLayout() {
    try (NDManager manager = NDManager.newBaseManager();
        Scope scope = Scope.open()) {
      Block block =
          new SequentialBlock().add(ai.djl.nn.Blocks.batchFlattenBlock()).add(Blocks.linear(3));
      block.initialize(manager, DataType.FLOAT32, new Shape(2, 3, 4, 4));
      DjlNetwork network = DjlNetwork.of(block, new Shape(1, 3, 4, 4));
      NDList data = new NDList(manager.ones(new Shape(2, 4, 4, 3)));
      NDList labels = new NDList(manager.zeros(new Shape(2)));
      var loss = dynaxx.network.Loss.crossEntropy();
      Exception e =
          assertThrows(
              IllegalArgumentException.class, () -> network.batch(loss, data, labels, scope));
      assertEquals("data 0: found shape (2, 4, 4, 3), expected (2, 3, 4, 4)", e.getMessage());
    }
  }

  private static String refusalOfEngine(Block block, BatchNormMode mode, Shape shape) {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      block.initialize(manager, DataType.FLOAT32, shape);
      NDList data = new NDList(manager.ones(shape));
      NDList labels = new NDList(manager.zeros(new Shape(shape.get(0))));
      Loss loss = Loss.softmaxCrossEntropyLoss();
      return assertThrows(
              IllegalArgumentException.class,
              () -> new DjlHessian(block, loss, data, labels, mode, device))
          .getMessage();
    }
  }

  @Test
  void dropoutBesideBatchStatistics() {
    Block block = new SequentialBlock().add(Blocks.linear(30)).add(Dropout.builder().build());
    assertNames(
        refusalOfEngine(block, BatchNormMode.BATCH, new Shape(2, 5)),
        "without random numbers",
        "batch statistics turn dropout on");
    Block lstm = LSTM.builder().setStateSize(20).setNumLayers(2).optDropRate(0.5f).build();
    Block last = new SequentialBlock().add(lstm).addSingleton(x -> x.get(":,-1"));
    assertNames(
        refusalOfEngine(last, BatchNormMode.BATCH, new Shape(2, 4, 5)), "without random numbers");
  }

  @Test
  void parametersThatDoNotComeFromTheStore() {
    Block block =
        new AbstractBlock() {
          private final Parameter gain =
              addParameter(
                  Parameter.builder()
                      .setName("gain")
                      .optShape(new Shape(5))
                      .optInitializer(Initializer.ONES)
                      .build());

          @Override
          protected NDList forwardInternal(
              ParameterStore store, NDList x, boolean training, PairList<String, Object> unused) {
            return new NDList(x.head().mul(gain.getArray()));
          }

          @Override
          public Shape[] getOutputShapes(Shape[] inputs) {
            return inputs;
          }
        };
    assertNames(
        refusalOfEngine(block, BatchNormMode.RUNNING, new Shape(2, 5)),
        "parameter 'gain' is not taken from the parameter store");
  }
}

package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import ai.djl.nn.Block;
import ai.djl.nn.SequentialBlock;
import ai.djl.nn.convolutional.Conv2dTranspose;
import ai.djl.nn.norm.Dropout;
import ai.djl.nn.pooling.Pool;
import ai.djl.training.loss.Loss;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import org.junit.jupiter.api.Test;

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

  @Test
  void dropoutBesideBatchStatistics() {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      Block block = new SequentialBlock().add(Blocks.linear(3)).add(Dropout.builder().build());
      block.initialize(manager, DataType.FLOAT32, new Shape(2, 5));
      NDList data = new NDList(manager.ones(new Shape(2, 5)));
      NDList labels = new NDList(manager.zeros(new Shape(2)));
      Exception e =
          assertThrows(
              IllegalArgumentException.class,
              () ->
                  new DjlHessian(
                      block,
                      Loss.softmaxCrossEntropyLoss(),
                      data,
                      labels,
                      BatchNormMode.BATCH,
                      device));
      assertNames(e.getMessage(), "02Dropout", "found dropout beside batch statistics");
    }
  }
}

package dynaxx.djl;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Block;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.monitor.SnapshotSource;
import dynaxx.network.Loss;
import dynaxx.spectrum.ProbeSettings;
import org.junit.jupiter.api.Test;

/** Snapshots follow the block, its constants too. */
class NetworkSourceTest {

  private static final Shape SHAPE = new Shape(12, 2, 9, 10);

  @Test
  void runningStatisticsAreReadAgain() {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      Block block = Blocks.convolutional();
      block.initialize(manager, DataType.FLOAT32, SHAPE);
      Blocks.randomize(block, 3);
      NDList data = new NDList(manager.randomNormal(SHAPE));
      NDList labels = new NDList(manager.ones(new Shape(12)));
      Loss loss = Loss.crossEntropy();
      try (SnapshotSource source = DjlNetwork.of(block, SHAPE).source(loss, data, labels, device)) {
        double before = largest(source);
        assertEquals(before, largest(source));
        for (var pair : block.getParameters()) {
          if (pair.getKey().endsWith("runningVar")) {
            NDArray variance = pair.getValue().getArray();
            variance.muli(2);
          }
        }
        double after = largest(source);
        assertNotEquals(before, after);
        try (SnapshotSource fresh =
            DjlNetwork.of(block, SHAPE).source(loss, data, labels, device)) {
          assertEquals(largest(fresh), after);
        }
      }
    }
  }

  @Test
  void freezingAParameterIsNoticed() {
    try (NDManager manager = NDManager.newBaseManager();
        Device device = Devices.cpu(1)) {
      Block block = Blocks.mlpTanh();
      Shape shape = new Shape(4, 5);
      block.initialize(manager, DataType.FLOAT32, shape);
      NDList data = new NDList(manager.randomNormal(shape));
      NDList labels = new NDList(manager.ones(new Shape(4)));
      DjlNetwork network = DjlNetwork.of(block, shape);
      try (SnapshotSource source = network.source(Loss.crossEntropy(), data, labels, device)) {
        block.getParameters().get(0).getValue().freeze(true);
        Exception e = assertThrows(IllegalStateException.class, () -> largest(source));
        assertTrue(e.getMessage().contains("other parameters with a gradient"), e::toString);
      }
    }
  }

  private static double largest(SnapshotSource source) {
    return source.measure(ProbeSettings.article()).spectrum().max().value();
  }
}

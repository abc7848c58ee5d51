package dynaxx.network;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import org.junit.jupiter.api.Test;

/** Logits that lie far from zero, and those of which it does not matter. */
class UndecidedLogitsTest {

  private static final double LIMIT = 168;

  private static double size(int classes, boolean counts, double... z) {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      HostBuffer logits = scope.allocate(z.length);
      for (int i = 0; i < z.length; i++) {
        logits.set(i, (float) z[i]);
      }
      LossFrame frame =
          new LossFrame(device, Shape.of(classes), z.length / classes, 1, logits, logits, logits);
      return UndecidedLogits.size(frame, LIMIT, row -> counts);
    }
  }

  @Test
  void undecidedRowsFarFromZeroAreFound() {
    assertEquals(5000, size(2, true, 10_000, 10_000), 1e-9);
    assertEquals(5000, size(4, true, 10_000, 10_000, -10_000, -10_000), 1e-9);
    double oneRowOfMany = size(2, true, 0, 1, 1, 0, 2500, 2500, 0, 0);
    assertEquals(1250, oneRowOfMany, 1e-9);
    double[] outlier = {0, 10_000, 10_001, 9_999, 10_000};
    assertTrue(size(5, true, outlier) > 1000);
  }

  @Test
  void decidedRowsAndMaskedClassesDoNotMatter() {
    assertEquals(0, size(3, true, -1e9, 0, -1e9), 0);
    assertTrue(size(3, true, 100, 1000, 0) < 1e-9);
    assertEquals(0, size(2, true, 100, 100), 0);
    assertEquals(0, size(2, false, 10_000, 10_000), 0);
  }
}

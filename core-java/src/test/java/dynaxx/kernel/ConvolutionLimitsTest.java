package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** What the contract's tolerances, which grow with the number of terms, cannot see. */
class ConvolutionLimitsTest {

  private static HostBuffer random(Scope scope, int size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    HostBuffer values = scope.allocate(size);
    for (int i = 0; i < size; i++) {
      values.set(i, (float) random.nextDouble());
    }
    return values;
  }

  private static HostBuffer weightGradient(
      Scope scope, Convolution s, HostBuffer x, HostBuffer dy, int weights) {
    HostBuffer dw = scope.allocate(weights);
    try (Device device = Devices.cpu(2)) {
      device
          .kernels()
          .convolutions()
          .convolveWeight(s, 1, Strided.of(x), Strided.of(dy), Strided.of(dw), null);
    }
    return dw;
  }

  /** All terms have one sign, so float32 sums of a plane would lose six bits. */
  @Test
  void aLargePlaneIsSummedInFloat64() {
    int side = 512;
    Sliding whole = new Sliding(side, 1, 1, 0, 0, 1);
    try (Scope scope = Scope.open()) {
      HostBuffer x = random(scope, side * side, 1);
      HostBuffer dy = random(scope, side * side, 2);
      double expected = 0;
      for (int i = 0; i < side * side; i++) {
        expected += (double) x.get(i) * dy.get(i);
      }
      HostBuffer dw = weightGradient(scope, new Convolution(1, 1, 1, 1, whole, whole), x, dy, 1);
      assertEquals(expected, dw.get(0), 2e-7 * expected);
    }
  }

  /** With a stride of 2 no window of three meets the last of six columns. */
  @Test
  void aPixelThatNoWindowMeetsCountsForNothing() {
    Sliding strided = new Sliding(6, 3, 2, 0, 0, 1);
    Convolution s = new Convolution(1, 1, 1, 1, strided, strided);
    try (Scope scope = Scope.open()) {
      HostBuffer x = random(scope, 36, 3);
      HostBuffer dy = random(scope, 4, 4);
      double[] expected = new double[9];
      for (int e = 0; e < 9; e++) {
        for (int p = 0; p < 4; p++) {
          int pixel = (p / 2 * 2 + e / 3) * 6 + p % 2 * 2 + e % 3;
          expected[e] += (double) x.get(pixel) * dy.get(p);
        }
      }
      for (int row = 0; row < 6; row++) {
        x.set(row * 6 + 5, Float.NaN);
      }
      HostBuffer dw = weightGradient(scope, s, x, dy, 9);
      for (int e = 0; e < 9; e++) {
        assertEquals(expected[e], dw.get(e), 1e-6, "element " + e);
      }
    }
  }

  @Test
  void anInfiniteChannelStaysInItsGroup() {
    Sliding plain = new Sliding(6, 3, 1, 0, 0, 1);
    Convolution s = new Convolution(1, 4, 4, 4, plain, plain);
    try (Scope scope = Scope.open()) {
      HostBuffer x = random(scope, 4 * 36, 5);
      for (int i = 2 * 36; i < 3 * 36; i++) {
        x.set(i, Float.POSITIVE_INFINITY);
      }
      HostBuffer dw = weightGradient(scope, s, x, random(scope, 4 * 16, 6), 36);
      for (int i = 0; i < 36; i++) {
        boolean infinite = i >= 18 && i < 27;
        assertTrue(Float.isFinite(dw.get(i)) != infinite, "element " + i + ": " + dw.get(i));
      }
    }
  }
}

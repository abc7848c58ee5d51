package dynaxx.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

/** Convolutions of so many images that they are taken in several goes, against plain loops. */
class WeightProductsTest {

  private static Convolution shape(int images, int channels, int outputs, int size, int kernel) {
    Sliding w = new Sliding(size, kernel, 1, kernel / 2, kernel / 2, 1);
    return new Convolution(images, channels, outputs, 1, w, w);
  }

  @Test
  void severalGoesOfEachPart() {
    Convolution s = shape(120, 16, 4, 30, 1);
    ChannelsLast pixels = new ChannelsLast(s);
    assertEquals(8, pixels.parts());
    assertTrue(pixels.images() < 120 / 8, "images " + pixels.images());
    agreesWithPlainLoops(s);
  }

  @Test
  void severalGoesOnAllThreads() {
    Convolution s = shape(140, 96, 96, 2, 3);
    ChannelsLast pixels = new ChannelsLast(s);
    assertEquals(1, pixels.parts());
    assertTrue(pixels.images() < 140, "images " + pixels.images());
    agreesWithPlainLoops(s);
  }

  private static HostBuffer random(Scope scope, long size, long seed) {
    SplittableRandom random = new SplittableRandom(seed);
    HostBuffer values = scope.allocate(size);
    for (long i = 0; i < size; i++) {
      values.set(i, (float) random.nextGaussian());
    }
    return values;
  }

  private static void agreesWithPlainLoops(Convolution s) {
    try (Scope scope = Scope.open()) {
      HostBuffer x = random(scope, s.images() * s.inSize(), 1);
      HostBuffer dy = random(scope, s.images() * s.outSize(), 2);
      int weights = s.outputs() * s.depth();
      float[] one = found(s, x, dy, weights, 1);
      assertArrayEquals(one, found(s, x, dy, weights, 2), "threads");
      double largest = 0;
      double error = 0;
      for (int w = 0; w < weights; w++) {
        double expected = 1 + gradient(s, x, dy, w);
        largest = Math.max(largest, Math.abs(expected));
        error = Math.max(error, Math.abs(one[w] - expected));
      }
      assertTrue(error < 1e-6 * largest, error + " of " + largest);
    }
  }

  private static float[] found(
      Convolution s, HostBuffer x, HostBuffer dy, int weights, int threads) {
    float[] values = new float[weights];
    try (Device device = Devices.cpu(threads);
        Scope scope = Scope.open()) {
      HostBuffer dw = scope.allocate(weights);
      for (int w = 0; w < weights; w++) {
        dw.set(w, 1);
      }
      device
          .kernels()
          .convolutions()
          .convolveWeight(s, 1, Strided.of(x), Strided.of(dy), Strided.of(dw), null);
      for (int w = 0; w < weights; w++) {
        values[w] = dw.get(w);
      }
    }
    return values;
  }

  /** One element of the gradient. */
  private static double gradient(Convolution s, HostBuffer x, HostBuffer dy, int weight) {
    int kernel = s.x().kernel();
    int j = weight % kernel;
    int i = weight / kernel % kernel;
    int channel = weight / kernel / kernel % s.channels();
    int output = weight / s.depth();
    int size = s.x().size();
    double sum = 0;
    for (int image = 0; image < s.images(); image++) {
      long plane = (image * (long) s.channels() + channel) * size * size;
      long places = (image * (long) s.outputs() + output) * s.outPlane();
      for (int p = 0; p < s.y().count(); p++) {
        for (int q = 0; q < s.x().count(); q++) {
          int row = p - s.y().before() + i;
          int column = q - s.x().before() + j;
          if (row >= 0 && row < size && column >= 0 && column < size) {
            long place = places + (long) p * s.x().count() + q;
            sum += (double) x.get(plane + (long) row * size + column) * dy.get(place);
          }
        }
      }
    }
    return sum;
  }
}

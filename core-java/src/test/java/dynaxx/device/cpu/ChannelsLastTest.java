package dynaxx.device.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Windows.Sliding;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class ChannelsLastTest {

  private static Convolution shape(int images, int channels, int outputs, int groups, Sliding w) {
    return new Convolution(images, channels, outputs, groups, w, w);
  }

  private static Sliding window(int size, int kernel, int stride, int dilation) {
    return new Sliding(size, kernel, stride, 1, 1, dilation);
  }

  /** Each element of a window is one column, at the pixel and channel that it meets. */
  @Test
  void blocksAreAllColumns() {
    for (int dilation = 1; dilation <= 2; dilation++) {
      for (int most : new int[] {7, 16, 32}) {
        Convolution s = shape(2, 40, 8, 2, window(9, 3, 1, dilation));
        ChannelsLast pixels = new ChannelsLast(s);
        int[] at = new int[s.depth()];
        Arrays.fill(at, -1);
        for (ChannelsLast.Block block : pixels.blocks(most)) {
          assertTrue(block.width() <= most);
          for (int j = 0; j < block.width(); j++) {
            assertEquals(-1, at[block.column() + j], "seen once");
            at[block.column() + j] = block.at() + j;
          }
        }
        int[] expected = new int[s.depth()];
        for (int column = 0; column < expected.length; column++) {
          int pixel = column / 20 / 3 * dilation * pixels.columns() + column / 20 % 3 * dilation;
          expected[column] = pixel * 20 + column % 20;
        }
        assertArrayEquals(expected, at);
      }
    }
  }

  @Test
  void placesFollowTheStride() {
    Convolution s = shape(3, 16, 8, 1, window(5, 3, 2, 1));
    ChannelsLast pixels = new ChannelsLast(s);
    assertEquals(7, pixels.columns());
    int[] starts = pixels.starts(2);
    assertEquals(2 * 9, starts.length);
    assertEquals(2 * 7 * 16 + 4 * 16, starts[5]);
    assertEquals(pixels.size() + starts[5], starts[9 + 5]);
  }

  /** What is laid out is bounded, however few places and however many channels there are. */
  @Test
  void largeImagesAreTakenOneByOneByAllThreads() {
    Convolution large = shape(64, 64, 64, 1, window(512, 3, 1, 1));
    assertEquals(1, new ChannelsLast(large).images());
    assertEquals(1, new ChannelsLast(large).parts());
    Convolution onePlace = shape(4096, 2048, 8, 1, new Sliding(7, 7, 1, 0, 0, 1));
    ChannelsLast pixels = new ChannelsLast(onePlace);
    assertTrue((long) pixels.images() * pixels.size() <= 1 << 22, "images " + pixels.images());
    Convolution small = shape(256, 16, 16, 1, window(28, 3, 1, 1));
    assertEquals(8, new ChannelsLast(small).parts());
    assertEquals(1, new ChannelsLast(small.ofOneImage()).parts());
  }
}

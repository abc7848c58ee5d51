package dynaxx.device.cpu;

import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/**
 * Images with zeros around them, so that what element (i, j) of a window meets at all places is one
 * run of memory: a plane is cut into a plane for each remainder of row and column by the strides,
 * and place (p, q) of all of them is at {@code p pitch + q}. Runs from place to place contain some
 * places beyond the last column, whose results nobody reads.
 *
 * @param channels planes of an image
 * @param height rows of a plane in memory
 * @param width columns of a plane in memory
 * @param strideY from row to row of a cut plane
 * @param strideX from column to column
 * @param top zeros before the first row
 * @param left zeros before the first column
 * @param rows of a cut plane
 * @param pitch columns of a cut plane
 */
public record ImageGrid(
    int channels,
    int height,
    int width,
    int strideY,
    int strideX,
    int top,
    int left,
    int rows,
    int pitch) {

  /** How far the last element of a window is from the first, in places. */
  static int reach(Sliding s) {
    return (s.kernel() - 1) * s.dilation() / s.stride();
  }

  /** The images that a convolution reads. */
  public static ImageGrid ofInputs(int channels, Sliding y, Sliding x) {
    return new ImageGrid(
        channels,
        y.size(),
        x.size(),
        y.stride(),
        x.stride(),
        y.before(),
        x.before(),
        y.count() + reach(y),
        x.count() + reach(x));
  }

  /** Adjoints of a convolution's outputs, with room for windows that reach over their edges. */
  public static ImageGrid ofOutputs(int outputs, Sliding y, Sliding x) {
    return new ImageGrid(
        outputs,
        y.count(),
        x.count(),
        1,
        1,
        reach(y),
        reach(x),
        places(y) + reach(y),
        places(x) + reach(x));
  }

  /** First place whose pixel, with this remainder by the stride, lies in the image. */
  public static int firstPlace(Sliding s, int remainder) {
    return Math.max(0, Math.ceilDiv(s.before() - remainder, s.stride()));
  }

  /** Places along an axis that any pixel of the image has. */
  private static int places(Sliding s) {
    return Math.max(s.count() + reach(s), (s.size() + s.before() - 1) / s.stride() + 1);
  }

  /** Adjoints of a convolution's outputs at the places of its inputs' grid. */
  public static ImageGrid ofPlaces(int outputs, ImageGrid inputs, Sliding y, Sliding x) {
    return new ImageGrid(outputs, y.count(), x.count(), 1, 1, 0, 0, y.count(), inputs.pitch());
  }

  public int plane() {
    return rows * pitch;
  }

  /** Values of a channel. */
  public int channel() {
    return strideY * strideX * plane();
  }

  /** Values of an image. */
  public int size() {
    return Math.multiplyExact(channels, channel());
  }

  public int inPlane() {
    return height * width;
  }

  /** Where the run starts that element (i, j) of the windows over channel 0 meets. */
  public int start(int i, int j) {
    int cut = i % strideY * strideX + j % strideX;
    return cut * plane() + i / strideY * pitch + j / strideX;
  }

  /**
   * The same for some images side by side, where neighbours share zeros.
   *
   * @param images how many
   * @param step columns from one to the next, as {@link #step}
   * @return with a longer pitch
   */
  public ImageGrid sideBySide(int images, int step) {
    int wide = Math.addExact(Math.multiplyExact(images - 1, step), pitch);
    return new ImageGrid(channels, height, width, strideY, strideX, top, left, rows, wide);
  }

  /**
   * The least number of columns from one image to the next at which no window over the one sees a
   * pixel of the other.
   *
   * @param passes over this grid
   * @return at least 1
   */
  public int step(List<WindowPass> passes) {
    int first = pitch;
    int last = 0;
    for (int cut = 0; cut < strideX; cut++) {
      int from = Math.max(0, Math.ceilDiv(left - cut, strideX));
      int to = Math.min(pitch, Math.ceilDiv(width + left - cut, strideX));
      if (from < to) {
        first = Math.min(first, from);
        last = Math.max(last, to);
      }
    }
    int step = Math.max(1, last - first);
    for (WindowPass pass : passes) {
      step = Math.max(step, pass.columns());
      for (int start : pass.starts()) {
        int column = start % pitch;
        step = Math.max(step, Math.max(column + pass.columns() - first, last - column));
      }
    }
    return step;
  }

  /**
   * The cuts of a plane that are read.
   *
   * @param passes over this grid
   * @return a bit for each, or all bits if there are too many
   */
  public long cuts(List<WindowPass> passes) {
    if (strideY * strideX > Long.SIZE) {
      return -1;
    }
    long cuts = 0;
    for (WindowPass pass : passes) {
      for (int start : pass.starts()) {
        cuts |= 1L << start % channel() / plane();
      }
    }
    return cuts;
  }

  /**
   * Lays out an image.
   *
   * @param from where the image starts
   * @param plane room for a plane
   * @param to where it starts in data
   */
  void layOut(RowLoops loops, Buffer images, long from, float[] plane, float[] data, int to) {
    for (int c = 0; c < channels; c++) {
      layOutPlane(loops, images, from + (long) c * inPlane(), plane, data, to + c * channel());
    }
  }

  /** Lays out a plane. */
  void layOutPlane(RowLoops loops, Buffer images, long from, float[] plane, float[] to, int at) {
    MemorySegment source = Host.segment(images);
    if (strideY > 1 || strideX > 1) {
      Host.load(source, from, plane, inPlane());
      Arrays.fill(to, at, at + channel(), 0);
      fillCuts(plane, to, at);
      return;
    }
    int tall = Math.clamp(rows - top, 0, height);
    int wide = Math.clamp(pitch - left, 0, width);
    if (tall == 0 || wide == 0) {
      Arrays.fill(to, at, at + plane(), 0);
      return;
    }
    int first = at + top * pitch + left;
    if (loops.packsExactly(wide)) {
      loops.pack(source, from, width, tall, wide, to, first, pitch);
    } else {
      Host.load(source, from, plane, inPlane());
      for (int row = 0; row < tall; row++) {
        System.arraycopy(plane, row * width, to, first + row * pitch, wide);
      }
    }
    Arrays.fill(to, at, first, 0);
    for (int row = 1; row < tall; row++) {
      Arrays.fill(to, first + (row - 1) * pitch + wide, first + row * pitch, 0);
    }
    Arrays.fill(to, first + (tall - 1) * pitch + wide, at + plane(), 0);
  }

  private void fillCuts(float[] plane, float[] to, int at) {
    for (int cut = 0; cut < strideY * strideX; cut++) {
      int shiftY = cut / strideX - top;
      int shiftX = cut % strideX - left;
      int first = Math.max(0, Math.ceilDiv(-shiftX, strideX));
      int last = Math.min(pitch, Math.ceilDiv(width - shiftX, strideX));
      for (int row = 0; row < rows; row++) {
        int y = row * strideY + shiftY;
        int target = at + cut * plane() + row * pitch;
        for (int column = first; y >= 0 && y < height && column < last; column++) {
          to[target + column] = plane[y * width + column * strideX + shiftX];
        }
      }
    }
  }
}

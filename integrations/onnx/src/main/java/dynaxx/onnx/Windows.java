package dynaxx.onnx;

import dynaxx.network.op.Padding;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Windows that move along the axes of space of an image.
 *
 * @param image extents of the image
 * @param kernel elements of a window along each axis
 * @param stride pixels from window to window
 * @param dilation pixels from element to element
 * @param before zeros before the first pixel
 * @param after zeros after the last pixel
 */
record Windows(
    long[] image, int[] kernel, int[] stride, int[] dilation, int[] before, int[] after) {

  private static final List<String> AUTOMATIC = List.of("VALID", "SAME_UPPER", "SAME_LOWER");

  static Windows of(Call c, long[] image, long[] kernel) {
    int axes = image.length;
    c.require(
        Arrays.equals(c.wholes("kernel_shape", kernel), kernel),
        "kernel_shape " + Arrays.toString(c.wholes("kernel_shape")),
        Arrays.toString(kernel) + " as the weights have it");
    int[] size = axis(c, "kernel_shape", kernel, axes, 1);
    int[] stride = axis(c, "strides", c.wholes("strides", ones(axes)), axes, 1);
    int[] dilation = axis(c, "dilations", c.wholes("dilations", ones(axes)), axes, 1);
    long[] pads = c.wholes("pads", new long[2 * axes]);
    c.require(pads.length == 2 * axes, pads.length + " pads", "two for each axis of space");
    int[] before = axis(c, "pads", Arrays.copyOf(pads, axes), axes, 0);
    int[] after = axis(c, "pads", Arrays.copyOfRange(pads, axes, 2 * axes), axes, 0);
    Windows windows = new Windows(image, size, stride, dilation, before, after);
    return windows.automatic(c.text("auto_pad", "NOTSET"));
  }

  static long[] ones(int axes) {
    long[] ones = new long[axes];
    Arrays.fill(ones, 1);
    return ones;
  }

  static int[] axis(Call c, String name, long[] values, int axes, int least) {
    boolean fits = values.length == axes;
    fits = fits && Arrays.stream(values).allMatch(v -> v >= least && v <= 1 << 20);
    c.require(
        fits,
        name + " " + Arrays.toString(values),
        "one number of at least " + least + " for each of " + axes + " axes of space");
    return Arrays.stream(values).mapToInt(v -> (int) v).toArray();
  }

  private Windows automatic(String mode) {
    if (mode.equals("NOTSET") || mode.isEmpty()) {
      return this;
    }
    if (!AUTOMATIC.contains(mode)) {
      throw new OnnxException("auto_pad: found '" + mode + "', expected one of " + AUTOMATIC);
    }
    int[] front = new int[axes()];
    int[] back = new int[axes()];
    for (int a = 0; a < axes() && !mode.equals("VALID"); a++) {
      long places = Math.ceilDiv(image[a], stride[a]);
      long needed = (places - 1) * stride[a] + reach(a) - image[a];
      int zeros = Math.toIntExact(Math.max(0, needed));
      front[a] = mode.equals("SAME_LOWER") ? zeros - zeros / 2 : zeros / 2;
      back[a] = zeros - front[a];
    }
    return new Windows(image, kernel, stride, dilation, front, back);
  }

  int axes() {
    return image.length;
  }

  int reach(int axis) {
    return Math.addExact(Math.multiplyExact(dilation[axis], kernel[axis] - 1), 1);
  }

  int places(int axis) {
    long room = image[axis] + before[axis] + after[axis] - reach(axis);
    if (room < 0) {
      throw new OnnxException(
          "found a window of "
              + reach(axis)
              + " on a padded extent of "
              + (room + reach(axis))
              + ", expected one that fits");
    }
    return Math.toIntExact(room / stride[axis] + 1);
  }

  /** Number of windows along each axis. */
  long[] places() {
    return IntStream.range(0, axes()).mapToLong(this::places).toArray();
  }

  /** Elements of a window. */
  int elements() {
    return Arrays.stream(kernel).reduce(1, Math::multiplyExact);
  }

  boolean dilated() {
    return Arrays.stream(dilation).anyMatch(d -> d != 1);
  }

  boolean padded() {
    return IntStream.range(0, axes()).anyMatch(a -> before[a] != 0 || after[a] != 0);
  }

  /** Padding behind so that a last window that starts inside is a whole one. */
  Windows reaching() {
    int[] ends = after.clone();
    for (int a = 0; a < axes(); a++) {
      long room = image[a] + before[a] + after[a] - reach(a);
      long last = Math.ceilDiv(room, stride[a]);
      if (last * stride[a] >= image[a] + before[a]) {
        last--;
      }
      long end = last * stride[a] + reach(a);
      ends[a] = Math.toIntExact(Math.max(after[a], end - image[a] - before[a]));
    }
    return new Windows(image, kernel, stride, dilation, before, ends);
  }

  /** Of one or two axes, for an op. */
  Padding padding() {
    int last = axes() - 1;
    return axes() == 1
        ? new Padding(0, before[0], 0, after[0])
        : new Padding(before[0], before[last], after[0], after[last]);
  }

  /** Position along an axis of one or two, or what stands for the height of a signal. */
  int at(int[] values, int axis, int otherwise) {
    return axes() == 1 ? axis == 0 ? otherwise : values[0] : values[axis];
  }

  /** For each element of the window, place by place, the pixel of the padded image it meets. */
  int[] indices() {
    long[] places = places();
    int axes = axes();
    long count = Math.multiplyExact((long) elements(), Dims.size(places));
    if (count > Tensor.LARGEST) {
      throw new OnnxException(
          "found windows of " + count + " pixels in all, expected at most " + Tensor.LARGEST);
    }
    long[] padded = new long[axes];
    long[] window = new long[axes];
    for (int a = 0; a < axes; a++) {
      padded[a] = image[a] + before[a] + after[a];
      window[a] = kernel[a];
    }
    long[] strides = Dims.strides(padded);
    long[] inWindow = Dims.strides(window);
    long[] inPlaces = Dims.strides(places);
    int[] at = new int[(int) count];
    int n = (int) Dims.size(places);
    for (int i = 0; i < at.length; i++) {
      long position = 0;
      for (int a = 0; a < axes; a++) {
        long element = i / n / inWindow[a] % kernel[a];
        long place = i % n / inPlaces[a] % places[a];
        position += (place * stride[a] + element * dilation[a]) * strides[a];
      }
      at[i] = Math.toIntExact(position);
    }
    return at;
  }

  /**
   * For each place how many elements of its window count: those on pixels, or also those on the
   * padding of other windows.
   */
  float[] counts(Windows padding, boolean withPadding) {
    long[] places = places();
    long[] inPlaces = Dims.strides(places);
    float[] counts = new float[(int) Dims.size(places)];
    for (int i = 0; i < counts.length; i++) {
      long product = 1;
      for (int a = 0; a < axes(); a++) {
        long first = i / inPlaces[a] % places[a] * stride[a];
        long along = 0;
        for (int k = 0; k < kernel[a]; k++) {
          long pixel = first + (long) k * dilation[a] - before[a];
          long low = withPadding ? -padding.before[a] : 0;
          long high = image[a] + (withPadding ? padding.after[a] : 0);
          along += pixel >= low && pixel < high ? 1 : 0;
        }
        product *= along;
      }
      counts[i] = product;
    }
    return counts;
  }
}

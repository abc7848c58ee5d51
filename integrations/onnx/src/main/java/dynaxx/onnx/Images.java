package dynaxx.onnx;

import dynaxx.layer.Parameter;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.Conv;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Pad;
import dynaxx.network.op.Padding;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.Reduce;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Convolutions and pooling of images and signals. */
final class Images {

  private Images() {}

  static void register(Map<String, Operator> operators) {
    operators.put("Conv", Operator.one(Images::conv));
    operators.put("MaxPool", Operator.one(c -> pool(c, true)));
    operators.put("AveragePool", Operator.one(c -> pool(c, false)));
    operators.put("GlobalAveragePool", Operator.one(Images::globalAverage));
    operators.put("GlobalMaxPool", Operator.one(Images::globalMax));
  }

  /** Windows along height and width; a signal has height 1. */
  private record Windows(int[] kernel, int[] stride, int[] dilation, int[] before, int[] after) {

    private static final List<String> AUTOMATIC = List.of("VALID", "SAME_UPPER", "SAME_LOWER");

    static Windows of(Call c, long[] image, long[] kernel) {
      int axes = kernel.length;
      c.require(axes == 1 || axes == 2, axes + " axes of space", "one or two");
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
      Windows windows = new Windows(size, stride, dilation, before, after);
      return windows.automatic(c.text("auto_pad", "NOTSET"), image);
    }

    private static long[] ones(int axes) {
      long[] ones = new long[axes];
      Arrays.fill(ones, 1);
      return ones;
    }

    private static int[] axis(Call c, String name, long[] values, int axes, int least) {
      boolean fits = values.length == axes;
      fits = fits && Arrays.stream(values).allMatch(v -> v >= least && v <= 1 << 20);
      c.require(
          fits,
          name + " " + Arrays.toString(values),
          "one number of at least " + least + " for each of " + axes + " axes of space");
      return new int[] {axes == 2 ? (int) values[0] : least, (int) values[axes - 1]};
    }

    private Windows automatic(String mode, long[] image) {
      if (mode.equals("NOTSET") || mode.isEmpty()) {
        return this;
      }
      if (!AUTOMATIC.contains(mode)) {
        throw new OnnxException("auto_pad: found '" + mode + "', expected one of " + AUTOMATIC);
      }
      int[] front = new int[2];
      int[] back = new int[2];
      for (int a = 0; a < 2 && !mode.equals("VALID"); a++) {
        long places = Math.ceilDiv(image[a], stride[a]);
        long needed = (places - 1) * stride[a] + reach(a) - image[a];
        int zeros = Math.toIntExact(Math.max(0, needed));
        front[a] = mode.equals("SAME_LOWER") ? zeros - zeros / 2 : zeros / 2;
        back[a] = zeros - front[a];
      }
      return new Windows(kernel, stride, dilation, front, back);
    }

    int reach(int axis) {
      return Math.addExact(Math.multiplyExact(dilation[axis], kernel[axis] - 1), 1);
    }

    int places(int axis, long extent) {
      long room = extent + before[axis] + after[axis] - reach(axis);
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

    Padding padding() {
      return new Padding(before[0], before[1], after[0], after[1]);
    }
  }

  private static Value image(Call c) {
    Value x = c.in(0);
    boolean fits = x.batch() == 0 && x.merged() == 1 && (x.rank() == 3 || x.rank() == 4);
    c.require(
        fits,
        "an input " + c.examples().text(x.dims()),
        "[examples x channels x height x width], or without height");
    return x;
  }

  /** Height and width. */
  private static long[] space(Value x) {
    return x.rank() == 4 ? new long[] {x.dims()[2], x.dims()[3]} : new long[] {1, x.dims()[2]};
  }

  private static Value conv(Call c) {
    Value x = image(c);
    Value w = c.in(1);
    c.require(w.isShared(), "weights that depend on the input", "a parameter or a constant");
    c.require(w.rank() == x.rank(), "weights of " + w.rank() + " axes", "as many as the input");
    long[] kernel = Arrays.copyOfRange(w.dims(), 2, w.rank());
    Windows windows = Windows.of(c, space(x), kernel);
    int groups = Math.toIntExact(c.whole("group", 1));
    Expr e = c.draft().expr(x.body());
    Operand weight = c.fused() ? c.draft().operand(w.body()) : null;
    if (weight != null && weight.rowMajor()) {
      Operand bias = c.has(2) ? bias(c, weight) : null;
      Value y = x.with(c.draft().op(geometry(weight, bias, windows, groups), e));
      return bias == null ? biased(c, y) : y;
    }
    return biased(c, x.with(patches(c, e, c.draft().expr(w.body()), windows, groups)));
  }

  /** A vector that the convolution adds itself, or null. */
  private static Operand bias(Call c, Operand weight) {
    Value v = c.in(2);
    Operand bias = v.isShared() && v.rank() == 1 ? c.draft().operand(v.body()) : null;
    boolean trains = weight instanceof Operand.View;
    boolean fits = bias != null && bias.rowMajor() && (trains || bias instanceof Operand.Fixed);
    return fits ? bias : null;
  }

  /** The parameter if it is a vector, or null. */
  static Parameter vector(Value v) {
    boolean plain =
        v.isShared() && v.body() instanceof Weight.View view && view.whole() && v.rank() == 1;
    return plain ? ((Weight.View) v.body()).parameter() : null;
  }

  private static Conv geometry(Operand weight, Operand bias, Windows w, int groups) {
    return new Conv(
        weight, bias, w.stride[0], w.stride[1], w.padding(), w.dilation[0], w.dilation[1], groups);
  }

  private static Value biased(Call c, Value y) {
    if (!c.has(2)) {
      return y;
    }
    Value bias = c.in(2);
    c.require(bias.rank() == 1, "a bias of " + bias.rank() + " axes", "a vector");
    long[] to = new long[y.rank() - 1];
    Arrays.fill(to, 1);
    to[0] = bias.dims()[0];
    return Elementwise.binary(c, Arithmetic.ADD, y, c.examples().reshape(bias, to));
  }

  /** The convolution as a matrix product with the patches, for weights that are computed. */
  private static Expr patches(Call c, Expr x, Expr weights, Windows w, int groups) {
    Draft draft = c.draft();
    long[] in = x.dims();
    long[] dims = weights.dims();
    int channels = Math.toIntExact(in[0]);
    c.require(
        groups > 0 && dims[1] * groups == channels && dims[0] % groups == 0,
        channels + " channels for weights " + Arrays.toString(dims) + " in " + groups + " groups",
        "as many as the weights are for");
    boolean signal = in.length == 2;
    Expr image = signal ? x.reshape(new long[] {in[0], 1, in[1]}) : x;
    Pad pad = new Pad(List.of(0, w.before[0], w.before[1]), List.of(0, w.after[0], w.after[1]), 0);
    Expr padded = draft.op(pad, image);
    int rows = w.places(0, image.shape.dim(1));
    int cols = w.places(1, image.shape.dim(2));
    long depth = dims[1] * w.kernel[0] * w.kernel[1];
    int[] at = indices(padded, w, rows, cols, c);
    Expr flat = padded.reshape(new long[] {padded.shape.size()});
    long positions = (long) rows * cols;
    Expr patches = flat.gather(0, at).reshape(new long[] {groups, depth, positions});
    long out = dims[0] / groups;
    Expr filters = weights.reshape(new long[] {groups, out, depth});
    Expr y = draft.op(new MatMul(), filters, patches);
    return signal
        ? y.reshape(new long[] {dims[0], cols})
        : y.reshape(new long[] {dims[0], rows, cols});
  }

  /** For each channel and element of the kernel the pixels that it meets, place by place. */
  private static int[] indices(Expr padded, Windows w, int rows, int cols, Call c) {
    int height = padded.shape.dim(1);
    int width = padded.shape.dim(2);
    long size = (long) padded.shape.dim(0) * w.kernel[0] * w.kernel[1] * rows * cols;
    c.require(size <= Tensor.LARGEST, size + " products", "at most " + Tensor.LARGEST);
    int[] at = new int[(int) size];
    int i = 0;
    for (int channel = 0; channel < padded.shape.dim(0); channel++) {
      for (int ky = 0; ky < w.kernel[0]; ky++) {
        for (int kx = 0; kx < w.kernel[1]; kx++) {
          for (int row = 0; row < rows; row++) {
            for (int col = 0; col < cols; col++) {
              int y = row * w.stride[0] + ky * w.dilation[0];
              at[i++] = (channel * height + y) * width + col * w.stride[1] + kx * w.dilation[1];
            }
          }
        }
      }
    }
    return at;
  }

  private static Value pool(Call c, boolean largest) {
    Value x = image(c);
    c.require(!c.wants(1), "the output of indices used", "the values only");
    long[] kernel = c.wholes("kernel_shape");
    c.require(
        kernel.length == x.rank() - 2,
        "kernel_shape " + Arrays.toString(kernel),
        (x.rank() - 2) + " numbers, one for each axis of space");
    Windows windows = Windows.of(c, space(x), kernel);
    c.require(
        windows.dilation[0] == 1 && windows.dilation[1] == 1, "a dilated window", "dilation 1");
    long[] space = space(x);
    boolean ceil = c.whole("ceil_mode", 0) != 0;
    int[] after = ceil ? reaching(windows, space) : windows.after;
    Expr image = c.draft().expr(x.body());
    if (x.rank() == 3) {
      image = image.reshape(new long[] {x.dims()[1], 1, x.dims()[2]});
    }
    boolean counts = !largest && c.whole("count_include_pad", 0) != 0;
    Padding padding = new Padding(windows.before[0], windows.before[1], after[0], after[1]);
    if (counts && !Arrays.equals(after, windows.after)) {
      // What ceil_mode adds does not count, what the padding adds does.
      image = padded(image, windows);
      padding = new Padding(0, 0, after[0] - windows.after[0], after[1] - windows.after[1]);
      counts = false;
    }
    PoolWindow window =
        new PoolWindow.Moving(
            windows.kernel[0], windows.kernel[1], windows.stride[0], windows.stride[1], padding);
    Expr y = c.draft().op(largest ? new MaxPool(window) : new AveragePool(window, counts), image);
    return x.with(x.rank() == 3 ? y.reshape(new long[] {y.shape.dim(0), y.shape.dim(2)}) : y);
  }

  private static Expr padded(Expr image, Windows w) {
    List<Integer> before = List.of(0, w.before[0], w.before[1]);
    return image.draft.op(new Pad(before, List.of(0, w.after[0], w.after[1]), 0), image);
  }

  /** Padding behind so that a last window that starts inside is a whole one. */
  private static int[] reaching(Windows w, long[] space) {
    int[] after = w.after.clone();
    for (int a = 0; a < 2; a++) {
      long room = space[a] + w.before[a] + w.after[a] - w.kernel[a];
      long places = Math.ceilDiv(room, w.stride[a]) + 1;
      if ((places - 1) * w.stride[a] >= space[a] + w.before[a]) {
        places--;
      }
      long end = (places - 1) * w.stride[a] + w.kernel[a];
      after[a] = Math.toIntExact(Math.max(w.after[a], end - space[a] - w.before[a]));
    }
    return after;
  }

  private static Value globalAverage(Call c) {
    Value x = image(c);
    List<Integer> axes = x.rank() == 4 ? List.of(1, 2) : List.of(1);
    return x.with(c.draft().op(new Reduce(axes, true, true), c.draft().expr(x.body())));
  }

  private static Value globalMax(Call c) {
    Value x = image(c);
    Expr e = c.draft().expr(x.body());
    long[] to = Dims.with(Dims.with(e.dims(), 1, 1), e.shape.rank() - 1, 1);
    Expr flat = e.reshape(new long[] {e.shape.dim(0), e.shape.size() / e.shape.dim(0)});
    return x.with(Elementwise.extreme(flat, 1, true).reshape(to));
  }
}

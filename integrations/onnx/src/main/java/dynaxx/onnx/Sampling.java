package dynaxx.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** Pixels taken at places between pixels, which the file fixes. */
final class Sampling {

  private Sampling() {}

  static void register(Map<String, Operator> operators) {
    operators.put("GridSample", Operator.one(Sampling::grid));
    operators.put("Col2Im", Operator.one(Sampling::fromColumns));
    operators.put("MaxUnpool", Operator.one(Sampling::unpooled));
  }

  /** What a place of the output is made of: pixels and their weights. */
  private record Taps(List<int[]> pixels, List<float[]> weights) {}

  private static Value grid(Call c) {
    Value x = c.in(0);
    Tensor grid = c.constant(1);
    int axes = x.rank() - 2;
    c.require(
        axes >= 1 && grid.rank() == x.rank() && grid.dims()[axes + 1] == axes,
        "a grid " + Arrays.toString(grid.dims()),
        "[examples x places x " + axes + "]");
    String mode =
        c.text("mode", "linear").replace("bilinear", "linear").replace("bicubic", "cubic");
    c.require(
        List.of("linear", "nearest", "cubic").contains(mode),
        "mode '" + mode + "'",
        "linear, nearest or cubic");
    String padding = c.text("padding_mode", "zeros");
    boolean corners = c.whole("align_corners", 0) != 0;
    long[] space = Arrays.copyOfRange(x.dims(), 2, x.rank());
    long[] places = Arrays.copyOfRange(grid.dims(), 1, axes + 1);
    int n = Math.toIntExact(Dims.size(places));
    if (x.batch() == 0) {
      boolean alike = grid.uniform(0);
      c.require(alike, "a grid that differs from example to example", "one that they share");
      return sampled(c, x, taps(grid, 0, n, space, mode, padding, corners), places);
    }
    c.require(
        x.isShared() && grid.dims()[0] == x.dims()[0],
        "grids of another number",
        "one for each image");
    List<Value> parts = new ArrayList<>();
    for (int i = 0; i < x.dims()[0]; i++) {
      Value one = c.examples().slice(x, 0, i, 1, 1);
      parts.add(
          sampled(c, one, taps(grid, i * n * axes, n, space, mode, padding, corners), places));
    }
    return c.examples().concat(parts, 0);
  }

  private static Value sampled(Call c, Value x, Taps taps, long[] places) {
    long[] flat = {x.dims()[0], x.dims()[1], Dims.size(x.dims()) / x.dims()[0] / x.dims()[1]};
    Value rows = c.examples().reshape(x, flat);
    Value sum = null;
    for (int t = 0; t < taps.pixels.size(); t++) {
      Value weights =
          Value.shared(
              Tensor.of(new long[] {1, 1, taps.weights.get(t).length}, taps.weights.get(t)));
      Value term = c.run("Mul", c.examples().gather(rows, 2, taps.pixels.get(t)), weights);
      sum = sum == null ? term : c.run("Add", sum, term);
    }
    long[] to = new long[places.length + 2];
    to[0] = x.dims()[0];
    to[1] = x.dims()[1];
    System.arraycopy(places, 0, to, 2, places.length);
    return c.examples().reshape(sum, to);
  }

  private static Taps taps(
      Tensor grid, int start, int n, long[] space, String mode, String padding, boolean corners) {
    int axes = space.length;
    int each = mode.equals("nearest") ? 1 : mode.equals("linear") ? 2 : 4;
    int count = (int) Math.pow(each, axes);
    Taps taps = new Taps(new ArrayList<>(), new ArrayList<>());
    for (int t = 0; t < count; t++) {
      taps.pixels.add(new int[n]);
      taps.weights.add(new float[n]);
    }
    long[] strides = Dims.strides(space);
    for (int i = 0; i < n; i++) {
      for (int t = 0; t < count; t++) {
        double weight = 1;
        long pixel = 0;
        int rest = t;
        for (int a = 0; a < axes; a++) {
          double at =
              place(grid.number(start + i * axes + axes - 1 - a), space[a], padding, mode, corners);
          int tap = rest % each;
          rest /= each;
          double floor = each == 1 ? Math.rint(at) : Math.floor(at);
          long index = (long) floor + (each == 4 ? tap - 1 : tap);
          weight *= weight(at - floor, tap, each);
          long inside = inside(index, space[a], padding, corners);
          weight = inside < 0 ? 0 : weight;
          pixel += Math.max(0, inside) * strides[a];
        }
        taps.pixels.get(t)[i] = Math.toIntExact(pixel);
        taps.weights.get(t)[i] = (float) weight;
      }
    }
    return taps;
  }

  private static double weight(double t, int tap, int each) {
    if (each == 1) {
      return 1;
    }
    if (each == 2) {
      return tap == 0 ? 1 - t : t;
    }
    double a = -0.75;
    double x = Math.abs(t - (tap - 1));
    return x <= 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
  }

  /** A coordinate from -1 to 1 as a pixel. */
  private static double place(
      double at, long extent, String padding, String mode, boolean corners) {
    double pixel = corners ? (at + 1) / 2 * (extent - 1) : ((at + 1) * extent - 1) / 2;
    // only zeros take pixels from outside; the cubic one has its borders pixel by pixel
    if (padding.equals("border") && !mode.equals("cubic")) {
      return Math.clamp(pixel, 0, extent - 1);
    }
    boolean reflects = padding.equals("reflection") && !mode.equals("cubic");
    return reflects ? reflected(pixel, extent, corners) : pixel;
  }

  private static double reflected(double x, long extent, boolean corners) {
    double low = corners ? 0 : -0.5;
    double high = corners ? extent - 1 : extent - 0.5;
    double range = high - low;
    if (range <= 0) {
      return 0;
    }
    double distance = Math.abs(x - low) % (2 * range);
    return Math.clamp(low + (distance > range ? 2 * range - distance : distance), 0, extent - 1);
  }

  private static long inside(long index, long extent, String padding, boolean corners) {
    if (index >= 0 && index < extent) {
      return index;
    }
    return switch (padding) {
      case "border" -> Math.clamp(index, 0, extent - 1);
      case "reflection" -> (long) Math.rint(reflected(index, extent, corners));
      case "zeros" -> -1;
      default ->
          throw new OnnxException(
              "padding_mode: found '" + padding + "', expected zeros, border or reflection");
    };
  }

  /** Blocks added up where they overlap. */
  private static Value fromColumns(Call c) {
    Value x = c.in(0);
    long[] image = c.wholes(1);
    long[] block = c.wholes(2);
    int axes = image.length;
    c.require(
        x.rank() == 3 && block.length == axes,
        c.examples().text(x.dims()),
        "[examples x elements x places]");
    int[] kernel = c.ints(block);
    int[] stride = Windows.axis(c, "strides", c.wholes("strides", Windows.ones(axes)), axes, 1);
    int[] dilation =
        Windows.axis(c, "dilations", c.wholes("dilations", Windows.ones(axes)), axes, 1);
    long[] pads = c.wholes("pads", new long[2 * axes]);
    int[] before = c.ints(Arrays.copyOf(pads, axes));
    int[] after = c.ints(Arrays.copyOfRange(pads, axes, 2 * axes));
    Windows w = new Windows(image, kernel, stride, dilation, before, after);
    long elements = Dims.size(block);
    c.require(
        x.dims()[1] % elements == 0 && x.dims()[2] == Dims.size(w.places()),
        c.examples().text(x.dims()),
        "the blocks of the image");
    long channels = x.dims()[1] / elements;
    return Lift.over(
            c,
            Lift.first(),
            call -> {
              Expr e = call.draft().expr(call.in(0).body());
              Expr columns = e.reshape(new long[] {channels, elements * Dims.size(w.places())});
              return List.of(call.in(0).with(Images.overlapped(columns, w, w.places())));
            })
        .getFirst();
  }

  private static Value unpooled(Call c) {
    Value x = c.in(0);
    Tensor at = c.constant(1);
    c.require(x.isShared(), "positions of all examples", "an export with one example");
    long[] kernel = c.wholes("kernel_shape");
    int axes = kernel.length;
    long[] stride = c.wholes("strides", Windows.ones(axes));
    long[] pads = c.wholes("pads", new long[2 * axes]);
    long[] own = x.dims().clone();
    for (int a = 0; a < axes; a++) {
      own[a + 2] = (x.dims()[a + 2] - 1) * stride[a] + kernel[a] - pads[a] - pads[a + axes];
    }
    long[] to = c.has(2) ? c.wholes(2) : own;
    long plane = Dims.size(Arrays.copyOfRange(own, 2, own.length));
    long[] planes = {Dims.size(x.dims()) / Dims.size(Arrays.copyOfRange(x.dims(), 2, x.rank()))};
    c.require(
        Dims.size(to) >= planes[0] * plane,
        "an output " + Arrays.toString(to),
        "at least the pooled one");
    // indices count through the whole tensor of the output as pooled
    long[] flat = {Dims.size(own)};
    Value zeros = c.examples().expand(Call.number(0), flat);
    Value updates = c.examples().reshape(x, new long[] {Dims.size(x.dims())});
    Value indices = Value.shared(at.reshape(new long[] {at.size(), 1}));
    Value spread = c.examples().reshape(c.run("ScatterND", zeros, indices, updates), own);
    if (Arrays.equals(to, own)) {
      return spread;
    }
    long[] more = new long[2 * x.rank()];
    for (int a = 0; a < x.rank(); a++) {
      more[x.rank() + a] = to[a] - own[a];
    }
    return c.run("Pad", spread, Call.wholesValue(more));
  }
}

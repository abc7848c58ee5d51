package dynaxx.onnx;

import java.util.Arrays;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * Images made larger or smaller, axis by axis: nearest neighbours are chosen, all else is a product
 * with a constant matrix.
 */
final class Resizing {

  private Resizing() {}

  static void register(Map<String, Operator> operators) {
    operators.put("Resize", Operator.one(Resizing::resize));
    operators.put("Upsample", Operator.one(Resizing::upsample));
  }

  /**
   * One axis.
   *
   * @param in extent before
   * @param out extent after
   * @param scale as stated, which may give a fraction of a pixel
   * @param from start of the region, for cropping
   * @param to end of the region
   */
  private record Axis(int in, int out, double scale, double from, double to) {}

  private static Value upsample(Call c) {
    float[] scales =
        c.has(1)
            ? c.constant(1).toFloats().floats()
            : c.raw("scales") == null ? new float[0] : c.raw("scales").numbers();
    c.require(scales != null && scales.length == c.in(0).rank(), "scales", "one for each axis");
    Value result = c.in(0);
    String mode = c.text("mode", "nearest");
    for (int a = 0; a < scales.length; a++) {
      int in = extent(result, a);
      Axis axis = new Axis(in, (int) Math.floor((double) in * scales[a]), scales[a], 0, 1);
      result =
          along(
              c, result, a, axis, new Setting(mode, "asymmetric", "floor", -0.75, false, false, 0));
    }
    return result;
  }

  private static int extent(Value v, int axis) {
    return axis == v.batch() ? 1 : Math.toIntExact(v.dims()[axis]);
  }

  /** How it is done. */
  private record Setting(
      String mode,
      String coordinates,
      String nearest,
      double cubic,
      boolean exclude,
      boolean antialias,
      double outside) {}

  private static Value resize(Call c) {
    boolean old = c.opset() < 11;
    Value x = c.in(0);
    int[] axes =
        c.hasAttribute("axes")
            ? Arrays.stream(c.wholes("axes")).mapToInt(x::axis).toArray()
            : IntStream.range(0, x.rank()).toArray();
    Setting how =
        new Setting(
            c.text("mode", "nearest"),
            old ? "asymmetric" : c.text("coordinate_transformation_mode", "half_pixel"),
            old ? "floor" : c.text("nearest_mode", "round_prefer_floor"),
            c.number("cubic_coeff_a", -0.75f),
            c.whole("exclude_outside", 0) != 0,
            c.whole("antialias", 0) != 0,
            c.number("extrapolation_value", 0));
    Axis[] found = old ? scaled(c, axes, c.constant(1)) : axes(c, axes);
    Value result = x;
    for (int i = 0; i < axes.length; i++) {
      result = along(c, result, axes[i], found[i], how);
    }
    return result;
  }

  private static Axis[] axes(Call c, int[] axes) {
    boolean sized = c.has(3) && c.in(3).dims().length > 0 && c.in(3).dims()[0] > 0;
    return sized ? sized(c, axes, c.wholes(3)) : scaled(c, axes, c.constant(2));
  }

  private static float[] region(Call c, int axes) {
    boolean crops = c.text("coordinate_transformation_mode", "").equals("tf_crop_and_resize");
    if (!crops || c.opset() < 11) {
      float[] whole = new float[2 * axes];
      Arrays.fill(whole, axes, 2 * axes, 1);
      return whole;
    }
    float[] given = c.constant(1).toFloats().floats();
    c.require(given.length == 2 * axes, given.length + " values of roi", "two for each axis");
    return given;
  }

  private static Axis[] scaled(Call c, int[] axes, Tensor scales) {
    Value x = c.in(0);
    c.require(scales.size() == axes.length, scales.size() + " scales", "one for each axis");
    float[] region = region(c, axes.length);
    Axis[] found = new Axis[axes.length];
    for (int i = 0; i < axes.length; i++) {
      double scale = scales.number(i);
      int in = extent(x, axes[i]);
      c.require(scale > 0 && scale * in <= 1 << 20, "a scale of " + scale, "a positive one");
      requireOther(c, x, axes[i], scale == 1);
      found[i] =
          new Axis(in, (int) Math.floor(scale * in), scale, region[i], region[i + axes.length]);
    }
    return found;
  }

  private static void requireOther(Call c, Value x, int axis, boolean same) {
    if (!same) {
      c.examples().requireOther(x, axis, "resizing");
    }
  }

  private static Axis[] sized(Call c, int[] axes, long[] sizes) {
    Value x = c.in(0);
    c.require(sizes.length == axes.length, sizes.length + " sizes", "one for each axis");
    String policy = c.text("keep_aspect_ratio_policy", "stretch");
    float[] region = region(c, axes.length);
    Axis[] found = new Axis[axes.length];
    double[] scales = new double[axes.length];
    for (int i = 0; i < axes.length; i++) {
      boolean examples = axes[i] == x.batch();
      requireOther(c, x, axes[i], sizes[i] == x.dims()[axes[i]]);
      c.require(
          examples || sizes[i] > 0 && sizes[i] <= 1 << 20, "a size of " + sizes[i], "at least 1");
      scales[i] = examples ? 1 : (double) sizes[i] / extent(x, axes[i]);
    }
    double common =
        policy.equals("not_larger")
            ? Arrays.stream(scales).min().orElse(1)
            : Arrays.stream(scales).max().orElse(1);
    for (int i = 0; i < axes.length; i++) {
      int in = extent(x, axes[i]);
      boolean stretch = policy.equals("stretch");
      double scale = stretch ? scales[i] : common;
      int out = stretch ? axes[i] == x.batch() ? 1 : (int) sizes[i] : (int) (common * in + 0.5);
      found[i] = new Axis(in, out, scale, region[i], region[i + axes.length]);
    }
    return found;
  }

  private static Value along(Call c, Value x, int at, Axis axis, Setting how) {
    boolean whole = axis.from == 0 && axis.to == 1;
    if (axis.out == axis.in && Math.abs(axis.scale - 1) < 1e-9 && whole) {
      return x;
    }
    c.examples().requireOther(x, at, "resizing");
    c.require(axis.out > 0, "an extent of " + axis.out, "at least 1");
    double[] places = new double[axis.out];
    Arrays.setAll(places, i -> source(c, axis, how.coordinates, i));
    boolean crops = how.coordinates.equals("tf_crop_and_resize");
    boolean[] outside = new boolean[axis.out];
    boolean any = false;
    for (int i = 0; crops && i < outside.length; i++) {
      outside[i] = places[i] < 0 || places[i] > axis.in - 1;
      any |= outside[i];
    }
    Value found =
        how.mode.equals("nearest")
            ? nearest(c, x, at, axis, how, places)
            : Linears.along(c, x, at, matrix(c, axis, how, places, outside), axis.out);
    return any ? outside(c, found, at, outside, how.outside) : found;
  }

  private static Value outside(Call c, Value x, int at, boolean[] outside, double value) {
    long[] mask = new long[outside.length];
    Arrays.setAll(mask, i -> outside[i] ? 1 : 0);
    long[] dims = Windows.ones(x.rank() - at);
    dims[0] = mask.length;
    Value where = Value.shared(Tensor.of(dims, mask, true));
    return c.run("Where", where, Call.number(value), x);
  }

  /** Where the pixel of an output comes from. */
  private static double source(Call c, Axis axis, String mode, int i) {
    double width = axis.scale * axis.in;
    return switch (mode) {
      case "half_pixel" -> (i + 0.5) / axis.scale - 0.5;
      case "half_pixel_symmetric" ->
          axis.in / 2.0 * (1 - axis.out / width) + (i + 0.5) / axis.scale - 0.5;
      case "pytorch_half_pixel" -> width == 1 ? -0.5 : (i + 0.5) / axis.scale - 0.5;
      case "tf_half_pixel_for_nn" -> (i + 0.5) / axis.scale;
      case "asymmetric" -> i / axis.scale;
      case "align_corners" -> width == 1 ? 0 : i * (axis.in - 1.0) / (width - 1);
      case "tf_crop_and_resize" -> {
        double region = (axis.to - axis.from) * (axis.in - 1);
        yield axis.from * (axis.in - 1) + (width == 1 ? region / 2 : i * region / (width - 1));
      }
      default ->
          throw new OnnxException(
              "coordinate_transformation_mode: found '" + mode + "', expected a known one");
    };
  }

  private static Value nearest(Call c, Value x, int at, Axis axis, Setting how, double[] places) {
    int[] chosen = new int[places.length];
    for (int i = 0; i < chosen.length; i++) {
      double place = places[i];
      double near =
          switch (how.nearest) {
            case "floor" -> Math.floor(place);
            case "ceil" -> Math.ceil(place);
            case "round_prefer_ceil" -> Math.floor(place + 0.5);
            case "round_prefer_floor" -> Math.ceil(place - 0.5);
            default ->
                throw new OnnxException(
                    "nearest_mode: found '" + how.nearest + "', expected a known one");
          };
      chosen[i] = Math.clamp((long) near, 0, axis.in - 1);
    }
    c.require(!how.antialias, "antialias with mode nearest", "another mode");
    return c.examples().gather(x, at, chosen);
  }

  /** Weights of the pixels, out x in. */
  private static float[] matrix(
      Call c, Axis axis, Setting how, double[] places, boolean[] outside) {
    boolean cubic = how.mode.equals("cubic");
    c.require(
        cubic || how.mode.equals("linear"), "mode '" + how.mode + "'", "nearest, linear or cubic");
    double shrink = how.antialias ? Math.min(axis.scale, 1) : 1;
    double[] exact = new double[Linears.requireSize(axis.out, axis.in)];
    for (int i = 0; i < axis.out; i++) {
      if (!outside[i]) {
        row(exact, i * axis.in, axis, how, places[i], cubic, shrink);
      }
    }
    float[] weights = new float[exact.length];
    for (int i = 0; i < weights.length; i++) {
      weights[i] = (float) exact[i];
    }
    return weights;
  }

  private static void row(
      double[] to, int start, Axis axis, Setting how, double place, boolean cubic, double shrink) {
    double reach = (cubic ? 2 : 1) / shrink;
    int first = (int) Math.floor(place - reach) + 1;
    int last = (int) Math.ceil(place + reach) - 1;
    double sum = 0;
    double[] taps = new double[Math.max(0, last - first + 1)];
    for (int j = first; j <= last; j++) {
      double distance = Math.abs(j - place) * shrink;
      double weight = cubic ? cubic(distance, how.cubic) : Math.max(0, 1 - distance);
      boolean counts = !how.exclude || j >= 0 && j < axis.in;
      taps[j - first] = counts ? weight : 0;
      sum += taps[j - first];
    }
    boolean scaled = how.antialias || how.exclude;
    for (int j = first; j <= last; j++) {
      to[start + Math.clamp(j, 0, axis.in - 1)] += scaled ? taps[j - first] / sum : taps[j - first];
    }
  }

  /** Keys (1981). */
  private static double cubic(double x, double a) {
    if (x <= 1) {
      return ((a + 2) * x - (a + 3)) * x * x + 1;
    }
    return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0;
  }
}

package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.layer.Parameter;
import dynaxx.network.op.AveragePool;
import dynaxx.network.op.Conv;
import dynaxx.network.op.MatMul;
import dynaxx.network.op.MaxPool;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Pad;
import dynaxx.network.op.PoolWindow;
import dynaxx.network.op.Reduce;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Convolutions and pooling of signals, images and volumes. */
final class Images {

  private Images() {}

  /** How a window becomes one number. */
  private enum Pool {
    MAX,
    AVERAGE,
    POWER
  }

  static void register(Map<String, Operator> operators) {
    operators.put("Conv", Lift.one(Images::conv));
    operators.put("ConvTranspose", Lift.one(Images::transposed));
    operators.put("MaxPool", Lift.one(c -> pool(c, Pool.MAX)));
    operators.put("AveragePool", Lift.one(c -> pool(c, Pool.AVERAGE)));
    operators.put("LpPool", Lift.one(c -> pool(c, Pool.POWER)));
    operators.put("GlobalAveragePool", Lift.one(Images::globalAverage));
    operators.put("GlobalMaxPool", Lift.one(Images::globalMax));
    operators.put("GlobalLpPool", Lift.one(Images::globalPower));
  }

  private static Value image(Call c) {
    Value x = c.in(0);
    boolean fits = x.batch() == 0 && x.merged() == 1 && x.rank() >= 3;
    c.require(
        fits,
        "an input " + c.examples().text(x.dims()),
        "[examples x channels x at least one axis of space]");
    return x;
  }

  /** Extents of the axes of space. */
  private static long[] space(Value x) {
    return Arrays.copyOfRange(x.dims(), 2, x.rank());
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
    Operand weight = c.fused() && windows.axes() <= 2 ? c.draft().operand(w.body()) : null;
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
        weight,
        bias,
        w.at(w.stride(), 0, 1),
        w.at(w.stride(), 1, 1),
        w.padding(),
        w.at(w.dilation(), 0, 1),
        w.at(w.dilation(), 1, 1),
        groups);
  }

  private static Value biased(Call c, Value y) {
    if (!c.has(2)) {
      return y;
    }
    Value bias = c.in(2);
    c.require(bias.rank() == 1, "a bias of " + bias.rank() + " axes", "a vector");
    long[] to = Windows.ones(y.rank() - 1);
    to[0] = bias.dims()[0];
    return Elementwise.binary(c, Arithmetic.ADD, y, c.examples().reshape(bias, to));
  }

  /** The image with its padding. */
  private static Expr padded(Expr image, Windows w, double value) {
    if (!w.padded()) {
      return image;
    }
    List<Integer> before = new ArrayList<>(List.of(0));
    List<Integer> after = new ArrayList<>(List.of(0));
    Arrays.stream(w.before()).forEach(before::add);
    Arrays.stream(w.after()).forEach(after::add);
    return image.draft.op(new Pad(before, after, value), image);
  }

  /** [channels x elements of a window x places]. */
  private static Expr seen(Expr image, Windows w, double padding) {
    Expr padded = padded(image, w, padding);
    int channels = padded.shape.dim(0);
    long elements = (long) w.elements() * Dims.size(w.places());
    if (channels * elements > Tensor.LARGEST) {
      throw new OnnxException(
          "found " + channels * elements + " products, expected at most " + Tensor.LARGEST);
    }
    Expr flat = padded.reshape(new long[] {channels, padded.shape.size() / channels});
    return flat.gather(1, w.indices())
        .reshape(new long[] {channels, w.elements(), Dims.size(w.places())});
  }

  /** [channels x places] with the axes of space. */
  private static Expr spread(Expr flat, Windows w) {
    return flat.reshape(Dims.inserted(w.places(), 0, flat.shape.dim(0)));
  }

  /** The convolution as a matrix product with the patches, for weights that are computed. */
  private static Expr patches(Call c, Expr x, Expr weights, Windows w, int groups) {
    long[] dims = weights.dims();
    int channels = x.shape.dim(0);
    c.require(
        groups > 0 && dims[1] * groups == channels && dims[0] % groups == 0,
        channels + " channels for weights " + Arrays.toString(dims) + " in " + groups + " groups",
        "as many as the weights are for");
    long depth = dims[1] * w.elements();
    Expr patches = seen(x, w, 0).reshape(new long[] {groups, depth, Dims.size(w.places())});
    Expr filters = weights.reshape(new long[] {groups, dims[0] / groups, depth});
    Expr y = x.draft.op(new MatMul(), filters, patches);
    return spread(y.reshape(new long[] {dims[0], Dims.size(w.places())}), w);
  }

  // ---- transposed convolutions

  /**
   * Each pixel times the kernel, added up where they overlap: a product with the weights, of which
   * every place of the output takes the elements that meet there.
   */
  private static Value transposed(Call c) {
    Value x = image(c);
    Value w = c.in(1);
    c.require(w.isShared(), "weights that depend on the input", "a parameter or a constant");
    c.require(w.rank() == x.rank(), "weights of " + w.rank() + " axes", "as many as the input");
    long[] kernel = Arrays.copyOfRange(w.dims(), 2, w.rank());
    int groups = Math.toIntExact(c.whole("group", 1));
    long channels = x.dims()[1];
    c.require(
        w.dims()[0] == channels && groups > 0 && channels % groups == 0,
        channels + " channels for weights " + Arrays.toString(w.dims()),
        "as many as the weights are for");
    Windows windows = target(c, space(x), kernel);
    long pixels = Dims.size(space(x));
    long out = w.dims()[1];
    long elements = windows.elements();
    long each = channels / groups;
    Examples examples = c.examples();
    List<Value> parts = new ArrayList<>();
    Value rows = x.with(x.body().reshape(new long[] {channels, pixels}));
    for (int g = 0; g < groups; g++) {
      Value own = examples.slice(rows, 1, g * each, each, 1);
      Value weights = examples.slice(w, 0, g * each, each, 1);
      Value matrix = examples.reshape(weights, new long[] {each, out * elements});
      Value turned = examples.transpose(matrix, new int[] {1, 0});
      Value columns = Products.matmul(c, turned, own);
      Expr e = c.draft().expr(columns.body()).reshape(new long[] {out, elements * pixels});
      parts.add(x.with(overlapped(e, windows, space(x))));
    }
    return biased(c, examples.concat(parts, 1));
  }

  /** The windows of the output of a transposed convolution, which are at the input's pixels. */
  private static Windows target(Call c, long[] in, long[] kernel) {
    int axes = in.length;
    int[] stride = Windows.axis(c, "strides", c.wholes("strides", Windows.ones(axes)), axes, 1);
    int[] more =
        Windows.axis(c, "output_padding", c.wholes("output_padding", new long[axes]), axes, 0);
    int[] size = Windows.axis(c, "kernel_shape", kernel, axes, 1);
    int[] dilation =
        Windows.axis(c, "dilations", c.wholes("dilations", Windows.ones(axes)), axes, 1);
    long[] pads = c.wholes("pads", new long[2 * axes]);
    c.require(pads.length == 2 * axes, pads.length + " pads", "two for each axis of space");
    String mode = c.text("auto_pad", "NOTSET");
    long[] stated = c.wholes("output_shape");
    boolean given = c.hasAttribute("output_shape") && stated.length >= axes;
    int[] before = new int[axes];
    int[] after = new int[axes];
    long[] image = new long[axes];
    for (int a = 0; a < axes; a++) {
      long whole = stride[a] * (in[a] - 1) + more[a] + (long) (size[a] - 1) * dilation[a] + 1;
      long total = pads[a] + pads[a + axes];
      long front = pads[a];
      if (given || mode.startsWith("SAME")) {
        long wanted = given ? stated[stated.length - axes + a] : in[a] * stride[a];
        total = whole - wanted;
        front = mode.equals("SAME_UPPER") ? Math.floorDiv(total, 2) : Math.ceilDiv(total, 2);
      }
      image[a] = whole - total;
      before[a] = Math.toIntExact(front);
      after[a] = Math.toIntExact(total - front - more[a]);
      c.require(image[a] > 0, "an output of " + image[a] + " pixels", "at least one");
    }
    Tensor.size("output", image);
    return new Windows(image, size, stride, dilation, before, after);
  }

  /** Adds up [out x elements x pixels] at the places that they meet. */
  static Expr overlapped(Expr columns, Windows w, long[] in) {
    int n = Math.toIntExact(Dims.size(w.image()));
    List<List<Integer>> met = new ArrayList<>();
    IntStream.range(0, n).forEach(i -> met.add(new ArrayList<>()));
    int pixels = Math.toIntExact(Dims.size(in));
    long[] inStrides = Dims.strides(in);
    long[] kernel = Arrays.stream(w.kernel()).asLongStream().toArray();
    long[] inWindow = Dims.strides(kernel);
    long[] outStrides = Dims.strides(w.image());
    for (int i = 0; i < w.elements() * pixels; i++) {
      long place = 0;
      for (int a = 0; a < w.axes() && place >= 0; a++) {
        long element = i / pixels / inWindow[a] % kernel[a];
        long pixel = i % pixels / inStrides[a] % in[a];
        long at = pixel * w.stride()[a] + element * w.dilation()[a] - w.before()[a];
        place = at < 0 || at >= w.image()[a] ? -1 : place + at * outStrides[a];
      }
      if (place >= 0) {
        met.get((int) place).add(i);
      }
    }
    int most = met.stream().mapToInt(List::size).max().orElse(0);
    int none = w.elements() * pixels;
    int[] at = new int[Math.multiplyExact(Math.max(most, 1), n)];
    for (int i = 0; i < at.length; i++) {
      List<Integer> own = met.get(i % n);
      at[i] = i / n < own.size() ? own.get(i / n) : none;
    }
    Draft draft = columns.draft;
    long out = columns.shape.dim(0);
    Expr zeros = draft.op(new Pad(List.of(0, 0), List.of(0, 1), 0), columns);
    Expr all = zeros.gather(1, at).reshape(new long[] {out, at.length / n, n});
    Expr sum = draft.op(new Reduce(List.of(1), false, false), all);
    return sum.reshape(Dims.inserted(w.image(), 0, out));
  }

  // ---- pooling

  private static Value pool(Call c, Pool kind) {
    Value x = image(c);
    long[] kernel = c.wholes("kernel_shape");
    c.require(
        kernel.length == x.rank() - 2,
        "kernel_shape " + Arrays.toString(kernel),
        (x.rank() - 2) + " numbers, one for each axis of space");
    c.require(c.whole("storage_order", 0) == 0 || !c.wants(1), "storage_order 1", "0 for indices");
    Windows stated = Windows.of(c, space(x), kernel);
    Windows windows = c.whole("ceil_mode", 0) != 0 ? stated.reaching() : stated;
    Expr image = c.draft().expr(x.body());
    boolean counts = kind == Pool.AVERAGE && c.whole("count_include_pad", 0) != 0;
    boolean same = Arrays.equals(stated.after(), windows.after());
    boolean plain =
        windows.axes() <= 2
            && !windows.dilated()
            && kind != Pool.POWER
            && (!counts || same)
            && IntStream.range(0, windows.axes())
                .allMatch(
                    a -> Math.max(windows.before()[a], windows.after()[a]) < windows.kernel()[a]);
    return x.with(
        plain
            ? window(image, windows, kind == Pool.MAX, counts)
            : general(c, image, windows, stated, kind));
  }

  private static Expr window(Expr image, Windows w, boolean largest, boolean counts) {
    long[] dims = image.dims();
    Expr wide = w.axes() == 1 ? image.reshape(new long[] {dims[0], 1, dims[1]}) : image;
    PoolWindow window =
        new PoolWindow.Moving(
            w.at(w.kernel(), 0, 1),
            w.at(w.kernel(), 1, 1),
            w.at(w.stride(), 0, 1),
            w.at(w.stride(), 1, 1),
            w.padding());
    Expr y = image.draft.op(largest ? new MaxPool(window) : new AveragePool(window, counts), wide);
    return spread(y, w);
  }

  /** Of any number of axes and dilated, from the patches. */
  private static Expr general(Call c, Expr image, Windows w, Windows stated, Pool kind) {
    Draft draft = image.draft;
    Expr seen = seen(image, w, kind == Pool.MAX ? Double.NEGATIVE_INFINITY : 0);
    long[] flat = {seen.shape.dim(0), seen.shape.dim(2)};
    if (kind == Pool.MAX) {
      return spread(Elementwise.extreme(seen, 1, true).reshape(flat), w);
    }
    if (kind == Pool.POWER) {
      return spread(power(c, seen, List.of(1)).reshape(flat), w);
    }
    float[] counts = w.counts(stated, c.whole("count_include_pad", 0) != 0);
    for (int i = 0; i < counts.length; i++) {
      counts[i] = 1 / counts[i];
    }
    Expr sum = draft.op(new Reduce(List.of(1), false, false), seen);
    Expr shares = draft.constant(Tensor.of(new long[] {1, counts.length}, counts));
    return spread(draft.binary(new Multiply(), sum, shares), w);
  }

  /** {@code (sum |x|^p)^(1/p)}. */
  private static Expr power(Call c, Expr x, List<Integer> axes) {
    long p = c.whole("p", 2);
    c.require(p >= 1, "p " + p, "at least 1");
    Draft draft = x.draft;
    Expr size = draft.activate(Elementary.ABS, x);
    Expr raised =
        p == 1
            ? size
            : p == 2 ? draft.op(new Multiply(), x, x) : draft.activate(Elementary.power(p), size);
    Expr sum = draft.op(new Reduce(axes, false, true), raised);
    return p == 1
        ? sum
        : p == 2 ? Reductions.root(sum) : draft.activate(Elementary.power(1.0 / p), sum);
  }

  private static List<Integer> spaceAxes(Value x) {
    return IntStream.range(1, x.rank() - 1).boxed().toList();
  }

  private static Value globalAverage(Call c) {
    Value x = image(c);
    return x.with(c.draft().op(new Reduce(spaceAxes(x), true, true), c.draft().expr(x.body())));
  }

  private static Value globalPower(Call c) {
    Value x = image(c);
    return x.with(power(c, c.draft().expr(x.body()), spaceAxes(x)));
  }

  private static Value globalMax(Call c) {
    Value x = image(c);
    Expr e = c.draft().expr(x.body());
    long[] to = Windows.ones(x.rank() - 1);
    to[0] = e.shape.dim(0);
    Expr flat = e.reshape(new long[] {e.shape.dim(0), e.shape.size() / e.shape.dim(0)});
    return x.with(Elementwise.extreme(flat, 1, true).reshape(to));
  }
}

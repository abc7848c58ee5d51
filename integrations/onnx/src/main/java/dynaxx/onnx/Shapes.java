package dynaxx.onnx;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Arrangements that are made of others, and losses within a graph. */
final class Shapes {

  private Shapes() {}

  static void register(Map<String, Operator> operators) {
    operators.put("DepthToSpace", Operator.one(Shapes::depthToSpace));
    operators.put("SpaceToDepth", Operator.one(Shapes::spaceToDepth));
    operators.put("ReverseSequence", Operator.one(Shapes::reverse));
    operators.put("CenterCropPad", Operator.one(Shapes::centre));
    operators.put("EyeLike", Operator.one(Shapes::eye));
    operators.put("Compress", Operator.one(Shapes::compress));
    operators.put("NonZero", Operator.one(Shapes::nonZero));
    operators.put("Det", Operator.one(Shapes::determinant));
    operators.put("AffineGrid", Operator.one(Shapes::affineGrid));
    operators.put("NegativeLogLikelihoodLoss", Operator.one(c -> likelihood(c, c.in(0))));
    operators.put("SoftmaxCrossEntropyLoss", Shapes::crossEntropy);
    operators.put("DequantizeLinear", Operator.one(Shapes::dequantized));
  }

  private static Value reshape(Call c, Value x, long... to) {
    return c.run("Reshape", x, Call.wholesValue(to));
  }

  private static Value transpose(Call c, Value x, long... order) {
    return c.run("Transpose", Map.of("perm", order), x);
  }

  private static long block(Call c) {
    long block = c.whole("blocksize", 0);
    c.require(c.in(0).rank() == 4 && block > 0, "blocks of " + block, "at least 1, of an image");
    return block;
  }

  private static Value depthToSpace(Call c) {
    Value x = c.in(0);
    long b = block(c);
    long[] d = x.dims();
    c.require(d[1] % (b * b) == 0, d[1] + " channels", "a multiple of " + b * b);
    long depth = d[1] / (b * b);
    if (c.text("mode", "DCR").equals("CRD")) {
      Value parts = transpose(c, reshape(c, x, 0, depth, b, b, d[2], d[3]), 0, 1, 4, 2, 5, 3);
      return reshape(c, parts, 0, depth, d[2] * b, d[3] * b);
    }
    Value parts = transpose(c, reshape(c, x, 0, b, b, depth, d[2], d[3]), 0, 3, 4, 1, 5, 2);
    return reshape(c, parts, 0, depth, d[2] * b, d[3] * b);
  }

  private static Value spaceToDepth(Call c) {
    Value x = c.in(0);
    long b = block(c);
    long[] d = x.dims();
    c.require(d[2] % b == 0 && d[3] % b == 0, c.examples().text(d), "a multiple of " + b);
    boolean channelsFirst = c.text("mode", "DCR").equals("CRD");
    Value parts = reshape(c, x, 0, d[1], d[2] / b, b, d[3] / b, b);
    Value turned =
        channelsFirst
            ? transpose(c, parts, 0, 1, 3, 5, 2, 4)
            : transpose(c, parts, 0, 3, 5, 1, 2, 4);
    return reshape(c, turned, 0, d[1] * b * b, d[2] / b, d[3] / b);
  }

  private static Value reverse(Call c) {
    Value x = c.in(0);
    int batch = x.axis(c.whole("batch_axis", 1));
    int time = x.axis(c.whole("time_axis", 0));
    Tensor lengths = c.constant(1);
    long steps = x.dims()[time];
    c.examples().requireOther(x, time, "a reversal");
    if (x.batch() == batch) {
      c.require(lengths.allSame(), "lengths that differ", "equal ones");
      return c.examples().gather(x, time, reversed(c, lengths.whole(0), steps));
    }
    List<Value> parts = new ArrayList<>();
    for (int n = 0; n < x.dims()[batch]; n++) {
      Value one = c.examples().slice(x, batch, n, 1, 1);
      parts.add(c.examples().gather(one, time, reversed(c, lengths.whole(n), steps)));
    }
    return c.examples().concat(parts, batch);
  }

  private static int[] reversed(Call c, long length, long steps) {
    c.require(length >= 0 && length <= steps, "length " + length, "at most " + steps);
    return IntStream.range(0, (int) steps)
        .map(i -> i < length ? (int) length - 1 - i : i)
        .toArray();
  }

  private static Value centre(Call c) {
    Value x = c.in(0);
    long[] to = c.wholes(1);
    long[] axes = c.wholes("axes", LongStream.range(0, x.rank()).toArray());
    c.require(to.length == axes.length, to.length + " extents", "one for each axis");
    Value result = x;
    for (int i = 0; i < axes.length; i++) {
      int axis = x.axis(axes[i]);
      long extent = x.dims()[axis];
      if (extent > to[i]) {
        result = c.examples().slice(result, axis, (extent - to[i]) / 2, to[i], 1);
      } else if (extent < to[i]) {
        long before = (to[i] - extent) / 2;
        long[] pads = {before, to[i] - extent - before};
        result =
            c.run("Pad", result, Call.wholesValue(pads), Call.number(0), Call.wholesValue(axis));
      }
    }
    return result;
  }

  private static Value eye(Call c) {
    long[] dims = c.in(0).dims();
    c.require(
        dims.length == 2 && c.in(0).isShared(), "a shape " + c.examples().text(dims), "a matrix");
    long k = c.whole("k", 0);
    float[] values = new float[Linears.requireSize(dims[0], dims[1])];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % dims[1] - i / dims[1] == k ? 1 : 0;
    }
    Tensor eye = Tensor.of(dims, values);
    long like = c.in(0).body() instanceof Tensor t ? t.type() : StoredTensor.FLOAT;
    return c.run("Cast", Map.of("to", c.whole("dtype", like)), Value.shared(eye));
  }

  private static Value compress(Call c) {
    Tensor which = c.constant(1);
    int[] at = IntStream.range(0, which.count()).filter(i -> which.whole(i) != 0).toArray();
    Value x = c.in(0);
    if (!c.hasAttribute("axis")) {
      return c.examples().gather(reshape(c, x, -1), 0, at);
    }
    return c.examples().gather(x, x.axis(c.whole("axis", 0)), at);
  }

  private static Value nonZero(Call c) {
    Tensor x = c.constant(0);
    int[] at = IntStream.range(0, x.count()).filter(i -> x.number(i) != 0).toArray();
    int rank = Math.max(1, x.rank());
    long[] strides = Dims.strides(x.dims());
    long[] values = new long[Math.multiplyExact(rank, at.length)];
    for (int a = 0; a < x.rank(); a++) {
      for (int i = 0; i < at.length; i++) {
        values[a * at.length + i] = at[i] / strides[a] % x.dims()[a];
      }
    }
    return Value.shared(Tensor.of(new long[] {rank, at.length}, values, false));
  }

  /** By Laplace's expansion along the first row; of matrices up to 4 x 4. */
  private static Value determinant(Call c) {
    Value x = c.in(0);
    long n = x.rank() < 2 ? 0 : x.dims()[x.rank() - 1];
    c.require(
        n > 0 && n <= 4 && x.dims()[x.rank() - 2] == n,
        c.examples().text(x.dims()),
        "square matrices up to 4 x 4");
    Value found = determinant(c, x, (int) n);
    return c.run("Squeeze", found, Call.wholesValue(-1, -2));
  }

  private static Value determinant(Call c, Value x, int n) {
    if (n == 1) {
      return x;
    }
    int rows = x.rank() - 2;
    int cols = x.rank() - 1;
    Value below = c.examples().slice(x, rows, 1, n - 1, 1);
    Value sum = null;
    for (int j = 0; j < n; j++) {
      int skipped = j;
      int[] others = IntStream.range(0, n).filter(i -> i != skipped).toArray();
      Value minor = determinant(c, c.examples().gather(below, cols, others), n - 1);
      Value first = c.examples().slice(c.examples().slice(x, rows, 0, 1, 1), cols, j, 1, 1);
      Value term = c.run("Mul", first, minor);
      sum = sum == null ? term : c.run(j % 2 == 0 ? "Add" : "Sub", sum, term);
    }
    return sum;
  }

  private static Value affineGrid(Call c) {
    Value theta = c.in(0);
    long[] size = c.wholes(1);
    int axes = size.length - 2;
    c.require(axes == 2 || axes == 3, axes + " axes of space", "two or three");
    boolean corners = c.whole("align_corners", 0) != 0;
    int n = Math.toIntExact(Dims.size(Arrays.copyOfRange(size, 2, size.length)));
    float[] points = new float[Linears.requireSize(n, axes + 1L)];
    long[] space = Arrays.copyOfRange(size, 2, size.length);
    long[] strides = Dims.strides(space);
    for (int i = 0; i < n; i++) {
      for (int a = 0; a < axes; a++) {
        long at = i / strides[a] % space[a];
        double step =
            corners
                ? space[a] == 1 ? 0 : 2.0 * at / (space[a] - 1) - 1
                : (2.0 * at + 1) / space[a] - 1;
        points[i * (axes + 1) + axes - 1 - a] = (float) step;
      }
      points[i * (axes + 1) + axes] = 1;
    }
    Value all = Value.shared(Tensor.of(new long[] {n, axes + 1}, points));
    Value grid = c.run("MatMul", all, transpose(c, theta, 0, 2, 1));
    long[] to = new long[axes + 2];
    System.arraycopy(space, 0, to, 1, axes);
    to[axes + 1] = axes;
    return reshape(c, grid, to);
  }

  // ---- losses

  private static List<Value> crossEntropy(Call c) {
    Value x = c.in(0);
    Value logarithms = c.run("LogSoftmax", Map.of("axis", 1L), x);
    return List.of(likelihood(c, logarithms), logarithms);
  }

  /** Of scores [examples x classes x ...] and class numbers [examples x ...]. */
  private static Value likelihood(Call c, Value scores) {
    Value classes = c.in(1);
    long n = scores.dims()[1];
    boolean ignores = c.hasAttribute("ignore_index");
    Value ignored = Call.wholesValue(c.whole("ignore_index", 0));
    Value chosen = Scattering.hot(c, classes, n, 1);
    Value dims = Call.wholesValue(1);
    Value weight = Call.number(1);
    if (c.has(2)) {
      long[] to = Windows.ones(scores.rank() - 1);
      to[0] = n;
      weight = reshape(c, c.in(2), to);
    }
    Value zero = Call.number(0);
    Map<String, Object> flat = Map.of("keepdims", 0L);
    Value terms = c.run("Where", chosen, c.run("Mul", scores, weight), zero);
    Value losses = c.run("Neg", c.run("ReduceSum", flat, terms, dims));
    Value weights = c.run("ReduceSum", flat, c.run("Where", chosen, weight, zero), dims);
    if (ignores) {
      Value counts = c.run("Not", c.run("Equal", classes, ignored));
      losses = c.run("Where", counts, losses, zero);
      weights = c.run("Where", counts, weights, zero);
    }
    return switch (c.text("reduction", "mean")) {
      case "none" -> losses;
      case "sum" -> c.run("ReduceSum", flat, losses);
      default -> c.run("Div", c.run("ReduceSum", flat, losses), c.run("ReduceSum", flat, weights));
    };
  }

  /** Quantised constants as the floats that they stand for. */
  private static Value dequantized(Call c) {
    Value x = c.in(0);
    c.require(
        x.body() instanceof Tensor t && !t.isFloat(), "computed values", "quantised constants");
    Value scale = c.in(1);
    Value zero = c.has(2) ? c.run("Cast", Map.of("to", 1L), c.in(2)) : Call.number(0);
    long blocks = c.whole("block_size", 0);
    int axis = x.rank() == 0 ? 0 : x.axis(c.whole("axis", 1) >= x.rank() ? 0 : c.whole("axis", 1));
    if (blocks > 0) {
      scale = repeated(c, scale, axis, blocks, x.dims()[axis]);
      zero = c.has(2) ? repeated(c, zero, axis, blocks, x.dims()[axis]) : zero;
    } else if (scale.rank() == 1 && x.rank() > 1 && scale.dims()[0] > 1) {
      long[] to = Windows.ones(x.rank() - axis);
      to[0] = scale.dims()[0];
      scale = reshape(c, scale, to);
      zero = c.has(2) ? reshape(c, zero, to) : zero;
    }
    return c.run("Mul", c.run("Sub", c.run("Cast", Map.of("to", 1L), x), zero), scale);
  }

  private static Value repeated(Call c, Value v, int axis, long times, long extent) {
    int[] at = IntStream.range(0, Math.toIntExact(extent)).map(i -> (int) (i / times)).toArray();
    return c.examples().gather(v, axis, at);
  }
}

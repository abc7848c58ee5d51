package dynaxx.onnx;

import static dynaxx.onnx.Reference.axis;
import static dynaxx.onnx.Reference.fill;
import static dynaxx.onnx.Reference.get;

import dynaxx.onnx.Reference.Attributes;
import dynaxx.onnx.TestModel.Array;
import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleUnaryOperator;
import java.util.stream.IntStream;

/** Reductions, softmax and normalisations of {@link Reference}. */
final class ReferenceRows {

  private ReferenceRows() {}

  /** Before operator set 13 over all axes from one on, taken together. */
  static Array softmax(Array x, Attributes a, boolean log, long opset) {
    if (opset >= 13) {
      return softmax(x, (int) a.whole("axis", -1), log);
    }
    int axis = axis(x, (int) a.whole("axis", 1));
    long rows = Dims.size(Arrays.copyOf(x.dims(), axis));
    Array flat = Reference.floats(new long[] {rows, x.values().length / rows}, x.values());
    return Reference.floats(x.dims(), softmax(flat, 1, log).values());
  }

  private static Array softmax(Array x, int along, boolean log) {
    int axis = axis(x, along);
    return fill(
        x.dims(),
        at -> {
          int[] from = at.clone();
          double sum = 0;
          for (int i = 0; i < x.dims()[axis]; i++) {
            from[axis] = i;
            sum += Math.exp(get(x, from) - get(x, at));
          }
          return log ? -Math.log(sum) : 1 / sum;
        });
  }

  private static DoubleUnaryOperator before(String op) {
    return switch (op) {
      case "ReduceL1" -> Math::abs;
      case "ReduceL2", "ReduceSumSquare" -> v -> v * v;
      default -> v -> v;
    };
  }

  static Array reduce(String op, List<Array> in, Attributes a) {
    Array x = in.getFirst();
    boolean none = in.size() < 2 && !a.all().containsKey("axes");
    long[] axes =
        none
            ? IntStream.range(0, a.whole("noop_with_empty_axes", 0) == 1 ? 0 : x.dims().length)
                .mapToLong(i -> i)
                .toArray()
            : in.size() > 1
                ? Arrays.stream(in.get(1).values()).mapToLong(v -> (long) v).toArray()
                : a.wholes("axes");
    x = Reference.floats(x.dims(), Reference.map(x.values(), before(op)));
    for (long along : axes) {
      int axis = axis(x, (int) along);
      Array before = x;
      x =
          fill(
              Dims.with(x.dims(), axis, 1),
              at -> {
                int[] from = at.clone();
                double sum = op.equals("ReduceMax") ? -1e300 : 0;
                for (int i = 0; i < before.dims()[axis]; i++) {
                  from[axis] = i;
                  double v = get(before, from);
                  sum =
                      switch (op) {
                        case "ReduceMax" -> Math.max(sum, v);
                        default -> sum + v;
                      };
                }
                return op.equals("ReduceMean") ? sum / before.dims()[axis] : sum;
              });
    }
    if (op.equals("ReduceL2")) {
      x = Reference.floats(x.dims(), Reference.map(x.values(), Math::sqrt));
    }
    if (a.whole("keepdims", 1) == 1) {
      return x;
    }
    long[] dims = x.dims();
    for (int axis :
        Arrays.stream(axes).mapToInt(v -> axis(in.getFirst(), (int) v)).sorted().toArray()) {
      dims = Dims.without(dims, axis - (in.getFirst().dims().length - dims.length));
    }
    return Reference.floats(dims, x.values());
  }

  static Array layerNorm(List<Array> in, Attributes a) {
    Array x = in.getFirst();
    int n = (int) x.dims()[x.dims().length - 1];
    double[] y = new double[x.values().length];
    for (int row = 0; row < y.length; row += n) {
      double mean = Arrays.stream(x.values(), row, row + n).average().orElseThrow();
      double variance =
          Arrays.stream(x.values(), row, row + n).map(v -> (v - mean) * (v - mean)).sum() / n;
      for (int i = 0; i < n; i++) {
        double normal =
            (x.values()[row + i] - mean) / Math.sqrt(variance + a.number("epsilon", 1e-5f));
        y[row + i] = normal * in.get(1).values()[i] + in.get(2).values()[i];
      }
    }
    return Reference.floats(x.dims(), y);
  }

  static Array batchNorm(List<Array> in, Attributes a) {
    return fill(
        in.getFirst().dims(),
        at -> {
          double mean = in.get(3).values()[at[1]];
          double r = Math.sqrt(in.get(4).values()[at[1]] + a.number("epsilon", 1e-5f));
          return (get(in.getFirst(), at) - mean) / r * in.get(1).values()[at[1]]
              + in.get(2).values()[at[1]];
        });
  }

  static Array instanceNorm(List<Array> in, Attributes a) {
    Array x = in.getFirst();
    int channels = (int) x.dims()[1];
    int size = x.values().length / (int) (x.dims()[0] * channels);
    double[] y = new double[x.values().length];
    for (int start = 0; start < y.length; start += size) {
      int channel = start / size % channels;
      double mean = Arrays.stream(x.values(), start, start + size).average().orElseThrow();
      double variance =
          Arrays.stream(x.values(), start, start + size).map(v -> (v - mean) * (v - mean)).sum()
              / size;
      for (int i = start; i < start + size; i++) {
        double normal = (x.values()[i] - mean) / Math.sqrt(variance + a.number("epsilon", 1e-5f));
        y[i] = normal * in.get(1).values()[channel] + in.get(2).values()[channel];
      }
    }
    return Reference.floats(x.dims(), y);
  }

  /** Gains for each group before operator set 21, for each channel from then on. */
  static Array groupNorm(List<Array> in, Attributes a, long opset) {
    Array x = in.getFirst();
    int groups = (int) a.whole("num_groups", 0);
    int channels = (int) x.dims()[1];
    int area = x.values().length / (int) (x.dims()[0] * channels);
    int size = area * channels / groups;
    double[] y = new double[x.values().length];
    for (int start = 0; start < y.length; start += size) {
      double mean = Arrays.stream(x.values(), start, start + size).average().orElseThrow();
      double variance =
          Arrays.stream(x.values(), start, start + size).map(v -> (v - mean) * (v - mean)).sum()
              / size;
      for (int i = start; i < start + size; i++) {
        int at = opset < 21 ? start / size % groups : i / area % channels;
        double normal = (x.values()[i] - mean) / Math.sqrt(variance + a.number("epsilon", 1e-5f));
        y[i] = normal * in.get(1).values()[at] + in.get(2).values()[at];
      }
    }
    return Reference.floats(x.dims(), y);
  }
}

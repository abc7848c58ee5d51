package dynaxx.onnx;

import dynaxx.onnx.TestModel.Array;
import dynaxx.onnx.TestModel.Step;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.Function;
import java.util.stream.IntStream;

/**
 * An independent interpreter of test models: whole batches, one tensor after the other, in plain
 * double loops written from the definitions of the operators.
 */
final class Reference {

  private final TestModel model;
  private final Map<String, Array> values = new HashMap<>();

  private Reference(TestModel model) {
    this.model = model;
  }

  /** Predictions for a batch with given values of the initializers. */
  static Array run(TestModel model, Map<String, Array> initializers, Array input) {
    Reference r = new Reference(model);
    r.values.putAll(initializers);
    r.values.put("x", input);
    for (Step step : model.steps()) {
      List<Array> outputs = r.apply(step);
      for (int i = 0; i < step.outputs().size(); i++) {
        r.values.put(step.outputs().get(i), i < outputs.size() ? outputs.get(i) : null);
      }
    }
    return r.values.get(model.output());
  }

  static Array floats(long[] dims, double... values) {
    return new Array(dims, values, false);
  }

  static Array fill(long[] dims, Function<int[], Double> f) {
    double[] values = new double[(int) Dims.size(dims)];
    int[] at = new int[dims.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = f.apply(at);
      for (int a = dims.length - 1; a >= 0 && ++at[a] == dims[a]; a--) {
        at[a] = 0;
      }
    }
    return floats(dims, values);
  }

  /** An element; positions beyond an extent of 1 repeat, missing leading axes too. */
  static double get(Array x, int... at) {
    int skip = at.length - x.dims().length;
    int flat = 0;
    for (int a = 0; a < x.dims().length; a++) {
      flat = flat * (int) x.dims()[a] + (x.dims()[a] == 1 ? 0 : at[a + skip]);
    }
    return x.values()[flat];
  }

  record Attributes(Map<String, Object> all) {
    long whole(String name, long otherwise) {
      return all.containsKey(name) ? ((Number) all.get(name)).longValue() : otherwise;
    }

    double number(String name, double otherwise) {
      return all.containsKey(name) ? ((Number) all.get(name)).floatValue() : otherwise;
    }

    long[] wholes(String name, long... otherwise) {
      return (long[]) all.getOrDefault(name, otherwise);
    }

    String text(String name, String otherwise) {
      return (String) all.getOrDefault(name, otherwise);
    }
  }

  private List<Array> apply(Step step) {
    List<Array> in = new ArrayList<>();
    step.inputs().forEach(name -> in.add(name.isEmpty() ? null : values.get(name)));
    Attributes a = new Attributes(step.attributes());
    return switch (step.op()) {
      case "Split" -> split(in, a, step.outputs().size());
      case "LSTM", "GRU", "RNN" -> ReferenceRecurrence.run(step.op(), in, step.attributes());
      default -> List.of(one(step.op(), in, a));
    };
  }

  private Array one(String op, List<Array> in, Attributes a) {
    DoubleUnaryOperator function = function(op, a);
    if (function != null) {
      return floats(in.getFirst().dims(), map(in.getFirst().values(), function));
    }
    DoubleBinaryOperator binary = binary(op);
    if (binary != null) {
      Array result = in.getFirst();
      for (Array other : in.subList(1, in.size())) {
        result = combined(result, other, binary);
      }
      return result;
    }
    return switch (op) {
      case "Constant" -> constant(a);
      case "MatMul" -> matmul(in.get(0), in.get(1));
      case "Gemm" -> gemm(in, a);
      case "Transpose" -> transpose(in.getFirst(), a.wholes("perm"));
      case "Reshape" -> reshape(in.get(0), in.get(1).values());
      case "Flatten" -> flatten(in.getFirst(), (int) a.whole("axis", 1));
      case "Squeeze", "Unsqueeze" -> ones(in, op.equals("Unsqueeze"));
      case "Shape" -> shape(in.getFirst());
      case "Concat" -> concat(in, (int) a.whole("axis", 0));
      case "Slice" -> slice(in);
      case "Gather" -> gather(in.get(0), in.get(1), (int) a.whole("axis", 0));
      case "Expand" -> expand(in.get(0), in.get(1));
      case "Tile" -> tile(in.get(0), in.get(1).values());
      case "Pad" -> pad(in, a);
      case "Where" -> where(in);
      case "Cast", "Identity", "Dropout" -> in.getFirst();
      case "Softmax", "LogSoftmax" ->
          ReferenceRows.softmax(in.getFirst(), a, op.equals("LogSoftmax"), model.opset());
      case "ReduceMean", "ReduceSum", "ReduceMax", "ReduceL1", "ReduceL2", "ReduceSumSquare" ->
          ReferenceRows.reduce(op, in, a);
      case "LayerNormalization" -> ReferenceRows.layerNorm(in, a);
      case "BatchNormalization" -> ReferenceRows.batchNorm(in, a);
      case "InstanceNormalization" -> ReferenceRows.instanceNorm(in, a);
      case "GroupNormalization" -> ReferenceRows.groupNorm(in, a, model.opset());
      case "Clip" -> clip(in);
      case "Conv" -> ReferenceImages.conv(in, a.all());
      case "MaxPool", "AveragePool" -> ReferenceImages.pool(op, in.getFirst(), a.all());
      case "GlobalAveragePool", "GlobalMaxPool" -> global(op, in.getFirst());
      case "CumSum" -> ReferenceLater.cumSum(in.getFirst(), (int) in.get(1).values()[0]);
      case "TopK" -> ReferenceLater.topK(in.getFirst(), (int) in.get(1).values()[0]);
      case "ReduceLogSumExp" -> ReferenceLater.logSumExp(in.getFirst(), (int) a.wholes("axes")[0]);
      case "DepthToSpace" ->
          ReferenceLater.depthToSpace(in.getFirst(), (int) a.whole("blocksize", 1));
      case "LRN" -> ReferenceLater.neighbours(in.getFirst(), a);
      case "Resize" -> ReferenceLater.resize(in.getFirst(), in.get(2).values());
      case "ConvTranspose" -> ReferenceLater.convTranspose(in, a);
      case "GatherElements" ->
          ReferenceLater.gatherElements(in.get(0), in.get(1), (int) a.whole("axis", 0));
      case "ScatterElements" ->
          ReferenceLater.scatterAdd(in.get(0), in.get(1), in.get(2), (int) a.whole("axis", 0));
      case "Einsum" -> einsum(in, a.text("equation", ""));
      default -> throw new AssertionError(op);
    };
  }

  static double[] map(double[] x, DoubleUnaryOperator f) {
    return Arrays.stream(x).map(f).toArray();
  }

  static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  /** By its Maclaurin series. */
  static double erf(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; n < 200; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }

  private static DoubleUnaryOperator function(String op, Attributes a) {
    return switch (op) {
      case "Relu" -> x -> Math.max(0, x);
      case "Tanh" -> Math::tanh;
      case "Sigmoid" -> Reference::sigmoid;
      case "Softplus" -> x -> Math.log(1 + Math.exp(x));
      case "Exp" -> Math::exp;
      case "Log" -> Math::log;
      case "Sqrt" -> Math::sqrt;
      case "Reciprocal" -> x -> 1 / x;
      case "Abs" -> Math::abs;
      case "Neg" -> x -> -x;
      case "Erf" -> Reference::erf;
      case "Floor" -> Math::floor;
      case "Ceil" -> Math::ceil;
      case "Sign" -> Math::signum;
      case "Not" -> x -> x == 0 ? 1 : 0;
      case "Atan" -> Math::atan;
      case "Asinh" -> x -> Math.log(x + Math.sqrt(x * x + 1));
      case "Swish" -> x -> x * sigmoid(a.number("alpha", 1) * x);
      case "Sin" -> Math::sin;
      case "Cos" -> Math::cos;
      case "Softsign" -> x -> x / (1 + Math.abs(x));
      case "LeakyRelu" -> x -> x > 0 ? x : a.number("alpha", 0.01f) * x;
      case "Elu" -> x -> x > 0 ? x : a.number("alpha", 1) * (Math.exp(x) - 1);
      case "Selu" -> x -> 1.0507010221481323 * (x > 0 ? x : 1.6732631921768188 * (Math.exp(x) - 1));
      case "Celu" -> x -> Math.max(0, x) + Math.min(0, Math.exp(x) - 1);
      case "HardSigmoid" -> x -> Math.clamp(0.2 * x + 0.5, 0, 1);
      case "HardSwish" -> x -> x * Math.clamp(x / 6 + 0.5, 0, 1);
      case "Mish" -> x -> x * Math.tanh(Math.log(1 + Math.exp(x)));
      case "Gelu" -> x -> 0.5 * x * (1 + erf(x / Math.sqrt(2)));
      default -> null;
    };
  }

  private static DoubleBinaryOperator binary(String op) {
    return switch (op) {
      case "Add", "Sum" -> Double::sum;
      case "Sub" -> (x, y) -> x - y;
      case "Mul" -> (x, y) -> x * y;
      case "Div" -> (x, y) -> x / y;
      case "Pow" -> Math::pow;
      case "Max" -> Math::max;
      case "Min" -> Math::min;
      case "PRelu" -> (x, slope) -> x > 0 ? x : slope * x;
      case "Equal" -> (x, y) -> x == y ? 1 : 0;
      case "Greater" -> (x, y) -> x > y ? 1 : 0;
      case "And" -> (x, y) -> x != 0 && y != 0 ? 1 : 0;
      case "Less" -> (x, y) -> x < y ? 1 : 0;
      default -> null;
    };
  }

  private static Array combined(Array a, Array b, DoubleBinaryOperator f) {
    long[] to = Dims.common(a.dims(), b.dims());
    return fill(to, at -> f.applyAsDouble(get(a, at), get(b, at)));
  }

  private static Array clip(List<Array> in) {
    double least = in.get(1).values()[0];
    double most = in.get(2).values()[0];
    double[] x = in.getFirst().values();
    return floats(in.getFirst().dims(), map(x, v -> Math.min(most, Math.max(v, least))));
  }

  private static Array constant(Attributes a) {
    if (a.all().containsKey("value_float")) {
      return floats(new long[0], a.number("value_float", 0));
    }
    if (a.all().containsKey("value_ints")) {
      long[] wholes = a.wholes("value_ints");
      double[] numbers = Arrays.stream(wholes).mapToDouble(v -> v).toArray();
      return floats(new long[] {wholes.length}, numbers);
    }
    return (Array) a.all().get("value");
  }

  private static Array matmul(Array a, Array b) {
    int ra = a.dims().length;
    int rb = b.dims().length;
    if (ra == 1 && rb == 1) {
      double sum = 0;
      for (int k = 0; k < a.values().length; k++) {
        sum += a.values()[k] * b.values()[k];
      }
      return floats(new long[0], sum);
    }
    long[] lead = Dims.common(Arrays.copyOf(a.dims(), ra - 2), Arrays.copyOf(b.dims(), rb - 2));
    long[] to = Arrays.copyOf(lead, lead.length + 2);
    to[lead.length] = a.dims()[ra - 2];
    to[lead.length + 1] = b.dims()[rb - 1];
    int depth = (int) a.dims()[ra - 1];
    return fill(
        to,
        at -> {
          int[] left = at.clone();
          int[] right = at.clone();
          double sum = 0;
          for (int k = 0; k < depth; k++) {
            left[at.length - 1] = k;
            right[at.length - 2] = k;
            sum += get(a, left) * get(b, right);
          }
          return sum;
        });
  }

  private static Array gemm(List<Array> in, Attributes a) {
    long[] swap = {1, 0};
    Array x = a.whole("transA", 0) == 1 ? transpose(in.get(0), swap) : in.get(0);
    Array w = a.whole("transB", 0) == 1 ? transpose(in.get(1), swap) : in.get(1);
    Array y = matmul(x, w);
    y = floats(y.dims(), map(y.values(), v -> a.number("alpha", 1) * v));
    double beta = a.number("beta", 1);
    return in.size() < 3 ? y : combined(y, in.get(2), (p, q) -> p + beta * q);
  }

  static Array transpose(Array x, long[] perm) {
    long[] to = Arrays.stream(perm).map(axis -> x.dims()[(int) axis]).toArray();
    return fill(
        to,
        at -> {
          int[] from = new int[at.length];
          for (int i = 0; i < at.length; i++) {
            from[(int) perm[i]] = at[i];
          }
          return get(x, from);
        });
  }

  private static Array reshape(Array x, double[] target) {
    long[] to = new long[target.length];
    long known = 1;
    for (int i = 0; i < to.length; i++) {
      to[i] = target[i] == 0 ? x.dims()[i] : (long) target[i];
      known *= to[i] == -1 ? 1 : to[i];
    }
    for (int i = 0; i < to.length; i++) {
      to[i] = to[i] == -1 ? x.values().length / known : to[i];
    }
    return floats(to, x.values());
  }

  private static Array flatten(Array x, int axis) {
    long rows = Dims.size(Arrays.copyOf(x.dims(), axis));
    return floats(new long[] {rows, x.values().length / rows}, x.values());
  }

  private static Array ones(List<Array> in, boolean add) {
    long[] dims = in.getFirst().dims();
    for (double axis : Arrays.stream(in.get(1).values()).sorted().toArray()) {
      int rank = dims.length + (add ? 1 : 0);
      int at = (int) (axis < 0 ? axis + rank : axis);
      dims = add ? Dims.inserted(dims, at, 1) : Dims.without(dims, at);
    }
    return floats(dims, in.getFirst().values());
  }

  private static Array shape(Array x) {
    double[] dims = Arrays.stream(x.dims()).mapToDouble(d -> d).toArray();
    return floats(new long[] {dims.length}, dims);
  }

  static int axis(Array x, int axis) {
    return axis < 0 ? axis + x.dims().length : axis;
  }

  static Array concat(List<Array> in, int along) {
    int axis = axis(in.getFirst(), along);
    long sum = in.stream().mapToLong(x -> x.dims()[axis]).sum();
    return fill(
        Dims.with(in.getFirst().dims(), axis, sum),
        at -> {
          int[] from = at.clone();
          for (Array x : in) {
            if (from[axis] < x.dims()[axis]) {
              return get(x, from);
            }
            from[axis] -= (int) x.dims()[axis];
          }
          throw new AssertionError();
        });
  }

  static Array cut(Array x, int axis, int start, int count, int step) {
    return fill(
        Dims.with(x.dims(), axis, count),
        at -> {
          int[] from = at.clone();
          from[axis] = start + step * at[axis];
          return get(x, from);
        });
  }

  private static Array slice(List<Array> in) {
    Array x = in.getFirst();
    for (int i = 0; i < in.get(1).values().length; i++) {
      int axis = axis(x, in.size() > 3 ? (int) in.get(3).values()[i] : i);
      int extent = (int) x.dims()[axis];
      int step = in.size() > 4 ? (int) in.get(4).values()[i] : 1;
      double from = in.get(1).values()[i];
      double end = in.get(2).values()[i];
      List<Integer> positions = new ArrayList<>();
      int first = (int) Math.clamp(from < 0 ? from + extent : from, 0, extent - 1);
      for (int p = first; p >= 0 && p < extent; p += step) {
        double stop = end < 0 ? end + extent : end;
        if (step > 0 ? p >= stop : p <= stop) {
          break;
        }
        positions.add(p);
      }
      x = cut(x, axis, positions.getFirst(), positions.size(), step);
    }
    return x;
  }

  private static List<Array> split(List<Array> in, Attributes a, int parts) {
    Array x = in.getFirst();
    int axis = axis(x, (int) a.whole("axis", 0));
    List<Array> results = new ArrayList<>();
    int start = 0;
    for (int i = 0; i < parts; i++) {
      int size = in.size() > 1 ? (int) in.get(1).values()[i] : (int) x.dims()[axis] / parts;
      results.add(cut(x, axis, start, size, 1));
      start += size;
    }
    return results;
  }

  private static Array gather(Array x, Array indices, int along) {
    int axis = axis(x, along);
    long[] to = Dims.without(x.dims(), axis);
    for (int i = indices.dims().length - 1; i >= 0; i--) {
      to = Dims.inserted(to, axis, indices.dims()[i]);
    }
    int inner = indices.dims().length;
    return fill(
        to,
        at -> {
          int[] which = Arrays.copyOfRange(at, axis, axis + inner);
          int position = (int) get(indices, which);
          int[] from = new int[x.dims().length];
          System.arraycopy(at, 0, from, 0, axis);
          from[axis] = position < 0 ? position + (int) x.dims()[axis] : position;
          System.arraycopy(at, axis + inner, from, axis + 1, from.length - axis - 1);
          return get(x, from);
        });
  }

  private static Array expand(Array x, Array shape) {
    long[] to = Arrays.stream(shape.values()).mapToLong(v -> (long) v).toArray();
    return fill(Dims.common(x.dims(), to), at -> get(x, at));
  }

  private static Array tile(Array x, double[] repeats) {
    long[] to = x.dims().clone();
    for (int a = 0; a < to.length; a++) {
      to[a] *= (long) repeats[a];
    }
    return fill(
        to,
        at -> {
          int[] from = at.clone();
          for (int a = 0; a < at.length; a++) {
            from[a] %= (int) x.dims()[a];
          }
          return get(x, from);
        });
  }

  private static Array pad(List<Array> in, Attributes a) {
    Array x = in.getFirst();
    double[] pads = in.get(1).values();
    int rank = x.dims().length;
    long[] to = x.dims().clone();
    for (int i = 0; i < rank; i++) {
      to[i] += (long) (pads[i] + pads[i + rank]);
    }
    String mode = a.text("mode", "constant");
    double value = in.size() > 2 && in.get(2) != null ? in.get(2).values()[0] : 0;
    return fill(
        to,
        at -> {
          int[] from = at.clone();
          for (int i = 0; i < rank; i++) {
            from[i] -= (int) pads[i];
            int last = (int) x.dims()[i] - 1;
            if (mode.equals("reflect")) {
              from[i] = from[i] < 0 ? -from[i] : from[i] > last ? 2 * last - from[i] : from[i];
            } else if (mode.equals("edge")) {
              from[i] = Math.clamp(from[i], 0, last);
            } else if (from[i] < 0 || from[i] > last) {
              return value;
            }
          }
          return get(x, from);
        });
  }

  private static Array where(List<Array> in) {
    long[] to = Dims.common(Dims.common(in.get(0).dims(), in.get(1).dims()), in.get(2).dims());
    return fill(to, at -> get(in.get(0), at) != 0 ? get(in.get(1), at) : get(in.get(2), at));
  }

  private static Array global(String op, Array x) {
    int size = x.values().length / (int) (x.dims()[0] * x.dims()[1]);
    long[] to = x.dims().clone();
    Arrays.fill(to, 2, to.length, 1);
    double[] y = new double[(int) Dims.size(to)];
    for (int i = 0; i < y.length; i++) {
      y[i] =
          op.equals("GlobalMaxPool")
              ? Arrays.stream(x.values(), i * size, (i + 1) * size).max().orElseThrow()
              : Arrays.stream(x.values(), i * size, (i + 1) * size).average().orElseThrow();
    }
    return floats(to, y);
  }

  /** Sums over all values of all letters. */
  private static Array einsum(List<Array> in, String equation) {
    String[] sides = equation.split("->");
    String[] terms = sides[0].split(",");
    Map<Character, Integer> extents = new LinkedHashMap<>();
    for (int t = 0; t < terms.length; t++) {
      for (int i = 0; i < terms[t].length(); i++) {
        extents.put(terms[t].charAt(i), (int) in.get(t).dims()[i]);
      }
    }
    List<Character> summed =
        extents.keySet().stream().filter(l -> sides[1].indexOf(l) < 0).toList();
    long[] to = sides[1].chars().mapToLong(l -> extents.get((char) l)).toArray();
    int sums = summed.stream().mapToInt(extents::get).reduce(1, (x, y) -> x * y);
    return fill(
        to,
        at -> {
          Map<Character, Integer> position = new HashMap<>();
          IntStream.range(0, at.length).forEach(i -> position.put(sides[1].charAt(i), at[i]));
          double sum = 0;
          for (int s = 0; s < sums; s++) {
            int rest = s;
            for (char letter : summed) {
              position.put(letter, rest % extents.get(letter));
              rest /= extents.get(letter);
            }
            double product = 1;
            for (int t = 0; t < terms.length; t++) {
              product *=
                  get(in.get(t), terms[t].chars().map(l -> position.get((char) l)).toArray());
            }
            sum += product;
          }
          return sum;
        });
  }
}

package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Subtract;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.LongStream;

/** Normalisations: one op if the gains are a whole parameter, plain arithmetic otherwise. */
final class Norms {

  private Norms() {}

  static void register(Map<String, Operator> operators) {
    operators.put("BatchNormalization", Norms::batch);
    operators.put("InstanceNormalization", Lift.one(Norms::instance));
    operators.put("GroupNormalization", Lift.one(Norms::group));
    operators.put("LayerNormalization", c -> overLast(c, true));
    operators.put("SimplifiedLayerNormalization", c -> overLast(c, false));
    operators.put("RMSNormalization", c -> overLast(c, false));
    operators.put("MeanVarianceNormalization", Operator.one(Norms::meanVariance));
    operators.put("LRN", Operator.one(Norms::local));
    operators.put("LpNormalization", Operator.one(Norms::power));
  }

  private static Value channels(Call c) {
    Value x = c.in(0);
    c.require(
        x.batch() == 0 && x.merged() == 1 && x.rank() >= 2,
        "an input " + c.examples().text(x.dims()),
        "[examples x channels x ...]");
    return x;
  }

  private static float[] statistics(Call c, int input, long channels) {
    float[] values = c.constant(input).toFloats().floats();
    c.require(
        values.length == channels, values.length + " values of input " + input, channels + "");
    return values;
  }

  private static List<Value> batch(Call c) {
    c.require(c.whole("spatial", 1) == 1, "spatial 0", "statistics of channels");
    boolean before = c.opset() < 14 && IntStream.range(1, c.outputs()).anyMatch(c::wants);
    if (c.whole("training_mode", 0) != 0 || before) {
      return inTraining(c);
    }
    return Lift.one(Norms::inEvaluation).apply(c);
  }

  /** Statistics of the values at hand, if the axis of the examples is not one of them. */
  private static List<Value> inTraining(Call c) {
    Value x = c.in(0);
    c.require(
        x.isShared(),
        "batch normalisation in training, which couples the examples of a batch",
        "a graph exported for evaluation");
    c.require(x.rank() >= 2, "an input of " + x.rank() + " axes", "at least two");
    long[] axes = LongStream.range(0, x.rank()).filter(a -> a != 1).toArray();
    Value mean = c.run("ReduceMean", x, Call.wholesValue(axes));
    Value centred = c.run("Sub", x, mean);
    Value variance = c.run("ReduceMean", c.run("Mul", centred, centred), Call.wholesValue(axes));
    double epsilon = c.number("epsilon", 1e-5f);
    Value root = c.run("Sqrt", c.run("Add", variance, Call.number(epsilon)));
    Value y = affine(c, c.run("Div", centred, root), c.in(1), c.in(2));
    double momentum = c.number("momentum", 0.9f);
    List<Value> outputs = new ArrayList<>(List.of(y));
    for (int i = 0; i < 2; i++) {
      Value now = c.run("Squeeze", i == 0 ? mean : variance, Call.wholesValue(axes));
      Value old = c.run("Mul", c.in(3 + i), Call.number(momentum));
      outputs.add(c.run("Add", old, c.run("Mul", now, Call.number(1 - momentum))));
    }
    return outputs;
  }

  private static Value inEvaluation(Call c) {
    Value x = channels(c);
    double epsilon = c.number("epsilon", 1e-5f);
    float[] mean = statistics(c, 3, x.dims()[1]);
    float[] variance = statistics(c, 4, x.dims()[1]);
    Parameter gamma = Images.vector(c.in(1));
    Parameter beta = Images.vector(c.in(2));
    if (c.fused() && gamma != null && beta != null) {
      RunningStatistics running = RunningStatistics.of(mean, variance);
      ChannelNorm norm = ChannelNorm.running(gamma, beta, epsilon, running);
      return x.with(c.draft().op(norm, c.draft().expr(x.body())));
    }
    Draft draft = c.draft();
    long[] dims = {mean.length};
    Expr root =
        draft.activate(
            Elementary.SQRT, draft.affine(draft.constant(Tensor.of(dims, variance)), 1, epsilon));
    Value inverse = Value.shared(draft.activate(Elementary.RECIPROCAL, root));
    Value centred = perChannel(c, Arithmetic.SUBTRACT, x, Value.shared(Tensor.of(dims, mean)));
    Value normal = perChannel(c, Arithmetic.MULTIPLY, centred, inverse);
    return affine(c, normal, c.in(1), c.in(2));
  }

  private static Value affine(Call c, Value x, Value gamma, Value beta) {
    Value scaled = perChannel(c, Arithmetic.MULTIPLY, x, gamma);
    return beta == null ? scaled : perChannel(c, Arithmetic.ADD, scaled, beta);
  }

  private static Value perChannel(Call c, Arithmetic a, Value x, Value vector) {
    c.require(
        vector.isShared() && Arrays.equals(vector.dims(), new long[] {x.dims()[1]}),
        "gains or shifts " + Arrays.toString(vector.dims()),
        "one for each of " + x.dims()[1] + " channels");
    long[] to = new long[x.rank() - 1];
    Arrays.fill(to, 1);
    to[0] = x.dims()[1];
    return Elementwise.binary(c, a, x, c.examples().reshape(vector, to));
  }

  private static Value instance(Call c) {
    Value x = channels(c);
    int groups = Math.toIntExact(x.dims()[1]);
    return grouped(c, x, groups, c.in(1), c.in(2));
  }

  private static Value group(Call c) {
    Value x = channels(c);
    int groups = Math.toIntExact(c.whole("num_groups", 1));
    long channels = x.dims()[1];
    c.require(groups > 0 && channels % groups == 0, groups + " groups", "a divisor of " + channels);
    Value gamma = perGroup(c, c.in(1), groups, channels);
    return grouped(c, x, groups, gamma, perGroup(c, c.in(2), groups, channels));
  }

  /** Before operator set 21 there is one gain for a group, not for a channel. */
  private static Value perGroup(Call c, Value v, int groups, long channels) {
    if (c.opset() >= 21 || v.dims()[0] == channels) {
      return v;
    }
    int each = Math.toIntExact(channels / groups);
    return c.examples()
        .gather(v, 0, IntStream.range(0, (int) channels).map(i -> i / each).toArray());
  }

  private static Value grouped(Call c, Value x, int groups, Value g, Value b) {
    double epsilon = c.number("epsilon", 1e-5f);
    Parameter gamma = Images.vector(g);
    Parameter beta = Images.vector(b);
    Expr e = c.draft().expr(x.body());
    if (c.fused() && gamma != null && beta != null) {
      return x.with(c.draft().op(ChannelNorm.group(groups, gamma, beta, epsilon), e));
    }
    Expr rows = e.reshape(new long[] {groups, e.shape.size() / groups});
    Expr normal = normalized(rows, List.of(1), epsilon, true).reshape(e.dims());
    return affine(c, x.with(normal), g, b);
  }

  /** {@code (x - mean) / sqrt(variance + epsilon)}, or without the mean. */
  private static Expr normalized(Expr x, List<Integer> axes, double epsilon, boolean centred) {
    Draft draft = x.draft;
    Expr centre = x;
    if (centred) {
      centre = draft.binary(new Subtract(), x, draft.op(new Reduce(axes, true, true), x));
    }
    Expr square = draft.activate(Elementary.power(2), centre);
    Expr variance = draft.op(new Reduce(axes, true, true), square);
    Expr root = draft.activate(Elementary.SQRT, draft.affine(variance, 1, epsilon));
    return draft.binary(new Divide(), centre, root);
  }

  /** The values, and if asked for the mean and the inverse of the standard deviation. */
  private static List<Value> overLast(Call c, boolean centred) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", -1));
    for (int a = axis; a < x.rank(); a++) {
      c.examples().requireOther(x, a, "a normalisation");
    }
    double epsilon = c.number("epsilon", 1e-5f);
    Value beta = centred && c.has(2) ? c.in(2) : null;
    Parameter gain = Images.vector(c.in(1));
    Parameter shift = beta == null ? null : Images.vector(beta);
    Expr e = c.draft().expr(x.body());
    boolean whole = gain != null && (beta == null || shift != null) && axis == x.rank() - 1;
    List<Integer> axes = IntStream.range(axis, x.rank()).map(x::at).boxed().toList();
    List<Value> outputs = new ArrayList<>();
    if (c.fused() && whole) {
      outputs.add(x.with(c.draft().op(new Norm(gain, shift, epsilon, centred), e)));
    } else {
      Value normal = x.with(normalized(e, axes, epsilon, centred));
      Value scaled = Elementwise.binary(c, Arithmetic.MULTIPLY, normal, c.in(1));
      outputs.add(beta == null ? scaled : Elementwise.binary(c, Arithmetic.ADD, scaled, beta));
    }
    if (centred && (c.wants(1) || c.wants(2))) {
      Expr mean = c.draft().op(new Reduce(axes, true, true), e);
      outputs.add(x.with(mean));
      outputs.add(x.with(inverse(e, axes, epsilon)));
    }
    return outputs;
  }

  /** {@code 1 / sqrt(variance + epsilon)}. */
  private static Expr inverse(Expr x, List<Integer> axes, double epsilon) {
    Draft draft = x.draft;
    Expr centre = draft.binary(new Subtract(), x, draft.op(new Reduce(axes, true, true), x));
    Expr square = draft.activate(Elementary.power(2), centre);
    Expr variance = draft.op(new Reduce(axes, true, true), square);
    Expr root = draft.activate(Elementary.SQRT, draft.affine(variance, 1, epsilon));
    return draft.activate(Elementary.RECIPROCAL, root);
  }

  /** The expansion of the standard: the mean of squares less the squared mean, and 1e-9. */
  private static Value meanVariance(Call c) {
    Value x = c.in(0);
    Value axes = Call.wholesValue(c.wholes("axes", 0, 2, 3));
    Value mean = c.run("ReduceMean", x, axes);
    Value centred = c.run("Sub", x, mean);
    Value variance = c.run("ReduceMean", c.run("Mul", centred, centred), axes);
    Value deviation = c.run("Sqrt", variance);
    return c.run("Div", centred, c.run("Add", deviation, Call.number(1e-9)));
  }

  /** Over neighbouring channels (Krizhevsky et al., 2012). */
  private static Value local(Call c) {
    Value x = c.in(0);
    c.require(x.rank() >= 2, x.rank() + " axes", "at least two");
    c.examples().requireOther(x, 1, "a normalisation");
    int size = Math.toIntExact(c.whole("size", 1));
    int channels = Math.toIntExact(x.dims()[1]);
    c.require(size > 0, "size " + size, "at least 1");
    float[] band = new float[Math.multiplyExact(channels, channels)];
    for (int i = 0; i < channels; i++) {
      int first = Math.max(0, i - (size - 1) / 2);
      int last = Math.min(channels - 1, i + size / 2);
      for (int j = first; j <= last; j++) {
        band[i * channels + j] = 1;
      }
    }
    Value squares = c.run("Mul", x, x);
    Value sums = Linears.along(c, squares, 1, band, channels);
    double factor = c.number("alpha", 1e-4f) / size;
    Value base =
        c.run("Add", c.run("Mul", sums, Call.number(factor)), Call.number(c.number("bias", 1)));
    return c.run("Div", x, c.run("Pow", base, Call.number(c.number("beta", 0.75f))));
  }

  private static Value power(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", -1));
    long p = c.whole("p", 2);
    c.require(p == 1 || p == 2, "p " + p, "1 or 2");
    Value norm = c.run(p == 1 ? "ReduceL1" : "ReduceL2", x, Call.wholesValue(axis));
    return c.run("Div", x, norm);
  }
}

package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.layer.Parameter;
import dynaxx.layer.RunningStatistics;
import dynaxx.network.op.ChannelNorm;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Subtract;
import dynaxx.onnx.Elementwise.Arithmetic;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/** Normalisations: one op if the gains are a whole parameter, plain arithmetic otherwise. */
final class Norms {

  private Norms() {}

  static void register(Map<String, Operator> operators) {
    operators.put("BatchNormalization", Operator.one(Norms::batch));
    operators.put("InstanceNormalization", Operator.one(Norms::instance));
    operators.put("GroupNormalization", Operator.one(Norms::group));
    operators.put("LayerNormalization", Operator.one(Norms::layer));
    operators.put("SimplifiedLayerNormalization", Operator.one(c -> rms(c)));
    operators.put("RMSNormalization", Operator.one(c -> rms(c)));
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

  private static Value batch(Call c) {
    Value x = channels(c);
    c.require(
        c.whole("training_mode", 0) == 0,
        "batch normalisation in training",
        "a graph exported for evaluation");
    boolean trains = c.opset() < 14 && IntStream.range(1, c.outputs()).anyMatch(c::wants);
    c.require(
        !trains,
        "outputs of statistics, which before operator set 14 means batch normalisation in training",
        "a graph exported for evaluation");
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
    return draft.binary(new Multiply(), centre, draft.activate(Elementary.RECIPROCAL, root));
  }

  private static Value layer(Call c) {
    c.require(!c.wants(1) && !c.wants(2), "the outputs of statistics used", "the first only");
    return overLast(c, true);
  }

  private static Value rms(Call c) {
    return overLast(c, false);
  }

  private static Value overLast(Call c, boolean centred) {
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
    if (c.fused() && whole) {
      return x.with(c.draft().op(new Norm(gain, shift, epsilon, centred), e));
    }
    List<Integer> axes = IntStream.range(axis, x.rank()).map(x::at).boxed().toList();
    Value normal = x.with(normalized(e, axes, epsilon, centred));
    Value scaled = Elementwise.binary(c, Arithmetic.MULTIPLY, normal, c.in(1));
    return beta == null ? scaled : Elementwise.binary(c, Arithmetic.ADD, scaled, beta);
  }
}

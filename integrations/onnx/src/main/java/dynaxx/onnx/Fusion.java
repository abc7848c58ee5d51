package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Elementary.Kind;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.layer.Parameter;
import dynaxx.network.op.Activate;
import dynaxx.network.op.Add;
import dynaxx.network.op.Broadcast;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Linear;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Norm;
import dynaxx.network.op.Op;
import dynaxx.network.op.Operand;
import dynaxx.network.op.Permute;
import dynaxx.network.op.PositionEmbedding;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Reshape;
import dynaxx.network.op.Subtract;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Recognises what exporters spell out: biases, learned positions, LayerNorm, RMSNorm, GELU, SiLU
 * and attention become one op each. What does not match exactly stays as it is.
 */
final class Fusion {

  /** Constants such as the root of 2 are float32 in files. */
  private static final double EXACT = 1e-6;

  private final Map<Expr, Expr> fused = new IdentityHashMap<>();
  private final Map<Expr, Integer> uses = new IdentityHashMap<>();

  private Fusion() {}

  static Expr of(Expr output) {
    Fusion fusion = new Fusion();
    List<Expr> order = Sorting.expressions(output);
    for (Expr e : order) {
      e.inputs.forEach(i -> fusion.uses.merge(i, 1, Integer::sum));
    }
    for (Expr e : order) {
      fusion.fused.put(e, fusion.fuse(e));
    }
    return fusion.fused.get(output);
  }

  static boolean near(double found, double expected) {
    return Math.abs(found - expected) <= EXACT * Math.abs(expected);
  }

  private Expr fuse(Expr old) {
    List<Expr> inputs = old.inputs.stream().map(fused::get).toList();
    Expr e = rebuilt(old, inputs);
    return switch (e.op) {
      case Add a -> sum(old, e);
      case Multiply m -> product(e);
      case null -> e;
      default -> {
        Expr attention = AttentionMatch.of(e);
        yield attention == null ? e : attention;
      }
    };
  }

  /** The same op on other inputs; rearrangements may come to nothing now. */
  private static Expr rebuilt(Expr old, List<Expr> inputs) {
    boolean same = true;
    for (int i = 0; i < inputs.size(); i++) {
      same &= inputs.get(i) == old.inputs.get(i);
    }
    if (same) {
      return old;
    }
    Draft draft = old.draft;
    return switch (old.op) {
      case Reshape r -> draft.reshape(inputs.getFirst(), r.shape());
      case Permute p ->
          draft.permute(inputs.getFirst(), p.axes().stream().mapToInt(Integer::intValue).toArray());
      case Activate(Elementary f) when f.kind() == Kind.AFFINE ->
          draft.affine(inputs.getFirst(), f.a(), f.b());
      default -> draft.op(old.op, inputs);
    };
  }

  /** Elements of parameters behind a repetition, or null. */
  private static Weight.View leaf(Expr e) {
    return e.op instanceof Broadcast ? e.input().leaf : e.leaf;
  }

  /** A view of n values along the last axis. */
  private static boolean alongLast(Weight.View v, int n) {
    long[] dims = v.dims();
    return dims.length > 0 && dims[dims.length - 1] == n && Dims.size(dims) == n;
  }

  private Expr sum(Expr old, Expr e) {
    for (int i = 0; i < 2; i++) {
      Expr x = e.inputs.get(i);
      Expr other = e.inputs.get(1 - i);
      boolean once = i >= old.inputs.size() || uses.get(old.inputs.get(i)) == 1;
      Expr layer = once ? biased(x, other) : null;
      layer = layer == null ? shifted(x, other) : layer;
      if (layer != null) {
        return layer;
      }
    }
    return e;
  }

  private static Expr biased(Expr x, Expr bias) {
    Weight.View v = leaf(bias);
    boolean fits =
        x.op instanceof Linear l
            && l.bias() == null
            && l.weight() instanceof Operand.View
            && v != null
            && alongLast(v, l.weight().shape().dim(0))
            && v.contiguous();
    return fits ? x.draft.op(new Linear(((Linear) x.op).weight(), v.operand()), x.inputs) : null;
  }

  /** The shift of a norm, or learned positions. */
  private static Expr shifted(Expr x, Expr other) {
    Weight.View v = leaf(other);
    if (v == null || !v.whole()) {
      return null;
    }
    if (x.op instanceof Norm n && n.beta() == null && n.centred() && isVector(v, n.gamma())) {
      Norm whole = new Norm(n.gamma(), v.parameter(), n.epsilon(), true);
      return x.draft.op(whole, x.inputs);
    }
    boolean everyElement = other.leaf != null && other.shape.equals(x.shape);
    boolean data = everyElement && x.leaf == null;
    return data ? x.draft.op(new PositionEmbedding(v.parameter()), x) : null;
  }

  private static boolean isVector(Weight.View v, Parameter like) {
    return alongLast(v, Math.toIntExact(like.size()));
  }

  private static Expr product(Expr e) {
    for (int i = 0; i < 2; i++) {
      Expr x = e.inputs.get(i);
      Expr other = e.inputs.get(1 - i);
      Expr found = norm(x, other);
      found = found == null ? gated(x, other) : found;
      if (found != null) {
        return found;
      }
    }
    return e;
  }

  /** A normalisation of the last axis and its gains. */
  private static Expr norm(Expr normal, Expr gain) {
    Weight.View v = leaf(gain);
    int rank = normal.shape.rank();
    if (v == null || rank == 0 || !v.whole() || !alongLast(v, normal.shape.dim(-1))) {
      return null;
    }
    if (normal.op instanceof Divide) {
      Expr d = normal.inputs.get(0);
      Expr root = withoutBroadcast(normal.inputs.get(1));
      return norm(d, isFunction(root, Kind.SQRT) ? epsilon(root.input(), d) : null, v);
    }
    if (!(normal.op instanceof Multiply)) {
      return null;
    }
    for (int i = 0; i < 2; i++) {
      Expr d = normal.inputs.get(i);
      Expr found = norm(d, inverseRoot(withoutBroadcast(normal.inputs.get(1 - i)), d), v);
      if (found != null) {
        return found;
      }
    }
    return null;
  }

  private static Expr norm(Expr d, Double epsilon, Weight.View gain) {
    if (epsilon == null) {
      return null;
    }
    Expr x = centred(d);
    Norm norm = new Norm(gain.parameter(), null, epsilon, x != null);
    return d.draft.op(norm, x == null ? d : x);
  }

  private static Expr withoutBroadcast(Expr e) {
    return e.op instanceof Broadcast ? e.input() : e;
  }

  /** Epsilon if e is {@code 1 / sqrt(mean(d^2) + epsilon)} over the last axis, else null. */
  private static Double inverseRoot(Expr e, Expr d) {
    if (isFunction(e, Kind.RECIPROCAL) && isFunction(e.input(), Kind.SQRT)) {
      return epsilon(e.input().input(), d);
    }
    boolean power = isFunction(e, Kind.POWER) && ((Elementary) function(e)).a() == -0.5;
    return power ? epsilon(e.input(), d) : null;
  }

  /** Epsilon if e is {@code mean(d^2) + epsilon} over the last axis, else null. */
  private static Double epsilon(Expr e, Expr d) {
    Expr square = e;
    double epsilon = 0;
    if (isFunction(square, Kind.AFFINE)) {
      Elementary f = (Elementary) function(square);
      if (f.a() != 1 || f.b() < 0) {
        return null;
      }
      epsilon = f.b();
      square = square.input();
    }
    return isMeanOfLast(square) && isSquare(square.input(), d) ? epsilon : null;
  }

  private static boolean isMeanOfLast(Expr e) {
    if (!(e.op instanceof Reduce r) || !r.mean() || !r.keep()) {
      return false;
    }
    int last = e.input().shape.rank() - 1;
    return r.axes().equals(List.of(last)) || r.axes().equals(List.of(-1));
  }

  private static boolean isSquare(Expr e, Expr d) {
    if (isFunction(e, Kind.POWER)) {
      return ((Elementary) function(e)).a() == 2 && e.input() == d;
    }
    return e.op instanceof Multiply && e.inputs.get(0) == d && e.inputs.get(1) == d;
  }

  /** x if d is x less its mean over the last axis, else null. */
  private static Expr centred(Expr d) {
    if (!(d.op instanceof Subtract)) {
      return null;
    }
    Expr x = d.inputs.get(0);
    Expr mean = withoutBroadcast(d.inputs.get(1));
    return isMeanOfLast(mean) && mean.input() == x ? x : null;
  }

  private static Object function(Expr e) {
    return e.op instanceof Activate a ? a.function() : null;
  }

  private static boolean isActivation(Expr e, Activation wanted) {
    return Pointwise.of(wanted).equals(function(e));
  }

  private static boolean isFunction(Expr e, Kind kind) {
    return function(e) instanceof Elementary f && f.kind() == kind;
  }

  /** Strips a factor: {@code e = factor x}. */
  private record Scaled(double factor, Expr x) {
    static Scaled of(Expr e) {
      if (isFunction(e, Kind.AFFINE) && ((Elementary) function(e)).b() == 0) {
        return new Scaled(((Elementary) function(e)).a(), e.input());
      }
      return new Scaled(1, e);
    }
  }

  /** SiLU and both forms of GELU, times any factor. */
  private static Expr gated(Expr x, Expr gate) {
    Scaled in = Scaled.of(x);
    if (isActivation(gate, Activation.SIGMOID) && gate.input() == x) {
      return x.draft.activate(Activation.SILU, x);
    }
    if (!isFunction(gate, Kind.AFFINE)) {
      return null;
    }
    Elementary f = (Elementary) function(gate);
    Activation found = near(f.b(), f.a()) ? gelu(gate.input(), in.x()) : null;
    return found == null
        ? null
        : x.draft.affine(x.draft.activate(found, in.x()), round(2 * in.factor() * f.a()), 0);
  }

  /** Factors that are 1 except for the float32 rounding of their constants. */
  private static double round(double factor) {
    return near(factor, 1) ? 1 : factor;
  }

  private static Activation gelu(Expr e, Expr x) {
    if (isFunction(e, Kind.ERF)) {
      Scaled inner = Scaled.of(e.input());
      return inner.x() == x && near(inner.factor(), Math.sqrt(0.5)) ? Activation.GELU : null;
    }
    if (isActivation(e, Activation.TANH)) {
      Scaled inner = Scaled.of(e.input());
      boolean matches = near(inner.factor(), Math.sqrt(2 / Math.PI)) && cubic(inner.x(), x);
      return matches ? Activation.GELU_TANH : null;
    }
    return null;
  }

  /** {@code x + 0.044715 x^3}. */
  private static boolean cubic(Expr e, Expr x) {
    if (!(e.op instanceof Add)) {
      return false;
    }
    for (int i = 0; i < 2; i++) {
      Scaled cube = Scaled.of(e.inputs.get(1 - i));
      if (e.inputs.get(i) == x && near(cube.factor(), 0.044715) && isCube(cube.x(), x)) {
        return true;
      }
    }
    return false;
  }

  private static boolean isCube(Expr e, Expr x) {
    if (isFunction(e, Kind.POWER)) {
      return ((Elementary) function(e)).a() == 3 && e.input() == x;
    }
    return e.op instanceof Multiply
        && (e.inputs.get(0) == x && isSquare(e.inputs.get(1), x)
            || e.inputs.get(1) == x && isSquare(e.inputs.get(0), x));
  }

  /** For messages of tests: the ops of a network to be. */
  static boolean contains(Expr output, Class<? extends Op> kind) {
    return Sorting.expressions(output).stream().anyMatch(e -> kind.isInstance(e.op));
  }
}

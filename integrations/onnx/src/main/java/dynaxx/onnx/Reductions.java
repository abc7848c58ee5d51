package dynaxx.onnx;

import dynaxx.backend.Elementary;
import dynaxx.network.Multiply;
import dynaxx.network.Reduce;
import dynaxx.network.Softmax;
import dynaxx.network.Subtract;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Operators that combine the positions of some axes. */
final class Reductions {

  private Reductions() {}

  /** What the positions are combined by. */
  private enum Kind {
    SUM,
    MEAN,
    MAX,
    MIN,
    PRODUCT
  }

  static void register(Map<String, Operator> operators) {
    UnaryOperator<Expr> same = x -> x;
    UnaryOperator<Expr> squares = x -> x.draft.op(new Multiply(), x, x);
    operators.put("ReduceSum", Operator.one(c -> reduce(c, Kind.SUM, same, same)));
    operators.put("ReduceMean", Operator.one(c -> reduce(c, Kind.MEAN, same, same)));
    operators.put("ReduceMax", Operator.one(c -> reduce(c, Kind.MAX, same, same)));
    operators.put("ReduceMin", Operator.one(c -> reduce(c, Kind.MIN, same, same)));
    operators.put("ReduceProd", Operator.one(c -> reduce(c, Kind.PRODUCT, same, same)));
    operators.put("ReduceSumSquare", Operator.one(c -> reduce(c, Kind.SUM, squares, same)));
    operators.put(
        "ReduceL1",
        Operator.one(c -> reduce(c, Kind.SUM, x -> x.draft.activate(Elementary.ABS, x), same)));
    operators.put(
        "ReduceL2",
        Operator.one(c -> reduce(c, Kind.SUM, squares, x -> x.draft.activate(Elementary.SQRT, x))));
    operators.put("Softmax", Operator.one(c -> softmax(c, false)));
    operators.put("LogSoftmax", Operator.one(c -> softmax(c, true)));
  }

  private static Value reduce(
      Call c, Kind kind, UnaryOperator<Expr> before, UnaryOperator<Expr> after) {
    Value x = c.in(0);
    long[] given = c.wholesOf(1, "axes");
    boolean none = given == null || given.length == 0;
    if (none && c.whole("noop_with_empty_axes", 0) != 0) {
      return x;
    }
    int[] axes =
        none
            ? IntStream.range(0, x.rank()).toArray()
            : Arrays.stream(given).mapToInt(x::axis).sorted().distinct().toArray();
    boolean keep = c.whole("keepdims", 1) != 0;
    if (x.isConstant()) {
      return Value.shared(constant((Tensor) x.body(), kind, axes, keep));
    }
    for (int axis : axes) {
      c.examples().requireOther(x, axis, "a reduction");
    }
    int[] inner = Arrays.stream(axes).map(x::at).toArray();
    Expr e = before.apply(c.draft().expr(x.body()));
    return result(x, after.apply(reduced(e, kind, inner, keep)), axes, keep);
  }

  private static Value result(Value x, Expr e, int[] axes, boolean keep) {
    if (keep || x.isShared()) {
      return x.with(e);
    }
    long[] outer = x.dims();
    for (int i = axes.length - 1; i >= 0; i--) {
      outer = Dims.without(outer, axes[i]);
    }
    int batch = x.batch() - (int) Arrays.stream(axes).filter(a -> a < x.batch()).count();
    return new Value(e, outer, batch, x.merged(), x.outer());
  }

  private static Expr reduced(Expr e, Kind kind, int[] axes, boolean keep) {
    if (axes.length == 0) {
      return e;
    }
    if (kind == Kind.SUM || kind == Kind.MEAN) {
      List<Integer> all = Arrays.stream(axes).boxed().toList();
      return e.draft.op(new Reduce(all, kind == Kind.MEAN, keep), e);
    }
    if (kind == Kind.PRODUCT) {
      throw new OnnxException(
          "found a product of values computed from the input, expected constants");
    }
    Expr result = e;
    for (int axis : axes) {
      result = Elementwise.extreme(result, axis, kind == Kind.MAX);
    }
    long[] dims = result.dims();
    for (int i = axes.length - 1; i >= 0 && !keep; i--) {
      dims = Dims.without(dims, axes[i]);
    }
    return result.reshape(dims);
  }

  private static Tensor constant(Tensor x, Kind kind, int[] axes, boolean keep) {
    Tensor result = x;
    for (int axis : axes) {
      long extent = result.dims()[axis];
      if (extent < 1) {
        throw new OnnxException("found an extent of 0, expected at least 1");
      }
      result =
          switch (kind) {
            case SUM -> Folding.reduce(result, axis, Double::sum);
            case MEAN -> Folding.unary(Folding.reduce(result, axis, Double::sum), v -> v / extent);
            case MAX -> Folding.reduce(result, axis, Math::max);
            case MIN -> Folding.reduce(result, axis, Math::min);
            case PRODUCT -> Folding.reduce(result, axis, (a, b) -> a * b);
          };
    }
    long[] dims = result.dims();
    for (int i = axes.length - 1; i >= 0 && !keep; i--) {
      dims = Dims.without(dims, axes[i]);
    }
    return result.reshape(dims);
  }

  /** Over one axis; before operator set 13 over all axes from there on, taken together. */
  private static Value softmax(Call c, boolean logarithm) {
    Value x = c.in(0);
    boolean together = c.opset() < 13;
    int axis = x.axis(c.whole("axis", together ? 1 : -1));
    Draft draft = c.draft();
    Expr e = draft.expr(x.body());
    for (int a = axis; a < (together ? x.rank() : axis + 1); a++) {
      c.examples().requireOther(x, a, "a softmax");
    }
    if (!together || axis == x.rank() - 1) {
      int at = x.at(axis);
      Expr last = draft.axisToLast(e, at);
      return x.with(draft.lastToAxis(logarithm ? log(last) : draft.op(new Softmax(), last), at));
    }
    long[] dims = e.dims();
    List<Long> flat = new ArrayList<>();
    int first = x.at(axis);
    Arrays.stream(dims).limit(first).forEach(flat::add);
    flat.add(Arrays.stream(dims).skip(first).reduce(1, (a, b) -> a * b));
    Expr rows = e.reshape(flat.stream().mapToLong(Long::longValue).toArray());
    return x.with((logarithm ? log(rows) : draft.op(new Softmax(), rows)).reshape(dims));
  }

  /** {@code x - max - log sum exp(x - max)}; the largest cancels, derivatives included. */
  private static Expr log(Expr x) {
    Draft draft = x.draft;
    int last = x.shape.rank() - 1;
    Expr shifted = draft.binary(new Subtract(), x, Elementwise.extreme(x, last, true));
    Expr exp = draft.activate(Elementary.EXP, shifted);
    Expr sum = draft.op(new Reduce(List.of(last), false, true), exp);
    return draft.binary(new Subtract(), shifted, draft.activate(Elementary.LOG, sum));
  }
}

package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Op;
import dynaxx.network.op.Reduce;
import dynaxx.network.op.Softmax;
import dynaxx.network.op.Subtract;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Operators that combine the positions of some axes. */
final class Reductions {

  private Reductions() {}

  /** Below it the root counts as constant, so that a row of zeros has derivative 0, not NaN. */
  private static final double SMALLEST_SQUARE = 1e-24;

  /** A function of elements, as an op and of constants. */
  private record Function(UnaryOperator<Expr> of, DoubleUnaryOperator folded) {}

  private static final Function SAME = new Function(x -> x, x -> x);
  private static final Function SQUARE =
      new Function(x -> x.draft.op(new Multiply(), x, x), x -> x * x);
  private static final Function ABS =
      new Function(x -> x.draft.activate(Elementary.ABS, x), Math::abs);
  private static final Function ROOT = new Function(Reductions::root, Math::sqrt);

  static Expr root(Expr squares) {
    Elementary limit = Elementary.clip(SMALLEST_SQUARE, Double.POSITIVE_INFINITY);
    return squares.draft.activate(Elementary.SQRT, squares.draft.activate(limit, squares));
  }

  static void register(Map<String, Operator> operators) {
    put(operators, "ReduceSum", Reduction.SUM, SAME, SAME);
    put(operators, "ReduceMean", Reduction.MEAN, SAME, SAME);
    put(operators, "ReduceMax", Reduction.MAX, SAME, SAME);
    put(operators, "ReduceMin", Reduction.MIN, SAME, SAME);
    put(operators, "ReduceProd", Reduction.PRODUCT, SAME, SAME);
    put(operators, "ReduceSumSquare", Reduction.SUM, SQUARE, SAME);
    put(operators, "ReduceL1", Reduction.SUM, ABS, SAME);
    put(operators, "ReduceL2", Reduction.SUM, SQUARE, ROOT);
    operators.put(
        "ReduceLogSum", Operator.one(c -> c.run("Log", reduce(c, Reduction.SUM, SAME, SAME))));
    operators.put("ReduceLogSumExp", Operator.one(Reductions::logSumExp));
    operators.put("CumSum", Operator.one(Reductions::cumSum));
    operators.put("ArgMax", Operator.one(c -> place(c, true)));
    operators.put("ArgMin", Operator.one(c -> place(c, false)));
    operators.put("Softmax", Operator.one(c -> softmax(c, false)));
    operators.put("LogSoftmax", Operator.one(c -> softmax(c, true)));
  }

  private static void put(
      Map<String, Operator> operators, String name, Reduction kind, Function in, Function out) {
    operators.put(name, Operator.one(c -> reduce(c, kind, in, out)));
  }

  private static int[] axes(Call c) {
    Value x = c.in(0);
    long[] given = c.wholesOf(1, "axes");
    boolean none = given == null || given.length == 0;
    if (none && c.whole("noop_with_empty_axes", 0) != 0) {
      return new int[0];
    }
    return none
        ? IntStream.range(0, x.rank()).toArray()
        : Arrays.stream(given).mapToInt(x::axis).sorted().distinct().toArray();
  }

  private static Value reduce(Call c, Reduction kind, Function before, Function after) {
    Value x = c.in(0);
    int[] axes = axes(c);
    boolean keep = c.whole("keepdims", 1) != 0;
    if (x.isConstant()) {
      Tensor inner = Folding.unary((Tensor) x.body(), before.folded);
      Tensor reduced = constant(inner, kind, axes, keep);
      return Value.shared(Folding.unary(reduced, after.folded));
    }
    for (int axis : axes) {
      c.examples().requireOther(x, axis, "a reduction");
    }
    int[] inner = Arrays.stream(axes).map(x::at).toArray();
    if (Elementwise.isWhole(x.body())) {
      c.require(
          before == SAME && after == SAME && kind != Reduction.MEAN,
          "whole numbers that are computed",
          "floats, or their sum, product, largest or smallest");
      Expr found = reduced(c.draft().numbers(x.body()), kind, inner, keep);
      int type = Elementwise.wholeType(List.of(x.body()));
      return result(x, new Whole(found, type), axes, keep);
    }
    Expr e = before.of.apply(c.draft().expr(x.body()));
    return result(x, after.of.apply(reduced(e, kind, inner, keep)), axes, keep);
  }

  /** The largest is taken off before, and added afterwards; its derivatives cancel. */
  private static Value logSumExp(Call c) {
    Value x = c.in(0);
    int[] axes = axes(c);
    boolean keep = c.whole("keepdims", 1) != 0;
    if (axes.length == 0) {
      return x;
    }
    Value at = Call.wholesValue(Arrays.stream(axes).asLongStream().toArray());
    Value largest = c.run("ReduceMax", x, at);
    Value exp = c.run("Exp", c.run("Sub", x, largest));
    Value sum = c.run("Log", c.run("ReduceSum", exp, at));
    Value all = c.run("Add", sum, largest);
    return keep ? all : c.run("Squeeze", all, at);
  }

  /** Running sums, of computed values as a product with a triangle of ones. */
  private static Value cumSum(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.constant(1).whole(0));
    c.examples().requireOther(x, axis, "a running sum");
    boolean exclusive = c.whole("exclusive", 0) != 0;
    boolean reverse = c.whole("reverse", 0) != 0;
    if (x.body() instanceof Tensor t) {
      return x.with(Folding.sums(t, x.at(axis), exclusive, reverse));
    }
    int n = Math.toIntExact(x.dims()[axis]);
    return Linears.along(c, x, axis, triangle(n, exclusive, reverse), n);
  }

  private static float[] triangle(int n, boolean exclusive, boolean reverse) {
    float[] ones = new float[Linears.requireSize(n, n)];
    for (int i = 0; i < n; i++) {
      for (int j = 0; j < n; j++) {
        boolean counts = exclusive ? reverse ? j > i : j < i : reverse ? j >= i : j <= i;
        ones[i * n + j] = counts ? 1 : 0;
      }
    }
    return ones;
  }

  /** Where the largest or smallest is: the first of equal ones, or the last. */
  private static Value place(Call c, boolean largest) {
    Value x = c.in(0);
    int axis = x.axis(c.whole("axis", 0));
    c.examples().requireOther(x, axis, "a search");
    boolean last = c.whole("select_last_index", 0) != 0;
    boolean keep = c.whole("keepdims", 1) != 0;
    int n = Math.toIntExact(x.dims()[axis]);
    Value extreme = c.run(largest ? "ReduceMax" : "ReduceMin", x, Call.wholesValue(axis));
    Value best = c.run("Cast", Map.of("to", 1L), c.run("Equal", x, extreme));
    Value before = Linears.along(c, best, axis, triangle(n, true, last), n);
    Value first =
        c.run(
            "Mul", best, c.run("Cast", Map.of("to", 1L), c.run("Less", before, Call.number(0.5))));
    float[] row = new float[n];
    for (int i = 0; i < n; i++) {
      row[i] = i;
    }
    Value at = c.run("Cast", Map.of("to", 7L), Linears.along(c, first, axis, row, 1));
    return keep ? at : c.run("Squeeze", at, Call.wholesValue(axis));
  }

  private static Value result(Value x, Body e, int[] axes, boolean keep) {
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

  private static Expr reduced(Expr e, Reduction kind, int[] axes, boolean keep) {
    if (axes.length == 0) {
      return e;
    }
    if (kind == Reduction.SUM || kind == Reduction.MEAN) {
      List<Integer> all = Arrays.stream(axes).boxed().toList();
      return e.draft.op(new Reduce(all, kind == Reduction.MEAN, keep), e);
    }
    Op op = kind == Reduction.PRODUCT ? new Multiply() : new Extreme(kind == Reduction.MAX);
    Expr result = e;
    for (int axis : axes) {
      result = Elementwise.halved(result, axis, op);
    }
    long[] dims = result.dims();
    for (int i = axes.length - 1; i >= 0 && !keep; i--) {
      dims = Dims.without(dims, axes[i]);
    }
    return result.reshape(dims);
  }

  /** What no values at all come to, which changes nothing when it is combined with others. */
  private static Tensor ofNothing(Tensor x, Reduction kind, int axis) {
    long[] to = Dims.with(x.dims(), axis, 1);
    if (kind == Reduction.MEAN || !x.isFloat()) {
      throw new OnnxException("found an extent of 0, expected at least 1");
    }
    float value =
        switch (kind) {
          case MAX -> Float.NEGATIVE_INFINITY;
          case MIN -> Float.POSITIVE_INFINITY;
          case PRODUCT -> 1;
          default -> 0;
        };
    return Dims.size(to) == 0 ? x.reshape(to) : Tensor.of(to, value);
  }

  private static Tensor constant(Tensor x, Reduction kind, int[] axes, boolean keep) {
    Tensor result = x;
    long count = 1;
    for (int axis : axes) {
      long extent = result.dims()[axis];
      if (extent < 1) {
        result = ofNothing(result, kind, axis);
        continue;
      }
      count = Math.multiplyExact(count, extent);
      result = Folding.reduce(result, axis, kind);
    }
    if (kind == Reduction.MEAN) {
      double all = count;
      result = Folding.unary(result, v -> v / all);
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

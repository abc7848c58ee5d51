package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Subtract;
import dynaxx.onnx.Elementwise.Arithmetic;
import dynaxx.onnx.Examples.Aligned;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleUnaryOperator;
import java.util.function.UnaryOperator;

/**
 * Comparisons, signs, roundings and arithmetic of whole numbers. On constants they fold; on what is
 * computed they change in steps only, so that their derivative is 0.
 */
final class Steps {

  /** Whole numbers are held as floats, which is exact up to here. */
  private static final double LARGEST_WHOLE = 1 << 24;

  private Steps() {}

  /** A relation as a step of the difference a - b. */
  private enum Relation {
    EQUAL((a, b) -> a == b),
    LESS((a, b) -> a < b),
    GREATER((a, b) -> a > b),
    LESS_OR_EQUAL((a, b) -> a <= b),
    GREATER_OR_EQUAL((a, b) -> a >= b);

    private final Folding.Relation folded;

    Relation(Folding.Relation folded) {
      this.folded = folded;
    }

    Expr of(Expr difference) {
      Expr greater = positive(difference);
      Expr less = positive(difference.draft.affine(difference, -1, 0));
      return switch (this) {
        case GREATER -> greater;
        case LESS -> less;
        case LESS_OR_EQUAL -> not(greater);
        case GREATER_OR_EQUAL -> not(less);
        case EQUAL -> difference.draft.op(new Subtract(), not(greater), less);
      };
    }
  }

  static void register(Map<String, Operator> operators) {
    compare(operators, "Equal", Relation.EQUAL);
    compare(operators, "Less", Relation.LESS);
    compare(operators, "Greater", Relation.GREATER);
    compare(operators, "LessOrEqual", Relation.LESS_OR_EQUAL);
    compare(operators, "GreaterOrEqual", Relation.GREATER_OR_EQUAL);
    logic(operators, "And", (a, b) -> a != 0 && b != 0);
    logic(operators, "Or", (a, b) -> a != 0 || b != 0);
    logic(operators, "Xor", (a, b) -> (a != 0) != (b != 0));
    truth(operators, "Not", x -> x == 0 ? 1 : 0, Steps::not);
    truth(operators, "IsNaN", x -> Double.isNaN(x) ? 1 : 0, Steps::isNaN);
    operators.put("IsInf", Operator.one(Steps::isInf));
    function(operators, "Floor", Math::floor, x -> x.draft.activate(Elementary.FLOOR, x));
    function(operators, "Ceil", Math::ceil, Steps::ceil);
    function(operators, "Round", Math::rint, x -> x.draft.activate(Elementary.ROUND, x));
    function(operators, "Sign", Math::signum, Steps::sign);
  }

  // ---- steps of expressions

  private static Expr positive(Expr x) {
    return x.draft.activate(Elementary.STEP, x);
  }

  /** 1 where x is above a number. */
  static Expr above(Expr x, double number) {
    return positive(x.draft.affine(x, 1, -number));
  }

  static Expr not(Expr truth) {
    return truth.draft.affine(truth, -1, 1);
  }

  private static Expr ceil(Expr x) {
    Expr down = x.draft.activate(Elementary.FLOOR, x.draft.affine(x, -1, 0));
    return x.draft.affine(down, -1, 0);
  }

  private static Expr sign(Expr x) {
    Expr below = positive(x.draft.affine(x, -1, 0));
    return x.draft.op(new Subtract(), positive(x), below);
  }

  /** Cut towards zero. */
  static Expr truncated(Expr x) {
    Draft draft = x.draft;
    Elementary above = Elementary.clip(0, Double.POSITIVE_INFINITY);
    Expr up = draft.activate(Elementary.FLOOR, draft.activate(above, x));
    Expr flipped = draft.activate(above, draft.affine(x, -1, 0));
    Expr down = draft.activate(Elementary.FLOOR, flipped);
    return draft.op(new Subtract(), up, down);
  }

  /** 1 where x is not 0. */
  static Expr truth(Expr x) {
    return positive(x.draft.activate(Elementary.ABS, x));
  }

  /** A number's size plus one is positive, that of no number is not. */
  private static Expr isNaN(Expr x) {
    Expr size = x.draft.activate(Elementary.ABS, x);
    return not(positive(x.draft.affine(size, 1, 1)));
  }

  private static Value isInf(Call c) {
    boolean below = c.whole("detect_negative", 1) != 0;
    boolean above = c.whole("detect_positive", 1) != 0;
    Value x = c.in(0);
    if (x.body() instanceof Tensor t) {
      return x.with(
          Folding.unary(t.toFloats(), v -> Double.isInfinite(v) && (v > 0 ? above : below) ? 1 : 0)
              .toTruth());
    }
    Draft draft = c.draft();
    Expr e = draft.expr(x.body());
    Expr up = above(e, Float.MAX_VALUE);
    Expr down = above(draft.affine(e, -1, 0), Float.MAX_VALUE);
    up = draft.affine(up, above ? 1 : 0, 0);
    down = draft.affine(down, below ? 1 : 0, 0);
    return x.with(new Whole(draft.op(Extreme.max(), up, down), StoredTensor.BOOL));
  }

  // ---- operators

  private static void function(
      Map<String, Operator> operators,
      String name,
      DoubleUnaryOperator folded,
      UnaryOperator<Expr> of) {
    operators.put(
        name,
        Operator.one(
            c -> {
              Value x = c.in(0);
              if (x.body() instanceof Tensor t) {
                return x.with(Folding.unary(t, folded));
              }
              if (Elementwise.isWhole(x.body())) {
                Expr found = of.apply(c.draft().numbers(x.body()));
                return x.with(new Whole(found, Elementwise.wholeType(List.of(x.body()))));
              }
              return x.with(of.apply(c.draft().expr(x.body())));
            }));
  }

  private static void truth(
      Map<String, Operator> operators,
      String name,
      DoubleUnaryOperator folded,
      UnaryOperator<Expr> of) {
    operators.put(
        name,
        Operator.one(
            c -> {
              Value x = c.in(0);
              if (x.body() instanceof Tensor t) {
                return x.with(Folding.unary(t.toFloats(), folded).toTruth());
              }
              Expr found = of.apply(c.draft().numbers(x.body()));
              return x.with(new Whole(found, StoredTensor.BOOL));
            }));
  }

  private static void compare(Map<String, Operator> operators, String name, Relation relation) {
    operators.put(
        name,
        Operator.one(
            c -> {
              Aligned aligned = c.examples().align(List.of(c.in(0), c.in(1)));
              Body a = aligned.bodies().get(0);
              Body b = aligned.bodies().get(1);
              return aligned.value(compared(c, relation, a, b), c.examples().count());
            }));
  }

  private static Body compared(Call c, Relation relation, Body a, Body b) {
    if (a instanceof Tensor x && b instanceof Tensor y) {
      return Folding.compare(x, y, relation.folded);
    }
    Draft draft = c.draft();
    Expr difference =
        b instanceof Tensor t && t.allSame() && covers(a, t)
            ? draft.affine(draft.numbers(a), 1, -number(t))
            : draft.binary(new Subtract(), draft.numbers(a), draft.numbers(b));
    return new Whole(relation.of(difference), StoredTensor.BOOL);
  }

  private static boolean covers(Body a, Tensor t) {
    return java.util.Arrays.equals(Dims.common(a.dims(), t.dims()), a.dims());
  }

  private static double number(Tensor t) {
    return t.isFloat() ? t.number(0) : t.whole(0);
  }

  private static void logic(Map<String, Operator> operators, String name, Folding.Relation folded) {
    operators.put(
        name,
        Operator.one(
            c -> {
              Aligned aligned = c.examples().align(List.of(c.in(0), c.in(1)));
              Body a = aligned.bodies().get(0);
              Body b = aligned.bodies().get(1);
              Body found =
                  a instanceof Tensor x && b instanceof Tensor y
                      ? Folding.compare(x, y, folded)
                      : new Whole(logic(c.draft(), name, a, b), StoredTensor.BOOL);
              return aligned.value(found, c.examples().count());
            }));
  }

  private static Expr logic(Draft draft, String name, Body a, Body b) {
    Expr x = draft.numbers(a);
    Expr y = draft.numbers(b);
    return switch (name) {
      case "And" -> draft.binary(new Multiply(), x, y);
      case "Or" -> draft.binary(Extreme.max(), x, y);
      default -> truth(draft.binary(new Subtract(), x, y));
    };
  }

  // ---- arithmetic of whole numbers

  /** Whole numbers of which at least one side is computed. */
  static Body arithmetic(Draft draft, Arithmetic a, Body left, Body right) {
    int type = Elementwise.wholeType(List.of(left, right));
    Expr x = draft.numbers(left);
    Expr found =
        switch (a) {
          case ADD, SUBTRACT, MULTIPLY, MAXIMUM, MINIMUM ->
              Elementwise.exprs(draft, a, x, draft.numbers(right));
          case DIVIDE, MODULO, REMAINDER -> quotient(draft, a, x, divisor(left, right));
          case POWER -> draft.activate(Elementary.power(divisor(left, right)), x);
        };
    return new Whole(found, type);
  }

  private static double divisor(Body left, Body right) {
    boolean fits =
        right instanceof Tensor t && t.allSame() && Elementwise.covers(left, t.toFloats());
    double divisor = fits ? ((Tensor) right).whole(0) : 0;
    if (!(divisor > 0) || divisor > LARGEST_WHOLE) {
      throw new OnnxException(
          "found whole numbers of the input divided by what is no positive constant, expected one");
    }
    return divisor;
  }

  /** A quotient away from whole numbers, so that rounding does not matter. */
  private static Expr quotient(Draft draft, Arithmetic a, Expr x, double divisor) {
    Expr down = draft.activate(Elementary.FLOOR, draft.affine(x, 1 / divisor, 0.5 / divisor));
    Expr floor = draft.affine(down, divisor, 0);
    Expr modulo = draft.op(new Subtract(), x, floor);
    if (a == Arithmetic.MODULO) {
      return modulo;
    }
    // towards zero: the quotient of the size, with the sign
    Expr size = draft.activate(Elementary.ABS, x);
    Expr whole = draft.activate(Elementary.FLOOR, draft.affine(size, 1 / divisor, 0.5 / divisor));
    Expr signed = draft.op(new Multiply(), sign(x), whole);
    return a == Arithmetic.DIVIDE
        ? signed
        : draft.op(new Subtract(), x, draft.affine(signed, divisor, 0));
  }
}

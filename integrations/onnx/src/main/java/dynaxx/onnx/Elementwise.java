package dynaxx.onnx;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import dynaxx.network.op.Add;
import dynaxx.network.op.Divide;
import dynaxx.network.op.Extreme;
import dynaxx.network.op.Multiply;
import dynaxx.network.op.Op;
import dynaxx.network.op.Subtract;
import dynaxx.onnx.Examples.Aligned;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongBinaryOperator;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;

/** Functions of elements, and arithmetic of two tensors that repeat to one shape. */
final class Elementwise {

  private Elementwise() {}

  /** What two tensors are combined by. */
  enum Arithmetic {
    ADD(Double::sum, Long::sum),
    SUBTRACT((a, b) -> a - b, (a, b) -> a - b),
    MULTIPLY((a, b) -> a * b, (a, b) -> a * b),
    DIVIDE((a, b) -> a / b, Arithmetic::quotient),
    POWER(Math::pow, (a, b) -> (long) Math.pow(a, b)),
    /** With the sign of the divisor. */
    MODULO((a, b) -> Double.NaN, Arithmetic::modulo),
    /** With the sign of the dividend. */
    REMAINDER((a, b) -> a % b, Arithmetic::remainder),
    MAXIMUM(Math::max, Math::max),
    MINIMUM(Math::min, Math::min);

    private final DoubleBinaryOperator floats;
    private final LongBinaryOperator wholes;

    Arithmetic(DoubleBinaryOperator floats, LongBinaryOperator wholes) {
      this.floats = floats;
      this.wholes = wholes;
    }

    private static long quotient(long a, long b) {
      requireDivisor(b);
      return a / b;
    }

    private static long modulo(long a, long b) {
      requireDivisor(b);
      return Math.floorMod(a, b);
    }

    private static long remainder(long a, long b) {
      requireDivisor(b);
      return a % b;
    }

    private static void requireDivisor(long b) {
      if (b == 0) {
        throw new OnnxException("integer division by zero");
      }
    }
  }

  static void register(Map<String, Operator> operators) {
    functions(operators);
    Map.of(
            "Add", Arithmetic.ADD,
            "Sub", Arithmetic.SUBTRACT,
            "Mul", Arithmetic.MULTIPLY,
            "Div", Arithmetic.DIVIDE,
            "Pow", Arithmetic.POWER,
            "Max", Arithmetic.MAXIMUM,
            "Min", Arithmetic.MINIMUM)
        .forEach((name, a) -> operators.put(name, Operator.one(c -> ofAll(c, a))));
    operators.put(
        "Mod",
        Operator.one(
            c -> ofAll(c, c.whole("fmod", 0) != 0 ? Arithmetic.REMAINDER : Arithmetic.MODULO)));
    operators.put("Sum", Operator.one(c -> ofAll(c, Arithmetic.ADD)));
    operators.put(
        "Mean",
        Operator.one(c -> c.run("Div", ofAll(c, Arithmetic.ADD), Call.number(c.inputs().size()))));
    operators.put("Where", Operator.one(Elementwise::where));
    operators.put("Clip", Operator.one(Elementwise::clip));
    operators.put("PRelu", Operator.one(Elementwise::prelu));
  }

  private static void functions(Map<String, Operator> operators) {
    put(operators, "Relu", Pointwise.of(Activation.RELU), x -> Math.max(0, x));
    put(operators, "Tanh", Pointwise.of(Activation.TANH), Math::tanh);
    put(operators, "Sigmoid", Pointwise.of(Activation.SIGMOID), x -> 1 / (1 + Math.exp(-x)));
    put(operators, "Softplus", Pointwise.of(Activation.SOFTPLUS), x -> Math.log1p(Math.exp(x)));
    put(operators, "Exp", Elementary.EXP, Math::exp);
    put(operators, "Log", Elementary.LOG, Math::log);
    put(operators, "Sqrt", Elementary.SQRT, Math::sqrt);
    put(operators, "Reciprocal", Elementary.RECIPROCAL, x -> 1 / x);
    put(operators, "Abs", Elementary.ABS, Math::abs);
    put(operators, "Erf", Elementary.ERF, null);
    put(operators, "Neg", Elementary.NEGATE, x -> -x);
    put(operators, "Sin", Elementary.SIN, Math::sin);
    put(operators, "Cos", Elementary.COS, Math::cos);
    put(operators, "Softsign", Elementary.SOFTSIGN, x -> x / (1 + Math.abs(x)));
    put(operators, "Tan", Elementary.TAN, Math::tan);
    put(operators, "Asin", Elementary.ASIN, Math::asin);
    put(operators, "Acos", Elementary.ACOS, Math::acos);
    put(operators, "Atan", Elementary.ATAN, Math::atan);
    put(operators, "Sinh", Elementary.SINH, Math::sinh);
    put(operators, "Cosh", Elementary.COSH, Math::cosh);
    put(operators, "Asinh", Elementary.ASINH, null);
    put(operators, "Acosh", Elementary.ACOSH, null);
    put(operators, "Atanh", Elementary.ATANH, null);
    Steps.register(operators);
    expressions(operators);
  }

  private static void expressions(Map<String, Operator> operators) {
    function(operators, "LeakyRelu", (c, x) -> f(x, Elementary.leakyRelu(c.number("alpha", 0.01))));
    function(operators, "Elu", (c, x) -> f(x, Elementary.elu(c.number("alpha", 1))));
    function(
        operators,
        "Celu",
        (c, x) -> {
          double alpha = c.number("alpha", 1);
          Expr inner = f(x.draft.affine(x, 1 / alpha, 0), Elementary.elu(1));
          return x.draft.affine(inner, alpha, 0);
        });
    function(
        operators,
        "Selu",
        (c, x) -> {
          Expr inner = f(x, Elementary.elu(c.number("alpha", 1.6732631921768188)));
          return x.draft.affine(inner, c.number("gamma", 1.0507010221481323), 0);
        });
    function(
        operators,
        "HardSigmoid",
        (c, x) -> f(x, Elementary.hardSigmoid(c.number("alpha", 0.2), c.number("beta", 0.5))));
    function(
        operators,
        "HardSwish",
        (c, x) -> x.draft.op(new Multiply(), x, f(x, Elementary.hardSigmoid(1 / 6.0, 0.5))));
    function(
        operators,
        "Mish",
        (c, x) -> x.draft.op(new Multiply(), x, f(f(x, Activation.SOFTPLUS), Activation.TANH)));
    function(
        operators,
        "Gelu",
        (c, x) ->
            f(
                x,
                c.text("approximate", "none").equals("tanh")
                    ? Activation.GELU_TANH
                    : Activation.GELU));
    function(operators, "Swish", (c, x) -> swish(x, c.number("alpha", 1)));
    function(
        operators,
        "ThresholdedRelu",
        (c, x) -> {
          Expr mask = Steps.above(x, c.number("alpha", 1));
          return x.draft.where(mask, x, x.draft.affine(x, 0, 0));
        });
    function(operators, "Shrink", Elementwise::shrink);
  }

  private static Expr swish(Expr x, double alpha) {
    if (alpha == 1) {
      return f(x, Activation.SILU);
    }
    return x.draft.op(new Multiply(), x, f(x.draft.affine(x, alpha, 0), Activation.SIGMOID));
  }

  /** Nothing between two limits, else shifted towards zero. */
  private static Expr shrink(Call c, Expr x) {
    Draft draft = x.draft;
    double limit = c.number("lambd", 0.5);
    double bias = c.number("bias", 0);
    Expr none = draft.affine(x, 0, 0);
    Expr below =
        draft.where(Steps.above(draft.affine(x, -1, 0), limit), draft.affine(x, 1, bias), none);
    return draft.where(Steps.above(x, limit), draft.affine(x, 1, -bias), below);
  }

  static Expr f(Expr x, Pointwise function) {
    return x.draft.activate(function, x);
  }

  private static Expr f(Expr x, Activation function) {
    return f(x, Pointwise.of(function));
  }

  private interface Function {
    Expr apply(Call c, Expr x);
  }

  private static void function(Map<String, Operator> operators, String name, Function f) {
    operators.put(
        name, Operator.one(c -> c.in(0).with(f.apply(c, c.draft().expr(c.in(0).body())))));
  }

  private static void put(
      Map<String, Operator> operators, String name, Pointwise f, DoubleUnaryOperator folded) {
    operators.put(name, Operator.one(c -> apply(c.draft(), c.in(0), f, folded)));
  }

  private static Value apply(Draft draft, Value x, Pointwise f, DoubleUnaryOperator folded) {
    if (x.body() instanceof Tensor t && folded != null) {
      return x.with(Folding.unary(t, folded));
    }
    boolean kept = f.equals(Elementary.ABS) || f.equals(Elementary.NEGATE);
    if (kept && isWhole(x.body())) {
      Expr found = draft.activate(f, draft.numbers(x.body()));
      return x.with(new Whole(found, wholeType(List.of(x.body()))));
    }
    return x.with(draft.activate(f, draft.expr(x.body())));
  }

  /** Whether a body has whole numbers or truth values. */
  static boolean isWhole(Body body) {
    return body instanceof Positions
        || body instanceof Whole
        || body instanceof Tensor t && !t.isFloat();
  }

  static int wholeType(List<Body> bodies) {
    for (Body b : bodies) {
      if (b instanceof Tensor t) {
        return t.type();
      }
      if (b instanceof Whole w) {
        return w.type();
      }
    }
    return StoredTensor.INT64;
  }

  private static Value ofAll(Call c, Arithmetic a) {
    Value result = c.in(0);
    for (int i = 1; i < c.inputs().size(); i++) {
      result = binary(c, a, result, c.in(i));
    }
    return result;
  }

  static Value binary(Call c, Arithmetic a, Value left, Value right) {
    Value other = right;
    if (a == Arithmetic.POWER && right.body() instanceof Weight) {
      other = right.with(c.draft().fixed(right.body()));
    }
    Aligned aligned = c.examples().align(List.of(left, other));
    Body result = combined(c.draft(), a, aligned.bodies().get(0), aligned.bodies().get(1));
    return aligned.value(result, c.examples().count());
  }

  private static Body combined(Draft draft, Arithmetic a, Body left, Body right) {
    if (left instanceof Tensor x && right instanceof Tensor y && a != Arithmetic.POWER) {
      if (a == Arithmetic.MODULO && (x.isFloat() || y.isFloat())) {
        throw new OnnxException("found fmod 0 for floats, expected fmod 1 or whole numbers");
      }
      return Folding.arithmetic(x, y, a.floats, a.wholes);
    }
    if (isWhole(left) && isWhole(right) && !(left instanceof Tensor && right instanceof Tensor)) {
      return Steps.arithmetic(draft, a, left, right);
    }
    if (a == Arithmetic.POWER) {
      return Powers.of(draft, left, right);
    }
    if (a == Arithmetic.REMAINDER) {
      return remainder(draft, draft.expr(left), draft.expr(right));
    }
    if (right instanceof Tensor y && covers(left, y) && y.allSame()) {
      return withNumber(draft, a, draft.expr(left), y.number(0));
    }
    if (left instanceof Tensor x && covers(right, x) && x.allSame()) {
      return ofNumber(draft, a, x.number(0), draft.expr(right));
    }
    Expr x = draft.expr(left);
    if (a == Arithmetic.DIVIDE && right instanceof Tensor y) {
      return draft.binary(new Multiply(), x, draft.expr(Folding.unary(y, v -> 1 / v)));
    }
    return exprs(draft, a, x, draft.expr(right));
  }

  /** Whether a constant is repeated to the shape of the other side, which stays as it is. */
  static boolean covers(Body body, Tensor number) {
    return number.isFloat() && Arrays.equals(Dims.common(body.dims(), number.dims()), body.dims());
  }

  private static Expr withNumber(Draft draft, Arithmetic a, Expr x, double y) {
    return switch (a) {
      case ADD -> draft.affine(x, 1, y);
      case SUBTRACT -> draft.affine(x, 1, -y);
      case MULTIPLY -> draft.affine(x, y, 0);
      case DIVIDE -> draft.affine(x, 1 / y, 0);
      case MAXIMUM -> f(x, Elementary.clip(y, Double.POSITIVE_INFINITY));
      case MINIMUM -> f(x, Elementary.clip(Double.NEGATIVE_INFINITY, y));
      case MODULO, REMAINDER, POWER -> throw constantsOnly();
    };
  }

  /** {@code x - y trunc(x / y)}; the quotient counts as constant. */
  private static Expr remainder(Draft draft, Expr x, Expr y) {
    Expr quotient = draft.binary(new Divide(), x, y);
    Expr multiple = draft.binary(new Multiply(), Steps.truncated(quotient), y);
    return draft.binary(new Subtract(), x, multiple);
  }

  private static OnnxException constantsOnly() {
    return new OnnxException("found values computed from the input, expected constants");
  }

  private static Expr ofNumber(Draft draft, Arithmetic a, double x, Expr y) {
    return switch (a) {
      case SUBTRACT -> draft.affine(y, -1, x);
      case DIVIDE -> draft.affine(f(y, Elementary.RECIPROCAL), x, 0);
      default -> withNumber(draft, a, y, x);
    };
  }

  static Expr exprs(Draft draft, Arithmetic a, Expr x, Expr y) {
    Op op =
        switch (a) {
          case ADD -> new Add();
          case SUBTRACT -> new Subtract();
          case MULTIPLY -> new Multiply();
          case DIVIDE -> new Divide();
          case MAXIMUM -> Extreme.max();
          case MINIMUM -> Extreme.min();
          case MODULO, REMAINDER, POWER -> throw constantsOnly();
        };
    return draft.binary(op, x, y);
  }

  private static Value where(Call c) {
    Aligned aligned = c.examples().align(List.of(c.in(0), c.in(1), c.in(2)));
    Body which = aligned.bodies().get(0);
    Body a = aligned.bodies().get(1);
    Body b = aligned.bodies().get(2);
    Body chosen =
        which instanceof Tensor t && a instanceof Tensor x && b instanceof Tensor y
            ? Folding.choose(t, x, y)
            : null;
    if (chosen == null) {
      boolean whole = isWhole(a) && isWhole(b);
      Expr found = where(c.draft(), which, a, b);
      chosen = whole ? new Whole(found, wholeType(List.of(a, b))) : found;
    }
    return aligned.value(chosen, c.examples().count());
  }

  private static Expr where(Draft draft, Body mask, Body a, Body b) {
    long[] to = Dims.common(Dims.common(mask.dims(), a.dims()), b.dims());
    Expr left = draft.broadcast(draft.numbers(a), Dims.shape(to));
    Expr right = draft.broadcast(draft.numbers(b), Dims.shape(to));
    return mask instanceof Tensor t
        ? draft.where(t.broadcast(to), left, right)
        : draft.where(draft.broadcast(draft.numbers(mask), Dims.shape(to)), left, right);
  }

  private static Value clip(Call c) {
    if (isWhole(c.in(0).body()) && !(c.in(0).body() instanceof Tensor)) {
      return clipByValues(c);
    }
    boolean given = c.has(1) && !c.in(1).isConstant() || c.has(2) && !c.in(2).isConstant();
    boolean shape = given && c.in(0).body() instanceof Tensor;
    if (given && !shape && limits(c)) {
      return clipByValues(c);
    }
    double lower = limit(c, 1, "min", Double.NEGATIVE_INFINITY);
    double most = limit(c, 2, "max", Double.POSITIVE_INFINITY);
    double least = lower > most ? most : lower;
    return apply(
        c.draft(), c.in(0), Elementary.clip(least, most), x -> Math.min(Math.max(x, least), most));
  }

  /** Whether a limit is computed from the input, and no constant. */
  private static boolean limits(Call c) {
    return IntStream.of(1, 2)
        .filter(c::has)
        .anyMatch(i -> c.in(i).body() instanceof Expr || c.in(i).body() instanceof Whole);
  }

  private static Value clipByValues(Call c) {
    Value result = c.in(0);
    result = c.has(1) ? binary(c, Arithmetic.MAXIMUM, result, c.in(1)) : result;
    return c.has(2) ? binary(c, Arithmetic.MINIMUM, result, c.in(2)) : result;
  }

  private static double limit(Call c, int input, String name, double otherwise) {
    return c.has(input) ? c.constant(input).number(0) : c.number(name, otherwise);
  }

  /** {@code max(0, x) - slope max(0, -x)}. */
  private static Value prelu(Call c) {
    Draft draft = c.draft();
    Value x = c.in(0);
    UnaryOperator<Expr> relu = e -> f(e, Activation.RELU);
    Value above = x.with(relu.apply(draft.expr(x.body())));
    Value below = x.with(relu.apply(draft.affine(draft.expr(x.body()), -1, 0)));
    Value scaled = binary(c, Arithmetic.MULTIPLY, below, c.in(1));
    return binary(c, Arithmetic.SUBTRACT, above, scaled);
  }

  /** The largest or smallest along an axis of an expression, which stays with extent 1. */
  static Expr extreme(Expr x, int axis, boolean largest) {
    return halved(x, axis, new Extreme(largest));
  }

  /** All positions of an axis combined by an op of two inputs, half with half. */
  static Expr halved(Expr x, int axis, Op op) {
    List<Expr> parts = new ArrayList<>();
    Expr rest = x;
    while (rest.shape.dim(axis) > 1) {
      int half = rest.shape.dim(axis) / 2;
      if (rest.shape.dim(axis) % 2 == 1) {
        parts.add(rest.slice(axis, 2L * half, 1, 1));
      }
      Expr left = rest.slice(axis, 0, half, 1);
      rest = x.draft.op(op, left, rest.slice(axis, half, half, 1));
    }
    for (Expr part : parts) {
      rest = x.draft.op(op, rest, part);
    }
    return rest;
  }
}

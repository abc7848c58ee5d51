package dynaxx.onnx;

import java.util.Arrays;
import java.util.Map;

/** Windows of signals and Fourier transforms, as products with constant matrices. */
final class Signals {

  private Signals() {}

  static void register(Map<String, Operator> operators) {
    operators.put("HannWindow", Operator.one(c -> window(c, 0.5, 0.5, 0)));
    operators.put("HammingWindow", Operator.one(c -> window(c, 25.0 / 46, 21.0 / 46, 0)));
    operators.put("BlackmanWindow", Operator.one(c -> window(c, 0.42, 0.5, 0.08)));
    operators.put("CumProd", Operator.one(Signals::products));
    operators.put("SwiGLU", Operator.one(Signals::gated));
    operators.put("DFT", Operator.one(Signals::fourier));
  }

  /** {@code a - b cos(2 pi i / n) + d cos(4 pi i / n)}. */
  private static Value window(Call c, double a, double b, double d) {
    long size = c.constant(0).whole(0);
    c.require(size > 0 && size <= Tensor.LARGEST, "size " + size, "at least 1");
    double n = c.whole("periodic", 1) != 0 ? size : size - 1;
    float[] values = new float[(int) size];
    for (int i = 0; i < values.length; i++) {
      double turn = 2 * Math.PI * i / n;
      values[i] = (float) (a - b * Math.cos(turn) + d * Math.cos(2 * turn));
    }
    Value found = Value.shared(Tensor.of(new long[] {size}, values));
    return c.run("Cast", Map.of("to", c.whole("output_datatype", 1)), found);
  }

  private static Value products(Call c) {
    Value x = c.in(0);
    int axis = x.axis(c.constant(1).whole(0));
    c.examples().requireOther(x, axis, "a running product");
    boolean exclusive = c.whole("exclusive", 0) != 0;
    boolean reverse = c.whole("reverse", 0) != 0;
    int n = Math.toIntExact(x.dims()[axis]);
    Value[] parts = new Value[n];
    Value product = null;
    for (int i = 0; i < n; i++) {
      int at = reverse ? n - 1 - i : i;
      Value one = c.examples().slice(x, axis, at, 1, 1);
      Value next = product == null ? one : c.run("Mul", product, one);
      Value first =
          c.run(
              "Add",
              c.run("Mul", one, c.run("CastLike", Call.number(0), one)),
              c.run("CastLike", Call.number(1), one));
      parts[at] = exclusive ? product == null ? first : product : next;
      product = next;
    }
    return c.examples().concat(Arrays.asList(parts), axis);
  }

  /** A swish of the first input times the second. */
  private static Value gated(Call c) {
    Map<String, Object> alpha = Map.of("alpha", c.number("alpha", 1));
    return c.run("Mul", c.run("Swish", alpha, c.in(0)), c.in(1));
  }

  /** Real and imaginary parts lie along the last axis. */
  private static Value fourier(Call c) {
    Value x = c.in(0);
    boolean old = c.opset() < 20;
    int axis = x.axis(old ? c.whole("axis", 1) : c.has(2) ? c.constant(2).whole(0) : -2);
    boolean inverse = c.whole("inverse", 0) != 0;
    boolean oneSided = c.whole("onesided", 0) != 0;
    int last = x.rank() - 1;
    long parts = x.dims()[last];
    c.require(
        axis < last && (parts == 1 || parts == 2),
        c.examples().text(x.dims()),
        "real or complex values");
    c.require(!(inverse && oneSided), "the inverse of one side", "both sides");
    int in = Math.toIntExact(x.dims()[axis]);
    int n = c.has(1) ? Math.toIntExact(c.constant(1).whole(0)) : in;
    int rows = oneSided ? n / 2 + 1 : n;
    c.require(n > 0, "length " + n, "at least 1");
    float[] cos = new float[Linears.requireSize(rows, in)];
    float[] sin = new float[cos.length];
    for (int i = 0; i < cos.length; i++) {
      long turns = (long) (i / in) * (i % in) % n;
      double angle = (inverse ? 2 : -2) * Math.PI * turns / n;
      boolean inside = i % in < n;
      cos[i] = inside ? (float) (Math.cos(angle) / (inverse ? n : 1)) : 0;
      sin[i] = inside ? (float) (Math.sin(angle) / (inverse ? n : 1)) : 0;
    }
    Value real = c.examples().slice(x, last, 0, 1, 1);
    Value re = Linears.along(c, real, axis, cos, rows);
    Value im = Linears.along(c, real, axis, sin, rows);
    if (parts == 2) {
      Value other = c.examples().slice(x, last, 1, 1, 1);
      re = c.run("Sub", re, Linears.along(c, other, axis, sin, rows));
      im = c.run("Add", im, Linears.along(c, other, axis, cos, rows));
    }
    return c.run("Concat", Map.of("axis", -1L), re, im);
  }
}

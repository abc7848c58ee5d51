package dynaxx.device.cpu;

import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;

/** One function value at a time, in float64, with its first and second derivative. */
final class ScalarFunctions {

  private ScalarFunctions() {}

  static void evaluate(Pointwise f, double x, double[] w) {
    switch (f) {
      case Pointwise.Standard(Activation activation) ->
          ScalarActivations.evaluate(activation, x, w);
      case Elementary function -> evaluate(function, x, w);
    }
  }

  /** All elements of a float32 array; outputs that are null are not wanted. */
  static void evaluate(Pointwise f, int n, float[] x, float[] y, float[] d1, float[] d2) {
    double[] w = new double[3];
    for (int i = 0; i < n; i++) {
      evaluate(f, x[i], w);
      if (y != null) {
        y[i] = (float) w[0];
      }
      if (d1 != null) {
        d1[i] = (float) w[1];
      }
      if (d2 != null) {
        d2[i] = (float) w[2];
      }
    }
  }

  /**
   * First and second derivatives of all elements, not rounded to the element type, in whose range
   * they need not be. Outputs that are null are not wanted.
   */
  static void derivatives(Pointwise f, int n, double[] x, double[] d1, double[] d2) {
    double[] w = new double[3];
    for (int i = 0; i < n; i++) {
      evaluate(f, x[i], w);
      if (d1 != null) {
        d1[i] = w[1];
      }
      if (d2 != null) {
        d2[i] = w[2];
      }
    }
  }

  private static void evaluate(Elementary f, double x, double[] w) {
    double a = f.a();
    double b = f.b();
    switch (f.kind()) {
      case EXP -> {
        double e = Math.exp(x);
        set(w, e, e, e);
      }
      case LOG -> set(w, Math.log(x), 1 / x, -1 / (x * x));
      case SQRT -> {
        double root = Math.sqrt(x);
        set(w, root, 0.5 / root, -0.25 / (x * root));
      }
      case RECIPROCAL -> set(w, 1 / x, -1 / (x * x), 2 / (x * x * x));
      case POWER -> power(a, x, w);
      case ABS -> set(w, Math.abs(x), Math.signum(x), 0);
      case ERF -> erf(x, w);
      case AFFINE -> set(w, a * x + b, x == x ? a : x, 0);
      case CLIP -> set(w, Math.min(Math.max(x, a), b), inside(x >= a && x <= b, x), 0);
      case LEAKY_RELU -> set(w, x > 0 ? x : a * x, x > 0 ? 1 : x <= 0 ? a : x, 0);
      case ELU -> elu(a, x, w);
      case HARD_SIGMOID -> {
        double line = a * x + b;
        double value = Math.min(Math.max(line, 0), 1);
        set(w, value, a * inside(line > 0 && line < 1, x), 0);
      }
      case SOFTSIGN -> {
        double q = 1 / (1 + Math.abs(x));
        set(w, x * q, q * q, -2 * Math.signum(x) * q * q * q);
      }
      case SIN -> set(w, Math.sin(x), Math.cos(x), -Math.sin(x));
      case COS -> set(w, Math.cos(x), -Math.sin(x), -Math.cos(x));
      case TAN, ASIN, ACOS, ATAN -> trigonometric(f.kind(), x, w);
      case SINH, COSH, ASINH, ACOSH, ATANH -> hyperbolic(f.kind(), x, w);
      case STEP -> set(w, x > 0 ? 1 : flat(x), flat(x), flat(x));
      case FLOOR -> set(w, Math.floor(x), flat(x), flat(x));
      case ROUND -> set(w, Math.rint(x), flat(x), flat(x));
    }
  }

  /** Derivative of what changes in steps only: 0, and NaN of NaN. */
  private static double flat(double x) {
    return Double.isNaN(x) ? x : 0;
  }

  private static void trigonometric(Elementary.Kind kind, double x, double[] w) {
    double square = (1 - x) * (1 + x);
    double slope = 1 / Math.sqrt(square);
    double inverse = 1 / (1 + x * x);
    switch (kind) {
      case TAN -> {
        double t = Math.tan(x);
        set(w, t, 1 + t * t, 2 * t * (1 + t * t));
      }
      case ASIN -> set(w, Math.asin(x), slope, x * slope / square);
      case ACOS -> set(w, Math.acos(x), -slope, -x * slope / square);
      default -> set(w, Math.atan(x), inverse, -2 * (x * inverse) * inverse);
    }
  }

  private static void hyperbolic(Elementary.Kind kind, double x, double[] w) {
    double size = Math.abs(x);
    switch (kind) {
      case SINH -> set(w, Math.sinh(x), Math.cosh(x), Math.sinh(x));
      case COSH -> set(w, Math.cosh(x), Math.sinh(x), Math.cosh(x));
      case ASINH -> {
        double root = Math.hypot(1, x);
        double value = Math.log1p(size + size * (size / (1 + root)));
        double far = size > 1e150 ? Math.log(size) + Math.log(2) : value;
        set(w, Math.copySign(far, x), 1 / root, -(x / root) / root / root);
      }
      case ACOSH -> {
        double root = Math.sqrt(x - 1) * Math.sqrt(x + 1);
        double value = x > 1e150 ? Math.log(x) + Math.log(2) : Math.log1p(x - 1 + root);
        set(w, value, 1 / root, -(x / root) / root / root);
      }
      default -> {
        double slope = 1 / ((1 - x) * (1 + x));
        double value = 0.5 * Math.log1p(2 * size / (1 - size));
        set(w, Math.copySign(value, x), slope, 2 * x * slope * slope);
      }
    }
  }

  private static double inside(boolean inside, double x) {
    return inside ? 1 : x == x ? 0 : x;
  }

  /** A factor that is 0 wins over a power that is infinite or undefined, as for x = 0. */
  private static void power(double p, double x, double[] w) {
    double first = p == 0 ? 0 : p * Math.pow(x, p - 1);
    double second = p == 0 || p == 1 ? 0 : p * (p - 1) * Math.pow(x, p - 2);
    set(w, Math.pow(x, p), first, second);
  }

  private static void elu(double alpha, double x, double[] w) {
    if (x > 0) {
      set(w, x, 1, 0);
    } else {
      double slope = alpha * Math.exp(x);
      set(w, alpha * Math.expm1(x), slope, slope);
    }
  }

  /** Series near 0, else by the normal distribution's tail, which keeps its digits there. */
  private static void erf(double x, double[] w) {
    double slope = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x);
    double value = Math.abs(x) < 1 ? series(x) : Math.copySign(1 - tail(Math.abs(x)), x);
    set(w, x == x ? value : x, slope, slope == 0 ? 0 : -2 * x * slope);
  }

  private static double series(double x) {
    double term = x;
    double sum = x;
    for (int n = 1; n < 30; n++) {
      term *= -x * x / n;
      sum += term / (2 * n + 1);
    }
    return 2 / Math.sqrt(Math.PI) * sum;
  }

  /** {@code 1 - erf(x) = 2 Phi(-t)} with {@code t = sqrt(2) x}. */
  private static double tail(double x) {
    double t = Math.sqrt(2) * x;
    double density = Math.exp(-x * x) / Math.sqrt(2 * Math.PI);
    double u = x < 1e8 ? (t - Mills.SHIFT) / (t + Mills.SHIFT) : 1;
    return 2 * density * Mills.h(u) / (t + Mills.SHIFT);
  }

  private static void set(double[] w, double value, double first, double second) {
    w[0] = value;
    w[1] = first;
    w[2] = second;
  }
}

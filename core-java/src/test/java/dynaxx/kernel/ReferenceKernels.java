package dynaxx.kernel;

import dynaxx.layer.Activation;

/** What the kernels should give, in plain double-precision loops straight from the definitions. */
final class ReferenceKernels {

  private ReferenceKernels() {}

  // ---- activations

  static double[] activation(Pointwise f, double x) {
    return switch (f) {
      case Pointwise.Standard(Activation a) -> activation(a, x);
      case Elementary e -> elementary(e, x, e.a(), e.b());
    };
  }

  private static double[] elementary(Elementary f, double x, double a, double b) {
    double e = Math.exp(x);
    double line = a * x + b;
    double density = 2 / Math.sqrt(Math.PI) * Math.exp(-x * x);
    double size = 1 + Math.abs(x);
    return switch (f.kind()) {
      case EXP -> new double[] {e, e, e};
      case LOG -> new double[] {Math.log(x), 1 / x, -1 / x / x};
      case SQRT -> new double[] {Math.sqrt(x), 1 / (2 * Math.sqrt(x)), -1 / (4 * x * Math.sqrt(x))};
      case RECIPROCAL -> new double[] {1 / x, -1 / x / x, 2 / x / x / x};
      case POWER ->
          new double[] {Math.pow(x, a), a * Math.pow(x, a - 1), a * (a - 1) * Math.pow(x, a - 2)};
      case ABS -> new double[] {Math.abs(x), x > 0 ? 1 : -1, 0};
      case ERF -> new double[] {1 - erfc(x), density, -2 * x * density};
      case AFFINE -> new double[] {line, a, 0};
      case CLIP -> new double[] {x < a ? a : x > b ? b : x, x < a || x > b ? 0 : 1, 0};
      case LEAKY_RELU -> new double[] {x > 0 ? x : a * x, x > 0 ? 1 : a, 0};
      case ELU -> x > 0 ? new double[] {x, 1, 0} : new double[] {a * (e - 1), a * e, a * e};
      case HARD_SIGMOID ->
          new double[] {line < 0 ? 0 : line > 1 ? 1 : line, line < 0 || line > 1 ? 0 : a, 0};
      case SOFTSIGN ->
          new double[] {x / size, 1 / size / size, (x > 0 ? -2 : 2) / size / size / size};
      case SIN -> new double[] {Math.sin(x), Math.cos(x), -Math.sin(x)};
      case COS -> new double[] {Math.cos(x), -Math.sin(x), -Math.cos(x)};
      case TAN -> {
        double t = Math.sin(x) / Math.cos(x);
        yield new double[] {t, 1 + t * t, 2 * t * (1 + t * t)};
      }
      case ASIN -> {
        double q = 1 / Math.sqrt(1 - x * x);
        yield new double[] {Math.asin(x), q, x * q * q * q};
      }
      case ACOS -> {
        double q = 1 / Math.sqrt(1 - x * x);
        yield new double[] {Math.acos(x), -q, -x * q * q * q};
      }
      case ATAN -> {
        double q = 1 / (1 + x * x);
        yield new double[] {Math.atan(x), q, -2 * x * q * q};
      }
      case SINH -> new double[] {Math.sinh(x), Math.cosh(x), Math.sinh(x)};
      case COSH -> new double[] {Math.cosh(x), Math.sinh(x), Math.cosh(x)};
      case ASINH -> {
        double q = 1 / Math.sqrt(1 + x * x);
        double value = Math.log(size - 1 + Math.sqrt(1 + x * x));
        yield new double[] {x < 0 ? -value : value, q, -x * q * q * q};
      }
      case ACOSH -> {
        double q = 1 / Math.sqrt(x * x - 1);
        yield new double[] {Math.log(x + Math.sqrt(x * x - 1)), q, -x * q * q * q};
      }
      case ATANH -> {
        double q = 1 / (1 - x * x);
        yield new double[] {0.5 * Math.log((1 + x) / (1 - x)), q, 2 * x * q * q};
      }
      case STEP -> new double[] {x > 0 ? 1 : 0, 0, 0};
      case FLOOR -> new double[] {x - ((x % 1) + 1) % 1, 0, 0};
      case ROUND -> new double[] {Math.rint(x), 0, 0};
    };
  }

  private static double[] activation(Activation f, double x) {
    return switch (f) {
      case RELU -> new double[] {Math.max(0, x), x > 0 ? 1 : 0, 0};
      case GELU -> gelu(x);
      case GELU_TANH -> geluTanh(x);
      case TANH -> {
        double t = Math.tanh(x);
        double q = 1 / (Math.cosh(x) * Math.cosh(x));
        yield new double[] {t, q, -2 * t * q};
      }
      case SIGMOID -> {
        double s = sigmoid(x);
        double q = s * sigmoid(-x);
        yield new double[] {s, q, q * (sigmoid(-x) - s)};
      }
      case SILU -> {
        double s = sigmoid(x);
        double q = s * sigmoid(-x);
        yield new double[] {x * s, s + x * q, q * (2 + x * (sigmoid(-x) - s))};
      }
      case SOFTPLUS -> {
        double s = sigmoid(x);
        double value = x > 30 ? x : Math.log1p(Math.exp(x));
        yield new double[] {value, s, s * sigmoid(-x)};
      }
    };
  }

  private static double sigmoid(double x) {
    return 1 / (1 + Math.exp(-x));
  }

  private static double[] gelu(double x) {
    double density = Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
    double phi = 0.5 * erfc(-x / Math.sqrt(2));
    return new double[] {x * phi, phi + x * density, density * (2 - x * x)};
  }

  /** Series near 0, continued fraction (Lentz) in the tails. */
  static double erfc(double x) {
    if (x < 0) {
      return 2 - erfc(-x);
    }
    if (x < 2) {
      double term = x;
      double sum = x;
      for (int n = 1; n < 200; n++) {
        term *= -x * x / n;
        sum += term / (2 * n + 1);
      }
      return 1 - 2 / Math.sqrt(Math.PI) * sum;
    }
    double fraction = x;
    for (int n = 200; n > 0; n--) {
      fraction = x + 0.5 * n / fraction;
    }
    return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
  }

  private static double[] geluTanh(double x) {
    double c = Math.sqrt(2 / Math.PI);
    double a = 0.044715;
    double u = c * (x + a * x * x * x);
    double u1 = c * (1 + 3 * a * x * x);
    double u2 = 6 * c * a * x;
    double t = Math.tanh(u);
    double q = 1 / (Math.cosh(u) * Math.cosh(u));
    return new double[] {
      x * sigmoid(2 * u),
      sigmoid(2 * u) + 0.5 * x * q * u1,
      q * u1 + 0.5 * x * (q * u2 - 2 * t * q * u1 * u1)
    };
  }

  // ---- rows

  static double[] softmax(double[] a, int seen) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < seen; j++) {
      max = Math.max(max, a[j]);
    }
    double[] p = new double[a.length];
    double sum = 0;
    for (int j = 0; j < seen; j++) {
      p[j] = Math.exp(a[j] - max);
      sum += p[j];
    }
    for (int j = 0; j < seen; j++) {
      p[j] /= sum;
    }
    return p;
  }

  static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int j = 0; j < a.length; j++) {
      sum += a[j] * b[j];
    }
    return sum;
  }

  static double mean(double[] a) {
    double sum = 0;
    for (double v : a) {
      sum += v;
    }
    return sum / a.length;
  }

  /** {@code p (v - sum(p v))}. */
  static double[] softmaxTangent(double[] p, double[] v) {
    double mean = dot(p, v);
    double[] out = new double[p.length];
    for (int j = 0; j < p.length; j++) {
      out[j] = p[j] * (v[j] - mean);
    }
    return out;
  }

  static double[] softmaxTangentBackward(double[] p, double[] dp, double[] rp, double[] rdp) {
    double e = dot(p, dp);
    double re = dot(rp, dp) + dot(p, rdp);
    double[] out = new double[p.length];
    for (int j = 0; j < p.length; j++) {
      out[j] = rp[j] * (dp[j] - e) + p[j] * (rdp[j] - re);
    }
    return out;
  }

  static double softmaxCurvature(double[] p, double[] dp, double[] ra) {
    double mean = dot(p, ra);
    double square = 0;
    for (int j = 0; j < p.length; j++) {
      square += p[j] * (ra[j] - mean) * (ra[j] - mean);
    }
    double sum = 0;
    for (int j = 0; j < p.length; j++) {
      sum += dp[j] * p[j] * ((ra[j] - mean) * (ra[j] - mean) - square);
    }
    return sum;
  }

  // ---- normalisation of one row

  /** Mean and r of a row. */
  static double[] stats(double[] x, double epsilon, boolean centred) {
    double mean = centred ? mean(x) : 0;
    double square = 0;
    for (double v : x) {
      square += (v - mean) * (v - mean);
    }
    return new double[] {mean, 1 / Math.sqrt(square / x.length + epsilon)};
  }

  static double[] normalised(double[] x, double mean, double r) {
    double[] xh = new double[x.length];
    for (int j = 0; j < x.length; j++) {
      xh[j] = (x[j] - mean) * r;
    }
    return xh;
  }

  /** {@code r (v - mean v - xh mean(xh v))}: both the tangent of xh and the adjoint of x. */
  static double[] projected(double[] v, double[] xh, double r, boolean centred) {
    double mean = centred ? mean(v) : 0;
    double slope = dot(xh, v) / v.length;
    double[] out = new double[v.length];
    for (int j = 0; j < v.length; j++) {
      out[j] = r * (v[j] - mean - xh[j] * slope);
    }
    return out;
  }

  static double[] product(double[] a, double[] b) {
    double[] out = new double[a.length];
    for (int j = 0; j < a.length; j++) {
      out[j] = a[j] * b[j];
    }
    return out;
  }

  static double[] plus(double[] a, double[] b) {
    double[] out = new double[a.length];
    for (int j = 0; j < a.length; j++) {
      out[j] = a[j] + b[j];
    }
    return out;
  }
}

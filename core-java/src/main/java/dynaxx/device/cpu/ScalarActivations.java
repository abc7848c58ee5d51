package dynaxx.device.cpu;

import dynaxx.layer.Activation;

/** One activation at a time, in float64: value, first and second derivative. */
final class ScalarActivations {

  /** Beyond this the normal density is 0 in float64. */
  private static final double FAR = 40;

  private static final double CUBIC = 0.044715;

  private ScalarActivations() {}

  static void evaluate(Activation f, double x, double[] w) {
    switch (f) {
      case RELU -> set(w, Math.max(0, x), x > 0 ? 1 : x <= 0 ? 0 : x, 0);
      case GELU -> gelu(x, w);
      case GELU_TANH -> geluTanh(x, w);
      case TANH -> {
        double t = Math.tanh(x);
        double q = slope(Math.exp(-2 * Math.abs(x)), 4);
        set(w, t, q, -2 * t * q);
      }
      case SIGMOID -> {
        double e = Math.exp(-Math.abs(x));
        double q = slope(e, 1);
        set(w, sigmoid(x, e), q, q * (sigmoid(-x, e) - sigmoid(x, e)));
      }
      case SILU -> {
        double e = Math.exp(-Math.abs(x));
        double s = sigmoid(x, e);
        double q = slope(e, 1);
        double far = Math.clamp(x, -200, 200);
        set(w, x * s, s + far * q, q * (2 + far * (sigmoid(-x, e) - s)));
      }
      case SOFTPLUS -> {
        double e = Math.exp(-Math.abs(x));
        set(w, Math.max(x, 0) + Math.log1p(e), sigmoid(x, e), slope(e, 1));
      }
    }
  }

  private static void gelu(double x, double[] w) {
    double t = Math.min(Math.abs(x), FAR);
    double density = Math.exp(-0.5 * t * t) / Math.sqrt(2 * Math.PI);
    double tail = density * Mills.h((t - Mills.SHIFT) / (t + Mills.SHIFT)) / (t + Mills.SHIFT);
    double phi = x > 0 ? 1 - tail : tail;
    double far = Math.copySign(t, x);
    set(w, x * phi, phi + far * density, density * (2 - t * t));
  }

  private static void geluTanh(double x, double[] w) {
    double z = Math.clamp(x, -FAR, FAR);
    double c = Math.sqrt(2 / Math.PI);
    double a = CUBIC;
    double u = c * (z + a * z * z * z);
    double u1 = c * (1 + 3 * a * z * z);
    double u2 = 6 * c * a * z;
    double e = Math.exp(-2 * Math.abs(u));
    double s = sigmoid(u, e);
    double q = slope(e, 4);
    double t = s - sigmoid(-u, e);
    set(w, x * s, s + 0.5 * z * q * u1, q * u1 + 0.5 * z * q * (u2 - 2 * t * u1 * u1));
  }

  /**
   * Logistic function with {@code e = exp(-|x|)}, so that nothing overflows and the left tail keeps
   * its digits.
   */
  private static double sigmoid(double x, double e) {
    return x >= 0 ? 1 / (1 + e) : e / (1 + e);
  }

  private static double slope(double e, double factor) {
    return factor * e / ((1 + e) * (1 + e));
  }

  private static void set(double[] w, double value, double first, double second) {
    w[0] = value;
    w[1] = first;
    w[2] = second;
  }
}

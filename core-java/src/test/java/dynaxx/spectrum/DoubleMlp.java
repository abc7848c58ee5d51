package dynaxx.spectrum;

import dynaxx.testing.KnownCase;

/** The loss of the case mlp-tanh in plain double loops, and its derivatives by differences. */
final class DoubleMlp {

  private static final int IN = 49;
  private static final int HIDDEN = 24;
  private static final int OUT = 10;

  final double[] parameters;
  private final double[] inputs;
  private final double[] targets;

  DoubleMlp(KnownCase mlpTanh) {
    parameters = mlpTanh.array("parameters");
    inputs = mlpTanh.array("inputs");
    targets = mlpTanh.array("targets");
  }

  int examples() {
    return targets.length;
  }

  /** Mean loss over some consecutive examples. */
  double loss(double[] w, int from, int count) {
    double sum = 0;
    double[] hidden = new double[HIDDEN];
    double[] out = new double[OUT];
    int second = HIDDEN * IN + HIDDEN;
    for (int e = from; e < from + count; e++) {
      for (int h = 0; h < HIDDEN; h++) {
        double z = w[HIDDEN * IN + h];
        for (int i = 0; i < IN; i++) {
          z += w[h * IN + i] * inputs[e * IN + i];
        }
        hidden[h] = Math.tanh(z);
      }
      double exponentials = 0;
      for (int o = 0; o < OUT; o++) {
        double z = w[second + OUT * HIDDEN + o];
        for (int h = 0; h < HIDDEN; h++) {
          z += w[second + o * HIDDEN + h] * hidden[h];
        }
        out[o] = z;
        exponentials += Math.exp(z);
      }
      sum += Math.log(exponentials) - out[(int) targets[e]];
    }
    return sum / count;
  }

  double[] gradient(int from, int count) {
    double[] w = parameters.clone();
    double[] gradient = new double[w.length];
    for (int i = 0; i < w.length; i++) {
      double h = 1e-5;
      w[i] = parameters[i] + h;
      double up = loss(w, from, count);
      w[i] = parameters[i] - h;
      gradient[i] = (up - loss(w, from, count)) / (2 * h);
      w[i] = parameters[i];
    }
    return gradient;
  }

  /** {@code d'Hd} by a fourth-order difference along d of norm one. */
  double form(double[] d, int from, int count) {
    double squares = 0;
    for (double x : d) {
      squares += x * x;
    }
    double h = 1e-2 / Math.sqrt(squares);
    double middle = loss(parameters, from, count);
    double near = along(d, h, from, count) + along(d, -h, from, count);
    double far = along(d, 2 * h, from, count) + along(d, -2 * h, from, count);
    return (16 * near - far - 30 * middle) / (12 * h * h);
  }

  double along(double[] d, double s, int from, int count) {
    double[] w = new double[d.length];
    for (int i = 0; i < w.length; i++) {
      w[i] = parameters[i] + s * d[i];
    }
    return loss(w, from, count);
  }
}

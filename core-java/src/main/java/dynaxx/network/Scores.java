package dynaxx.network;

import dynaxx.layer.Shape;
import java.util.random.RandomGenerator;

/**
 * Derivatives of negative log-likelihoods by the predictions, at targets drawn from the model's own
 * distribution. Each has mean 0, and as its variance the second derivative of the loss, or where
 * that depends on the target, its mean over the targets drawn.
 */
final class Scores {

  private static final double SMALL_RATE = 1e-8;
  private static final double LEAST_REJECTED = 10;

  /** Skewness of a Poisson variable with this mean is 1e-5; above it logarithms lose digits. */
  private static final double NEARLY_NORMAL = 1e10;

  private Scores() {}

  /** A derivative of the term of one prediction. */
  interface Draw {
    /**
     * One draw.
     *
     * @param i which of the example's predictions
     * @param z the prediction
     * @param t its target in the data, for weights that depend on it
     * @param random the source
     */
    double score(int i, double z, double t, RandomGenerator random);
  }

  static IllegalArgumentException refusal(String loss) {
    return new IllegalArgumentException(
        "fisher: found "
            + loss
            + ", which is no log-likelihood with a Gauss-Newton matrix, expected cross-entropy,"
            + " soft-cross-entropy, binary-cross-entropy, mse, poisson, gaussian, or a sum of"
            + " these");
  }

  /** Checks what {@link Loss#score} is given. */
  static void check(Loss loss, Shape output, double[] z, double[] targets) {
    requireLength("predictions", z.length, output.size());
    requireLength("targets", targets.length, loss.targetSize(output));
    for (double value : z) {
      if (!(value < Double.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "predictions: found " + value + ", expected numbers below infinity");
      }
    }
  }

  private static void requireLength(String argument, int found, long expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          argument + ": found " + found + " values, expected " + expected);
    }
  }

  /** Of {@code (z - y)^2}: a Gaussian with variance 1/2. */
  static Draw normal() {
    return (i, z, t, random) -> Math.sqrt(2) * random.nextGaussian();
  }

  /** Of binary cross-entropy of logits; with the weight that the data's target gives the term. */
  static Draw logits(float[] positive) {
    return (i, z, t, random) -> {
      double p = positive.length == 0 ? 1 : positive[i % positive.length];
      double e = Math.exp(-Math.abs(z));
      double near = 1 / (1 + e);
      double far = e / (1 + e);
      double on = z >= 0 ? near : far;
      double off = z >= 0 ? far : near;
      return Math.sqrt(1 - t + p * t) * (random.nextDouble() < on ? -off : on);
    };
  }

  /** Of binary cross-entropy of probabilities. */
  static Draw probabilities() {
    return (i, z, t, random) -> {
      if (!(z >= 0 && z <= 1)) {
        return Double.NaN;
      }
      return random.nextDouble() < z ? -1 / z : 1 / (1 - z);
    };
  }

  static Draw logRates() {
    return (i, z, t, random) -> Math.exp(z) - poisson(Math.exp(z), random);
  }

  static Draw rates() {
    return (i, z, t, random) -> {
      double rate = z + SMALL_RATE;
      return 1 - poisson(rate, random) / rate;
    };
  }

  /**
   * Writes {@code p - onehot(y)} of one row, y drawn from the softmax p of its logits, times a
   * factor. The entry of y is minus the sum of the others, so that no digits cancel.
   */
  static void softmax(
      double[] z, int at, int classes, double factor, RandomGenerator random, double[] score) {
    double most = Double.NEGATIVE_INFINITY;
    for (int j = 0; j < classes; j++) {
      most = Math.max(most, z[at + j]);
    }
    double sum = 0;
    for (int j = 0; j < classes; j++) {
      score[at + j] = Math.exp(z[at + j] - most);
      sum += score[at + j];
    }
    double left = random.nextDouble() * sum;
    int drawn = 0;
    for (int j = 0; j < classes; j++) {
      // Rounding may leave a rest behind the last class, which then falls to one that has a part.
      drawn = score[at + j] > 0 ? j : drawn;
      left -= score[at + j];
      if (left < 0) {
        break;
      }
    }
    score[at + drawn] = 0;
    double others = 0;
    for (int j = 0; j < classes; j++) {
      score[at + j] *= factor / sum;
      others += score[at + j];
    }
    score[at + drawn] = -others;
  }

  /** A Poisson variable: by its products of uniforms, or transformed rejection (Hoermann, 1993). */
  static double poisson(double rate, RandomGenerator random) {
    if (!(rate >= 0 && rate < Double.POSITIVE_INFINITY)) {
      return Double.NaN;
    }
    if (rate > NEARLY_NORMAL) {
      return Math.rint(rate + Math.sqrt(rate) * random.nextGaussian());
    }
    return rate < LEAST_REJECTED ? byProducts(rate, random) : byRejection(rate, random);
  }

  private static double byProducts(double rate, RandomGenerator random) {
    double end = Math.exp(-rate);
    double product = random.nextDouble();
    int count = 0;
    while (product > end) {
      product *= random.nextDouble();
      count++;
    }
    return count;
  }

  private static double byRejection(double rate, RandomGenerator random) {
    double b = 0.931 + 2.53 * Math.sqrt(rate);
    double a = -0.059 + 0.02483 * b;
    double inverse = 1.1239 + 1.1328 / (b - 3.4);
    double quick = 0.9277 - 3.6224 / (b - 2);
    while (true) {
      double u = random.nextDouble() - 0.5;
      double v = random.nextDouble();
      double us = 0.5 - Math.abs(u);
      double k = Math.floor((2 * a / us + b) * u + rate + 0.43);
      if (us >= 0.07 && v <= quick) {
        return k;
      }
      boolean outside = k < 0 || us < 0.013 && v > us;
      if (!outside
          && Math.log(v * inverse / (a / (us * us) + b))
              <= k * Math.log(rate) - rate - logFactorial(k)) {
        return k;
      }
    }
  }

  private static double logFactorial(double k) {
    if (k < LEAST_REJECTED) {
      double sum = 0;
      for (int i = 2; i <= k; i++) {
        sum += Math.log(i);
      }
      return sum;
    }
    double n = k + 1;
    double tail = (1 / 12.0 - (1 / 360.0 - 1 / (1260 * n * n)) / (n * n)) / n;
    return (n - 0.5) * Math.log(n) - n + 0.5 * Math.log(2 * Math.PI) + tail;
  }
}

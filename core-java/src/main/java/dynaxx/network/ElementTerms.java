package dynaxx.network;

import java.util.random.RandomGenerator;

/**
 * A sum of terms of one prediction each.
 *
 * @param element the term
 * @param draw its derivative at a target of the model's own, or null if it is no log-likelihood
 */
record ElementTerms(Element element, Scores.Draw draw) implements Terms {

  /** The term of one prediction. */
  interface Element {
    /**
     * Value, first and second derivative by the prediction.
     *
     * @param i which of the example's predictions
     * @param z the prediction
     * @param t its target
     * @param w receives the three
     */
    void at(int i, double z, double t, double[] w);
  }

  /** Least logarithm of a probability, as PyTorch has it. */
  private static final double LEAST_LOG = -100;

  private static final double SMALL_RATE = 1e-8;

  @Override
  public double value(double[] z, double[] t) {
    double[] w = new double[3];
    double sum = 0;
    for (int i = 0; i < z.length; i++) {
      element.at(i, z[i], t[i], w);
      sum += w[0];
    }
    return sum;
  }

  @Override
  public void gradient(double[] z, double[] t, double[] dz) {
    double[] w = new double[3];
    for (int i = 0; i < z.length; i++) {
      element.at(i, z[i], t[i], w);
      dz[i] = w[1];
    }
  }

  @Override
  public Product hessian(double[] z, double[] t) {
    double[] w = new double[3];
    double[] bends = new double[z.length];
    for (int i = 0; i < z.length; i++) {
      element.at(i, z[i], t[i], w);
      bends[i] = w[2];
    }
    return (v, hv) -> {
      for (int i = 0; i < bends.length; i++) {
        hv[i] = bends[i] * v[i];
      }
    };
  }

  @Override
  public boolean score(double[] z, double[] t, RandomGenerator random, double[] score) {
    for (int i = 0; i < z.length && draw != null; i++) {
      score[i] = draw.score(i, z[i], t[i], random);
    }
    return draw != null;
  }

  private static void set(double[] w, double value, double slope, double bend) {
    w[0] = value;
    w[1] = slope;
    w[2] = bend;
  }

  static Element squared() {
    return (i, z, t, w) -> set(w, (z - t) * (z - t), 2 * (z - t), 2);
  }

  /**
   * Binary cross-entropy of logits.
   *
   * @param positive factor of the positive part for each of the last axis' predictions, or empty
   */
  static Element logits(float[] positive) {
    return (i, z, t, w) -> {
      double p = positive.length == 0 ? 1 : positive[i % positive.length];
      double e = Math.exp(-Math.abs(z));
      double near = 1 / (1 + e);
      double far = e / (1 + e);
      double on = z >= 0 ? near : far;
      double off = z >= 0 ? far : near;
      double log = Math.log1p(e);
      double value = (1 - t) * (Math.max(z, 0) + log) + p * t * (Math.max(-z, 0) + log);
      set(w, value, (1 - t) * on - p * t * off, (1 - t + p * t) * near * far);
    };
  }

  /** Binary cross-entropy of probabilities, their logarithms at least -100. */
  static Element probabilities(float[] positive) {
    return (i, z, t, w) -> {
      double p = positive.length == 0 ? 1 : positive[i % positive.length];
      double on = Math.log(z);
      double off = Math.log1p(-z);
      boolean a = on > LEAST_LOG;
      boolean b = off > LEAST_LOG;
      double first = p * t;
      set(
          w,
          -first * Math.max(on, LEAST_LOG) - (1 - t) * Math.max(off, LEAST_LOG),
          (b ? (1 - t) / (1 - z) : 0) - (a ? first / z : 0),
          (b ? (1 - t) / ((1 - z) * (1 - z)) : 0) + (a ? first / (z * z) : 0));
      w[0] = z >= 0 && z <= 1 ? w[0] : Double.NaN;
    };
  }

  /** Half the square up to delta, beyond it a line (Huber, 1964). */
  static Element huber(double delta) {
    return (i, z, t, w) -> {
      double e = z - t;
      boolean inside = Math.abs(e) <= delta;
      double far = delta * (Math.abs(e) - delta / 2);
      set(w, inside ? e * e / 2 : far, Math.clamp(e, -delta, delta), inside ? 1 : 0);
      w[1] = e == e ? w[1] : e;
    };
  }

  /** {@link #huber} divided by beta. */
  static Element smoothed(double beta) {
    Element huber = huber(beta);
    return (i, z, t, w) -> {
      huber.at(i, z, t, w);
      set(w, w[0] / beta, w[1] / beta, w[2] / beta);
    };
  }

  static Element absolute() {
    return (i, z, t, w) -> set(w, Math.abs(z - t), Math.signum(z - t), 0);
  }

  /** Poisson of the logarithms of rates, without the constant. */
  static Element logRates() {
    return (i, z, t, w) -> {
      double rate = Math.exp(z);
      set(w, rate - t * z, rate - t, rate);
    };
  }

  /** Poisson of rates, without the constant; 1e-8 keeps the logarithm finite, as in PyTorch. */
  static Element rates() {
    return (i, z, t, w) -> {
      double rate = z + SMALL_RATE;
      set(w, z - t * Math.log(rate), 1 - t / rate, t / (rate * rate));
    };
  }

  /** A distribution's part of a divergence from the logarithms of another. */
  static Element divergence() {
    return (i, z, t, w) -> set(w, t == 0 ? 0 : t * (Math.log(t) - z), -t, 0);
  }
}

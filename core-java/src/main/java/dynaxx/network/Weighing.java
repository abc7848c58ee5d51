package dynaxx.network;

import dynaxx.memory.HostBuffer;
import java.util.Arrays;

/**
 * How the terms of a loss are averaged. Losses are means over all terms; weights that are part of
 * the targets make other averages of them.
 *
 * @param kind which average
 * @param exampleWeights whether examples have weights of their own
 */
record Weighing(Kind kind, boolean exampleWeights) {

  static final Weighing PLAIN = new Weighing(Kind.TOKENS, false);

  /** Which average. */
  enum Kind {
    /** Every term counts alike: PyTorch's mean. */
    TOKENS,
    /** Every example counts alike, however many terms it has. */
    MEAN,
    /** The sum of all terms. */
    SUM
  }

  static Weighing of(String reduction, boolean exampleWeights) {
    Kind kind =
        switch (reduction) {
          case "tokens" -> Kind.TOKENS;
          case "mean" -> Kind.MEAN;
          case "sum" -> Kind.SUM;
          default ->
              throw new IllegalArgumentException(
                  "reduction: found '" + reduction + "', expected mean, sum or tokens");
        };
    return new Weighing(kind, exampleWeights);
  }

  /** Whether targets need no weights, if all examples have as many terms. */
  boolean isPlain() {
    return kind != Kind.SUM && !exampleWeights;
  }

  /**
   * Factors of the terms of each example that make a mean over all terms the wanted average.
   *
   * @param counts what the terms of each example count together
   * @param terms of one example
   * @param weights one for each example, or null
   * @return one for each example
   */
  double[] factors(double[] counts, double terms, HostBuffer weights) {
    int n = counts.length;
    checkWeights(n, weights);
    double[] factors = new double[n];
    double sum = 0;
    for (int e = 0; e < n; e++) {
      double weight = weights == null ? 1 : weights.get(e);
      boolean any = counts[e] > 0;
      factors[e] = kind == Kind.MEAN ? (any ? weight / counts[e] : 0) : weight;
      sum += kind == Kind.MEAN ? (any ? weight : 0) : weight * counts[e];
    }
    if (!(sum > 0)) {
      throw new IllegalArgumentException(
          "targets: found none that counts, expected at least one that is not ignored and has a"
              + " weight above 0");
    }
    double scale = n * terms / (kind == Kind.SUM ? 1 : sum);
    return Arrays.stream(factors).map(f -> f * scale).toArray();
  }

  private void checkWeights(int examples, HostBuffer weights) {
    if (exampleWeights != (weights != null) || weights != null && weights.size() != examples) {
      throw new IllegalArgumentException(
          "example weights: found "
              + (weights == null ? "none" : weights.size())
              + ", expected "
              + (exampleWeights ? examples : "none"));
    }
    for (long i = 0; weights != null && i < weights.size(); i++) {
      if (!(weights.get(i) >= 0 && weights.get(i) < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException(
            "example weights: found " + weights.get(i) + " at " + i + ", expected 0 or more");
      }
    }
  }
}

package dynaxx.network;

import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;

/**
 * Targets of a cross-entropy as its kernels take them: for each row a class, a weight, and so on.
 */
final class ClassTargets {

  /** How far from 1 float16 distributions over many classes may sum to. */
  private static final double SUM = 0.02;

  private final SoftmaxCrossEntropy loss;
  private final int classes;
  private final int rows;
  private final int stride;
  private final double[] row;

  ClassTargets(SoftmaxCrossEntropy loss, Shape output, int stride) {
    this.loss = loss;
    this.classes = output.dim(-1);
    this.rows = Math.toIntExact(output.rows());
    this.stride = stride;
    this.row = new double[classes];
  }

  HostBuffer of(Scope scope, HostBuffer given, HostBuffer weights) {
    long all = given.size() / (loss.soft() ? classes : 1);
    int examples = Math.toIntExact(all / rows);
    double[] counts = new double[examples];
    for (int e = 0; e < examples; e++) {
      for (int r = 0; r < rows; r++) {
        counts[e] += count(given, (long) e * rows + r);
      }
    }
    double[] factors = loss.weighing().factors(counts, rows, weights);
    HostBuffer targets = scope.allocate(all * stride);
    for (long r = 0; r < all; r++) {
      put(given, r, factors[(int) (r / rows)], targets);
    }
    return targets;
  }

  private boolean counts(HostBuffer given, long r) {
    return loss.soft() || loss.ignored() == null || given.get(r) != loss.ignored();
  }

  /** What a row counts in a mean: 1, or as in PyTorch the weight of its class. */
  private double count(HostBuffer given, long r) {
    if (!counts(given, r)) {
      return 0;
    }
    if (loss.soft()) {
      requireDistribution(given, r);
      return 1;
    }
    return weight((int) given.get(r));
  }

  private void requireDistribution(HostBuffer given, long r) {
    double sum = 0;
    for (int j = 0; j < classes; j++) {
      sum += given.get(r * classes + j);
    }
    if (!(Math.abs(sum - 1) <= SUM)) {
      throw new IllegalArgumentException(
          "targets: found a sum of "
              + (float) sum
              + " over the "
              + classes
              + " classes of prediction "
              + r
              + ", expected a distribution, with sum 1, along the last axis");
    }
  }

  private double weight(int c) {
    return loss.classWeights().length == 0 ? 1 : loss.classWeights()[c];
  }

  private void put(HostBuffer given, long r, double factor, HostBuffer to) {
    long at = r * stride;
    boolean dense = stride > 2;
    if (!counts(given, r)) {
      to.slice(at, stride).segment().fill((byte) 0);
      return;
    }
    if (!dense) {
      to.set(at, given.get(r));
      to.set(at + 1, (float) (factor * weight((int) given.get(r))));
      return;
    }
    double total = 0;
    int likely = 0;
    for (int j = 0; j < classes; j++) {
      double part = loss.soft() ? given.get(r * classes + j) : given.get(r) == j ? 1 : 0;
      double spread = loss.smoothing() / classes;
      row[j] = factor * weight(j) * ((1 - loss.smoothing()) * part + spread);
      total += row[j];
      likely = row[j] > row[likely] ? j : likely;
    }
    to.set(at, likely);
    to.set(at + 1, (float) total);
    double rest = 0;
    for (int j = 0; j < classes; j++) {
      float coefficient = (float) (j == likely ? total - row[j] : -row[j]);
      to.set(at + SoftmaxCrossEntropy.LINEAR + j, coefficient);
      rest += coefficient;
    }
    to.set(at + SoftmaxCrossEntropy.LINEAR - 1, (float) rest);
  }
}

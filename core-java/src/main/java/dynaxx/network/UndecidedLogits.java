package dynaxx.network;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import java.util.function.LongPredicate;

/**
 * Size of the logits where a softmax is undecided between classes. It depends on their differences
 * only, and of logits far from zero those have few digits left.
 */
final class UndecidedLogits {

  /** Values whose squares add up to less than the limit's are not looked at one by one. */
  private static final int CHUNK = 512;

  private UndecidedLogits() {}

  /**
   * The largest row's mean of {@code p (1 - p) |z|}, summed over classes: times the roundoff of a
   * logit, what rounding changes the row's softmax by. Rows whose values all lie within the limit
   * count as 0.
   *
   * @param counts which rows are part of the loss
   */
  static double size(LossFrame f, double limit, LongPredicate counts) {
    long n = f.examples() * f.output().size();
    double squares = f.device().algebra().dot(f.z().slice(0, n), f.z().slice(0, n));
    if (!(squares > limit * limit) || squares == Double.POSITIVE_INFINITY) {
      return 0;
    }
    int classes = f.output().dim(-1);
    double most = 0;
    try (Scope temporary = Scope.open()) {
      HostBuffer z = HostArrays.onHost(f.device(), f.z(), n, temporary);
      double[] row = new double[classes];
      for (long r = 0; r < n / classes; r++) {
        if (reaches(z, r * classes, classes, limit) && counts.test(r)) {
          for (int j = 0; j < classes; j++) {
            row[j] = z.get(r * classes + j);
          }
          most = Math.max(most, sizeOf(row));
        }
      }
    }
    return most;
  }

  private static boolean reaches(HostBuffer z, long from, int classes, double limit) {
    for (int j = 0; j < classes; j += CHUNK) {
      float sum = 0;
      for (int i = j; i < Math.min(classes, j + CHUNK); i++) {
        float value = z.get(from + i);
        sum += value * value;
      }
      if (!(sum <= limit * limit)) {
        return true;
      }
    }
    return false;
  }

  private static double sizeOf(double[] z) {
    double largest = Double.NEGATIVE_INFINITY;
    for (double value : z) {
      largest = Math.max(largest, value);
    }
    double sum = 0;
    for (double value : z) {
      sum += Math.exp(value - largest);
    }
    double size = 0;
    for (double value : z) {
      double p = Math.exp(value - largest) / sum;
      size += p * (1 - p) * Math.abs(value);
    }
    return size;
  }
}

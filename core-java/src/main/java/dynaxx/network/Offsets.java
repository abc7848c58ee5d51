package dynaxx.network;

import dynaxx.network.op.LossFrame;

/**
 * Logits of which all in a row lie far from zero: a softmax depends on their differences only, and
 * those have lost the digits that the distance takes.
 */
final class Offsets {

  private Offsets() {}

  /**
   * Root mean square over the rows of how far the mean lies from zero, in units of the spread or of
   * 1 where that is smaller; 0 if the values are too small for any limit to matter.
   */
  static double of(LossFrame f, double limit) {
    long n = f.examples() * f.output().size();
    double squares = f.device().algebra().dot(f.z().slice(0, n), f.z().slice(0, n)) / n;
    if (!(squares > limit * limit) || squares == Double.POSITIVE_INFINITY) {
      return 0;
    }
    int classes = f.output().dim(-1);
    double sum = 0;
    for (int e = 0; e < f.examples(); e++) {
      long each = f.output().size();
      double[] z = HostArrays.read(f.device(), f.z().slice(e * each, each), each);
      for (int at = 0; at < each; at += classes) {
        double ratio = ratio(z, at, classes);
        sum += ratio * ratio;
      }
    }
    return Math.sqrt(sum * classes / n);
  }

  private static double ratio(double[] z, int at, int classes) {
    double mean = 0;
    for (int j = 0; j < classes; j++) {
      mean += z[at + j] / classes;
    }
    double variance = 0;
    for (int j = 0; j < classes; j++) {
      variance += (z[at + j] - mean) * (z[at + j] - mean) / classes;
    }
    return Math.abs(mean) / Math.max(1, Math.sqrt(variance));
  }
}

package dynaxx.monitor;

import java.util.Arrays;

/** Statistics that a few outliers do not move. */
final class Robust {

  /** Median absolute deviation of the standard normal distribution, inverted. */
  private static final double NORMAL = 1.4826;

  private Robust() {}

  static double median(double[] values) {
    double[] sorted = values.clone();
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** Standard deviation of values about their course, from differences of neighbours. */
  static double noise(double[] values) {
    return deviation(changes(values)) / Math.sqrt(2);
  }

  /** Differences of neighbours, less their median. */
  static double[] changes(double[] values) {
    double[] differences = new double[values.length - 1];
    for (int i = 0; i < differences.length; i++) {
      differences[i] = values[i + 1] - values[i];
    }
    double trend = median(differences);
    Arrays.setAll(differences, i -> differences[i] - trend);
    return differences;
  }

  /**
   * Standard deviation about zero, from the median absolute deviation and from the mean square with
   * values cut off at three of those: the larger of the two, as either alone is often too small
   * when values are few. The factor is that of Croux and Rousseeuw (1992) for small samples.
   */
  static double deviation(double[] values) {
    int n = values.length;
    double[] sizes = new double[n];
    for (int i = 0; i < n; i++) {
      sizes[i] = Math.abs(values[i]);
    }
    double fromMedian = NORMAL * n / (n - 0.8) * median(sizes);
    double sum = 0;
    for (double size : sizes) {
      double cut = fromMedian > 0 ? Math.min(size, 3 * fromMedian) : size;
      sum += cut * cut;
    }
    return Math.max(fromMedian, Math.sqrt(sum / n));
  }
}

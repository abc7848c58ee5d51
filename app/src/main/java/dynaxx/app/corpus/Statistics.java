package dynaxx.app.corpus;

import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.function.ToDoubleFunction;

/** Figures with confidence intervals from resampled runs (Efron, 1979). */
public final class Statistics {

  private static final double TAIL = 0.025;

  private Statistics() {}

  /**
   * A figure.
   *
   * @param value of all runs; NaN if there are none
   * @param low end of the 95 % interval
   * @param high end of the 95 % interval
   */
  public record Figure(double value, double low, double high) {}

  /**
   * Area under the ROC curve: the chance that a positive is above a negative, ties counted half
   * (Mann and Whitney, 1947).
   *
   * @return from 0 to 1; NaN if one of them is empty
   */
  static double auroc(double[] positive, double[] negative) {
    double[] sorted = negative.clone();
    Arrays.sort(sorted);
    double sum = 0;
    for (double value : positive) {
      int below = position(sorted, value, false);
      int upTo = position(sorted, value, true);
      sum += below + (upTo - below) / 2.0;
    }
    return sum / ((double) positive.length * sorted.length);
  }

  /** How many are below a value, or up to it. */
  private static int position(double[] sorted, double value, boolean with) {
    int low = 0;
    int high = sorted.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      boolean before = sorted[middle] < value || with && sorted[middle] == value;
      low = before ? middle + 1 : low;
      high = before ? high : middle;
    }
    return low;
  }

  /**
   * Resamples.
   *
   * @param count how many things there are to draw from
   * @param rounds of the bootstrap
   * @param seed of the draws
   * @param figure of the things with these numbers; NaN where there is none
   */
  static Figure bootstrap(int count, int rounds, long seed, ToDoubleFunction<int[]> figure) {
    int[] identity = new int[count];
    Arrays.setAll(identity, i -> i);
    double value = figure.applyAsDouble(identity);
    SplittableRandom random = new SplittableRandom(seed);
    double[] values = new double[rounds];
    int[] drawn = new int[count];
    for (int round = 0; round < rounds && count > 0; round++) {
      Arrays.setAll(drawn, i -> random.nextInt(count));
      values[round] = figure.applyAsDouble(drawn);
    }
    double[] known = Arrays.stream(values).filter(Double::isFinite).sorted().toArray();
    return known.length == 0 || !Double.isFinite(value)
        ? new Figure(value, Double.NaN, Double.NaN)
        : new Figure(value, quantile(known, TAIL), quantile(known, 1 - TAIL));
  }

  private static double quantile(double[] sorted, double part) {
    double place = part * (sorted.length - 1);
    int low = (int) place;
    int high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (place - low) * (sorted[high] - sorted[low]);
  }
}

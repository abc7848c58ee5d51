package dynaxx.monitor;

import dynaxx.random.Philox;
import java.util.Arrays;
import java.util.function.DoubleUnaryOperator;

/**
 * Tells how likely a statistic of given residuals is to become as large by chance: replays the
 * residuals in random order and with random signs (bootstrap; Chatterjee and Qiu, 2009), and reads
 * a quantile off the largest values. Chances too small to be met among the replays are reached
 * along the statistic's own tail.
 */
final class ThresholdBootstrap {

  private static final int REPLAYS = 120;
  private static final int LENGTH = 100;

  /** Part of the replays that stay below the threshold that is read off. */
  private static final double QUANTILE = 0.8;

  private static final double READ_OFF = -Math.log(QUANTILE) / LENGTH;

  /** Chances below it cannot be told apart, and their products stay above zero. */
  private static final double LEAST = 1e-100;

  private final double threshold;
  private final DoubleUnaryOperator tail;

  /**
   * Replays.
   *
   * @param residuals in standard deviations, as the statistic will get them
   * @param statistic that is replayed; its state is lost
   * @param seed of the random order
   */
  ThresholdBootstrap(double[] residuals, ShiftStatistic statistic, long seed) {
    this.threshold = readOff(residuals, statistic, seed);
    this.tail = statistic.tail(residuals);
    statistic.reset();
  }

  /** Probability, for each value, that the statistic first becomes this large by chance. */
  double rate(double value) {
    double exponent = tail.applyAsDouble(value) - tail.applyAsDouble(threshold);
    return Math.clamp(READ_OFF * Math.exp(-exponent), LEAST, 1);
  }

  private static double readOff(double[] residuals, ShiftStatistic statistic, long seed) {
    double[] largest = new double[REPLAYS];
    int[] words = new int[4];
    long block = 0;
    for (int replay = 0; replay < REPLAYS; replay++) {
      statistic.reset();
      double most = 0;
      for (int i = 0; i < LENGTH; i++) {
        if (i % words.length == 0) {
          Philox.words(seed, 0, block++, words);
        }
        int word = words[i % words.length];
        int index = (int) ((word >>> 1) * (long) residuals.length >>> 31);
        double z = (word & 1) == 0 ? residuals[index] : -residuals[index];
        most = Math.max(most, statistic.add(z));
      }
      largest[replay] = most;
    }
    Arrays.sort(largest);
    return largest[(int) (QUANTILE * REPLAYS)];
  }
}

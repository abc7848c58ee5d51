package dynaxx.monitor;

import dynaxx.backend.Philox;
import java.util.Arrays;

/**
 * Finds the threshold at which a two-sided CUSUM of given residuals raises one false alarm in so
 * many values: replays the residuals in random order and with random signs (bootstrap; Chatterjee
 * and Qiu, 2009), and reads the threshold off the largest sums. Rates too small to be met among the
 * replays are reached along the exponential tail of the sum, whose rate {@code theta} solves {@code
 * mean exp(theta (z - k)) = 1} (Siegmund, 1985).
 */
final class ThresholdBootstrap {

  private static final int REPLAYS = 200;
  private static final int LENGTH = 100;

  /** Part of the replays that stay below the threshold that is read off. */
  private static final double QUANTILE = 0.8;

  private static final double READ_OFF = -Math.log(QUANTILE) / LENGTH;

  private static final double LEAST = 1e-3;

  private final double threshold;
  private final double theta;

  /**
   * Replays.
   *
   * @param residuals in standard deviations, as the sum will get them
   * @param reference value k of the sum
   * @param seed of the random order
   */
  ThresholdBootstrap(double[] residuals, double reference, long seed) {
    this.threshold = readOff(residuals, reference, seed);
    this.theta = tail(residuals, reference);
  }

  /** Threshold at which a value raises a false alarm with this probability. */
  double at(double rate) {
    return Math.max(LEAST, threshold + Math.log(READ_OFF / rate) / theta);
  }

  /** Probability, for each value, that a sum this large comes by chance. */
  double rate(double sum) {
    return Math.min(1, READ_OFF * Math.exp(theta * (threshold - sum)));
  }

  private static double readOff(double[] residuals, double reference, long seed) {
    double[] largest = new double[REPLAYS];
    int[] words = new int[4];
    Cusum sum = new Cusum(reference);
    long block = 0;
    int used = words.length;
    for (int replay = 0; replay < REPLAYS; replay++) {
      sum.reset();
      for (int i = 0; i < LENGTH; i++) {
        if (used == words.length) {
          Philox.words(seed, 0, block++, words);
          used = 0;
        }
        int word = words[used++];
        int index = (int) ((word >>> 1) * (long) residuals.length >>> 31);
        double z = (word & 1) == 0 ? residuals[index] : -residuals[index];
        largest[replay] = Math.max(largest[replay], sum.add(z));
      }
    }
    Arrays.sort(largest);
    return largest[(int) (QUANTILE * REPLAYS)];
  }

  /** The positive root of {@code mean cosh(theta z) exp(-theta k) = 1}, by bisection. */
  private static double tail(double[] residuals, double reference) {
    double low = 0.02;
    double high = 20;
    for (int i = 0; i < 40; i++) {
      double theta = (low + high) / 2;
      double mean = 0;
      for (double z : residuals) {
        mean += Math.cosh(theta * z);
      }
      if (Math.log(mean / residuals.length) < theta * reference) {
        low = theta;
      } else {
        high = theta;
      }
    }
    return low;
  }
}

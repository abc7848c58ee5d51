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

  private static final int REPLAYS = 120;
  private static final int LENGTH = 100;

  /** Part of the replays that stay below the threshold that is read off. */
  private static final double QUANTILE = 0.8;

  private static final double READ_OFF = -Math.log(QUANTILE) / LENGTH;

  private static final double LEAST = 1e-3;
  private static final double FLATTEST = 0.02;
  private static final double STEEPEST = 20;
  private static final int NEWTON = 20;

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
    long block = 0;
    for (int replay = 0; replay < REPLAYS; replay++) {
      double up = 0;
      double down = 0;
      double most = 0;
      for (int i = 0; i < LENGTH; i++) {
        if (i % words.length == 0) {
          Philox.words(seed, 0, block++, words);
        }
        int word = words[i % words.length];
        int index = (int) ((word >>> 1) * (long) residuals.length >>> 31);
        double z = (word & 1) == 0 ? residuals[index] : -residuals[index];
        up = Math.max(0, up + z - reference);
        down = Math.max(0, down - z - reference);
        most = Math.max(most, Math.max(up, down));
      }
      largest[replay] = most;
    }
    Arrays.sort(largest);
    return largest[(int) (QUANTILE * REPLAYS)];
  }

  /**
   * The positive root of {@code log mean cosh(theta z) = theta k}, by Newton's method: the left
   * side is convex, starts below the right, and overtakes it at the root.
   */
  private static double tail(double[] residuals, double reference) {
    double squares = 0;
    double most = 0;
    for (double z : residuals) {
      squares += z * z / residuals.length;
      most = Math.max(most, Math.abs(z));
    }
    if (most <= reference) {
      return STEEPEST;
    }
    double theta = Math.min(STEEPEST, 3 * reference / squares);
    for (int i = 0; i < NEWTON; i++) {
      double mean = 0;
      double slope = 0;
      for (double z : residuals) {
        double up = Math.exp(theta * z);
        double down = 1 / up;
        mean += (up + down) / 2;
        slope += (up - down) / 2 * z;
      }
      double excess = Math.log(mean / residuals.length) - theta * reference;
      double ascent = slope / mean - reference;
      double next = ascent > 0 ? theta - excess / ascent : 2 * theta;
      next = Math.clamp(next, FLATTEST, STEEPEST);
      if (Math.abs(next - theta) < 1e-3 * theta) {
        return next;
      }
      theta = next;
    }
    return theta;
  }
}

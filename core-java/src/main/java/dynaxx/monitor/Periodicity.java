package dynaxx.monitor;

import java.util.OptionalInt;

/**
 * Whether a series repeats itself: its autocorrelation, with the trend taken out, is high at a lag
 * and at twice the lag, and has a trough between. For white noise of n values the standard
 * deviation of an autocorrelation is {@code 1 / sqrt(n)} (Bartlett, 1946).
 */
final class Periodicity {

  private static final int LEAST = 16;

  private Periodicity() {}

  /**
   * The period of a series.
   *
   * @param values in order
   * @param deviations how many standard deviations of white noise the first peak must exceed
   * @return the lag, from 2 to a third of the length, or nothing
   */
  static OptionalInt lag(double[] values, double deviations) {
    int n = values.length;
    if (n < LEAST) {
      return OptionalInt.empty();
    }
    double[] r = autocorrelation(detrended(values));
    double one = 1 / Math.sqrt(n);
    double trough = 0;
    int best = 0;
    for (int lag = 2; 3 * lag <= n; lag++) {
      trough = Math.min(trough, r[lag - 1]);
      boolean peak = r[lag] > r[lag - 1] && r[lag] >= r[lag + 1];
      if (peak
          && trough < -one
          && r[lag] > Math.max(0.3, deviations * one)
          && Math.max(r[2 * lag], Math.max(r[2 * lag - 1], r[2 * lag + 1])) > 2 * one
          && (best == 0 || r[lag] > r[best])) {
        best = lag;
      }
    }
    return best == 0 ? OptionalInt.empty() : OptionalInt.of(best);
  }

  /**
   * Whether a series repeats itself at a lag that is known beforehand, as the length of an epoch
   * is: no search is made, so two standard deviations suffice.
   */
  static boolean repeats(double[] values, int lag) {
    int n = values.length;
    if (n < LEAST || lag < 2 || 3 * lag > n) {
      return false;
    }
    double[] r = autocorrelation(detrended(values));
    double one = 1 / Math.sqrt(n);
    double trough = 0;
    for (int i = 1; i < lag; i++) {
      trough = Math.min(trough, r[i]);
    }
    return trough < -one && r[lag] > Math.max(0.3, 2 * one) && r[2 * lag] > one;
  }

  private static double[] detrended(double[] values) {
    int n = values.length;
    double middle = (n - 1) / 2.0;
    double mean = 0;
    double slope = 0;
    double squares = 0;
    for (int i = 0; i < n; i++) {
      mean += values[i] / n;
      slope += (i - middle) * values[i];
      squares += (i - middle) * (i - middle);
    }
    double[] rest = new double[n];
    for (int i = 0; i < n; i++) {
      rest[i] = values[i] - mean - slope / squares * (i - middle);
    }
    return rest;
  }

  /** Autocorrelations at lags up to two thirds of the length. */
  private static double[] autocorrelation(double[] x) {
    int n = x.length;
    double[] r = new double[2 * (n / 3) + 2];
    double variance = 0;
    for (double value : x) {
      variance += value * value;
    }
    for (int lag = 0; lag < r.length && lag < n && variance > 0; lag++) {
      double sum = 0;
      for (int i = lag; i < n; i++) {
        sum += x[i] * x[i - lag];
      }
      r[lag] = sum / variance;
    }
    return r;
  }
}

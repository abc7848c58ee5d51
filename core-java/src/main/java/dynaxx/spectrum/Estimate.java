package dynaxx.spectrum;

import dynaxx.operator.NonFiniteException;
import java.util.Arrays;
import java.util.Locale;

/**
 * The mean of samples and its error: a trace from random probes, a moment from random starts, a
 * value over parts of the data. Its error is that of sampling; rounding of the products, about
 * {@link dynaxx.operator.SymmetricOperator#productError} times the largest eigenvalue for each
 * sample, is not in it.
 *
 * @param value mean of the samples
 * @param standardError standard deviation of that mean, estimated from the samples; infinite for a
 *     single sample, which tells nothing of it
 * @param samples each an estimate by itself
 */
public record Estimate(double value, double standardError, double[] samples) {

  /**
   * The mean of samples.
   *
   * @param samples at least one
   * @return mean and standard error
   * @throws IllegalArgumentException if there is no sample
   * @throws NonFiniteException if a sample is NaN or infinite
   */
  public static Estimate of(double... samples) {
    if (samples.length == 0) {
      throw new IllegalArgumentException("samples: found none, expected at least one");
    }
    double mean = Arrays.stream(samples).average().orElseThrow();
    NonFiniteException.check("sample", mean);
    return new Estimate(mean, deviation(samples, mean) / Math.sqrt(samples.length), samples);
  }

  private static double deviation(double[] samples, double mean) {
    if (samples.length == 1) {
      return Double.POSITIVE_INFINITY;
    }
    double squares = Arrays.stream(samples).map(x -> (x - mean) * (x - mean)).sum();
    return Math.sqrt(squares / (samples.length - 1));
  }

  /**
   * Standard deviation of the samples (unbiased variance).
   *
   * @return how far one sample typically lies from another; infinite for a single sample
   */
  public double standardDeviation() {
    return deviation(samples, value);
  }

  /**
   * Half width of the confidence interval around the value, by Student's t (1908) with one degree
   * of freedom less than there are samples. It covers the true value with the stated probability as
   * far as samples are normal: those of a trace with a dense spectrum nearly so from few probes on.
   * When a few eigenvalues dominate, the samples are skewed and a small number of them covers less;
   * deflating those eigenvalues fixes that.
   *
   * @param confidence probability of covering the true value, above 0 and below 1
   * @return the half width
   * @throws IllegalArgumentException if the confidence is not between 0 and 1
   */
  public double halfWidth(double confidence) {
    return StudentT.halfWidth(confidence, samples.length - 1) * standardError;
  }

  /**
   * Half width of the confidence interval where the first samples decided how many were taken, as
   * with {@link TraceEstimator#within}: Stein's two-stage procedure (1945), with the degrees of
   * freedom of the first stage and the larger of its and all samples' standard deviation.
   *
   * @param confidence probability of covering the true value, above 0 and below 1
   * @param firstStage number of samples of the first stage, at least 2
   * @return the half width
   * @throws IllegalArgumentException if the confidence is not between 0 and 1, or the first stage
   *     is not from 2 to the number of samples
   */
  public double halfWidth(double confidence, int firstStage) {
    if (firstStage < 2 || firstStage > samples.length) {
      throw new IllegalArgumentException(
          "firstStage: found " + firstStage + ", expected from 2 to " + samples.length);
    }
    Estimate first = of(Arrays.copyOf(samples, firstStage));
    double deviation = first.standardError * Math.sqrt(firstStage);
    return StudentT.halfWidth(confidence, firstStage - 1)
        * Math.max(deviation / Math.sqrt(samples.length), standardError);
  }

  /**
   * Whether a number lies in the confidence interval.
   *
   * @param x the number
   * @param confidence as in {@link #halfWidth(double)}
   * @return true up to the ends of the interval
   */
  public boolean covers(double x, double confidence) {
    return Math.abs(x - value) <= halfWidth(confidence);
  }

  /**
   * Value, error and number of samples in one line.
   *
   * @return for example {@code 367.4 +- 22 (16 samples)}
   */
  @Override
  public String toString() {
    return String.format(
        Locale.ROOT, "%.4g +- %.2g (%d samples)", value, standardError, samples.length);
  }
}

package dynaxx.layer;

import java.util.Arrays;

/**
 * Mean and variance of each channel as a batch normalisation has collected them while training:
 * constants of a network in evaluation. Immutable.
 */
public final class RunningStatistics {

  private final float[] values;

  private RunningStatistics(float[] values) {
    this.values = values;
  }

  /**
   * Copies the values.
   *
   * @param mean one for each channel, finite
   * @param variance one for each channel, finite and at least 0
   * @return the statistics
   * @throws IllegalArgumentException naming the channel, if a value is out of range or the numbers
   *     of channels differ
   */
  public static RunningStatistics of(float[] mean, float[] variance) {
    if (mean.length != variance.length || mean.length == 0) {
      throw new IllegalArgumentException(
          "running statistics: found "
              + mean.length
              + " means and "
              + variance.length
              + " variances, expected as many, and at least one");
    }
    for (int i = 0; i < mean.length; i++) {
      if (!(Float.isFinite(mean[i]) && Float.isFinite(variance[i]) && variance[i] >= 0)) {
        throw new IllegalArgumentException(
            "running statistics: found mean "
                + mean[i]
                + " and variance "
                + variance[i]
                + " at channel "
                + i
                + ", expected finite numbers and a variance of at least 0");
      }
    }
    float[] values = Arrays.copyOf(mean, 2 * mean.length);
    System.arraycopy(variance, 0, values, mean.length, mean.length);
    return new RunningStatistics(values);
  }

  /**
   * As a network starts: mean 0 and variance 1.
   *
   * @param channels at least 1
   * @return the statistics
   */
  public static RunningStatistics standard(int channels) {
    float[] ones = new float[channels];
    Arrays.fill(ones, 1);
    return of(new float[channels], ones);
  }

  /**
   * Number of channels.
   *
   * @return the count
   */
  public int channels() {
    return values.length / 2;
  }

  /**
   * Mean of a channel.
   *
   * @param channel which
   * @return the mean
   */
  public float mean(int channel) {
    return values[channel];
  }

  /**
   * Variance of a channel.
   *
   * @param channel which
   * @return the variance
   */
  public float variance(int channel) {
    return values[channels() + channel];
  }

  /**
   * The means, then the variances.
   *
   * @return a copy
   */
  public float[] values() {
    return values.clone();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof RunningStatistics o && Arrays.equals(values, o.values);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(values);
  }

  @Override
  public String toString() {
    return "RunningStatistics[" + channels() + " channels]";
  }
}

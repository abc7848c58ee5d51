package dynaxx.monitor;

/**
 * Forecasts a series by one step from a straight line through what was seen, older values counting
 * less (recursive least squares with exponential forgetting). Without forgetting, the forecast
 * errors divided by their standard deviations are independent (Brown, Durbin and Evans, 1975), so
 * the first values are judged as soundly as later ones, with no separate baseline.
 */
final class TrendForecast {

  /** Variance of the unknown first level and slope, in variances of the noise. */
  private static final double DIFFUSE = 1e8;

  private final double forgetting;
  private double level;
  private double slope;
  private double levelVariance = DIFFUSE;
  private double covariance;
  private double slopeVariance = DIFFUSE;

  /** A forecast in which about {@code memory} values count. */
  TrendForecast(double memory) {
    this.forgetting = 1 - 1 / memory;
  }

  /** The next value. */
  double next() {
    return level + slope;
  }

  /** Change from one value to the next. */
  double slope() {
    return slope;
  }

  /** Variance of the forecast's error, in variances of the noise; at least 1. */
  double variance() {
    return 1 + (levelVariance + 2 * covariance + slopeVariance) / forgetting;
  }

  /** Takes the next value. */
  void add(double value) {
    double a = (levelVariance + 2 * covariance + slopeVariance) / forgetting;
    double b = (covariance + slopeVariance) / forgetting;
    double d = slopeVariance / forgetting;
    double error = value - next();
    double levelGain = a / (1 + a);
    double slopeGain = b / (1 + a);
    level = next() + levelGain * error;
    slope += slopeGain * error;
    levelVariance = Math.min(DIFFUSE, a - levelGain * a);
    covariance = b - levelGain * b;
    slopeVariance = Math.min(DIFFUSE, d - slopeGain * b);
  }
}

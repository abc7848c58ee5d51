package dynaxx.monitor;

import java.util.Arrays;
import java.util.OptionalInt;

/**
 * Watches one signal for a change of level: what a forecast leaves of the transformed values is
 * whitened (first-order autoregression), divided by a robust standard deviation, cut off, and
 * summed by two CUSUMs whose thresholds come from a bootstrap of the signal's own residuals.
 */
final class Chart {

  private static final int CAPACITY = 256;

  /** Growth of the history between two calibrations. */
  private static final double GROWTH = 1.5;

  /** Chance below which a change may be under way, and is not taken for noise. */
  private static final double STIRRED = 0.02;

  /** First values whose forecasts rest on too little to say what the noise is. */
  private static final int SETTLING = 4;

  /** Autocorrelation from which on the trend is too small a part of the values to be told. */
  private static final double TREND_LOST = 0.8;

  /** Snapshots seen by two charts from which on their correlation is believed. */
  private static final int LEAST_COMMON = 10;

  private final CalibratedSettings settings;
  private final double floor;
  private final long seed;
  private final Cusum slow;
  private final Cusum fast;

  private final double[] values = new double[CAPACITY];
  private final double[] errors = new double[CAPACITY];
  private final long[] steps = new long[CAPACITY];
  private final double[] residuals = new double[CAPACITY];
  private int size;
  private int count;
  private int nextCalibration;

  private TrendForecast forecast;
  private double persistence;
  private double deviation;
  private double largest;
  private double expected;
  private double last;
  private double beforeLast;
  private double secondBeforeLast;
  private ThresholdBootstrap slowThreshold;
  private ThresholdBootstrap fastThreshold;

  Chart(Signal signal, CalibratedSettings settings) {
    this.settings = settings;
    this.floor = signal.scale().floor();
    this.seed = settings.seed() * 64 + signal.ordinal();
    this.slow = new Cusum(settings.slowReference());
    this.fast = new Cusum(settings.fastReference());
    reset();
  }

  /** Forgets what was seen. */
  void reset() {
    size = 0;
    count = 0;
    nextCalibration = settings.baseline();
    slowThreshold = null;
    last = 0;
    beforeLast = 0;
    secondBeforeLast = 0;
    quieten();
  }

  /** Sets the sums back to zero. */
  void quieten() {
    slow.reset();
    fast.reset();
  }

  boolean ready() {
    return slowThreshold != null;
  }

  /** Takes a transformed value with its standard error, 0 if not known. */
  void add(double value, double error, long step) {
    if (size == CAPACITY) {
      int kept = CAPACITY / 2;
      for (Object array : new Object[] {values, errors, steps, residuals}) {
        System.arraycopy(array, CAPACITY - kept, array, 0, kept);
      }
      size = kept;
    }
    values[size] = value;
    errors[size] = error;
    steps[size] = step;
    size++;
    count++;
    if (ready()) {
      judge(size - 1);
    }
    if (count >= nextCalibration && (!ready() || sumRate() > STIRRED)) {
      calibrate();
      nextCalibration = (int) Math.ceil(count * GROWTH);
    }
  }

  private void judge(int i) {
    double whitened = whitened(i);
    expected = trend(i);
    double raw =
        (whitened - forecast.next())
            / (Math.max(deviation, settings.errorWeight() * errors[i])
                * Math.sqrt(forecast.variance()));
    double z = Math.clamp(raw, -settings.clip(), settings.clip());
    secondBeforeLast = beforeLast;
    beforeLast = last;
    last = raw;
    residuals[i] = z;
    slow.add(z);
    fast.add(z);
    forecast.add(forecast.next() + z * deviation * Math.sqrt(forecast.variance()));
  }

  private double whitened(int i) {
    return i == 0 ? (1 - persistence) * values[0] : values[i] - persistence * values[i - 1];
  }

  /** Learns autocorrelation, standard deviation and thresholds from the history. */
  private void calibrate() {
    double[] rest = forecastErrors(0);
    persistence = autocorrelation(rest);
    rest = persistence == 0 ? rest : forecastErrors(persistence);
    double median = Robust.median(Arrays.copyOf(errors, size));
    deviation = Math.max(Math.max(Robust.deviation(rest), floor), settings.errorWeight() * median);
    // Few residuals do not show their tails.
    double inflation = 1 + 1 / Math.sqrt(rest.length);
    double[] standard = new double[rest.length];
    largest = 0;
    for (int i = 0; i < rest.length; i++) {
      double z = rest[i] / deviation;
      residuals[size - rest.length + i] = Math.clamp(z, -settings.clip(), settings.clip());
      standard[i] = Math.clamp(inflation * z, -settings.clip(), settings.clip());
      largest = Math.max(largest, Math.abs(z));
    }
    slowThreshold = new ThresholdBootstrap(standard, settings.slowReference(), 2 * seed);
    fastThreshold = new ThresholdBootstrap(standard, settings.fastReference(), 2 * seed + 1);
  }

  /** Errors of the forecasts of the whitened history, in standard deviations of the noise. */
  private double[] forecastErrors(double rho) {
    persistence = rho;
    forecast = new TrendForecast(settings.memory());
    double[] rest = new double[size - SETTLING];
    for (int i = 0; i < size; i++) {
      double value = whitened(i);
      if (i >= SETTLING) {
        rest[i - SETTLING] = (value - forecast.next()) / Math.sqrt(forecast.variance());
      }
      forecast.add(value);
    }
    return rest;
  }

  /**
   * Autocorrelation at lag 1, at least 0, with the bias of small samples taken out (Kendall, 1954);
   * outliers are cut off. One that is surely there is taken a standard error larger, since too
   * little whitening causes false alarms and too much only delay.
   */
  private static double autocorrelation(double[] rest) {
    double scale = Robust.deviation(rest);
    double products = 0;
    double squares = 0;
    double before = 0;
    for (double value : rest) {
      double cut = Math.clamp(value, -3 * scale, 3 * scale);
      products += cut * before;
      squares += cut * cut;
      before = cut;
    }
    double r = squares == 0 ? 0 : products / squares;
    double rho = r + (1 + 4 * r) / rest.length;
    double error = Math.sqrt(Math.max(0, 1 - rho * rho) / rest.length);
    return Math.clamp(rho > 2 * error ? rho + error : rho, 0, 0.95);
  }

  /**
   * Probability, for each snapshot, that what the sums say comes by chance; 1 unless the last three
   * values all lie on the side of the change, so that neither one value nor an oscillation counts.
   */
  double rate() {
    if (!ready()) {
      return 1;
    }
    int side = direction();
    double least = Math.min(Math.min(side * last, side * beforeLast), side * secondBeforeLast);
    return least > 0 ? sumRate() : 1;
  }

  private double sumRate() {
    double least = Math.min(slowThreshold.rate(slow.value()), fastThreshold.rate(fast.value()));
    return Math.min(1, 2 * least);
  }

  private Cusum stronger() {
    return slowThreshold.rate(slow.value()) < fastThreshold.rate(fast.value()) ? slow : fast;
  }

  int direction() {
    return stronger().direction();
  }

  /** Step at which the change began, as far as the sums tell. */
  long since() {
    return steps[onset()];
  }

  private int onset() {
    return Math.max(0, size - Math.max(1, stronger().length()));
  }

  /**
   * Where the trend of the whitened values says that a value should be: they follow a line {@code a
   * + b t} as {@code (1 - rho) (a + b t) + rho b}. Strong autocorrelation leaves the trend unknown,
   * and the value before stands for it.
   */
  private double trend(int i) {
    if (persistence > TREND_LOST) {
      return forecast.next() + persistence * values[i - 1];
    }
    double slope = forecast.slope() / (1 - persistence);
    return (forecast.next() - persistence * slope) / (1 - persistence);
  }

  /** What the trend let expect in place of the last value. */
  double expected() {
    return expected;
  }

  /** The median of the last values, at most a baseline of them. */
  double level() {
    return Robust.median(Arrays.copyOfRange(values, Math.max(0, size - settings.baseline()), size));
  }

  /** Level beyond which values add to the sum that speaks. */
  double limit() {
    double reference = stronger() == slow ? settings.slowReference() : settings.fastReference();
    return expected + direction() * reference * deviation();
  }

  /** Standard deviation of the values about their forecasts, autocorrelation included. */
  double deviation() {
    return deviation / Math.sqrt(1 - persistence * persistence);
  }

  /** Whether the value before the last was far off, and the last is back. */
  boolean spiked() {
    double bound = Math.max(settings.spike(), 1.5 * largest);
    return Math.abs(beforeLast) > bound && Math.abs(last + persistence * beforeLast) < 3;
  }

  long stepBefore() {
    return steps[size - 2];
  }

  double valueBefore() {
    return values[size - 2];
  }

  /** The period of the values, of which one that is known is believed sooner; 0 if none is. */
  OptionalInt period(int known) {
    int length = Math.min(size, settings.cycleWindow());
    double[] recent = Arrays.copyOfRange(values, size - length, size);
    return Periodicity.repeats(recent, known)
        ? OptionalInt.of(known)
        : Periodicity.lag(recent, settings.cycleDeviations());
  }

  /**
   * Correlation of the noise, before the change that the sums speak of, with that of another chart;
   * 0 if too few snapshots were seen by both.
   */
  double correlation(Chart other) {
    if (!ready() || !other.ready()) {
      return 0;
    }
    double products = 0;
    double mine = 0;
    double others = 0;
    int common = 0;
    int j = onset() - 1;
    int k = other.size - 1;
    while (j >= SETTLING && k >= SETTLING) {
      if (steps[j] == other.steps[k]) {
        products += residuals[j] * other.residuals[k];
        mine += residuals[j] * residuals[j];
        others += other.residuals[k] * other.residuals[k];
        common++;
        j--;
        k--;
      } else if (steps[j] > other.steps[k]) {
        j--;
      } else {
        k--;
      }
    }
    boolean enough = common >= LEAST_COMMON && products != 0;
    return enough ? products / Math.sqrt(mine * others) : 0;
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;

/**
 * Watches one signal for a change of level: what a forecast leaves of the transformed values is
 * whitened (first-order autoregression), divided by a robust standard deviation, cut off, and given
 * to two statistics, a CUSUM for small shifts and one for steps, whose chances come from a
 * bootstrap of the signal's own residuals.
 */
final class Chart {

  private static final int CAPACITY = 256;

  /** Growth of the history between two calibrations. */
  private static final double GROWTH = 1.5;

  /** Chance below which a change may be under way, and is not taken for noise. */
  private static final double STIRRED = 0.02;

  /** First values whose forecasts rest on too little to say what the noise is. */
  private static final int SETTLING = 4;

  /** Autocorrelation above which the trend is too small a part of the values to be recognised. */
  private static final double TREND_LOST = 0.8;

  /** Values in a row on the side of a change: neither one nor an oscillation proves anything. */
  private static final int LEAST_STREAK = 5;

  /** Values in a row that suffice if each is far on that side. */
  private static final int LEAST_FIRM = 3;

  /**
   * Standard deviations of a lasting step, however quiet the series: the noise that is believed may
   * be the estimator's own, and larger than what the series shows.
   */
  private static final double LEAST_SIZE = 3;

  /** Standard deviations within which a value is where it was. */
  private static final double AT_HOME = 3;

  /** Snapshots that two charts must have seen before their correlation is believed. */
  private static final int LEAST_COMMON = 10;

  private final CalibratedSettings settings;
  private final double floor;
  private final long seed;
  private ShiftStatistic sum;
  private ShiftStatistic step;

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
  private double aside;
  private double asideBefore;
  private int streak;
  private int firmStreak;
  private ThresholdBootstrap ofSum;
  private ThresholdBootstrap ofStep;

  Chart(Signal signal, CalibratedSettings settings) {
    this.settings = settings;
    this.floor = signal.scale().floor();
    this.seed = settings.seed() * 64 + signal.ordinal();
    reset();
  }

  /** Forgets what was seen. */
  void reset() {
    size = 0;
    count = 0;
    nextCalibration = settings.baseline();
    ofSum = null;
    last = 0;
    beforeLast = 0;
    aside = 0;
    streak = 0;
    firmStreak = 0;
    quieten();
  }

  /** Sets the sums back to zero. */
  void quieten() {
    if (ready()) {
      sum.reset();
      step.reset();
    }
  }

  boolean ready() {
    return ofSum != null;
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
    if (count >= nextCalibration && !(ready() && stirred())) {
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
    beforeLast = last;
    last = raw;
    asideBefore = aside;
    aside = (values[i] - expected) / deviation();
    streak = follow(streak, (int) Math.signum(aside));
    firmStreak =
        follow(firmStreak, Math.abs(aside) < step.reference() ? 0 : (int) Math.signum(aside));
    residuals[i] = z;
    sum.add(z);
    step.add(z);
    forecast.add(forecast.next() + z * deviation * Math.sqrt(forecast.variance()));
  }

  /** Values in a row on one side, negative below. */
  private static int follow(int streak, int side) {
    return side * streak > 0 ? streak + side : side;
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
    double inflation = 1 + 5.0 / rest.length;
    double[] standard = new double[rest.length];
    largest = 0;
    for (int i = 0; i < rest.length; i++) {
      double z = rest[i] / deviation;
      residuals[size - rest.length + i] = Math.clamp(z, -settings.clip(), settings.clip());
      standard[i] = Math.clamp(inflation * z, -settings.clip(), settings.clip());
      largest = Math.max(largest, Math.abs(z));
    }
    sum = new Cusum(settings.reference());
    step = new StepStatistic(Math.max(0.4, 1 - persistence));
    ofSum = new ThresholdBootstrap(standard, sum, 2 * seed);
    ofStep = new ThresholdBootstrap(standard, step, 2 * seed + 1);
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
    return Math.clamp(rho + Math.clamp(rho / error, 0, 1) * 7 * error * error, 0, 0.95);
  }

  /**
   * Probability, for each snapshot, that what the statistics say comes by chance. The CUSUM counts
   * only if the last five values all lie on the side of the change, that for steps also if the last
   * three do firmly, so that neither one value nor an oscillation does.
   */
  double rate() {
    return ready() ? Math.min(1, 2 * Math.min(shiftRate(), stepRate())) : 1;
  }

  private double shiftRate() {
    return lasts(sum) ? ofSum.rate(sum.value()) : 1;
  }

  private double stepRate() {
    boolean firm = step.direction() * firmStreak >= LEAST_FIRM;
    boolean large = lasts(step) && step.value() >= LEAST_SIZE;
    return firm || large ? ofStep.rate(step.value()) : 1;
  }

  private boolean lasts(ShiftStatistic statistic) {
    return statistic.direction() * streak >= LEAST_STREAK;
  }

  /** Whether a change may be under way. */
  private boolean stirred() {
    return 2 * Math.min(ofSum.rate(sum.value()), ofStep.rate(step.value())) < STIRRED;
  }

  /** The statistic that the rate is of. */
  private ShiftStatistic stronger() {
    return shiftRate() < stepRate() ? sum : step;
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
    return expected + direction() * stronger().reference() * deviation();
  }

  /** Standard deviation of the values about their forecasts, autocorrelation included. */
  double deviation() {
    return deviation / Math.sqrt(1 - persistence * persistence);
  }

  /**
   * Whether the value before the last was far off, and the last is back. What is new in a value
   * after a spike is far off, too, the value itself is not.
   */
  boolean spiked() {
    double bound = Math.max(settings.spike(), 1.5 * largest);
    return Math.abs(beforeLast) > bound
        && Math.abs(asideBefore) > AT_HOME
        && Math.abs(last + persistence * beforeLast) < AT_HOME;
  }

  long stepBefore() {
    return steps[size - 2];
  }

  double valueBefore() {
    return values[size - 2];
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

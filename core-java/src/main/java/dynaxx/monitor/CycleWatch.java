package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.OptionalInt;

/**
 * Whether a channel repeats itself, and what its cycle explains: values within the range that the
 * cycle had, about a straight line. Several in a row beyond that range are a change on top of it.
 * Its history outlives the charts, which start again after each event.
 */
final class CycleWatch {

  /** Periods for which a cycle is believed after it was found last. */
  private static final int PERIODS = 2;

  /** Standard deviations more that a cycle must show for a while after a transition. */
  private static final double DISTURBED = 1.5;

  /** Part of the variance that a cycle must explain to be believed for longer than it is seen. */
  private static final double MOST = 0.65;

  /** Part of the values that is cut off at either end of the range: outliers belong to no cycle. */
  private static final double TRIMMED = 0.05;

  /** Distance from the range, in standard deviations about the cycle, that is beyond it. */
  private static final double DEVIATIONS = 3;

  /** The same as part of the range: the height of a cycle varies. */
  private static final double PART = 0.25;

  private final CalibratedSettings settings;
  private final double floor;
  private final double[] values;
  private final int[] ticks;
  private final long[] steps;
  private int seen;
  private int clearFrom;
  private int period;
  private int believedUntil;
  private int found;
  private int foundAt;
  private Range range;
  private int side;
  private int beyond;

  /** A line, and how far from it the values lay; x counts values. */
  private record Range(double middle, double level, double slope, double low, double high) {
    double at(double x) {
      return level + slope * (x - middle);
    }
  }

  CycleWatch(Signal signal, CalibratedSettings settings) {
    this.settings = settings;
    this.floor = signal.scale().floor();
    this.values = new double[settings.cycleWindow()];
    this.ticks = new int[values.length];
    this.steps = new long[values.length];
  }

  /** Forgets what was seen. */
  void reset() {
    seen = 0;
    clearFrom = 0;
    period = 0;
    found = 0;
    leave();
  }

  /** After a change the cycle may go on about another level, which has to be seen first. */
  void rebase(int tick) {
    seen = 0;
    clearFrom = 0;
    believedUntil = period == 0 ? tick : tick + 3 * period;
    leave();
  }

  private void leave() {
    range = null;
    side = 0;
    beyond = 0;
  }

  /** A transition was told: a series with one in it must repeat itself clearly. */
  void disturbed() {
    clearFrom = seen + values.length;
  }

  /** Takes a transformed value. */
  void add(double value, int tick, long step) {
    int i = seen % values.length;
    values[i] = value;
    ticks[i] = tick;
    steps[i] = step;
    side = range == null ? 0 : sideOf(value - range.at(seen));
    beyond = side * beyond > 0 ? beyond + side : side;
    seen++;
  }

  private int sideOf(double rest) {
    return rest > range.high() ? 1 : rest < range.low() ? -1 : 0;
  }

  /**
   * Searches the last values for a period.
   *
   * @param known periods that are believed sooner
   * @param charts that are asked for the same thing: the more, the more deviations it takes
   */
  OptionalInt find(int tick, int[] known, int charts) {
    if (seen < settings.baseline()) {
      return OptionalInt.empty();
    }
    double[] recent = recent();
    double least = settings.cycleDeviations() + (seen < clearFrom ? DISTURBED : 0);
    double deviations = Math.sqrt(least * least + 2 * Math.log(charts));
    OptionalInt lag = Arrays.stream(known).filter(p -> Periodicity.repeats(recent, p)).findFirst();
    if (lag.isEmpty()) {
      lag = Periodicity.lag(recent, deviations);
    }
    if (lag.isPresent()) {
      found = lag.getAsInt();
      foundAt = tick;
      if (beyond == 0) {
        believe(recent, tick);
      }
    }
    return lag;
  }

  private double[] recent() {
    int n = Math.min(seen, values.length);
    double[] recent = new double[n];
    for (int i = 0; i < n; i++) {
      recent[i] = values[(seen - n + i) % values.length];
    }
    return recent;
  }

  /** A cycle that is most of what moves will go on; noise may repeat itself by chance. */
  private void believe(double[] recent, int tick) {
    int n = recent.length;
    double half = (n - 1) / 2.0;
    double level = 0;
    double slope = 0;
    for (int i = 0; i < n; i++) {
      level += recent[i] / n;
      slope += (i - half) * recent[i];
    }
    slope /= n * ((double) n * n - 1) / 12;
    double[] rest = new double[n];
    double[] repeated = new double[n - found];
    double all = 0;
    double noise = 0;
    for (int i = 0; i < n; i++) {
      rest[i] = recent[i] - level - slope * (i - half);
      all += rest[i] * rest[i] / n;
      if (i >= found) {
        repeated[i - found] = (rest[i] - rest[i - found]) / Math.sqrt(2);
        noise += repeated[i - found] * repeated[i - found] / repeated.length;
      }
    }
    if (noise > (1 - MOST) * all) {
      return;
    }
    period = found;
    believedUntil = tick + PERIODS * period;
    Arrays.sort(rest);
    // A pulse comes once in a period, an outlier only once or twice.
    int cut = Math.min((int) (TRIMMED * n), n / (2 * period));
    double low = rest[cut];
    double high = rest[n - 1 - cut];
    double deviation = Math.max(floor, Robust.deviation(repeated));
    double margin = Math.max(DEVIATIONS * deviation, PART * (high - low));
    range = new Range(seen - 1 - half, level, slope, low - margin, high + margin);
  }

  /** Whether there is a cycle, left or not. */
  boolean believed(int tick) {
    return period > 0 && tick <= believedUntil;
  }

  /** Whether what the channel does is its cycle. */
  boolean explains(int tick) {
    return believed(tick) && !left(tick);
  }

  /** Whether the value before the last, a spike, is one that came a period earlier, too. */
  boolean explainsSpike(int tick) {
    int spike = seen - 2;
    if (found == 0 || tick - foundAt > values.length) {
      return false;
    }
    double height = value(spike) - Robust.median(recent());
    for (int before = spike - found - 1; before <= spike - found + 1; before++) {
      boolean known = before >= Math.max(0, seen - values.length);
      if (known && Math.abs(value(spike) - value(before)) <= PART * Math.abs(height)) {
        return true;
      }
    }
    return false;
  }

  /** Whether the last values lie beyond what the cycle explains. */
  boolean left(int tick) {
    return believed(tick) && Math.abs(beyond) >= settings.persistence();
  }

  /** On which side of the range the last values lie. */
  int direction() {
    return Integer.signum(beyond);
  }

  /** Step of the first value beyond the range. */
  long since() {
    return steps[(seen - Math.abs(beyond)) % steps.length];
  }

  /** Height of its range; 0 until that is known. */
  double height() {
    return range == null ? 0 : range.high() - range.low();
  }

  /** The middle of the cycle at the last value. */
  double level() {
    return range.at(seen - 1);
  }

  /** The end of the range that the last values lie beyond. */
  double limit() {
    return level() + (beyond > 0 ? range.high() : range.low());
  }

  /**
   * Correlation of what two cycles do not repeat, before they were left; 0 if too little of it was
   * seen of both.
   */
  double correlation(CycleWatch other, int least) {
    double products = 0;
    double mine = 0;
    double others = 0;
    int common = 0;
    int i = seen - 1 - Math.abs(beyond);
    int j = other.seen - 1;
    while (inside(i) && other.inside(j)) {
      int difference = tick(i) - other.tick(j);
      if (difference == 0) {
        double a = value(i) - value(i - period);
        double b = other.value(j) - other.value(j - other.period);
        products += a * b;
        mine += a * a;
        others += b * b;
        common++;
      }
      i -= difference >= 0 ? 1 : 0;
      j -= difference <= 0 ? 1 : 0;
    }
    return common >= least && products != 0 ? products / Math.sqrt(mine * others) : 0;
  }

  private boolean inside(int i) {
    return period > 0 && i - period >= Math.max(0, seen - values.length);
  }

  private double value(int i) {
    return values[i % values.length];
  }

  private int tick(int i) {
    return ticks[i % values.length];
  }
}

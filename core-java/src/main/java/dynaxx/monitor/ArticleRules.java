package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;

/**
 * The article's rules, as it states them: precursors, and a transition where smoothed lambda_min
 * crosses zero and stays. They know nothing of noise beyond what smoothing and persistence do, so
 * their rate of false alarms depends on the run; see the documentation for measured rates.
 *
 * <p>Each snapshot is counted once more for non-smooth activations and once more for a large batch:
 * precursors must then be seen in two or three snapshots in a row, and transitions stay twice or
 * three times as long. The confidence is the probability that the value is beyond its threshold, if
 * its uncertainty is known, and 0.5 if not; half of it for a large batch.
 */
final class ArticleRules implements Rules {

  /** Snapshots before the smoothed ones whose median is the level of the gradient variance. */
  private static final int VARIANCE_LEVEL = 10;

  private final ArticleSettings settings;
  private final ObservationGuard guard = new ObservationGuard();
  private final Series lambda = new Series();
  private final Series variance = new Series();
  private final Series trace = new Series();
  private final Map<Cause, Integer> inRow = new EnumMap<>(Cause.class);
  private Observation now;
  private boolean largeBatch;
  private long guardedUntil = Long.MIN_VALUE;
  private int withinNoise;
  private int side;
  private int pendingSide;
  private long pendingSince;
  private double varianceLevel;
  private boolean unstable;
  private boolean cyclic;

  private enum Cause {
    MAGNITUDE,
    VARIANCE,
    TRACE,
    DIP
  }

  /** The values of one signal since the last restart. */
  private static final class Series {
    private static final int CAPACITY = 128;
    private final List<Double> values = new ArrayList<>();
    private final List<Long> steps = new ArrayList<>();

    void add(long step, double value) {
      if (values.size() == CAPACITY) {
        values.removeFirst();
        steps.removeFirst();
      }
      values.add(value);
      steps.add(step);
    }

    void clear() {
      values.clear();
      steps.clear();
    }

    int size() {
      return values.size();
    }

    double last() {
      return values.getLast();
    }

    /** The values from {@code skip + count} to {@code skip} before the end. */
    double[] window(int count, int skip) {
      int end = values.size() - skip;
      return values.subList(Math.max(0, end - count), Math.max(0, end)).stream()
          .mapToDouble(x -> x)
          .toArray();
    }

    long step(int back) {
      return steps.get(Math.max(0, steps.size() - 1 - back));
    }
  }

  /**
   * Rules that have seen nothing yet.
   *
   * @param settings all numbers
   */
  ArticleRules(ArticleSettings settings) {
    this.settings = settings;
  }

  @Override
  public List<Event> observe(Observation observation) {
    List<Event> events = new ArrayList<>();
    guard.check(observation, events);
    now = observation;
    now.value(Signal.BATCH_SIZE).ifPresent(size -> largeBatch = size > settings.largeBatch());
    now.value(Signal.LAMBDA_MIN).ifPresent(value -> lambda.add(now.step(), value));
    now.value(Signal.GRADIENT_VARIANCE).ifPresent(value -> variance.add(now.step(), value));
    now.value(Signal.TRACE).ifPresent(value -> trace.add(now.step(), value));
    if (now.step() < guardedUntil) {
      return List.copyOf(events);
    }
    followNoise();
    precursors(events);
    if (now.value(substituted() ? Signal.GRADIENT_VARIANCE : Signal.LAMBDA_MIN).isPresent()) {
      boolean artefact = instability(events) | cycle(events);
      transition(artefact).ifPresent(events::add);
    }
    return List.copyOf(events);
  }

  @Override
  public List<Event> restarted(long step) {
    guard.restarted(step);
    guardedUntil = step + settings.restartGuard();
    lambda.clear();
    variance.clear();
    trace.clear();
    inRow.clear();
    side = 0;
    pendingSide = 0;
    withinNoise = 0;
    return List.of(
        ObservationGuard.restart(
            step, "nothing is reported for " + settings.restartGuard() + " steps"));
  }

  /** The article's rules ask for no more than the values. */
  @Override
  public void learningRateChanged(long step) {}

  /** The article's rules ask for no more than the values. */
  @Override
  public void epochEnded(long step) {}

  @Override
  public List<Event> finish() {
    return List.of();
  }

  private void followNoise() {
    now.reading(Signal.LAMBDA_MIN)
        .ifPresent(
            reading -> {
              boolean within = Math.abs(reading.value()) <= reading.errorOr(-1);
              boolean before = substituted();
              withinNoise = within ? withinNoise + 1 : 0;
              if (before != substituted()) {
                side = 0;
                pendingSide = 0;
              }
            });
  }

  /** Whether the gradient variance takes the place of lambda_min. */
  private boolean substituted() {
    return settings.layers() > settings.deepLayers() || withinNoise >= settings.withinNoise();
  }

  /** How much evidence is needed, in units of what is usual. */
  private int needed() {
    return 1 + (settings.smooth() ? 0 : 1) + (largeBatch ? 1 : 0);
  }

  private void precursors(List<Event> events) {
    if (now.value(Signal.LAMBDA_MIN).isPresent() && !substituted()) {
      magnitude().ifPresent(events::add);
      dip().ifPresent(events::add);
    }
    if (now.value(Signal.GRADIENT_VARIANCE).isPresent()) {
      varianceSpike().ifPresent(events::add);
    }
    if (now.value(Signal.TRACE).isPresent()) {
      traceRise().ifPresent(events::add);
    }
  }

  private Optional<Event> magnitude() {
    double[] recent = lambda.window(settings.recent(), 1);
    double level = recent.length < settings.recent() ? Double.NaN : Robust.median(recent);
    double threshold = level / settings.magnitude();
    return precursor(
        Cause.MAGNITUDE,
        Math.abs(lambda.last()) <= Math.abs(threshold),
        Signal.LAMBDA_MIN,
        level,
        threshold,
        "lambda_min %.4g is a tenth or less of its recent level %.4g (threshold %.4g)");
  }

  private Optional<Event> dip() {
    int n = settings.decline();
    double[] y = lambda.window(n, 1);
    if (y.length < n) {
      return Optional.empty();
    }
    double middle = (n - 1) / 2.0;
    double mean = Arrays.stream(y).average().orElseThrow();
    double products = 0;
    double squares = 0;
    double total = 0;
    for (int i = 0; i < n; i++) {
      products += (i - middle) * (y[i] - mean);
      squares += (i - middle) * (i - middle);
      total += (y[i] - mean) * (y[i] - mean);
    }
    double slope = products / squares;
    boolean linear = slope < 0 && slope * products >= settings.linearity() * total;
    double line = mean + slope * (n - middle);
    double threshold = line + settings.dip() * slope;
    return precursor(
        Cause.DIP,
        linear && lambda.last() < threshold,
        Signal.LAMBDA_MIN,
        line,
        threshold,
        "lambda_min %.4g dips below the line %.4g of its linear decrease (threshold %.4g)");
  }

  private Optional<Event> varianceSpike() {
    double[] recent = variance.window(settings.recent(), 1);
    double level = recent.length < settings.recent() ? Double.NaN : Robust.median(recent);
    double threshold = level * settings.varianceSpike();
    boolean small =
        substituted() || now.value(Signal.LAMBDA_MIN).orElse(Double.NaN) < settings.smallLambda();
    return precursor(
        Cause.VARIANCE,
        small && variance.last() > threshold,
        Signal.GRADIENT_VARIANCE,
        level,
        threshold,
        "gradient variance %.4g spikes above its recent level %.4g (threshold %.4g), "
            + (substituted() ? "which stands for lambda_min" : "with a small lambda_min"));
  }

  private Optional<Event> traceRise() {
    double[] recent = trace.window(settings.recent(), 1);
    double level = recent.length < settings.recent() ? Double.NaN : Robust.median(recent);
    double threshold = level * settings.traceRise();
    return precursor(
        Cause.TRACE,
        level > 0 && trace.last() > threshold,
        Signal.TRACE,
        level,
        threshold,
        "trace %.4g rose suddenly from its recent level %.4g (threshold %.4g)");
  }

  /** An event when a condition has held for as many snapshots in a row as are needed. */
  private Optional<Event> precursor(
      Cause cause, boolean holds, Signal signal, double level, double threshold, String words) {
    int row = holds ? inRow.getOrDefault(cause, 0) + 1 : 0;
    inRow.put(cause, row);
    if (row != needed()) {
      return Optional.empty();
    }
    Reading reading = now.reading(signal).orElseThrow();
    Series series = series(signal);
    int window = cause == Cause.DIP ? settings.decline() : settings.recent();
    return Optional.of(
        event(
            Event.Kind.PRECURSOR,
            signal,
            reading.value(),
            reading.error(),
            level,
            threshold,
            series.step(window),
            String.format(Locale.ROOT, words, reading.value(), level, threshold)));
  }

  private Series series(Signal signal) {
    return switch (signal) {
      case GRADIENT_VARIANCE -> variance;
      case TRACE -> trace;
      default -> lambda;
    };
  }

  private boolean instability(List<Event> events) {
    double[] recent = lambda.window(settings.crossingWindow(), 0);
    int changes = 0;
    for (int i = 1; i < recent.length; i++) {
      changes += recent[i] < 0 != recent[i - 1] < 0 ? 1 : 0;
    }
    boolean many = changes >= settings.crossings() && !substituted();
    if (many && !unstable) {
      events.add(
          event(
              Event.Kind.INSTABILITY,
              Signal.LAMBDA_MIN,
              lambda.last(),
              OptionalDouble.empty(),
              0,
              0,
              lambda.step(recent.length - 1),
              String.format(
                  Locale.ROOT,
                  "lambda_min crossed zero %d times in the last %d snapshots: the learning rate"
                      + " may be too high",
                  changes,
                  recent.length)));
    }
    unstable = many;
    return many;
  }

  private boolean cycle(List<Event> events) {
    Signal signal = substituted() ? Signal.GRADIENT_VARIANCE : Signal.LAMBDA_MIN;
    double[] recent = series(signal).window(settings.cycleWindow(), 0);
    OptionalInt period = Periodicity.lag(recent, 3);
    if (period.isPresent() && !cyclic) {
      events.add(
          event(
              Event.Kind.CYCLIC,
              signal,
              series(signal).last(),
              OptionalDouble.empty(),
              Robust.median(recent),
              Double.NaN,
              series(signal).step(recent.length - 1),
              String.format(
                  Locale.ROOT,
                  "%s repeats itself about every %d snapshots: not a transition",
                  signal.column(),
                  period.getAsInt())));
    }
    cyclic = period.isPresent();
    return cyclic;
  }

  /** Follows the smoothed series across its threshold; artefacts restart the wait. */
  private Optional<Event> transition(boolean artefact) {
    Signal signal = substituted() ? Signal.GRADIENT_VARIANCE : Signal.LAMBDA_MIN;
    int count = smoothed(series(signal));
    if (count < ArticleSettings.LEAST_SMOOTHING) {
      return Optional.empty();
    }
    double mean = Arrays.stream(series(signal).window(count, 0)).average().orElseThrow();
    int found = substituted() ? varianceSide(mean, count) : mean < 0 ? -1 : 1;
    if (found == 0 || artefact || found == side || side == 0) {
      side = side == 0 ? found : side;
      pendingSide = 0;
      return Optional.empty();
    }
    if (pendingSide != found) {
      pendingSide = found;
      pendingSince = now.step();
    }
    if (now.step() - pendingSince < needed() * settings.hold()) {
      return Optional.empty();
    }
    side = found;
    pendingSide = 0;
    return Optional.of(transition(signal, mean, count));
  }

  /** Snapshots in the moving average: as many as the settings and the steps allow. */
  private int smoothed(Series series) {
    int count = 0;
    while (count < Math.min(settings.smoothing(), series.size())
        && (count < ArticleSettings.LEAST_SMOOTHING
            || now.step() - series.step(count) <= settings.smoothingSteps())) {
      count++;
    }
    return count;
  }

  /** +1 if the smoothed gradient variance is far above its level before, else -1; 0 if unknown. */
  private int varianceSide(double mean, int count) {
    double[] before = variance.window(VARIANCE_LEVEL, count);
    if (before.length < VARIANCE_LEVEL) {
      return 0;
    }
    if (pendingSide == 0 && side <= 0) {
      varianceLevel = Robust.median(before);
    }
    return mean > settings.varianceSpike() * varianceLevel ? 1 : -1;
  }

  private Event transition(Signal signal, double mean, int count) {
    boolean lambdaMin = signal == Signal.LAMBDA_MIN;
    OptionalDouble error = now.reading(signal).orElseThrow().error();
    double threshold = lambdaMin ? 0 : settings.varianceSpike() * varianceLevel;
    String words =
        lambdaMin
            ? "lambda_min, averaged over %d snapshots, crossed zero, and has been %s for %d steps"
                + " (now %.4g)"
            : "gradient variance, averaged over %d snapshots and standing for lambda_min, has been"
                + " %s its threshold for %d steps (now %.4g)";
    String place =
        lambdaMin ? (side > 0 ? "positive" : "negative") : (side > 0 ? "above" : "back below");
    return event(
        Event.Kind.TRANSITION,
        signal,
        mean,
        error,
        lambdaMin ? 0 : varianceLevel,
        threshold,
        pendingSince,
        String.format(Locale.ROOT, words, count, place, now.step() - pendingSince, mean));
  }

  private Event event(
      Event.Kind kind,
      Signal signal,
      double value,
      OptionalDouble error,
      double baseline,
      double threshold,
      long since,
      String words) {
    double beyond = error.isPresent() ? Math.abs(value - threshold) / error.getAsDouble() : 0;
    // The logistic function with this factor is within 0.01 of the normal distribution.
    double confidence =
        Double.isNaN(beyond) || kind != Event.Kind.PRECURSOR && kind != Event.Kind.TRANSITION
            ? 0.5
            : 1 / (1 + Math.exp(-1.702 * beyond));
    Event.Evidence evidence =
        new Event.Evidence(value, error, known(baseline), known(threshold), since);
    return new Event(
        now.step(), kind, signal, largeBatch ? confidence / 2 : confidence, evidence, words);
  }

  private static OptionalDouble known(double value) {
    return Double.isNaN(value) ? OptionalDouble.empty() : OptionalDouble.of(value);
  }
}

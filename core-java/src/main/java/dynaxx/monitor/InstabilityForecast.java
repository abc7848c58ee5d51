package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.StringJoiner;

/**
 * The probability that the loss doubles within the next {@value #HORIZON} steps: a logistic
 * regression on what the loss does already, how far the sharpness is from its limit, and how much
 * the learning rate has grown since its warm-up. Its coefficients were fitted on one half of a
 * corpus of trainings and are judged on the other (docs/warnings.md). A warning is given when the
 * probability passes the threshold, again when the chance that nothing happens has halved since,
 * and every {@value #REMINDER} steps while it stays there. It starts afresh once the probability
 * has fallen to half of the threshold. There are at least {@value #HORIZON} steps between two
 * warnings, and after a loss that has doubled.
 */
final class InstabilityForecast {

  /** Steps that the probability is about. */
  static final int HORIZON = 50;

  static final double INTERCEPT = -2.610;

  /** Steps after which a probability that is still as high is told again. */
  private static final int REMINDER = 3 * HORIZON;

  /** Scatter of the loss below which a rise counts no more. */
  private static final double SCATTER = 0.3;

  /** A rise of so many scatters says as much as a higher one. */
  private static final double MOST_RISE = 3;

  private static final double LEAST_MARGIN = -3;
  private static final double MOST_MARGIN = 0.7;

  /** What a margin that is not known counts as: the mean of the corpus. */
  private static final double USUAL_MARGIN = -0.73;

  private static final double MOST_GROWTH = 1.5;

  /** Learning rates whose median the last one is compared with. */
  private static final int RATES = 200;

  /** Rates in a row, none above the first of them, that end a warm-up. */
  private static final int SETTLED = 10;

  /** What the probability is made of. */
  enum Feature {
    /**
     * Logarithm of the loss over its recent median, in units of {@value #SCATTER} and the noise.
     */
    RISE(1.112),
    /** Logarithm of the sharpness, at the present learning rate, over its limit. */
    MARGIN(0.812),
    /** Logarithm of the learning rate over its recent median; 0 in a warm-up. */
    RATE_GROWTH(1.578);

    private final double weight;

    Feature(double weight) {
      this.weight = weight;
    }

    double weight() {
      return weight;
    }
  }

  private final CalibratedSettings settings;
  private final double[] rates = new double[RATES];
  private final Map<Feature, Double> features = new EnumMap<>(Feature.class);
  private int rated;
  private boolean warming;
  private double highest;
  private double rate;
  private double growth;
  private double sharpness;
  private double threshold;
  private double probability;
  private long last;
  private long doubled;

  InstabilityForecast(CalibratedSettings settings) {
    this.settings = settings;
    reset();
  }

  void reset() {
    rated = 0;
    warming = true;
    highest = Double.NEGATIVE_INFINITY;
    rate = Double.NaN;
    growth = 0;
    sharpness = Double.NaN;
    last = -1;
    doubled = -1;
    threshold = settings.warning();
    probability = Double.NaN;
    features.clear();
  }

  /** Takes a step whose loss has been compared with its level. */
  Optional<Event> add(Observation observation, LossLevel level) {
    probability = Double.NaN;
    if (!follow(observation, level)) {
      return Optional.empty();
    }
    long step = observation.step();
    probability = predict();
    if (probability < settings.warning() / 2) {
      threshold = settings.warning();
    }
    if (level.rise() > Math.log(2)) {
      doubled = step;
      return Optional.empty();
    }
    double needed = recent(last, step, REMINDER) ? threshold : settings.warning();
    if (probability < needed || recent(last, step, HORIZON) || recent(doubled, step, HORIZON)) {
      return Optional.empty();
    }
    last = step;
    threshold = (1 + probability) / 2;
    return Optional.of(event(step, level));
  }

  private static boolean recent(long then, long now, int steps) {
    return then >= 0 && now - then < steps;
  }

  /** Takes a step; whether it can be judged. */
  boolean follow(Observation observation, LossLevel level) {
    positive(observation, Signal.LEARNING_RATE).ifPresent(this::take);
    positive(observation, settings.stability().signal()).ifPresent(value -> sharpness = value);
    if (!level.known()) {
      return false;
    }
    double rise = level.highestRise() / (SCATTER + level.noise());
    features.put(Feature.RISE, Math.clamp(rise, 0, MOST_RISE));
    features.put(Feature.MARGIN, Math.clamp(margin(), LEAST_MARGIN, MOST_MARGIN));
    features.put(Feature.RATE_GROWTH, Math.clamp(growth, 0, MOST_GROWTH));
    return true;
  }

  private void take(double value) {
    rate = value;
    double logarithm = Math.log(value);
    warming &= rated < SETTLED;
    if (warming && logarithm > highest) {
      highest = logarithm;
      rated = 0;
    }
    growth = warming ? 0 : logarithm - Robust.median(Arrays.copyOf(rates, Math.min(rated, RATES)));
    rates[rated++ % RATES] = logarithm;
  }

  /** At the last step, if it could be judged. */
  OptionalDouble probability() {
    return Double.isNaN(probability) ? OptionalDouble.empty() : OptionalDouble.of(probability);
  }

  /** What is known at the step that was taken last. */
  Map<Feature, Double> features() {
    return features;
  }

  private double predict() {
    double sum = INTERCEPT;
    for (Feature feature : Feature.values()) {
      sum += feature.weight * features.get(feature);
    }
    return 1 / (1 + Math.exp(-sum));
  }

  private static OptionalDouble positive(Observation observation, Signal signal) {
    OptionalDouble value = observation.value(signal);
    return value.isPresent() && value.getAsDouble() > 0 ? value : OptionalDouble.empty();
  }

  private boolean limited() {
    return !Double.isNaN(sharpness) && !Double.isNaN(rate) && limit() > 0;
  }

  private double limit() {
    return settings.stability().at(rate);
  }

  private double margin() {
    return limited() ? Math.log(sharpness / limit()) : USUAL_MARGIN;
  }

  private Event event(long step, LossLevel level) {
    StringJoiner words = new StringJoiner("; ");
    words.add(words("the loss is %.2g times its recent median", level.highestRise()));
    if (limited()) {
      words.add(words("the sharpness is %.2g of the stability limit", margin()));
    }
    if (growth > 0) {
      words.add(words("the learning rate is %.2g times its recent median", growth));
    }
    return new Event(
        step,
        Event.Kind.INSTABILITY_AHEAD,
        foremost(),
        probability,
        evidence(step, level),
        String.format(
            Locale.ROOT,
            "the loss doubles within %d steps with probability %.2g: %s",
            HORIZON,
            probability,
            words));
  }

  private static String words(String format, double logarithm) {
    return String.format(Locale.ROOT, format, Math.exp(logarithm));
  }

  /** What raises the probability most. */
  private Signal foremost() {
    double rise = Feature.RISE.weight * features.get(Feature.RISE);
    double beyond = Feature.MARGIN.weight * (features.get(Feature.MARGIN) - USUAL_MARGIN);
    double grown = Feature.RATE_GROWTH.weight * features.get(Feature.RATE_GROWTH);
    if (rise >= Math.max(beyond, grown)) {
      return Signal.LOSS;
    }
    return limited() && beyond >= grown ? settings.stability().signal() : Signal.LEARNING_RATE;
  }

  private Event.Evidence evidence(long step, LossLevel level) {
    Signal signal = foremost();
    if (signal == Signal.LOSS) {
      return new Event.Evidence(
          level.value(),
          OptionalDouble.of(level.median() * level.noise()),
          OptionalDouble.of(level.median()),
          OptionalDouble.empty(),
          step);
    }
    return signal == Signal.LEARNING_RATE
        ? new Event.Evidence(
            rate,
            OptionalDouble.empty(),
            OptionalDouble.of(rate / Math.exp(growth)),
            OptionalDouble.empty(),
            step)
        : new Event.Evidence(
            sharpness,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.of(limit()),
            step);
  }
}

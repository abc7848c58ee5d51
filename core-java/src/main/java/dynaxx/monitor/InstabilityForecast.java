package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.StringJoiner;

/**
 * The probability that the loss doubles within the next {@value #HORIZON} steps: a logistic
 * regression on how far the learning rate is from its limit, how much it has grown, and what the
 * loss does already. Its coefficients were fitted on one half of a corpus of trainings and are
 * judged on the other (docs/warnings.md). A warning is given once, when two judgements in a row are
 * above the threshold, and again only after the probability has fallen to half of it.
 */
final class InstabilityForecast {

  /** Steps that the probability is about. */
  static final int HORIZON = 100;

  /** Steps between two judgements. */
  static final int EVERY = 10;

  /** Steps before the first. */
  static final int LEAST = 40;

  /** Steps whose loss is averaged. */
  private static final int RECENT = 10;

  /** Below this margin a smaller one says nothing more. */
  private static final double LEAST_MARGIN = Math.log(0.05);

  /** What the probability is made of. */
  enum Feature {
    /** Logarithm of the sharpness over its limit. */
    MARGIN("the sharpness is %.2g of the stability limit"),
    /** Logarithm of sharpness times learning rate over its median in the run so far. */
    MARGIN_GROWTH("sharpness times learning rate is %.2g times its median so far"),
    /** Logarithm of the learning rate over its median in the run so far. */
    RATE_GROWTH("the learning rate is %.2g times its median so far"),
    /** Logarithm of the loss, averaged over ten steps, over the least that this has been. */
    RISE("the loss is %.2g times the lowest that it has been");

    private final String words;

    Feature(String words) {
      this.words = words;
    }
  }

  private final CalibratedSettings settings;
  private final double[] logLosses = new double[RECENT];
  private final History rates = new History();
  private final History products = new History();
  private double sharpness = Double.NaN;
  private double earlierSharpness = Double.NaN;
  private boolean limited;
  private double rate = Double.NaN;
  private double lowest;
  private double loss;
  private int losses;
  private int steps;
  private int above;
  private boolean told;

  InstabilityForecast(CalibratedSettings settings) {
    this.settings = settings;
    reset();
  }

  void reset() {
    rates.clear();
    products.clear();
    sharpness = Double.NaN;
    earlierSharpness = Double.NaN;
    rate = Double.NaN;
    lowest = Double.POSITIVE_INFINITY;
    losses = 0;
    steps = 0;
    above = 0;
    told = false;
  }

  /** Takes a step. */
  Optional<Event> add(Observation observation) {
    follow(observation);
    if (steps++ % EVERY != 0) {
      return Optional.empty();
    }
    Map<Feature, Double> features = features();
    if (Double.isFinite(sharpness * rate)) {
      products.add(product());
    }
    if (steps <= LEAST || features.isEmpty()) {
      return Optional.empty();
    }
    return judge(observation, features);
  }

  private void follow(Observation observation) {
    positive(observation, Signal.LOSS)
        .ifPresent(
            value -> {
              logLosses[losses++ % RECENT] = Math.log(value);
              loss = value;
            });
    positive(observation, Signal.LEARNING_RATE)
        .ifPresent(
            value -> {
              rate = value;
              rates.add(Math.log(value));
            });
    OptionalDouble own = positive(observation, settings.stability().signal());
    OptionalDouble found = own.isPresent() ? own : positive(observation, Signal.LAMBDA_MAX);
    if (found.isPresent()) {
      limited = own.isPresent();
      earlierSharpness = Double.isNaN(sharpness) ? found.getAsDouble() : sharpness;
      sharpness = found.getAsDouble();
    }
  }

  private static OptionalDouble positive(Observation observation, Signal signal) {
    OptionalDouble value = observation.value(signal);
    return value.isPresent() && value.getAsDouble() > 0 ? value : OptionalDouble.empty();
  }

  /** Of the last two snapshots, since one of them is noisy. */
  private double product() {
    return Math.log(sharpness * earlierSharpness) / 2 + Math.log(rate);
  }

  /** What is known at this step; empty if it is too little to judge. */
  Map<Feature, Double> features() {
    Map<Feature, Double> features = new EnumMap<>(Feature.class);
    if (losses < RECENT || Double.isNaN(rate)) {
      return features;
    }
    double sum = 0;
    for (double value : logLosses) {
      sum += value;
    }
    double mean = sum / RECENT;
    lowest = Math.min(lowest, mean);
    features.put(Feature.RISE, mean - lowest);
    features.put(Feature.RATE_GROWTH, Math.log(rate) - rates.median());
    if (!Double.isNaN(sharpness) && !products.isEmpty()) {
      features.put(Feature.MARGIN_GROWTH, product() - products.median());
      if (limited) {
        double limit = Math.log(rate * settings.stability().at(rate));
        features.put(Feature.MARGIN, Math.max(LEAST_MARGIN, product() - limit));
      }
    }
    return features;
  }

  private Optional<Event> judge(Observation observation, Map<Feature, Double> features) {
    double probability = InstabilityModel.of(features).probability(features);
    double threshold = settings.warning();
    above = probability >= threshold ? above + 1 : 0;
    if (probability < threshold / 2) {
      told = false;
    }
    if (told || above < 2) {
      return Optional.empty();
    }
    told = true;
    return Optional.of(event(observation, features, probability));
  }

  private Event event(Observation observation, Map<Feature, Double> features, double probability) {
    StringJoiner words = new StringJoiner("; ");
    features.forEach((feature, x) -> words.add(String.format(Locale.ROOT, feature.words, Math.exp(x))));
    boolean known = features.containsKey(Feature.MARGIN);
    double ratio = Math.exp(features.getOrDefault(Feature.MARGIN, 0.0));
    Event.Evidence evidence =
        new Event.Evidence(
            known ? sharpness : loss,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            known ? OptionalDouble.of(sharpness / ratio) : OptionalDouble.empty(),
            observation.step());
    return new Event(
        observation.step(),
        Event.Kind.INSTABILITY_AHEAD,
        known ? settings.stability().signal() : Signal.LOSS,
        probability,
        evidence,
        String.format(
            Locale.ROOT,
            "the loss doubles within %d steps with probability %.2g: %s",
            HORIZON,
            probability,
            words));
  }

  /** Values of a run, thinned so that they need a fixed amount of memory. */
  private static final class History {
    private static final int MOST = 256;

    private final double[] values = new double[MOST];
    private int size;
    private long stride;
    private long seen;

    void clear() {
      size = 0;
      stride = 1;
      seen = 0;
    }

    void add(double value) {
      if (size == MOST) {
        size = MOST / 2;
        stride *= 2;
        for (int i = 0; i < size; i++) {
          values[i] = values[2 * i];
        }
      }
      if (seen++ % stride == 0) {
        values[size++] = value;
      }
    }

    boolean isEmpty() {
      return size == 0;
    }

    double median() {
      double[] copy = new double[size];
      System.arraycopy(values, 0, copy, 0, size);
      return Robust.median(copy);
    }
  }
}

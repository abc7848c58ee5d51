package dynaxx.monitor;

import dynaxx.spectrum.Signal;
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
 * judged on the other (docs/warnings.md). A warning is given when two judgements in a row are above
 * the threshold, and again when the chance that nothing happens has halved since. It starts afresh
 * once the probability has fallen to half of the threshold. A loss that has risen beyond its
 * scatter is a warning as well, except soon after one that has doubled. There are at least {@value
 * #HORIZON} steps between two warnings.
 */
final class InstabilityForecast {

  /** Steps that the probability is about. */
  static final int HORIZON = 50;

  /** Steps between two judgements. */
  static final int EVERY = 10;

  /** Steps before the first, where the margin is not known. */
  private static final int LEAST = 40;

  /** Steps whose loss is averaged. */
  private static final int RECENT = 10;

  /** A margin outside this range says nothing more. */
  private static final double LEAST_MARGIN = Math.log(0.05);

  private static final double MOST_MARGIN = Math.log(2);

  /** Logarithm of the loss over its recent median that is a warning by itself. */
  private static final double RISE = 0.4;

  private static final double RISE_DEVIATIONS = 3;

  /** Share of such rises that a doubled loss followed, in the half of the corpus to tune on. */
  private static final double RISE_PROBABILITY = 0.45;

  /** What the probability is made of. */
  enum Feature {
    /** Logarithm of the sharpness over its limit. */
    MARGIN("the sharpness is %.2g of the stability limit"),
    /** The same of the sharpness that micro-batches see along their own gradients. */
    BATCH_MARGIN("batch sharpness is %.2g of it"),
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
  private OptionalDouble batchRatio = OptionalDouble.empty();
  private double rate = Double.NaN;
  private double lowest;
  private double loss;
  private int losses;
  private int steps;
  private double before;
  private double level;
  private long last;
  private long doubled;
  private Map<Feature, Double> features = Map.of();

  InstabilityForecast(CalibratedSettings settings) {
    this.settings = settings;
    reset();
  }

  void reset() {
    rates.clear();
    products.clear();
    sharpness = Double.NaN;
    earlierSharpness = Double.NaN;
    batchRatio = OptionalDouble.empty();
    rate = Double.NaN;
    lowest = Double.POSITIVE_INFINITY;
    losses = 0;
    steps = 0;
    before = 0;
    last = -1;
    doubled = -1;
    level = settings.warning();
    features = Map.of();
  }

  /** Takes a step whose loss has been compared with its level. */
  Optional<Event> add(Observation observation, LossLevel level) {
    Optional<Event> event = follow(observation) ? judge(observation) : Optional.empty();
    long step = observation.step();
    if (level.known() && level.rise() > Math.log(2)) {
      doubled = step;
      return Optional.empty();
    }
    if (event.isEmpty() && level.rose(RISE, RISE_DEVIATIONS) && !recent(doubled, step)) {
      event = Optional.of(rising(step, level));
    }
    if (event.isEmpty() || recent(last, step)) {
      return Optional.empty();
    }
    last = step;
    return event;
  }

  private static boolean recent(long then, long now) {
    return then >= 0 && now - then < HORIZON;
  }

  private static Event rising(long step, LossLevel level) {
    Event.Evidence evidence =
        new Event.Evidence(
            level.value(),
            OptionalDouble.of(level.median() * level.deviation()),
            OptionalDouble.of(level.median()),
            OptionalDouble.of(level.median() * Math.exp(RISE)),
            step);
    return new Event(
        step,
        Event.Kind.INSTABILITY_AHEAD,
        Signal.LOSS,
        RISE_PROBABILITY,
        evidence,
        String.format(
            Locale.ROOT,
            "the loss doubles within %d steps with probability %.2g: it is %.2g times the median of"
                + " the steps before, %.2g deviations",
            HORIZON,
            RISE_PROBABILITY,
            level.value() / level.median(),
            level.rise() / level.deviation()));
  }

  /** Takes a step; whether the run is to be judged at it. */
  boolean follow(Observation observation) {
    read(observation);
    boolean due = steps++ % EVERY == 0;
    boolean fresh = positive(observation, sharpnessOf(observation)).isPresent();
    if (!due && !fresh) {
      return false;
    }
    features = measured();
    return features.containsKey(Feature.MARGIN) || steps > LEAST && !features.isEmpty();
  }

  /** What is known at the step that was judged last. */
  Map<Feature, Double> features() {
    return features;
  }

  private void read(Observation observation) {
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
    OptionalDouble batch = observation.value(Signal.BATCH_SHARPNESS_RATIO);
    batchRatio = batch.isPresent() ? batch : batchRatio;
    Signal signal = sharpnessOf(observation);
    OptionalDouble found = positive(observation, signal);
    if (found.isPresent()) {
      if (limited != (signal == settings.stability().signal())) {
        limited = !limited;
        sharpness = Double.NaN;
        products.clear();
      }
      earlierSharpness = Double.isNaN(sharpness) ? found.getAsDouble() : sharpness;
      sharpness = found.getAsDouble();
    }
  }

  /**
   * What the optimizer's limit is about; the Hessian's own sharpness where that is not measured.
   */
  private Signal sharpnessOf(Observation observation) {
    Signal own = settings.stability().signal();
    return positive(observation, own).isPresent() ? own : Signal.LAMBDA_MAX;
  }

  private static OptionalDouble positive(Observation observation, Signal signal) {
    OptionalDouble value = observation.value(signal);
    return value.isPresent() && value.getAsDouble() > 0 ? value : OptionalDouble.empty();
  }

  /** Of the last two snapshots, since one of them is noisy. */
  private double product() {
    return Math.log(sharpness * earlierSharpness) / 2 + Math.log(rate);
  }

  private Map<Feature, Double> measured() {
    Map<Feature, Double> found = new EnumMap<>(Feature.class);
    if (losses == 0 || Double.isNaN(rate)) {
      return found;
    }
    found.put(Feature.RISE, rise());
    found.put(Feature.RATE_GROWTH, Math.log(rate) - rates.median());
    if (!Double.isNaN(sharpness)) {
      products.add(product());
      found.put(Feature.MARGIN_GROWTH, product() - products.median());
      double limit = rate * settings.stability().at(rate);
      if (limited && limit > 0) {
        double margin = product() - Math.log(limit);
        found.put(Feature.MARGIN, Math.clamp(margin, LEAST_MARGIN, MOST_MARGIN));
        if (batchRatio.isPresent()) {
          double ratio = Math.log(Math.max(0, batchRatio.getAsDouble()));
          found.put(Feature.BATCH_MARGIN, Math.clamp(ratio, LEAST_MARGIN, MOST_MARGIN));
        }
      }
    }
    return found;
  }

  private double rise() {
    if (losses < RECENT) {
      return 0;
    }
    double sum = 0;
    for (double value : logLosses) {
      sum += value;
    }
    lowest = Math.min(lowest, sum / RECENT);
    return sum / RECENT - lowest;
  }

  private Optional<Event> judge(Observation observation) {
    double probability = InstabilityModel.of(features).probability(features);
    double lasting = Math.min(probability, before);
    before = probability;
    if (lasting < settings.warning() / 2) {
      level = settings.warning();
    }
    if (lasting < level) {
      return Optional.empty();
    }
    level = (1 + lasting) / 2;
    return Optional.of(event(observation, lasting));
  }

  private Event event(Observation observation, double probability) {
    StringJoiner words = new StringJoiner("; ");
    features.forEach(
        (feature, x) -> words.add(String.format(Locale.ROOT, feature.words, Math.exp(x))));
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

    double median() {
      double[] copy = new double[size];
      System.arraycopy(values, 0, copy, 0, size);
      return Robust.median(copy);
    }
  }
}

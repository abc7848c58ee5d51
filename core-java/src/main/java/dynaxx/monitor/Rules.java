package dynaxx.monitor;

import dynaxx.spectrum.Update.StabilityLimit;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * A rule set: reads the observations of one run in order and says what happened. It holds the state
 * of that run and is used by one thread at a time. The same observations must give the same events,
 * bit for bit, so that a run can be replayed. Two come with the library; you can write your own.
 */
public interface Rules {

  /**
   * The article's rules with the numbers it states, for a network of unknown depth with smooth
   * activations.
   *
   * <p>They handle noise only by smoothing and by waiting, so their rate of false alarms depends on
   * the run. docs/detectors.md has measured rates.
   *
   * @return rules that have seen nothing yet
   */
  static Rules article() {
    return article(0, true);
  }

  /**
   * The article's rules for a known network.
   *
   * @param layers of the network, 0 if not known; above 50 the gradient variance takes the place of
   *     lambda_min
   * @param smoothActivations whether its activations have a second derivative everywhere, as GELU
   *     and tanh have; if not, more evidence is needed
   * @return rules that have seen nothing yet
   * @throws IllegalArgumentException if the number of layers is negative
   */
  static Rules article(int layers, boolean smoothActivations) {
    return new ArticleRules(ArticleSettings.defaults().withNetwork(layers, smoothActivations));
  }

  /**
   * Rules calibrated to at most one false transition in 10,000 snapshots.
   *
   * @return rules that have seen nothing yet
   */
  static Rules calibrated() {
    return calibration().build();
  }

  /**
   * Begins with the numbers that the false-alarm rates in the documentation were measured with.
   *
   * @return a builder of calibrated rules
   */
  static Calibration calibration() {
    return new Calibration();
  }

  /**
   * Reads what was observed at a step.
   *
   * @param observation of a step later than all before
   * @return what happened, in the order in which it was noticed; mostly nothing
   * @throws IllegalArgumentException if the step is not later than the one before
   */
  List<Event> observe(Observation observation);

  /**
   * Probability that the loss doubles within the 50 steps after the last one. The calibrated rules
   * forecast it for every step whose loss can be compared with earlier ones; docs/warnings.md shows
   * how often it is right.
   *
   * @return from 0 to 1; empty if these rules forecast nothing
   */
  default OptionalDouble instability() {
    return OptionalDouble.empty();
  }

  /**
   * Reports that training was restarted and the optimizer's state was lost: for a while the values
   * may settle before they are judged.
   *
   * @param step of the first update after the restart; may lie before steps already seen, where an
   *     earlier checkpoint was loaded
   * @return the restart, as an event
   */
  List<Event> restarted(long step);

  /**
   * Reports that the learning rate was changed on purpose, so that what moves next has a known
   * cause. A jump from one observation to the next is detected without this call.
   *
   * @param step of the first update at the new rate
   */
  void learningRateChanged(long step);

  /**
   * Reports that a pass over the data has ended: the length of an epoch is then the first period
   * that a repeating signal is compared with.
   *
   * @param step number of updates made so far
   */
  void epochEnded(long step);

  /**
   * Reports that the run is over.
   *
   * @return what was noticed, but held back in case more was to come
   */
  List<Event> finish();

  /** Numbers of the calibrated rules; each has a default. Windows are counted in snapshots. */
  final class Calibration {

    private double falseTransitionRate = 1e-4;
    private int expectedSnapshots = 500;
    private int baseline = 25;
    private int memory = 90;
    private double reference = 0.5;
    private double clip = 4;
    private int coincidence = 3;
    private int confirmation = 10;
    private double correlation = 0.5;
    private int persistence = 3;
    private double band = 3;
    private double arithmeticNoise = 1e-5;
    private int crossings = 3;
    private int crossingWindow = 10;
    private int cycleWindow = 64;
    private double cycleDeviations = 3;
    private double errorWeight = 1;
    private double spike = 10;
    private double learningRateJump = 1.5;
    private StabilityLimit stability = StabilityLimit.sgd(0);
    private double edgeTolerance = 0.1;
    private double warning = 0.2;
    private long seed = 0;

    private Calibration() {}

    /**
     * Probability, for each snapshot of a quiet run, of a {@link Event.Kind#TRANSITION}: the dial
     * between false alarms and delay. Default 1e-4.
     *
     * @param value from 1e-9 to 0.1
     * @return this
     */
    public Calibration falseTransitionRate(double value) {
      falseTransitionRate = value;
      return this;
    }

    /**
     * Snapshots of a whole run. Each signal raises a false {@link Event.Kind#LEVEL_SHIFT} about
     * once in ten times as many snapshots, or in ten times those seen if they are more. Default
     * 500.
     *
     * @param value at least 1
     * @return this
     */
    public Calibration expectedSnapshots(int value) {
      expectedSnapshots = value;
      return this;
    }

    /**
     * Snapshots before a signal is judged, at the start and after each event: also the refractory
     * period. Default 25.
     *
     * @param value from 10 to 1,000
     * @return this
     */
    public Calibration baseline(int value) {
      baseline = value;
      return this;
    }

    /**
     * Snapshots that count in the forecast of the next value. Default 90.
     *
     * @param value from the baseline to 100,000
     * @return this
     */
    public Calibration memory(int value) {
      memory = value;
      return this;
    }

    /**
     * Shift that values must exceed to add to the sum that finds small shifts. Default 0.5.
     *
     * @param value in standard deviations, from 0.1 to 2
     * @return this
     */
    public Calibration reference(double value) {
      reference = value;
      return this;
    }

    /**
     * Where values are cut off, so that one alone proves nothing. Default 4.
     *
     * @param value in standard deviations, from the reference and 0.5 to 100
     * @return this
     */
    public Calibration clip(double value) {
      clip = value;
      return this;
    }

    /**
     * Snapshots within which signals must move to have moved at once. Default 3.
     *
     * @param value from 1 to 100
     * @return this
     */
    public Calibration coincidence(int value) {
      coincidence = value;
      return this;
    }

    /**
     * Snapshots after a level shift within which a second signal makes it a transition. Default 10.
     *
     * @param value from 1 to 1,000
     * @return this
     */
    public Calibration confirmation(int value) {
      confirmation = value;
      return this;
    }

    /**
     * Correlation of two signals' noise from which they count as one. Default 0.5.
     *
     * @param value from 0 to 1
     * @return this
     */
    public Calibration correlation(double value) {
      correlation = value;
      return this;
    }

    /**
     * Consecutive snapshots beyond the band that change the sign of lambda_min, and near the
     * stability limit that make an edge of stability. Default 3.
     *
     * @param value from 1 to 100
     * @return this
     */
    public Calibration persistence(int value) {
      persistence = value;
      return this;
    }

    /**
     * Half width of the band about zero. Default 3.
     *
     * @param value in residuals of lambda_min, or in standard deviations of its last readings where
     *     no residual is known, from 0 to 100
     * @return this
     */
    public Calibration band(double value) {
      band = value;
      return this;
    }

    /**
     * Least half width of the band. Default 1e-5, for products in float32.
     *
     * @param value as part of lambda_max
     * @return this
     */
    public Calibration arithmeticNoise(double value) {
      arithmeticNoise = value;
      return this;
    }

    /**
     * Crossings of zero in the window that mean that lambda_min oscillates. Default 3.
     *
     * @param value from 2 to the window
     * @return this
     */
    public Calibration crossings(int value) {
      crossings = value;
      return this;
    }

    /**
     * Snapshots among which crossings of zero are counted. Default 10.
     *
     * @param value at least as many as crossings
     * @return this
     */
    public Calibration crossingWindow(int value) {
      crossingWindow = value;
      return this;
    }

    /**
     * Snapshots that are searched for a period. Default 64.
     *
     * @param value from 16 to 1,000
     * @return this
     */
    public Calibration cycleWindow(int value) {
      cycleWindow = value;
      return this;
    }

    /**
     * What the autocorrelation must exceed to be a cycle. Default 3.
     *
     * @param value in standard deviations of white noise
     * @return this
     */
    public Calibration cycleDeviations(double value) {
      cycleDeviations = value;
      return this;
    }

    /**
     * Factor of an estimator's own standard error where it is compared with the noise of the
     * series. 0 trusts the series alone, which is right when the error is the same at every
     * snapshot because the probes are. Default 1.
     *
     * @param value from 0 to 10
     * @return this
     */
    public Calibration errorWeight(double value) {
      errorWeight = value;
      return this;
    }

    /**
     * Distance from which a single value is a spike. Default 10.
     *
     * @param value in standard deviations
     * @return this
     */
    public Calibration spike(double value) {
      spike = value;
      return this;
    }

    /**
     * Factor between two learning rates in a row that counts as a jump: values before and after it
     * are not compared. Default 1.5.
     *
     * @param value from 1.01 to 1e6
     * @return this
     */
    public Calibration learningRateJump(double value) {
      learningRateJump = value;
      return this;
    }

    /**
     * Limit that the sharpness is compared with. Default {@code StabilityLimit.sgd(0)}.
     *
     * @param limit of the optimizer
     * @return this
     */
    public Calibration stability(StabilityLimit limit) {
      stability = Objects.requireNonNull(limit, "limit");
      return this;
    }

    /**
     * Part of the limit that counts as near it. Default 0.1.
     *
     * @param value from 0 to 0.9
     * @return this
     */
    public Calibration edgeTolerance(double value) {
      edgeTolerance = value;
      return this;
    }

    /**
     * An {@link Event.Kind#INSTABILITY_AHEAD} is reported if the probability that the loss doubles
     * within the next 50 steps is at least this. Default 0.2: docs/warnings.md says what it finds
     * and how often it is wrong.
     *
     * @param value from 0.01 to 1
     * @return this
     */
    public Calibration warning(double value) {
      warning = value;
      return this;
    }

    /**
     * Seed of the bootstrap. Default 0.
     *
     * @param value any number
     * @return this
     */
    public Calibration seed(long value) {
      seed = value;
      return this;
    }

    /**
     * Rules with these numbers.
     *
     * @return rules that have seen nothing yet
     * @throws IllegalArgumentException if a number is out of its range
     */
    public Rules build() {
      return new CalibratedRules(settings());
    }

    CalibratedSettings settings() {
      return new CalibratedSettings(
          falseTransitionRate,
          expectedSnapshots,
          baseline,
          memory,
          reference,
          clip,
          coincidence,
          confirmation,
          correlation,
          persistence,
          band,
          arithmeticNoise,
          crossings,
          crossingWindow,
          cycleWindow,
          cycleDeviations,
          errorWeight,
          spike,
          learningRateJump,
          stability,
          edgeTolerance,
          warning,
          seed);
    }
  }
}

package dynaxx.monitor;

/**
 * Numbers of the calibrated rules. Windows are counted in snapshots.
 *
 * @param falseTransitionRate probability, for each snapshot of a quiet run, of a {@link
 *     EventKind#TRANSITION}; default 1e-4
 * @param expectedSnapshots of a whole run; each signal raises a false {@link EventKind#LEVEL_SHIFT}
 *     about once in ten times as many snapshots, or ten times those seen if they are more; default
 *     500
 * @param baseline snapshots before a signal is judged, at the start and after each event: also the
 *     refractory period; default 25
 * @param memory snapshots that count in the forecast of the next value; default 90
 * @param reference shift, in standard deviations, that values must exceed to add to the sum that
 *     finds small shifts; default 0.5
 * @param clip standard deviations at which values are cut off, so that one alone proves nothing;
 *     default 4
 * @param coincidence snapshots within which signals must move to have moved at once; default 3
 * @param confirmation snapshots after a level shift within which a second signal makes it a
 *     transition; default 10
 * @param correlation of two signals' noise from which on they count as one; default 0.5
 * @param persistence consecutive snapshots beyond the band that change the sign of lambda_min, and
 *     near the stability limit that make an edge of stability; default 3
 * @param band half width of the band about zero, in residuals of lambda_min, or in standard
 *     deviations of its last readings where no residual is known; default 3
 * @param arithmeticNoise least half width of the band, as part of lambda_max; default 1e-5, for
 *     products in float32
 * @param crossings of zero among the last {@code crossingWindow} snapshots that mean that
 *     lambda_min oscillates; default 3
 * @param crossingWindow default 10
 * @param cycleWindow snapshots that are searched for a period; default 64
 * @param cycleDeviations standard deviations of white noise that the autocorrelation must exceed;
 *     default 3
 * @param errorWeight factor of an estimator's own standard error where it is compared with the
 *     noise of the series; 0 trusts the series alone, as is right when the error is the same at
 *     every snapshot because the probes are; default 1
 * @param spike standard deviations from which on a single value is a spike; default 10
 * @param learningRateJump factor between one step's learning rate and the next's from which on
 *     values are not compared across the jump; default 1.5
 * @param stability limit that the sharpness is compared with; default {@code Sgd(0)}
 * @param edgeTolerance part of the limit that counts as near it; default 0.1
 * @param seed of the bootstrap
 */
public record CalibratedSettings(
    double falseTransitionRate,
    int expectedSnapshots,
    int baseline,
    int memory,
    double reference,
    double clip,
    int coincidence,
    int confirmation,
    double correlation,
    int persistence,
    double band,
    double arithmeticNoise,
    int crossings,
    int crossingWindow,
    int cycleWindow,
    double cycleDeviations,
    double errorWeight,
    double spike,
    double learningRateJump,
    StabilityLimit stability,
    double edgeTolerance,
    long seed) {

  /**
   * Checks the numbers that have a range.
   *
   * @throws IllegalArgumentException if one is out of range
   */
  public CalibratedSettings {
    require("falseTransitionRate", falseTransitionRate, 1e-9, 0.1);
    require("expectedSnapshots", expectedSnapshots, 1, Integer.MAX_VALUE);
    require("baseline", baseline, 10, 1000);
    require("memory", memory, baseline, 100_000);
    require("reference", reference, 0.1, 2);
    require("clip", clip, reference + 0.5, 100);
    require("coincidence", coincidence, 1, 100);
    require("confirmation", confirmation, 1, 1000);
    require("correlation", correlation, 0, 1);
    require("persistence", persistence, 1, 100);
    require("band", band, 0, 100);
    require("crossings", crossings, 2, crossingWindow);
    require("cycleWindow", cycleWindow, 16, 1000);
    require("errorWeight", errorWeight, 0, 10);
    require("learningRateJump", learningRateJump, 1.01, 1e6);
    require("edgeTolerance", edgeTolerance, 0, 0.9);
  }

  private static void require(String name, double value, double least, double most) {
    if (!(value >= least && value <= most)) {
      throw new IllegalArgumentException(
          name + ": found " + value + ", expected from " + least + " to " + most);
    }
  }

  /**
   * The numbers that the false-alarm rates in the documentation were measured with.
   *
   * @return the defaults
   */
  public static CalibratedSettings defaults() {
    return new CalibratedSettings(
        1e-4,
        500,
        25,
        90,
        0.5,
        4,
        3,
        10,
        0.5,
        3,
        3,
        1e-5,
        3,
        10,
        64,
        3,
        1,
        10,
        1.5,
        new StabilityLimit.Sgd(0),
        0.1,
        0);
  }

  /**
   * The same with another rate of false transitions: the dial between false alarms and delay.
   *
   * @param rate probability for each snapshot of a quiet run
   * @return new settings
   */
  public CalibratedSettings withFalseTransitionRate(double rate) {
    return new CalibratedSettings(
        rate,
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
        seed);
  }

  /**
   * The same with the limit of another optimizer.
   *
   * @param limit that the sharpness is compared with
   * @return new settings
   */
  public CalibratedSettings withStability(StabilityLimit limit) {
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
        limit,
        edgeTolerance,
        seed);
  }

  /**
   * The same with another weight of the estimators' own standard errors.
   *
   * @param weight 0 if the errors are the same at every snapshot, 1 if they are independent
   * @return new settings
   */
  public CalibratedSettings withErrorWeight(double weight) {
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
        weight,
        spike,
        learningRateJump,
        stability,
        edgeTolerance,
        seed);
  }
}

package dynaxx.spectrum;

import java.util.Collections;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * What one measurement consists of. Start from {@link #article}, {@link #certified} or {@link
 * #cheap} and change parts of it with the {@code with...} methods.
 *
 * @param lanczos how the extreme eigenvalues are found; empty for Rayleigh quotients of the vectors
 *     that the last Lanczos run stored
 * @param storedPairs Ritz pairs kept for deflation and for later measurements, at least 2
 * @param probes samples of the trace, at least 2; start vectors of Lanczos count among them
 * @param deflated whether converged Ritz vectors are taken out of the probes
 * @param microBatches micro-batches of the gradient's variance, at least 2, or 0 not to measure it
 * @param perExample whether the gradient's variance is also measured over single examples, with the
 *     noise scale and its errors; needs micro-batches
 * @param parts disjoint parts of the subset on which the estimates are repeated, at least 2, or 0
 *     for none; doubles the cost of the spectrum
 * @param seed fixes start vectors and probes: the same at every snapshot, so that differences are
 *     the network's
 * @param ofUpdate what else is measured if the host reports its coming {@link Update}: any of
 *     {@link Signal#PRECONDITIONED_LAMBDA_MAX} (at most 20 products, or one form without Lanczos),
 *     {@link Signal#DIRECTIONAL_CURVATURE_RATIO} (one form), {@link Signal#BATCH_SHARPNESS_RATIO}
 *     (a gradient and a form) and {@link Signal#CRITICAL_RATE_RATIO} (six losses, two gradients'
 *     work). What costs nothing is measured anyway
 */
public record ProbeSettings(
    Optional<Lanczos> lanczos,
    int storedPairs,
    int probes,
    boolean deflated,
    int microBatches,
    boolean perExample,
    int parts,
    long seed,
    Set<Signal> ofUpdate) {

  private static final int MICRO_BATCHES = 8;

  private static final Set<Signal> COSTING =
      Collections.unmodifiableSet(
          EnumSet.of(
              Signal.PRECONDITIONED_LAMBDA_MAX,
              Signal.DIRECTIONAL_CURVATURE_RATIO,
              Signal.BATCH_SHARPNESS_RATIO,
              Signal.CRITICAL_RATE_RATIO));

  private static final Set<Signal> ONE_FORM =
      Collections.unmodifiableSet(
          EnumSet.of(Signal.PRECONDITIONED_LAMBDA_MAX, Signal.DIRECTIONAL_CURVATURE_RATIO));

  /**
   * Checks the values.
   *
   * @throws IllegalArgumentException naming the value that is out of range
   */
  public ProbeSettings {
    atLeast("storedPairs", storedPairs, 2);
    atLeast("probes", probes, 2);
    if (microBatches != 0) {
      atLeast("microBatches", microBatches, 2);
    }
    if (perExample && microBatches == 0) {
      throw new IllegalArgumentException(
          "perExample: found true without micro-batches, expected at least 2 of them");
    }
    if (parts != 0 && lanczos.isEmpty()) {
      throw new IllegalArgumentException(
          "parts: found "
              + parts
              + " without Lanczos, expected 0 (vectors are stored for the whole)");
    }
    if (parts != 0) {
      atLeast("parts", parts, 2);
    }
    for (Signal signal : ofUpdate) {
      if (!COSTING.contains(signal)) {
        throw new IllegalArgumentException(
            "ofUpdate: found " + signal + ", expected some of " + COSTING);
      }
    }
    Set<Signal> copy = EnumSet.noneOf(Signal.class);
    copy.addAll(ofUpdate);
    ofUpdate = Collections.unmodifiableSet(copy);
  }

  private static void atLeast(String name, int value, int least) {
    if (value < least) {
      throw new IllegalArgumentException(
          name + ": found " + value + ", expected at least " + least);
    }
  }

  /**
   * The settings of the article "dynaxx dissection: probing phase transitions in neural network
   * loss landscapes": 15 Lanczos steps, converged or not, and 8 probes. The smallest eigenvalue has
   * seldom converged then; the result says so.
   *
   * @return the settings
   */
  public static ProbeSettings article() {
    return new ProbeSettings(
        Optional.of(Lanczos.fixed(15)), 4, 8, false, MICRO_BATCHES, false, 0, 1, COSTING);
  }

  /**
   * Numbers that can be relied on: Lanczos until residuals and bounds at both ends are within 1 %
   * (at most 100 steps), a certificate in float64 for a negative eigenvalue, 16 deflated probes,
   * the noise scale from single examples, and the spread over quarters of the subset.
   *
   * @return the settings
   */
  public static ProbeSettings certified() {
    return new ProbeSettings(
        Optional.of(Lanczos.both().withCertificate(true)),
        16,
        16,
        true,
        MICRO_BATCHES,
        true,
        4,
        1,
        COSTING);
  }

  /**
   * The price of a few gradients: Rayleigh quotients of the stored Ritz vectors, which bound the
   * extreme eigenvalues from inside and follow them while the network changes slowly, and 4
   * deflated probes. The first measurement has no vectors yet and runs Lanczos as {@link #article}
   * does.
   *
   * @return the settings
   */
  public static ProbeSettings cheap() {
    return new ProbeSettings(Optional.empty(), 4, 4, true, 0, false, 0, 1, ONE_FORM);
  }

  /**
   * Other Lanczos settings; their seed is replaced by {@link #seed} unless they start from earlier
   * vectors.
   *
   * @param settings steps, tolerance, starts
   * @return changed settings
   */
  public ProbeSettings withLanczos(Lanczos settings) {
    return new ProbeSettings(
        Optional.of(settings),
        storedPairs,
        probes,
        deflated,
        microBatches,
        perExample,
        parts,
        seed,
        ofUpdate);
  }

  /**
   * Another number of probes.
   *
   * @param count at least 2
   * @return changed settings
   */
  public ProbeSettings withProbes(int count) {
    return new ProbeSettings(
        lanczos, storedPairs, count, deflated, microBatches, perExample, parts, seed, ofUpdate);
  }

  /**
   * Another number of micro-batches.
   *
   * @param count at least 2, or 0 not to measure the gradient's variance, nor that over examples
   * @return changed settings
   */
  public ProbeSettings withMicroBatches(int count) {
    boolean examples = perExample && count > 0;
    return new ProbeSettings(
        lanczos, storedPairs, probes, deflated, count, examples, parts, seed, ofUpdate);
  }

  /**
   * Whether single examples count.
   *
   * @param wanted true for the variance over examples and the noise scale with its errors
   * @return changed settings
   */
  public ProbeSettings withPerExample(boolean wanted) {
    return new ProbeSettings(
        lanczos, storedPairs, probes, deflated, microBatches, wanted, parts, seed, ofUpdate);
  }

  /**
   * Another number of parts of the subset.
   *
   * @param count at least 2, or 0 not to repeat the estimates on parts
   * @return changed settings
   */
  public ProbeSettings withParts(int count) {
    return new ProbeSettings(
        lanczos, storedPairs, probes, deflated, microBatches, perExample, count, seed, ofUpdate);
  }

  /**
   * Other start vectors and probes.
   *
   * @param value any number
   * @return changed settings
   */
  public ProbeSettings withSeed(long value) {
    return new ProbeSettings(
        lanczos, storedPairs, probes, deflated, microBatches, perExample, parts, value, ofUpdate);
  }

  /**
   * Other measurements of the coming update.
   *
   * @param wanted those of {@link #ofUpdate} that are wanted; none leaves only what costs nothing
   * @return changed settings
   */
  public ProbeSettings withUpdateSignals(Signal... wanted) {
    Set<Signal> signals = EnumSet.noneOf(Signal.class);
    signals.addAll(List.of(wanted));
    return new ProbeSettings(
        lanczos, storedPairs, probes, deflated, microBatches, perExample, parts, seed, signals);
  }
}

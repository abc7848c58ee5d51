package dynaxx.spectrum;

import dynaxx.spectrum.Signal.Reading;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;

/**
 * Curvature and gradient statistics of a network's loss over a fixed subset, at one set of
 * parameters.
 *
 * @param loss mean over the subset
 * @param gradientNorm norm of its gradient
 * @param spectrum of the Hessian
 * @param gradients statistics of the gradient over micro-batches; empty if not wanted
 * @param examples the same over single examples; empty if not wanted
 * @param subset the spectrum's estimates on parts of the subset; empty if not wanted
 * @param readings everything of it that is a signal; the constructor adds those of spectrum and
 *     gradients to what it is given
 * @param gradientEquivalents work in gradients over the subset, counted in matrix products
 * @param seconds the measurement took
 */
public record Snapshot(
    double loss,
    double gradientNorm,
    Spectrum spectrum,
    Optional<GradientStatistics> gradients,
    Optional<ExampleStatistics> examples,
    Optional<SubsetSpread> subset,
    Map<Signal, Reading> readings,
    double gradientEquivalents,
    double seconds) {

  /** Completes the readings. */
  public Snapshot {
    Map<Signal, Reading> all = new EnumMap<>(Signal.class);
    all.putAll(SnapshotReadings.of(spectrum, gradients, examples));
    all.putAll(readings);
    readings = Collections.unmodifiableMap(all);
  }

  /**
   * The noise scale: over single examples, with errors, if they were measured, and else from the
   * micro-batches, without.
   *
   * @return the noise scale, or nothing if neither was measured
   */
  public Optional<NoiseScale> noiseScale() {
    return SnapshotReadings.noiseScale(gradients, examples);
  }

  /**
   * The reading of a signal.
   *
   * @param signal what was measured
   * @return the reading, or nothing if the snapshot did not measure it
   */
  public Optional<Reading> reading(Signal signal) {
    return Optional.ofNullable(readings.get(signal));
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.ExtremeEigenvalue;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.NoiseScale;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.Verdict;
import java.util.Arrays;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What is known of a run at one step. Any signal may be missing.
 *
 * @param step number of updates made so far, at least 0
 * @param readings what was measured
 * @param activeFractions what {@link Signal#ACTIVE_FRACTION} is the mean of: the fraction of active
 *     units in each rectifier layer, in order, NaN where it is not known; empty if only the mean is
 * @param verdict on the sign of the smallest eigenvalue; empty if none was given
 */
public record Observation(
    long step,
    Map<Signal, Reading> readings,
    List<Double> activeFractions,
    Optional<Verdict> verdict) {

  /**
   * Copies the readings and the fractions.
   *
   * @throws IllegalArgumentException if the step is negative
   */
  public Observation {
    if (step < 0) {
      throw new IllegalArgumentException("step: found " + step + ", expected at least 0");
    }
    Map<Signal, Reading> copy = new EnumMap<>(Signal.class);
    copy.putAll(readings);
    readings = Collections.unmodifiableMap(copy);
    activeFractions = List.copyOf(activeFractions);
  }

  /**
   * An observation that knows no single layer.
   *
   * @param step number of updates made so far, at least 0
   * @param readings what was measured
   * @param verdict on the sign of the smallest eigenvalue; empty if none was given
   */
  public Observation(long step, Map<Signal, Reading> readings, Optional<Verdict> verdict) {
    this(step, readings, List.of(), verdict);
  }

  /**
   * An observation without readings.
   *
   * @param step number of updates made so far, at least 0
   * @return the observation
   */
  public static Observation at(long step) {
    return new Observation(step, Map.of(), Optional.empty());
  }

  /**
   * The same with one more reading.
   *
   * @param signal what was measured
   * @param value its value; NaN and infinities are reported by the rules
   * @return a new observation
   */
  public Observation with(Signal signal, double value) {
    return with(signal, new Reading(value, OptionalDouble.empty()));
  }

  /**
   * The same with one more reading.
   *
   * @param signal what was measured
   * @param value its value; NaN and infinities are reported by the rules
   * @param error standard error or residual, at least 0
   * @return a new observation
   */
  public Observation with(Signal signal, double value, double error) {
    return with(signal, new Reading(value, OptionalDouble.of(error)));
  }

  /**
   * The same with one more reading.
   *
   * @param signal what was measured
   * @param reading value and error
   * @return a new observation
   */
  public Observation with(Signal signal, Reading reading) {
    Map<Signal, Reading> more = new EnumMap<>(Signal.class);
    more.putAll(readings);
    more.put(signal, reading);
    return new Observation(step, more, activeFractions, verdict);
  }

  /**
   * The same with the fraction of active units in each rectifier layer, and with the mean of those
   * that are known as {@link Signal#ACTIVE_FRACTION}.
   *
   * @param fractions from 0 to 1, in the order of the layers; NaN where it is not known
   * @return a new observation
   */
  public Observation withActiveFractions(List<Double> fractions) {
    OptionalDouble mean =
        fractions.stream().mapToDouble(f -> f).filter(f -> !Double.isNaN(f)).average();
    Observation all = mean.isEmpty() ? this : with(Signal.ACTIVE_FRACTION, mean.getAsDouble());
    return new Observation(step, all.readings, fractions, verdict);
  }

  /**
   * The same with what a snapshot measured: extreme eigenvalues with residuals and verdict, trace,
   * gradient variance, noise scale, attention, active units. Loss and gradient norm are those of
   * the step's batch, so they are left to the host.
   *
   * @param snapshot measured at this step
   * @return a new observation
   */
  public Observation with(Snapshot snapshot) {
    Spectrum spectrum = snapshot.spectrum();
    Observation all =
        with(Signal.LAMBDA_MIN, reading(spectrum.min()))
            .with(Signal.LAMBDA_MAX, reading(spectrum.max()))
            .with(Signal.TRACE, spectrum.trace().value(), spectrum.trace().standardError());
    Optional<Double> variance = snapshot.gradients().map(GradientStatistics::variance);
    if (variance.isPresent()) {
      all = all.with(Signal.GRADIENT_VARIANCE, variance.get());
    }
    OptionalDouble noise =
        snapshot.noiseScale().map(NoiseScale::simple).orElse(OptionalDouble.empty());
    if (noise.isPresent()) {
      all = all.with(Signal.NOISE_SCALE, noise.getAsDouble());
    }
    if (!snapshot.attentionEntropy().isEmpty()) {
      double entropy =
          snapshot.attentionEntropy().stream()
              .flatMapToDouble(Arrays::stream)
              .average()
              .orElseThrow();
      all =
          all.with(Signal.ATTENTION_ENTROPY, entropy)
              .with(Signal.ATTENTION_HEADS_SPARSE, snapshot.sparseHeads());
    }
    if (!snapshot.activeFractions().isEmpty()) {
      all = all.withActiveFractions(snapshot.activeFractions());
    }
    return new Observation(
        step, all.readings, all.activeFractions, Optional.of(spectrum.verdict()));
  }

  private static Reading reading(ExtremeEigenvalue found) {
    return new Reading(found.value(), found.residual());
  }

  /**
   * Whether a snapshot was made, of whatever it measured.
   *
   * @return true if there is a reading that only a snapshot gives
   */
  public boolean ofSnapshot() {
    for (Signal signal : readings.keySet()) {
      if (signal.ofSnapshot()) {
        return true;
      }
    }
    return false;
  }

  /**
   * The finite value of a signal.
   *
   * @param signal what was measured
   * @return its value, or nothing if it was not measured, is NaN or infinite
   */
  public OptionalDouble value(Signal signal) {
    Reading reading = readings.get(signal);
    return reading == null || !reading.finite()
        ? OptionalDouble.empty()
        : OptionalDouble.of(reading.value());
  }

  /**
   * The finite reading of a signal.
   *
   * @param signal what was measured
   * @return value and error, or nothing if it was not measured, is NaN or infinite
   */
  public Optional<Reading> reading(Signal signal) {
    return Optional.ofNullable(readings.get(signal)).filter(Reading::finite);
  }
}

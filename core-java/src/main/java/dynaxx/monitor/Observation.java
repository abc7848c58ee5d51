package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Verdict;
import java.util.Collections;
import java.util.EnumMap;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * What is known of a run at one step. Any signal may be missing.
 *
 * @param step number of updates made so far, at least 0
 * @param readings what was measured
 * @param verdict on the sign of the smallest eigenvalue; empty if none was given
 */
public record Observation(long step, Map<Signal, Reading> readings, Optional<Verdict> verdict) {

  /**
   * Copies the readings.
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
    return with(signal, Reading.of(value));
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
    return new Observation(step, more, verdict);
  }

  /**
   * The same with the readings and the verdict of a snapshot. Loss and gradient norm are those of
   * the step's batch, so they are left to the host.
   *
   * @param snapshot measured at this step
   * @return a new observation
   */
  public Observation with(Snapshot snapshot) {
    Map<Signal, Reading> more = new EnumMap<>(Signal.class);
    more.putAll(readings);
    more.putAll(snapshot.readings());
    return new Observation(step, more, Optional.of(snapshot.spectrum().verdict()));
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

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Judges a transition by the validation metric: the mean of the first two values after it against
 * the median of the last three from before it began. Worse means by more than twice the noise of
 * the values before, and by more than 2 % of a loss or half a point of accuracy. The accuracy
 * decides where it is measured, and the loss otherwise.
 */
final class ValidationWatch {

  private static final int BEFORE = 3;
  private static final int AFTER = 2;
  private static final int HISTORY = 20;
  private static final int LEAST_FOR_NOISE = 5;
  private static final double LOSS_TOLERANCE = 0.02;
  private static final double ACCURACY_TOLERANCE = 0.005;
  private static final double DEVIATIONS = 2;

  private final Deque<Value> history = new ArrayDeque<>();
  private final List<Double> after = new ArrayList<>();
  private Signal metric;
  private Event transition;

  private record Value(long step, double value) {}

  /** Takes a step with the events noticed at it; gives the verdict on the last transition. */
  Optional<Event> add(Observation observation, List<Event> events) {
    for (Event event : events) {
      if (event.kind() == Event.Kind.TRANSITION) {
        begin(event);
      }
    }
    Signal measured =
        observation.value(Signal.VALIDATION_ACCURACY).isPresent()
            ? Signal.VALIDATION_ACCURACY
            : Signal.VALIDATION_LOSS;
    OptionalDouble value = observation.value(measured);
    if (value.isEmpty()) {
      return Optional.empty();
    }
    if (metric == null) {
      metric = measured;
    }
    if (measured != metric) {
      return Optional.empty();
    }
    Optional<Event> judged = Optional.empty();
    if (transition != null && observation.step() >= transition.step()) {
      after.add(value.getAsDouble());
      if (after.size() == AFTER) {
        judged = judge(observation.step());
        transition = null;
      }
    }
    history.addLast(new Value(observation.step(), value.getAsDouble()));
    if (history.size() > HISTORY) {
      history.removeFirst();
    }
    return judged;
  }

  void restarted() {
    history.clear();
    after.clear();
    transition = null;
  }

  private void begin(Event event) {
    transition = event;
    after.clear();
  }

  private Optional<Event> judge(long step) {
    long since = transition.evidence().since();
    double[] before =
        history.stream().filter(v -> v.step() < since).mapToDouble(Value::value).toArray();
    if (before.length == 0) {
      return Optional.empty();
    }
    boolean accuracy = metric == Signal.VALIDATION_ACCURACY;
    double base =
        Robust.median(
            Arrays.copyOfRange(before, Math.max(0, before.length - BEFORE), before.length));
    double now = after.stream().mapToDouble(x -> x).average().orElseThrow();
    double worse = accuracy ? base - now : now - base;
    double floor = accuracy ? ACCURACY_TOLERANCE : LOSS_TOLERANCE * Math.abs(base);
    double noise = before.length < LEAST_FOR_NOISE ? 0 : Robust.noise(before);
    double tolerance = Math.max(DEVIATIONS * noise, floor);
    boolean harmful = worse > tolerance;
    double distance = worse == tolerance ? 0 : Math.abs(worse - tolerance) / tolerance;
    Event.Evidence evidence =
        new Event.Evidence(
            now,
            OptionalDouble.of(tolerance / DEVIATIONS),
            OptionalDouble.of(base),
            OptionalDouble.of(accuracy ? base - tolerance : base + tolerance),
            since);
    return Optional.of(
        new Event(
            step,
            harmful ? Event.Kind.HARMFUL : Event.Kind.VALIDATED,
            metric,
            // The logistic function with this factor is within 0.01 of the normal distribution.
            1 / (1 + Math.exp(-1.702 * DEVIATIONS * distance)),
            evidence,
            String.format(
                Locale.ROOT,
                "%s is %.4g after the transition of step %d, against %.4g before it (tolerance"
                    + " %.2g)",
                metric.column(),
                now,
                transition.step(),
                base,
                tolerance)));
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Set;

/** What every rule set does first: keeps steps in order, and NaN and infinities out. */
final class ObservationGuard {

  private final Set<Signal> notFinite = EnumSet.noneOf(Signal.class);
  private long last = -1;

  /**
   * Reports signals that have become NaN or infinite, each once until it is finite again.
   *
   * @throws IllegalArgumentException if the step is not later than the one before
   */
  void check(Observation observation, List<Event> events) {
    long step = observation.step();
    if (step <= last) {
      throw new IllegalArgumentException("step: found " + step + ", expected a step after " + last);
    }
    last = step;
    for (Map.Entry<Signal, Reading> entry : observation.readings().entrySet()) {
      Signal signal = entry.getKey();
      if (entry.getValue().finite()) {
        notFinite.remove(signal);
      } else if (notFinite.add(signal)) {
        events.add(notFinite(step, signal, entry.getValue().value()));
      }
    }
  }

  /** Steps may go back to an earlier checkpoint's. */
  void restarted(long step) {
    last = Math.min(last, step - 1);
    notFinite.clear();
  }

  private static Event notFinite(long step, Signal signal, double value) {
    Event.Evidence evidence =
        new Event.Evidence(
            value, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), step);
    return new Event(
        step,
        Event.Kind.NOT_FINITE,
        signal,
        1,
        evidence,
        signal.column() + " is " + value + "; it is not used");
  }

  static Event restart(long step, String guard) {
    Event.Evidence evidence =
        new Event.Evidence(
            step, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), step);
    return new Event(
        step,
        Event.Kind.RESTART,
        Signal.LEARNING_RATE,
        1,
        evidence,
        "training was started again; " + guard);
  }
}

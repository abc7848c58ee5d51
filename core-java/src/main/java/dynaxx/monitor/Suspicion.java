package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.Optional;

/**
 * Whether a cheap snapshot differs so much from the one before that a full one should look again:
 * stored vectors follow a slow change and are blind to a new direction.
 */
final class Suspicion {

  /** Relative change of a positive signal. */
  private static final double RELATIVE = 0.25;

  /** Change of lambda_min as part of lambda_max. */
  private static final double DEPTH = 0.05;

  private static final double ERRORS = 3;

  private Observation before = Observation.at(0);

  void remember(Observation measured) {
    before = measured;
  }

  void forget() {
    before = Observation.at(0);
  }

  boolean about(Observation now) {
    double lambdaMax = now.value(Signal.LAMBDA_MAX).orElse(0);
    double least = before.value(Signal.LAMBDA_MIN).orElse(Double.NaN);
    double depth = now.value(Signal.LAMBDA_MIN).orElse(Double.NaN) - least;
    return moved(now, Signal.LAMBDA_MAX)
        || moved(now, Signal.TRACE)
        || Math.abs(depth) > Math.max(DEPTH * lambdaMax, RELATIVE * Math.abs(least));
  }

  private boolean moved(Observation now, Signal signal) {
    Optional<Reading> earlier = before.reading(signal);
    Optional<Reading> later = now.reading(signal);
    if (earlier.isEmpty() || later.isEmpty()) {
      return false;
    }
    double change = Math.abs(later.get().value() - earlier.get().value());
    double error = Math.hypot(later.get().errorOr(0), earlier.get().errorOr(0));
    return change > RELATIVE * Math.abs(earlier.get().value()) && change > ERRORS * error;
  }
}

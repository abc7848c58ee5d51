package dynaxx.dashboard;

import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.SpectralDensity;
import dynaxx.spectrum.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;

/** Records with known values. */
final class Runs {

  private Runs() {}

  static double loss(long step) {
    return 2 / (1 + step / 50.0) + 0.01 * Math.sin(step);
  }

  /** A step whose host values follow from its number, and every tenth with a snapshot. */
  static MonitorRecord.Step step(long step) {
    Observation seen =
        Observation.at(step)
            .with(Signal.LOSS, loss(step))
            .with(Signal.LEARNING_RATE, 0.1)
            .with(Signal.GRADIENT_NORM, 1 + 1.0 / (step + 1));
    if (step % 10 != 0) {
      return new MonitorRecord.Step(seen);
    }
    List<Double> bins = new ArrayList<>();
    for (int i = 0; i < SpectralDensity.edges().length - 1; i++) {
      bins.add(i == 60 ? 0.9 : i == 90 || i == 30 ? 0.05 : 0.0);
    }
    seen =
        new Observation(
            step,
            seen.with(Signal.LAMBDA_MIN, -1 - step / 1e3, 0.1)
                .with(Signal.LAMBDA_MAX, 10 + step / 1e2, 0.2)
                .with(Signal.SHARPNESS_RATIO, (10 + step / 1e2) / 20, 0.01)
                .with(Signal.TRACE, 30, 2.5)
                .with(Signal.ATTENTION_ENTROPY, Reading.mean(List.of(1.5, 2.0, 2.5)))
                .with(Signal.NEGATIVE_FRACTION, new Reading(0.05, OptionalDouble.empty(), bins))
                .readings(),
            Optional.of(new Verdict.Negative(-1, true)));
    return new MonitorRecord.Step(
        seen, OptionalDouble.empty(), Optional.empty(), List.of(), List.of(), 0.04);
  }

  static MonitorRecord.Notice event(long step, String explanation) {
    Event event =
        new Event(
            step,
            Event.Kind.TRANSITION,
            Signal.LAMBDA_MIN,
            0.97,
            new Event.Evidence(
                -1,
                OptionalDouble.of(0.1),
                OptionalDouble.of(-2),
                OptionalDouble.empty(),
                step - 5),
            explanation);
    return new MonitorRecord.Notice(step, MonitorRecord.Notice.Kind.EPOCH_END, List.of(event));
  }

  static MonitorRecord finish(long step) {
    return new MonitorRecord.Notice(step, MonitorRecord.Notice.Kind.FINISH, List.of());
  }
}

package dynaxx.app.scenario;

import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** What a run recorded, in order. */
final class Series {

  private final List<MonitorRecord> records = new ArrayList<>();
  private final List<Observation> steps = new ArrayList<>();

  void add(MonitorRecord record) {
    records.add(record);
    if (record instanceof MonitorRecord.Step step) {
      steps.add(step.observation());
    }
  }

  List<Observation> steps() {
    return steps;
  }

  /** What rules that saw all of it say. */
  List<Event> replay(Rules rules) {
    List<Event> events = new ArrayList<>();
    for (MonitorRecord record : records) {
      switch (record) {
        case MonitorRecord.Step step -> events.addAll(rules.observe(step.observation()));
        case MonitorRecord.Validation validation -> {}
        case MonitorRecord.Notice notice -> {
          switch (notice.kind()) {
            case RESTART -> events.addAll(rules.restarted(notice.step()));
            case FINISH -> events.addAll(rules.finish());
            case EPOCH_END -> rules.epochEnded(notice.step());
            case LEARNING_RATE -> rules.learningRateChanged(notice.step());
            case CHECKPOINT -> {}
          }
        }
      }
    }
    return events;
  }

  static double value(Observation observation, Signal signal) {
    return observation.readings().containsKey(signal)
        ? observation.readings().get(signal).value()
        : Double.NaN;
  }

  /** First step from another on at which a signal is at least, or below, a bound; -1 if none. */
  long first(Signal signal, long from, double bound, boolean below) {
    return steps.stream()
        .filter(o -> o.step() >= from)
        .filter(
            o -> {
              double value = value(o, signal);
              return below ? value < bound : value >= bound;
            })
        .mapToLong(Observation::step)
        .findFirst()
        .orElse(-1);
  }

  /** Median of the losses of so many steps before one. */
  double lossBefore(long step, int count) {
    double[] losses =
        steps.stream()
            .filter(o -> o.step() < step && o.step() >= step - count)
            .mapToDouble(o -> value(o, Signal.LOSS))
            .sorted()
            .toArray();
    return losses.length == 0 ? Double.NaN : losses[losses.length / 2];
  }

  /** First step at which the loss is higher than at the step before; -1 if none. */
  long firstRise() {
    for (int i = 1; i < steps.size(); i++) {
      if (value(steps.get(i), Signal.LOSS) > value(steps.get(i - 1), Signal.LOSS) * 1.0001) {
        return steps.get(i).step();
      }
    }
    return -1;
  }

  /** Sharpness over the stability limit 2 / learning rate, from a step on. */
  double[] sharpness(long from) {
    return steps.stream()
        .filter(o -> o.step() >= from)
        .mapToDouble(o -> value(o, Signal.LAMBDA_MAX) * value(o, Signal.LEARNING_RATE) / 2)
        .filter(Double::isFinite)
        .toArray();
  }

  static double mean(double[] values) {
    return Arrays.stream(values).average().orElse(Double.NaN);
  }
}

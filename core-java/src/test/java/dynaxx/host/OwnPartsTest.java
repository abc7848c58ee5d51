package dynaxx.host;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.monitor.Observation;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Policy;
import dynaxx.monitor.Rules;
import dynaxx.monitor.StepReport;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

/** Rules, a policy and a sink by somebody else, with what is public. */
class OwnPartsTest {

  /** A loss that is twice what it was. */
  private static final class Doubled implements Rules {
    private double before = Double.NaN;

    @Override
    public List<Event> observe(Observation observation) {
      double error = observation.reading(Signal.LOSS).map(r -> r.errorOr(0)).orElse(0.0);
      double loss = observation.value(Signal.LOSS).orElse(before) - error;
      boolean doubled = loss > 2 * before && !observation.ofSnapshot();
      before = loss;
      OptionalDouble none = OptionalDouble.empty();
      return doubled
          ? List.of(
              new Event(
                  observation.step(),
                  Event.Kind.LEVEL_SHIFT,
                  Signal.LOSS,
                  1,
                  new Event.Evidence(loss, none, none, none, observation.step()),
                  "the loss has doubled"))
          : List.of();
    }

    @Override
    public List<Event> restarted(long step) {
      before = Double.NaN;
      return List.of();
    }

    @Override
    public void learningRateChanged(long step) {}

    @Override
    public void epochEnded(long step) {}

    @Override
    public List<Event> finish() {
      return List.of();
    }
  }

  private static final class Brake implements Policy {
    @Override
    public List<Advice> decide(Situation situation) {
      return situation.saw(Event.Kind.LEVEL_SHIFT)
          ? List.of(new Advice.LearningRate(Double.NaN, 0.5, "the loss has doubled"))
          : List.of();
    }
  }

  private static final class Lines implements MonitorSink {
    private final List<String> lines = new ArrayList<>();

    @Override
    public void accept(MonitorRecord record) {
      if (record instanceof MonitorRecord.Step step) {
        Signal.Reading loss = step.observation().readings().get(Signal.LOSS);
        lines.add(step.step() + " " + loss.finite() + " " + step.advice().size());
      }
    }
  }

  @Test
  void rulesPoliciesAndSinksMayBeOnesOwn() {
    Lines lines = new Lines();
    List<Advice> given = new ArrayList<>();
    try (PhaseMonitor monitor =
        PhaseMonitor.of(settings -> null)
            .rules(new Doubled())
            .policy(new Brake())
            .sink(lines)
            .build()) {
      double[] losses = {1, 1.1, 3};
      for (int step = 0; step < losses.length; step++) {
        StepReport report = StepReport.at(step + 1).loss(losses[step]);
        for (Advice advice : monitor.afterStep(report).advice()) {
          given.add(advice);
        }
      }
    }
    assertEquals(1, given.size());
    assertEquals(List.of("1 true 0", "2 true 0", "3 true 1"), lines.lines);
  }
}

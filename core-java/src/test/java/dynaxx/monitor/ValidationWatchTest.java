package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.spectrum.Signal;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;

class ValidationWatchTest {

  private static Event judged(double before, double after) {
    ValidationWatch watch = new ValidationWatch();
    OptionalDouble none = OptionalDouble.empty();
    Event.Evidence evidence = new Event.Evidence(1, none, none, none, 60);
    Event transition =
        new Event(60, Event.Kind.TRANSITION, Signal.TRACE, 1, evidence, "two signals moved");
    for (int step = 0; step < 60; step += 10) {
      watch.add(validated(step, before), List.of());
    }
    watch.add(validated(60, after), List.of(transition));
    return watch.add(validated(70, after), List.of()).orElseThrow();
  }

  private static Observation validated(long step, double loss) {
    return Observation.at(step).with(Signal.VALIDATION_LOSS, loss);
  }

  @Test
  void worseThanTheToleranceIsHarmful() {
    assertEquals(Event.Kind.HARMFUL, judged(1, 1.1).kind());
    assertEquals(Event.Kind.VALIDATED, judged(1, 1.01).kind());
    assertEquals(Event.Kind.VALIDATED, judged(1, 0.5).kind());
  }

  /** A loss of exactly zero has no noise and no tolerance. */
  @Test
  void aLossOfZeroIsJudged() {
    assertEquals(Event.Kind.VALIDATED, judged(0, 0).kind());
    Event harmful = judged(0, 1e-3);
    assertEquals(Event.Kind.HARMFUL, harmful.kind());
    assertEquals(1, harmful.confidence());
  }
}

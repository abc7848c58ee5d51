package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** Each rule on a short series made by hand; snapshots are 20 steps apart unless said. */
class ArticleRulesTest {

  private static final int EVERY = 20;

  private static List<Event> lambda(Rules rules, double... values) {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      events.addAll(rules.observe(Observation.at(i * EVERY).with(Signal.LAMBDA_MIN, values[i])));
    }
    return events;
  }

  private static double[] series(int n, IntToDoubleFunction value) {
    double[] values = new double[n];
    for (int i = 0; i < n; i++) {
      values[i] = value.applyAsDouble(i);
    }
    return values;
  }

  private static Event only(List<Event> events) {
    assertEquals(1, events.size(), events.toString());
    return events.getFirst();
  }

  private static Rules with(int layers, boolean smooth) {
    return new ArticleRules(ArticleSettings.defaults().withNetwork(layers, smooth));
  }

  @Test
  void aFallByAnOrderOfMagnitudeIsAPrecursor() {
    Event event = only(lambda(Rules.article(), 2, 2.1, 1.9, 2, 2, 0.19, 0.18));
    assertEquals(Event.Kind.PRECURSOR, event.kind());
    assertEquals(5 * EVERY, event.step());
    assertEquals(OptionalDouble.of(2), event.evidence().baseline());
    assertEquals(0.2, event.evidence().threshold().orElseThrow(), 1e-12);
    assertEquals(0, event.evidence().since());
    assertEquals(List.of(), lambda(Rules.article(), 2, 2.1, 1.9, 2, 2, 0.21, 0.21));
    assertEquals(
        Event.Kind.PRECURSOR, only(lambda(Rules.article(), -2, -2, -2, -2, -2, -.1)).kind());
  }

  @Test
  void aDipAfterALinearDecreaseIsAPrecursor() {
    Event event = only(lambda(Rules.article(), 10, 9.5, 9, 8.5, 8, 6, 7.5));
    assertEquals(Event.Kind.PRECURSOR, event.kind());
    assertEquals(7.5, event.evidence().baseline().orElseThrow(), 1e-9);
    assertEquals(6.5, event.evidence().threshold().orElseThrow(), 1e-9);
    assertEquals(List.of(), lambda(Rules.article(), 10, 9.5, 9, 8.5, 8, 7.5, 7));
  }

  private static List<Event> variance(Rules rules, double lambdaMin, double... values) {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < values.length; i++) {
      events.addAll(
          rules.observe(
              Observation.at(i * EVERY)
                  .with(Signal.LAMBDA_MIN, lambdaMin)
                  .with(Signal.GRADIENT_VARIANCE, values[i])));
    }
    return events;
  }

  @Test
  void aVarianceSpikeWithASmallLambdaMinIsAPrecursor() {
    double[] spike = {1, 1.1, 0.9, 1, 1, 3.5, 1};
    Event event = only(variance(Rules.article(), 0.05, spike));
    assertEquals(Event.Kind.PRECURSOR, event.kind());
    assertEquals(Signal.GRADIENT_VARIANCE, event.signal());
    assertEquals(List.of(), variance(Rules.article(), 0.5, spike));
    assertEquals(List.of(), variance(Rules.article(), 0.05, 1, 1, 1, 1, 1, 2.9));
  }

  @Test
  void aSuddenTraceRiseIsAPrecursor() {
    Rules rules = Rules.article();
    List<Event> events = new ArrayList<>();
    double[] trace = {100, 102, 98, 101, 99, 230, 240};
    for (int i = 0; i < trace.length; i++) {
      events.addAll(rules.observe(Observation.at(i).with(Signal.TRACE, trace[i], 10)));
    }
    Event event = only(events);
    assertEquals(Signal.TRACE, event.signal());
    assertEquals(OptionalDouble.of(10), event.evidence().uncertainty());
    assertTrue(event.confidence() > 0.99, "3 standard errors beyond the threshold");
  }

  @Test
  void aLastingChangeOfSignIsATransition() {
    Event event = only(lambda(Rules.article(), series(30, i -> i < 10 ? 1 : -1)));
    assertEquals(Event.Kind.TRANSITION, event.kind());
    // Five snapshots are averaged: the mean is negative at the third, and must stay 100 steps.
    assertEquals(12 * EVERY, event.evidence().since());
    assertEquals(12 * EVERY + 100, event.step());
    assertEquals(List.of(), lambda(Rules.article(), series(30, i -> i < 10 || i > 14 ? 1 : -1)));
  }

  @Test
  void theMovingAverageSpansAtMostItsSteps() {
    List<Event> events = new ArrayList<>();
    Rules rules = Rules.article();
    for (int i = 0; i < 20; i++) {
      double value = i < 10 ? 1 : -1;
      events.addAll(rules.observe(Observation.at(200L * i).with(Signal.LAMBDA_MIN, value)));
    }
    // 500 steps hold three snapshots: the mean is negative at the second.
    assertEquals(11 * 200, only(events).evidence().since());
  }

  @Test
  void kinksAndLargeBatchesNeedMoreEvidence() {
    double[] crossing = series(30, i -> i < 10 ? 1 : -1);
    assertEquals(12 * EVERY + 200, only(lambda(with(12, false), crossing)).step());
    assertEquals(List.of(), lambda(with(12, false), 2, 2, 2, 2, 2, 0.1, 2));
    Rules large = Rules.article();
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < crossing.length; i++) {
      events.addAll(
          large.observe(
              Observation.at(i * EVERY)
                  .with(Signal.LAMBDA_MIN, crossing[i], 0.1)
                  .with(Signal.BATCH_SIZE, 8192)));
    }
    Event event = only(events);
    assertEquals(12 * EVERY + 200, event.step());
    assertEquals(0.5, event.confidence(), 0.01);
  }

  @Test
  void manyCrossingsAreAnInstabilityAndNoTransition() {
    Event event =
        only(lambda(Rules.article(), 1, 1, 1, -1, -1.5, -0.5, 1.3, 1, -1, -0.8, 1.2, 0.9, 1.1));
    assertEquals(Event.Kind.INSTABILITY, event.kind());
    assertEquals(8 * EVERY, event.step());
  }

  @Test
  void whatRepeatsItselfIsCyclicAndNoTransition() {
    List<Event> events =
        lambda(Rules.article(), series(120, i -> 0.2 + Math.sin(2 * Math.PI * i / 16)));
    assertTrue(events.stream().anyMatch(e -> e.kind() == Event.Kind.CYCLIC), events.toString());
    assertTrue(
        events.stream().noneMatch(e -> e.kind() == Event.Kind.TRANSITION && e.step() > 50 * EVERY),
        events.toString());
  }

  @Test
  void nothingIsReportedSoonAfterARestart() {
    Rules rules = Rules.article();
    lambda(rules, series(10, i -> 1));
    assertEquals(Event.Kind.RESTART, only(rules.restarted(200)).kind());
    List<Event> events = new ArrayList<>();
    for (int step = 200; step < 2000; step += EVERY) {
      double value = step < 400 ? 1 : -1;
      events.addAll(rules.observe(Observation.at(step).with(Signal.LAMBDA_MIN, value)));
    }
    assertEquals(List.of(), events);
  }

  @Test
  void gradientVarianceStandsInForDeepNetsAndWithinNoise() {
    double[] rise = series(40, i -> i < 20 ? 1 : 10);
    List<Event> deep = variance(with(60, true), -1, rise);
    assertEquals(Event.Kind.PRECURSOR, deep.getFirst().kind());
    Event event = deep.getLast();
    assertEquals(Event.Kind.TRANSITION, event.kind());
    assertEquals(Signal.GRADIENT_VARIANCE, event.signal());
    assertEquals(OptionalDouble.of(1), event.evidence().baseline());

    Rules noisy = Rules.article();
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < rise.length; i++) {
      events.addAll(
          noisy.observe(
              Observation.at(i * EVERY)
                  .with(Signal.LAMBDA_MIN, 0.01, 0.1)
                  .with(Signal.GRADIENT_VARIANCE, rise[i])));
    }
    assertTrue(
        events.stream()
            .anyMatch(
                e -> e.kind() == Event.Kind.TRANSITION && e.signal() == Signal.GRADIENT_VARIANCE),
        events.toString());
  }

  @Test
  void settingsAreChecked() {
    assertThrows(
        IllegalArgumentException.class, () -> ArticleSettings.defaults().withNetwork(-1, true));
  }
}

package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Verdict;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class PoliciesTest {

  private static final Verdict NEGATIVE = new Verdict.Negative(-1, true);

  private static Event event(long step, Event.Kind kind, Signal signal) {
    Event.Evidence evidence =
        new Event.Evidence(
            1, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), step);
    return new Event(step, kind, signal, 1, evidence, "test");
  }

  private static Observation at(long step, double min, double max, double loss, double batch) {
    Observation o =
        Observation.at(step)
            .with(Signal.LAMBDA_MIN, min, 0.001)
            .with(Signal.LAMBDA_MAX, max)
            .with(Signal.LOSS, loss)
            .with(Signal.LEARNING_RATE, 0.1)
            .with(Signal.BATCH_SIZE, batch);
    return new Observation(step, o.readings(), Optional.of(NEGATIVE));
  }

  private static List<Advice> ask(Policy policy, Observation o, Event... events) {
    return policy.decide(
        new Policy.Situation(
            o,
            OptionalDouble.of(0.9),
            true,
            List.of(events),
            OptionalLong.of(1),
            OptionalLong.of(1)));
  }

  private static List<Advice> without(List<Advice> advice, Class<? extends Advice> kind) {
    return advice.stream().filter(a -> !kind.isInstance(a)).toList();
  }

  private static double factor(Advice advice) {
    return ((Advice.LearningRate) advice).factor();
  }

  @Test
  void smoothHalvesOnceForOneWarning() {
    Policy policy = Policy.smooth();
    List<Double> factors = new ArrayList<>();
    for (int step = 0; step < 40; step++) {
      ask(policy, at(step, -1, 10, 1, 64), event(step, Event.Kind.PRECURSOR, Signal.TRACE)).stream()
          .filter(a -> a instanceof Advice.LearningRate)
          .forEach(a -> factors.add(factor(a)));
    }
    assertEquals(List.of(0.5, 0.5, 0.5, 0.5), factors, "five snapshots apart, down to a sixteenth");
  }

  @Test
  void aShiftOfTheLossIsNoWarning() {
    Policy policy = Policy.smooth();
    List<Advice> advice =
        ask(policy, at(0, -1, 10, 1, 64), event(0, Event.Kind.LEVEL_SHIFT, Signal.LOSS));
    assertEquals(List.of(), without(advice, Advice.Checkpoint.class));
  }

  @Test
  void rideKeepsACheckpointBeforeAndReducesAfterTheDrop() {
    Policy policy = Policy.ride();
    for (int step = 0; step < 25; step++) {
      ask(policy, at(step, -1, 10, 1, 64));
    }
    List<Advice> warned =
        ask(policy, at(25, -1, 10, 1, 64), event(25, Event.Kind.LEVEL_SHIFT, Signal.TRACE));
    assertTrue(warned.getFirst() instanceof Advice.Checkpoint, warned.toString());
    List<Advice> crossed =
        ask(policy, at(26, -1, 10, 1, 64), event(26, Event.Kind.TRANSITION, Signal.TRACE));
    assertTrue(crossed.getFirst() instanceof Advice.Validate, crossed.toString());
    List<Advice> all = new ArrayList<>();
    int reduced = -1;
    for (int step = 27; step < 60; step++) {
      List<Advice> advice =
          without(ask(policy, at(step, -1, 10, step < 30 ? 1 : 0.5, 64)), Advice.Checkpoint.class);
      reduced = reduced < 0 && !advice.isEmpty() ? step : reduced;
      all.addAll(advice);
    }
    assertEquals(1, all.size(), all.toString());
    assertEquals(0.5, factor(all.getFirst()));
    assertTrue(reduced >= 33 && reduced <= 36, "the mean of 20 losses has dropped by a tenth");
  }

  /** On a plateau: raise by half as long as 2 (1 + momentum) / rate allows, then the momentum. */
  @Test
  void escapeRaisesTheRateAndThenTheMomentum() {
    Policy policy = Policy.escape();
    List<Advice> advice = new ArrayList<>();
    for (int step = 0; step < 230; step++) {
      advice.addAll(without(ask(policy, at(step, -1, 10, 1, 64)), Advice.Checkpoint.class));
    }
    assertEquals(1.5, factor(advice.getFirst()));
    assertTrue(advice.size() <= 4, advice.toString());
    Policy steep = Policy.escape();
    advice.clear();
    for (int step = 0; step < 230; step++) {
      advice.addAll(without(ask(steep, at(step, -2, 30, 1, 64)), Advice.Checkpoint.class));
    }
    assertEquals(1, advice.size(), advice.toString());
    assertEquals(0.95, ((Advice.Momentum) advice.getFirst()).value(), 1e-12);
    advice.clear();
    for (int step = 230; step < 330; step++) {
      advice.addAll(without(ask(steep, at(step, -2, 30, 0.5, 64)), Advice.Checkpoint.class));
    }
    assertEquals(0.9, ((Advice.Momentum) advice.getFirst()).value(), 1e-12, "taken back");
  }

  @Test
  void escapeLeavesAShallowMinimumAndAMovingLossAlone() {
    for (double min : new double[] {-0.1, 1}) {
      Policy policy = Policy.escape();
      for (int step = 0; step < 300; step++) {
        List<Advice> advice = ask(policy, at(step, min, 10, 1, 64));
        assertEquals(List.of(), without(advice, Advice.Checkpoint.class));
      }
    }
    Policy policy = Policy.escape();
    for (int step = 0; step < 300; step++) {
      List<Advice> advice = ask(policy, at(step, -1, 10, Math.exp(-0.01 * step), 64));
      assertEquals(List.of(), without(advice, Advice.Checkpoint.class));
    }
  }

  @Test
  void largeBatchesHalveWhenLambdaMinApproachesZero() {
    for (double batch : new double[] {64, 8192}) {
      Policy policy = Policy.ride();
      for (int step = 0; step < 10; step++) {
        ask(policy, at(step, -1, 10, 1, batch));
      }
      List<Advice> advice = ask(policy, at(10, -0.05, 10, 1, batch));
      boolean halved = advice.stream().anyMatch(a -> a instanceof Advice.LearningRate);
      assertEquals(batch > 4096, halved, advice.toString());
    }
  }

  @Test
  void harmIsRevertedAtMostFiveTimes() {
    Policy policy = Policy.ride();
    int reverts = 0;
    for (int step = 0; step < 10; step++) {
      List<Advice> advice =
          ask(policy, at(step, -1, 10, 1, 64), event(step, Event.Kind.HARMFUL, Signal.LOSS));
      reverts += advice.stream().anyMatch(a -> a instanceof Advice.Revert) ? 1 : 0;
    }
    assertEquals(5, reverts);
  }
}

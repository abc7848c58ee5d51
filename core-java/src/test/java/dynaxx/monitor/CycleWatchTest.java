package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

/** What a told cycle explains is not told again; what goes beyond it is. */
class CycleWatchTest {

  private static final Set<Event.Kind> OF_THE_LOSS =
      EnumSet.of(Event.Kind.SPIKE, Event.Kind.INSTABILITY_AHEAD);

  private static final int SNAPSHOTS = 180;
  private static final int RUNS = 12;
  private static final int SHIFT = 120;

  private static final IntToDoubleFunction NONE = i -> 0;

  private static IntToDoubleFunction sine(int period) {
    return i -> Math.sin(2 * Math.PI * i / period);
  }

  private static IntToDoubleFunction pulse(int period) {
    return i -> i % period == 0 ? 1 : 0;
  }

  private static IntToDoubleFunction after(double size) {
    return i -> i < SHIFT ? 0 : size;
  }

  private static double noise(SplittableRandom random, boolean heavy) {
    double normal = random.nextGaussian();
    if (!heavy) {
      return normal;
    }
    double a = random.nextGaussian();
    double b = random.nextGaussian();
    double c = random.nextGaussian();
    return normal / Math.sqrt(a * a + b * b + c * c);
  }

  /** lambda_min about zero, lambda_max and loss in step with it. */
  private static List<Event> run(
      long seed,
      boolean heavy,
      double deviation,
      IntToDoubleFunction cycle,
      IntToDoubleFunction shift) {
    SplittableRandom random = new SplittableRandom(seed);
    List<Observation> all = new ArrayList<>();
    for (int i = 0; i < SNAPSHOTS; i++) {
      double common = 0.3 * cycle.applyAsDouble(i);
      double moved = shift.applyAsDouble(i);
      all.add(
          Observation.at(10L * i)
              .with(Signal.LAMBDA_MIN, common + deviation * noise(random, heavy) - moved, 0.01)
              .with(
                  Signal.LAMBDA_MAX,
                  20 * Math.exp(common + deviation * noise(random, heavy) + moved))
              .with(Signal.LOSS, Math.exp(common + deviation * noise(random, heavy) + moved)));
    }
    return Scenario.replay(Rules.calibrated(), all);
  }

  private static List<Event> afterCycle(List<Event> events) {
    long told =
        events.stream()
            .filter(e -> e.kind() == Event.Kind.CYCLIC)
            .mapToLong(Event::step)
            .min()
            .orElseThrow(() -> new AssertionError("no cycle told: " + events));
    return events.stream().filter(e -> e.step() > told).toList();
  }

  @Test
  void aToldCycleIsNotToldAgain() {
    for (int period : new int[] {8, 12, 20}) {
      for (boolean heavy : new boolean[] {false, true}) {
        for (double deviation : new double[] {0.015, 0.06}) {
          for (int seed = 0; seed < RUNS; seed++) {
            List<Event> events = run(seed, heavy, deviation, sine(period), NONE);
            assertEquals(
                List.of(),
                afterCycle(events),
                "period " + period + ", heavy " + heavy + ", noise " + deviation);
          }
        }
      }
    }
  }

  @Test
  void aShiftBeyondTheRangeOfACycleIsATransition() {
    for (int period : new int[] {6, 8, 12}) {
      for (boolean heavy : new boolean[] {false, true}) {
        for (int seed = 0; seed < RUNS; seed++) {
          List<Event> events = run(seed, heavy, 0.06, sine(period), after(1.5));
          List<Event> after = afterCycle(events);
          // The loss shows it by itself, at once.
          after = after.stream().filter(e -> !OF_THE_LOSS.contains(e.kind())).toList();
          Event first = after.isEmpty() ? null : after.getFirst();
          assertTrue(
              first != null
                  && first.kind() == Event.Kind.TRANSITION
                  && first.step() >= 10 * SHIFT
                  && first.step() <= 10 * SHIFT + 50
                  && Math.abs(first.evidence().since() - 10 * SHIFT) <= 20,
              "period " + period + ", heavy " + heavy + ": " + after);
        }
      }
    }
  }

  /** One signal alone leaves its cycle. */
  @Test
  void aShiftOfOneSignalIsALevelShiftThatNamesTheCycle() {
    SplittableRandom random = new SplittableRandom(3);
    List<Observation> all = new ArrayList<>();
    for (int i = 0; i < SNAPSHOTS; i++) {
      double common = 0.3 * sine(12).applyAsDouble(i);
      double moved = after(1.5).applyAsDouble(i);
      all.add(
          Observation.at(10L * i)
              .with(Signal.TRACE, 300 * Math.exp(common + 0.05 * random.nextGaussian() + moved))
              .with(Signal.LOSS, Math.exp(common + 0.05 * random.nextGaussian())));
    }
    List<Event> after = afterCycle(Scenario.replay(Rules.calibrated(), all));
    assertEquals(1, after.size(), after.toString());
    assertEquals(Event.Kind.LEVEL_SHIFT, after.getFirst().kind());
    String words = after.getFirst().explanation();
    assertTrue(words.startsWith("trace has been above the range of its cycle since"), words);
    Event.Evidence evidence = after.getFirst().evidence();
    assertTrue(evidence.value() > evidence.threshold().orElseThrow(), evidence.toString());
    assertEquals(300, evidence.baseline().orElseThrow(), 60);
  }

  /** The first pulses are spikes; when it is known that they come again, they are none. */
  @Test
  void pulsesThatRepeatAreNoSpikes() {
    for (int seed = 0; seed < RUNS; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<Observation> all = new ArrayList<>();
      for (int i = 0; i < 240; i++) {
        double value = (i < 60 ? 0 : 2 * pulse(5).applyAsDouble(i)) + 0.05 * random.nextGaussian();
        all.add(Observation.at(i).with(Signal.TRACE, 300 * Math.exp(value)));
      }
      List<Event> events = Scenario.replay(Rules.calibrated(), all);
      assertEquals(Event.Kind.SPIKE, events.getFirst().kind(), events.toString());
      assertEquals(List.of(), afterCycle(events), "seed " + seed);
    }
  }

  /** Sharpness that goes to the limit and back again and again is at the edge once. */
  @Test
  void aCycleThatTouchesTheLimitIsAtTheEdgeOnce() {
    IntFunction<Observation> at =
        i ->
            Observation.at(i)
                .with(Signal.LEARNING_RATE, 0.1)
                .with(Signal.LAMBDA_MAX, 14 + 6 * Math.sin(2 * Math.PI * i / 16.0))
                .with(Signal.LOSS, 1 + 0.3 * Math.sin(2 * Math.PI * i / 16.0));
    List<Observation> all = new ArrayList<>();
    for (int i = 0; i < SNAPSHOTS; i++) {
      all.add(at.apply(i));
    }
    List<Event> events = afterCycle(Scenario.replay(Rules.calibrated(), all));
    assertEquals(List.of(), events);
  }

  /** When the cycle is over, a change within its old range is a change again. */
  @Test
  void aCycleThatEndedExplainsNothing() {
    for (int seed = 0; seed < RUNS; seed++) {
      SplittableRandom random = new SplittableRandom(seed);
      List<Observation> all = new ArrayList<>();
      for (int i = 0; i < 200; i++) {
        double value = i < 80 ? 0.5 * sine(8).applyAsDouble(i) : i < 160 ? 0.3 : -0.3;
        all.add(
            Observation.at(i).with(Signal.LAMBDA_MIN, value + 0.02 * random.nextGaussian(), 0.02));
      }
      List<Event> after =
          Scenario.replay(Rules.calibrated(), all).stream().filter(e -> e.step() >= 160).toList();
      assertTrue(
          after.stream().anyMatch(e -> e.kind() == Event.Kind.SIGN_CHANGE), after.toString());
    }
  }

  /** Whatever its shape, a cycle gives no more than what came before it was told. */
  @Test
  void squareWavesAreToldOnce() {
    Set<Event.Kind> kinds = EnumSet.noneOf(Event.Kind.class);
    for (int seed = 0; seed < RUNS; seed++) {
      List<Event> events = run(seed, true, 0.06, i -> i % 12 < 6 ? 1 : -1, NONE);
      afterCycle(events).forEach(e -> kinds.add(e.kind()));
    }
    assertEquals(EnumSet.noneOf(Event.Kind.class), kinds);
  }

  @Test
  void aRestartForgetsTheCycle() {
    Rules rules = Rules.calibrated();
    for (int i = 0; i < 60; i++) {
      rules.observe(Observation.at(i).with(Signal.TRACE, Math.exp(sine(8).applyAsDouble(i))));
    }
    rules.restarted(60);
    List<Event> events = new ArrayList<>();
    for (int i = 60; i < 120; i++) {
      events.addAll(rules.observe(Observation.at(i).with(Signal.LAMBDA_MIN, i < 90 ? 1 : -1, 0.1)));
    }
    assertFalse(events.isEmpty());
    assertEquals(Event.Kind.SIGN_CHANGE, events.getFirst().kind());
  }
}

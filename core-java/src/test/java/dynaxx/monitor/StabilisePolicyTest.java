package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class StabilisePolicyTest {

  private static final double FRACTION = StabilisePolicy.FRACTION;
  private static final double GROWTH = StabilisePolicy.GROWTH;

  private final Host host = new Host(Policy.stabilise(null));

  /** A host that does what it is told at once, as a monitor's control does. */
  private static final class Host {
    private final Policy policy;
    private final double own = 0.1;
    private double factor = 1;
    private double loss = 1;
    private double momentum = 0.9;
    private long step;
    private OptionalLong checkpoint = OptionalLong.empty();
    private List<Advice> all = List.of();

    Host(Policy policy) {
      this.policy = policy;
    }

    /** A step without a snapshot; the factor that was advised, or 1. */
    double step(Event... events) {
      return told(observed(), false, events);
    }

    /** A step with a ratio that is what it would be at the host's own rate. */
    double snapshot(Signal signal, double atOwnRate) {
      return told(observed().with(signal, atOwnRate * factor), true);
    }

    private Observation observed() {
      return Observation.at(step++)
          .with(Signal.LOSS, loss)
          .with(Signal.LEARNING_RATE, own * factor);
    }

    double told(Observation observation, boolean measured, Event... events) {
      all =
          policy.decide(
              new Policy.Situation(
                  observation,
                  OptionalDouble.of(momentum),
                  measured,
                  List.of(events),
                  checkpoint,
                  OptionalLong.empty()));
      double change = 1;
      for (Advice advice : all) {
        switch (advice) {
          case Advice.LearningRate a -> change *= a.factor();
          case Advice.Checkpoint a -> checkpoint = OptionalLong.of(observation.step());
          case Advice.Revert a -> policy.restarted(a.step());
          default -> throw new AssertionError(advice.toString());
        }
      }
      factor *= change;
      return change;
    }

    boolean advised(Class<? extends Advice> kind) {
      return all.stream().anyMatch(kind::isInstance);
    }
  }

  private static Event event(Event.Kind kind) {
    Event.Evidence evidence =
        new Event.Evidence(
            1, OptionalDouble.empty(), OptionalDouble.empty(), OptionalDouble.empty(), 0);
    return new Event(0, kind, Signal.LOSS, 1, evidence, "test");
  }

  @Test
  void saysNothingBelowTheFraction() {
    assertEquals(1, host.snapshot(Signal.SHARPNESS_RATIO, 0.9 * FRACTION));
    for (int i = 0; i < 50; i++) {
      assertEquals(1, host.step());
    }
  }

  @Test
  void lowersTheRateToTheFractionAtOnce() {
    for (Signal signal :
        List.of(
            Signal.SHARPNESS_RATIO,
            Signal.DIRECTIONAL_CURVATURE_RATIO,
            Signal.BATCH_SHARPNESS_RATIO,
            Signal.CRITICAL_RATE_RATIO)) {
      Host other = new Host(Policy.stabilise(null));
      double ratio = 4 * FRACTION;
      assertEquals(0.25, other.snapshot(signal, ratio), 1e-12, signal.toString());
      assertEquals(1, other.step(), 1e-12, "the snapshot leaves no room");
    }
  }

  /** Without momentum the rate may reach the limit itself. */
  @Test
  void theFractionIsThatOfTheOptimizer() {
    host.momentum = 0;
    assertEquals(1, host.snapshot(Signal.SHARPNESS_RATIO, 0.99 * StabilisePolicy.PLAIN_FRACTION));
    double twice = 2 * StabilisePolicy.PLAIN_FRACTION;
    assertEquals(0.5, host.snapshot(Signal.SHARPNESS_RATIO, twice), 1e-12);
    assertTrue(FRACTION < StabilisePolicy.PLAIN_FRACTION);
  }

  @Test
  void theLargestRatioCounts() {
    Observation both =
        host.observed()
            .with(Signal.SHARPNESS_RATIO, 2 * FRACTION)
            .with(Signal.CRITICAL_RATE_RATIO, 4 * FRACTION)
            .with(Signal.DIRECTIONAL_CURVATURE_RATIO, -9);
    assertEquals(0.25, host.told(both, true), 1e-12);
  }

  /** One cut is bounded, and so are all together. */
  @Test
  void cutsAreBounded() {
    double first = host.snapshot(Signal.SHARPNESS_RATIO, 1e9);
    assertEquals(StabilisePolicy.LARGEST_CUT, first, 1e-12);
    for (int i = 0; i < 20; i++) {
      host.step();
    }
    assertEquals(StabilisePolicy.LEAST, host.factor, 1e-12);
  }

  @Test
  void growsSlowlyWhereThereIsRoomAndNeverAboveTheHosts() {
    host.snapshot(Signal.SHARPNESS_RATIO, 4 * FRACTION);
    assertEquals(GROWTH, host.snapshot(Signal.SHARPNESS_RATIO, 2 * FRACTION), 1e-12);
    for (int i = 0; i < 100; i++) {
      assertTrue(host.step() <= GROWTH + 1e-12);
    }
    assertEquals(0.5, host.factor, 1e-9, "as far as the last snapshot allows");
    host.snapshot(Signal.SHARPNESS_RATIO, 0.1 * FRACTION);
    for (int i = 0; i < 100; i++) {
      host.step();
    }
    assertEquals(1, host.factor, 1e-9);
  }

  /** A sixteenth of the lowered rate for one step, and back. */
  @Test
  void allButSkipsAnUpdateFarBeyondTheLimit() {
    double ratio = 2 * StabilisePolicy.FAR * FRACTION;
    double lowered = FRACTION / ratio;
    double change = host.snapshot(Signal.DIRECTIONAL_CURVATURE_RATIO, ratio);
    assertEquals(lowered * StabilisePolicy.SKIPPED, change, 1e-12);
    assertEquals(1 / StabilisePolicy.SKIPPED, host.step(), 1e-9);
    assertEquals(lowered, host.factor, 1e-12);
    assertEquals(1, host.step(), 1e-9);
  }

  @Test
  void halvesAfterAJumpOfTheLossUntilASnapshotAllowsMore() {
    host.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION);
    for (int i = 0; i < 20; i++) {
      assertEquals(1, host.step());
    }
    host.loss = 3;
    assertEquals(0.5, host.step(), 1e-12);
    assertEquals(1, host.step(), "it has had no time to show");
    host.loss = 1;
    for (int i = 0; i < 50; i++) {
      assertEquals(1, host.step(), 1e-12);
    }
    assertEquals(GROWTH, host.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION), 1e-12);
  }

  /** What a step too far has done is undone, as far as ten times, and only with a checkpoint. */
  @Test
  void goesBackAfterAJump() {
    for (int i = 0; i < 20; i++) {
      host.step();
    }
    host.loss = 3;
    host.step();
    assertFalse(host.advised(Advice.Revert.class), "there is no checkpoint");
    host.loss = 1;
    host.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION);
    assertTrue(host.advised(Advice.Checkpoint.class));
    host.loss = 1.5;
    host.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION);
    assertFalse(host.advised(Advice.Checkpoint.class), "the loss is on its way up");
    int reverts = 0;
    for (int jump = 0; jump < StabilisePolicy.MOST_REVERTS + 5; jump++) {
      host.loss = 1;
      for (int i = 0; i < 10; i++) {
        host.step();
      }
      host.loss = 3;
      host.step();
      reverts += host.advised(Advice.Revert.class) ? 1 : 0;
    }
    assertEquals(StabilisePolicy.MOST_REVERTS, reverts);
  }

  @Test
  void noiseOfASmallLossIsNoJump() {
    host.step();
    host.loss = 0.01;
    for (int i = 0; i < 30; i++) {
      host.step();
    }
    host.loss = 0.05;
    assertEquals(1, host.step());
  }

  /** A log-likelihood of a density: no jump is a multiple of it, but checkpoints are kept. */
  @Test
  void aNegativeLossDoesNotJump() {
    for (double level : new double[] {-1, -40}) {
      Host other = new Host(Policy.stabilise(null));
      for (int i = 0; i < 50; i++) {
        other.loss = level * (1 + 0.1 * (i % 2));
        assertEquals(1, other.step(), "loss " + other.loss);
      }
      other.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION);
      assertTrue(other.advised(Advice.Checkpoint.class));
    }
    Host crossing = new Host(Policy.stabilise(null));
    for (int i = 0; i < 400; i++) {
      crossing.loss = 2 - i / 100.0;
      assertEquals(1, crossing.step(), "loss " + crossing.loss);
    }
  }

  @Test
  void halvesWhereTheLossIsLikelyToDouble() {
    host.snapshot(Signal.SHARPNESS_RATIO, 0.5 * FRACTION);
    assertEquals(0.5, host.step(event(Event.Kind.INSTABILITY_AHEAD)), 1e-12);
    assertEquals(1, host.step(event(Event.Kind.INSTABILITY_AHEAD)), "once for one warning");
  }

  /** Momentum 0.9 and a rate of 0.1: the limit of lambda_max is 38. */
  @Test
  void withoutRatiosTheSharpnessCounts() {
    Observation sharp = host.observed().with(Signal.LAMBDA_MAX, 76);
    assertEquals(FRACTION / 2, host.told(sharp, true), 1e-12);
    Host adam = new Host(Policy.stabilise(StabilityLimit.adam(0.9)));
    Observation other = adam.observed().with(Signal.LAMBDA_MAX, 1e6);
    assertEquals(1, adam.told(other, true), "Adam's limit is not of this matrix");
    Observation own = adam.observed().with(Signal.PRECONDITIONED_LAMBDA_MAX, 4 * 380);
    assertEquals(FRACTION / 4, adam.told(own, true), 1e-12);
  }

  @Test
  void whereNoLimitIsKnownTheLossDecidesAlone() {
    for (int i = 0; i < 20; i++) {
      assertEquals(1, host.step());
    }
    host.loss = 3;
    assertEquals(0.5, host.step(), 1e-12);
    host.loss = 1;
    for (int i = 0; i < 100; i++) {
      host.step();
    }
    assertEquals(1, host.factor, 1e-9, "it has grown back");
  }

  @Test
  void whatIsNotFiniteIsNotUsed() {
    for (Signal signal : List.of(Signal.SHARPNESS_RATIO, Signal.LAMBDA_MAX)) {
      for (double value : new double[] {Double.NaN, Double.POSITIVE_INFINITY, -5}) {
        assertEquals(1, host.told(host.observed().with(signal, value), true), signal + " " + value);
      }
    }
    assertEquals(1, host.told(Observation.at(100).with(Signal.LEARNING_RATE, Double.NaN), true));
    Observation lost = Observation.at(101).with(Signal.LOSS, Double.NaN);
    assertEquals(0.5, host.told(lost, false), 1e-12, "a loss that is not finite is a jump");
  }

  /** The host's own schedule may rise above what the last snapshot allows. */
  @Test
  void holdsBackTheHostsWarmUp() {
    host.snapshot(Signal.SHARPNESS_RATIO, FRACTION);
    Observation warmer = Observation.at(host.step++).with(Signal.LEARNING_RATE, 0.2);
    assertEquals(0.5, host.told(warmer, false), 1e-12);
  }

  @Test
  void afterARestartOldLossesAreForgotten() {
    for (int i = 0; i < 20; i++) {
      host.step();
    }
    host.policy.restarted(0);
    host.loss = 5;
    assertEquals(1, host.step());
  }
}

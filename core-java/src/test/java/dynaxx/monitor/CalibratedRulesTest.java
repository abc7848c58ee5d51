package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update.StabilityLimit;
import dynaxx.spectrum.Verdict;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class CalibratedRulesTest {

  private static List<Event> replay(Rules rules, int n, IntFunction<Observation> observation) {
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < n; i++) {
      events.addAll(rules.observe(observation.apply(i)));
    }
    events.addAll(rules.finish());
    return events;
  }

  private static List<Event> replay(Scenario scenario, long seed) {
    return Scenario.replay(Rules.calibrated(), scenario.observations(seed));
  }

  private static Event only(List<Event> events) {
    assertEquals(1, events.size(), events.toString());
    return events.getFirst();
  }

  private static Scenario quiet(int n) {
    return Scenario.quiet(n, Scenario.Noise.GAUSSIAN);
  }

  @Test
  void twoSignalsAtOnceAreOneTransition() {
    Event event = only(replay(quiet(110).withTwo(Scenario.step(80, 6)), 1));
    assertEquals(Event.Kind.TRANSITION, event.kind());
    assertTrue(event.step() >= 800 && event.step() <= 820, event.toString());
    assertTrue(event.evidence().since() >= 780, event.toString());
    assertTrue(
        event.explanation().contains("trace has been above its trend since"), event.explanation());
    assertTrue(
        event.explanation().contains("gradient_variance has been above"), event.explanation());
    assertTrue(event.confidence() > 0.9);
  }

  @Test
  void aCycleNamesTheTransitionThatItLookedLike() {
    List<Event> events = replay(quiet(160).withTwo(Scenario.sine(80, 8, 5)), 1);
    Event transition =
        events.stream().filter(e -> e.kind() == Event.Kind.TRANSITION).findFirst().orElseThrow();
    Event cycle =
        events.stream().filter(e -> e.kind() == Event.Kind.CYCLIC).findFirst().orElseThrow();
    assertTrue(
        cycle.explanation().contains("the transition reported at step " + transition.step()),
        cycle.explanation());
  }

  @Test
  void oneSignalAloneIsALevelShift() {
    Event event = only(replay(quiet(110).withOne(Scenario.step(80, -6)), 2));
    assertEquals(Event.Kind.LEVEL_SHIFT, event.kind());
    assertEquals(Signal.TRACE, event.signal());
    Event.Evidence evidence = event.evidence();
    assertEquals(300, evidence.baseline().orElseThrow(), 30);
    assertEquals(15, evidence.uncertainty().orElseThrow(), 7);
    assertTrue(evidence.value() < evidence.threshold().orElseThrow());
    assertTrue(evidence.threshold().orElseThrow() < evidence.baseline().orElseThrow());
  }

  /** Trace and gradient variance move with one noise: they are one witness. */
  @Test
  void signalsWithTheSameNoiseCountAsOne() {
    SplittableRandom random = new SplittableRandom(4);
    List<Event> events =
        replay(
            Rules.calibrated(),
            110,
            i -> {
              double common = Math.exp(0.05 * random.nextGaussian() + (i < 80 ? 0 : 0.4));
              return Observation.at(i)
                  .with(Signal.TRACE, 300 * common)
                  .with(Signal.GRADIENT_VARIANCE, 2 * common);
            });
    assertTrue(
        events.stream().noneMatch(e -> e.kind() == Event.Kind.TRANSITION), events.toString());
    assertTrue(
        events.stream().anyMatch(e -> e.kind() == Event.Kind.LEVEL_SHIFT), events.toString());
  }

  @Test
  void aSecondSignalConfirmsALevelShift() {
    SplittableRandom random = new SplittableRandom(5);
    List<Event> events =
        replay(
            Rules.calibrated(),
            120,
            i ->
                Observation.at(i)
                    .with(Signal.TRACE, Math.exp(0.05 * random.nextGaussian() + (i < 80 ? 0 : 0.4)))
                    .with(
                        Signal.NOISE_SCALE,
                        Math.exp(0.05 * random.nextGaussian() + (i < 87 ? 0 : 0.4))));
    assertEquals(Event.Kind.LEVEL_SHIFT, events.getFirst().kind());
    assertEquals(Event.Kind.TRANSITION, events.get(1).kind());
    assertEquals(2, events.size(), events.toString());
  }

  @Test
  void lossesAloneAreNoTransition() {
    SplittableRandom random = new SplittableRandom(6);
    List<Event> events =
        replay(
            Rules.calibrated(),
            110,
            i ->
                Observation.at(10 * i)
                    .with(Signal.LOSS, Math.exp(0.05 * random.nextGaussian() - (i < 80 ? 0 : 0.4)))
                    .with(
                        Signal.VALIDATION_LOSS,
                        Math.exp(0.05 * random.nextGaussian() - (i < 80 ? 0 : 0.4))));
    assertEquals(2, events.size(), events.toString());
    assertTrue(events.stream().allMatch(e -> e.kind() == Event.Kind.LEVEL_SHIFT));
  }

  /** The estimator says that its error is larger than the jump. */
  @Test
  void ownErrorsAreBelieved() {
    SplittableRandom random = new SplittableRandom(7);
    IntFunction<Observation> observation =
        i ->
            Observation.at(i)
                .with(
                    Signal.TRACE, 100 * Math.exp(0.01 * random.nextGaussian() + i / 80 * 0.2), 40);
    assertEquals(List.of(), replay(Rules.calibrated(), 110, observation));
    Rules trusting = Rules.calibration().errorWeight(0).build();
    Event event = only(replay(trusting, 110, observation));
    assertEquals(Event.Kind.LEVEL_SHIFT, event.kind());
  }

  private static Observation lambdaMin(int i, double value, double residual) {
    return Observation.at(i).with(Signal.LAMBDA_MIN, value, residual);
  }

  /** The shift is reported, and its chart still waits for a second signal when the sign changes. */
  @Test
  void aSignChangeAfterALevelShiftIsReportedToo() {
    for (int gap = 4; gap <= 12; gap++) {
      int crossing = 80 + gap;
      SplittableRandom random = new SplittableRandom(gap);
      List<Event.Kind> kinds =
          replay(
                  Rules.calibrated(),
                  crossing + 20,
                  i ->
                      lambdaMin(
                          i,
                          (i < 80 ? 20 : i < crossing ? 8 : -8) + 0.5 * random.nextGaussian(),
                          0.5))
              .stream()
              .map(Event::kind)
              .toList();
      assertEquals(
          List.of(Event.Kind.LEVEL_SHIFT, Event.Kind.SIGN_CHANGE), kinds, "crossing after " + gap);
    }
  }

  @Test
  void aSignChangeNeedsThreeInARowBeyondTheBand() {
    Event event = only(replay(Rules.calibrated(), 20, i -> lambdaMin(i, i < 10 ? 1 : -1, 0.1)));
    assertEquals(Event.Kind.SIGN_CHANGE, event.kind());
    assertEquals(10, event.evidence().since());
    assertEquals(-0.3, event.evidence().threshold().orElseThrow(), 1e-12);
    assertEquals(
        List.of(), replay(Rules.calibrated(), 20, i -> lambdaMin(i, i < 10 ? 1 : -1, 0.4)));
    assertEquals(
        List.of(),
        replay(Rules.calibrated(), 20, i -> lambdaMin(i, i == 10 || i == 11 ? -1 : 1, 0.1)));
  }

  @Test
  void aSignChangeNeedsAVerdictThatAgrees() {
    IntFunction<Optional<Verdict>> positive =
        i -> Optional.of(new Verdict.NotNegativeAt(1e-3, 0.99));
    Verdict certified = new Verdict.Negative(-0.9, true);
    for (Verdict verdict : List.of(certified, new Verdict.Undecided())) {
      List<Event> events =
          replay(
              Rules.calibrated(),
              20,
              i -> {
                Observation o = lambdaMin(i, i < 10 ? 1 : -1, 0.1);
                return new Observation(
                    i, o.readings(), i < 10 ? positive.apply(i) : Optional.of(verdict));
              });
      assertEquals(verdict == certified ? 1 : 0, events.size(), events.toString());
    }
  }

  @Test
  void aSignThatWavesIsOneInstability() {
    Event event = only(replay(Rules.calibrated(), 18, i -> lambdaMin(i, i % 3 == 0 ? 1 : -1, .1)));
    assertEquals(Event.Kind.INSTABILITY, event.kind());
  }

  @Test
  void aSpikeIsNoShift() {
    SplittableRandom random = new SplittableRandom(8);
    Event event =
        only(
            replay(
                Rules.calibrated(),
                100,
                i ->
                    Observation.at(10 * i)
                        .with(
                            Signal.GRADIENT_NORM,
                            Math.exp(0.05 * random.nextGaussian() + (i == 60 ? 2 : 0)))));
    assertEquals(Event.Kind.SPIKE, event.kind());
    assertEquals(600, event.evidence().since());
    assertEquals(Math.exp(2), event.evidence().value(), 2);
  }

  @Test
  void sharpnessAtTheLimitIsTheEdgeOfStability() {
    IntFunction<Observation> run =
        i ->
            Observation.at(i)
                .with(Signal.LEARNING_RATE, 0.1)
                .with(Signal.LAMBDA_MAX, Math.min(20, 5 + i) + 0.3 * Math.sin(2.0 * i * i));
    Event event = only(replay(Rules.calibrated(), 24, run));
    assertEquals(Event.Kind.EDGE_OF_STABILITY, event.kind());
    assertEquals(OptionalDouble.of(20), event.evidence().threshold());
    Rules momentum = Rules.calibration().stability(StabilityLimit.momentum(0.9, 0)).build();
    assertEquals(List.of(), replay(momentum, 24, run));
    assertEquals(38 / 1e-3, StabilityLimit.adam(0.9).at(1e-3), 1e-6);
    assertEquals(38, StabilityLimit.momentum(0.9, 0).at(0.1), 1e-9);
    assertEquals(19.5, StabilityLimit.sgd(0.5).at(0.1), 1e-9);
  }

  @Test
  void aFlightOverTheLimitIsACatapult() {
    double[] sharpness = {10, 10, 11, 14, 26, 40, 30, 15, 9, 9, 9};
    double[] loss = {2, 2, 1.9, 1.9, 2.5, 6, 4, 1.8, 1.5, 1.4, 1.3};
    IntFunction<Observation> run =
        i ->
            Observation.at(i)
                .with(Signal.LEARNING_RATE, 0.1)
                .with(Signal.LAMBDA_MAX, sharpness[i])
                .with(Signal.LOSS, loss[i]);
    List<Event> events = replay(Rules.calibrated(), sharpness.length, run);
    assertEquals(Event.Kind.SPIKE, events.getFirst().kind());
    assertEquals(5, events.getFirst().step());
    Event event = events.getLast();
    assertEquals(2, events.size(), events.toString());
    assertEquals(Event.Kind.CATAPULT, event.kind());
    assertEquals(7, event.step());
    assertEquals(4, event.evidence().since());
  }

  /** The limit at the highest sharpness, which the rate of then gives. */
  @Test
  void aCatapultNamesTheLimitThatWasPassed() {
    double[] sharpness = {10, 10, 11, 14, 26, 40, 30, 15, 9, 9, 9};
    double[] loss = {2, 2, 1.9, 1.9, 2.5, 6, 4, 1.8, 1.5, 1.4, 1.3};
    List<Event> events =
        replay(
            Rules.calibrated(),
            sharpness.length,
            i ->
                Observation.at(i)
                    .with(Signal.LEARNING_RATE, i < 7 ? 0.1 : 0.01)
                    .with(Signal.LAMBDA_MAX, sharpness[i])
                    .with(Signal.LOSS, loss[i]));
    Event catapult =
        events.stream().filter(e -> e.kind() == Event.Kind.CATAPULT).findFirst().orElseThrow();
    assertTrue(
        catapult.explanation().startsWith("sharpness rose to 40.00, beyond the stability limit 20"),
        catapult.explanation());
  }

  @Test
  void restartsAndLearningRateJumpsAreNotCompared() {
    Scenario change = quiet(100).withTwo(Scenario.step(60, 8));
    List<Observation> observations = change.observations(9);
    Rules restarted = Rules.calibrated();
    Rules jumped = Rules.calibrated();
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      if (i == 60) {
        assertEquals(Event.Kind.RESTART, only(restarted.restarted(600)).kind());
      }
      events.addAll(restarted.observe(observations.get(i)));
      events.addAll(
          jumped.observe(observations.get(i).with(Signal.LEARNING_RATE, i < 60 ? 0.1 : 0.01)));
    }
    assertEquals(List.of(), events);
  }

  @Test
  void hostSignalsAreAveragedBetweenSnapshots() {
    SplittableRandom random = new SplittableRandom(10);
    List<Event> events =
        replay(
            Rules.calibrated(),
            1100,
            i -> {
              double move = i < 800 ? 0 : 0.2;
              Observation o =
                  Observation.at(i).with(Signal.LOSS, Math.exp(0.1 * random.nextGaussian() - move));
              return i % 10 != 0
                  ? o
                  : o.with(Signal.TRACE, Math.exp(0.04 * random.nextGaussian() + move));
            });
    Event event = only(events);
    assertEquals(Event.Kind.TRANSITION, event.kind());
    assertTrue(event.step() >= 800 && event.step() <= 840, event.toString());
  }

  /** Without any snapshot ten steps are one value, so rows of ten steps say the same. */
  @Test
  void withoutSnapshotsStepsAreAveraged() {
    SplittableRandom random = new SplittableRandom(14);
    double[] loss = new double[1000];
    Arrays.setAll(loss, i -> Math.exp(0.1 * random.nextGaussian() - (i < 600 ? 0 : 0.5)));
    List<Event> each =
        replay(Rules.calibrated(), 1000, i -> Observation.at(i).with(Signal.LOSS, loss[i]));
    Event event = only(each);
    assertEquals(Event.Kind.LEVEL_SHIFT, event.kind());
    assertTrue(event.step() >= 600 && event.step() <= 650, event.toString());
    List<Event> means =
        replay(
            Rules.calibrated(),
            100,
            i -> {
              int from = i == 0 ? 0 : 10 * i - 9;
              double mean = Arrays.stream(loss, from, 10 * i + 1).average().orElseThrow();
              return Observation.at(10 * i).with(Signal.LOSS, mean);
            });
    assertEquals(event.step(), only(means).step());
    assertEquals(event.evidence().value(), only(means).evidence().value(), 1e-9);
  }

  /** Charts begin with the first snapshot, but what looks at every step goes on. */
  @Test
  void aLateFirstSnapshotForgetsNoLosses() {
    Rules rules = Rules.calibration().stability(StabilityLimit.sgd(0)).build();
    List<Event> events = new ArrayList<>();
    double[] probabilities = new double[303];
    for (int i = 0; i < probabilities.length; i++) {
      Observation step =
          Observation.at(i).with(Signal.LOSS, i == 302 ? 5 : 1).with(Signal.LEARNING_RATE, 0.1);
      events.addAll(rules.observe(i == 300 ? step.with(Signal.LAMBDA_MAX, 20) : step));
      probabilities[i] = rules.instability().orElse(Double.NaN);
    }
    assertEquals(302, only(events).step());
    assertTrue(probabilities[299] < probabilities[300], "the sharpness is known");
    assertEquals(probabilities[300], probabilities[301], "and not forgotten");
  }

  @Test
  void whatIsNotFiniteIsReportedOnceAndNotUsed() {
    for (Rules rules : List.of(Rules.calibrated(), Rules.article())) {
      List<Event> events =
          replay(
              rules,
              60,
              i ->
                  Observation.at(i)
                      .with(Signal.LOSS, i == 40 || i == 41 ? Double.NaN : 1)
                      .with(Signal.TRACE, i == 50 ? Double.POSITIVE_INFINITY : 100));
      assertEquals(2, events.size(), events.toString());
      assertTrue(events.stream().allMatch(e -> e.kind() == Event.Kind.NOT_FINITE));
      assertEquals(40, events.get(0).step());
      assertEquals(Signal.TRACE, events.get(1).signal());
    }
  }

  @Test
  void sameObservationsSameEvents() {
    Scenario scenario = Scenario.quiet(300, Scenario.Noise.T3).withTwo(Scenario.step(150, 3));
    assertEquals(replay(scenario, 11), replay(scenario, 11));
  }

  @Test
  void wrongInputIsRefused() {
    Rules rules = Rules.calibrated();
    rules.observe(Observation.at(5));
    assertThrows(IllegalArgumentException.class, () -> rules.observe(Observation.at(5)));
    assertThrows(IllegalArgumentException.class, () -> Observation.at(-1));
    assertThrows(IllegalArgumentException.class, () -> Observation.at(1).with(Signal.LOSS, 1, -1));
    refused("falseTransitionRate", Rules.calibration().falseTransitionRate(0));
    refused("memory", Rules.calibration().baseline(100).memory(99));
    refused("clip", Rules.calibration().reference(1).clip(1.4));
    refused("crossings", Rules.calibration().crossings(11));
  }

  private static void refused(String name, Rules.Calibration numbers) {
    String message =
        assertThrows(IllegalArgumentException.class, numbers::build, name).getMessage();
    assertTrue(message.startsWith(name + ": found "), message);
  }

  /** The numbers that the documented rates of false alarms were measured with. */
  @Test
  void everyNumberHasItsDefaultAndItsSetter() {
    CalibratedSettings documented =
        new CalibratedSettings(
            1e-4,
            500,
            25,
            90,
            0.5,
            4,
            3,
            10,
            0.5,
            3,
            3,
            1e-5,
            3,
            10,
            64,
            3,
            1,
            10,
            1.5,
            StabilityLimit.sgd(0),
            0.1,
            0.2,
            0);
    assertEquals(documented, Rules.calibration().settings());
    StabilityLimit limit = StabilityLimit.adam(0.9);
    CalibratedSettings others =
        new CalibratedSettings(
            1e-3, 501, 26, 91, 0.6, 5, 4, 11, 0.6, 2, 4, 2e-5, 5, 12, 65, 6, 2, 13, 1.6, limit, 0.2,
            0.7, 7);
    Rules.Calibration numbers =
        Rules.calibration()
            .falseTransitionRate(1e-3)
            .expectedSnapshots(501)
            .baseline(26)
            .memory(91)
            .reference(0.6)
            .clip(5)
            .coincidence(4)
            .confirmation(11)
            .correlation(0.6)
            .persistence(2)
            .band(4)
            .arithmeticNoise(2e-5)
            .crossings(5)
            .crossingWindow(12)
            .cycleWindow(65)
            .cycleDeviations(6)
            .errorWeight(2)
            .spike(13)
            .learningRateJump(1.6)
            .stability(limit)
            .edgeTolerance(0.2)
            .warning(0.7)
            .seed(7);
    assertEquals(others, numbers.settings());
  }

  /** Trace and gradient variance double at snapshot 80, where the rate is ten times as high. */
  private static List<Event> afterJump(int steps, int changed) {
    SplittableRandom random = new SplittableRandom(12);
    return replay(
        Rules.calibrated(),
        130,
        i -> {
          double rate = i >= 80 && i < 80 + steps ? 0.1 : 0.01;
          double factor = i >= changed ? 2 : 1;
          return Observation.at(i)
              .with(Signal.LEARNING_RATE, rate)
              .with(Signal.TRACE, 300 * factor * Math.exp(0.05 * random.nextGaussian()))
              .with(Signal.GRADIENT_VARIANCE, 2 * factor * Math.exp(0.05 * random.nextGaussian()));
        });
  }

  @Test
  void aShortJumpOfTheRateIsSeenByWhatItDid() {
    Event event = only(afterJump(2, 81));
    assertEquals(Event.Kind.TRANSITION, event.kind());
    assertTrue(event.step() >= 82 && event.step() <= 86, event.toString());
    assertEquals(List.of(), afterJump(2, 1000), "the jump alone is nothing");
    assertEquals(List.of(), afterJump(50, 81), "a lasting jump explains what moves with it");
  }

  /** A rate of zero at the end of a schedule is no jump at every step. */
  @Test
  void aRateOfZeroDoesNotBlindTheCharts() {
    SplittableRandom random = new SplittableRandom(13);
    List<Event> events =
        replay(
            Rules.calibrated(),
            110,
            i ->
                Observation.at(i)
                    .with(Signal.LEARNING_RATE, 0)
                    .with(Signal.TRACE, Math.exp(0.05 * random.nextGaussian() + (i < 80 ? 0 : 1)))
                    .with(
                        Signal.NOISE_SCALE,
                        Math.exp(0.05 * random.nextGaussian() + (i < 80 ? 0 : 1))));
    assertEquals(Event.Kind.TRANSITION, only(events).kind());
  }

  @Test
  void stepsMayGoBackToACheckpoint() {
    Rules rules = Rules.calibrated();
    rules.observe(Observation.at(10).with(Signal.TRACE, 1));
    rules.restarted(5);
    rules.observe(Observation.at(5).with(Signal.TRACE, 1));
    assertThrows(
        IllegalArgumentException.class,
        () -> rules.observe(Observation.at(5).with(Signal.TRACE, 1)));
  }

  /** Without residuals the readings themselves say how wide the band about zero is. */
  @Test
  void noiseAboutZeroWithoutResidualsIsNoChangeOfSign() {
    int found = 0;
    int late = 0;
    for (int run = 0; run < 100; run++) {
      SplittableRandom random = new SplittableRandom(run);
      List<Event> quiet =
          replay(
              Rules.calibrated(),
              100,
              i -> Observation.at(i).with(Signal.LAMBDA_MIN, 0.1 * random.nextGaussian()));
      found += quiet.stream().anyMatch(e -> e.kind() == Event.Kind.SIGN_CHANGE) ? 1 : 0;
      List<Event> crossing =
          replay(
              Rules.calibrated(),
              60,
              i ->
                  Observation.at(i)
                      .with(Signal.LAMBDA_MIN, (i < 40 ? 1 : -1) + 0.1 * random.nextGaussian()));
      late += crossing.stream().noneMatch(e -> e.kind() == Event.Kind.SIGN_CHANGE) ? 1 : 0;
    }
    assertTrue(found <= 2, found + " of 100 quiet runs");
    assertTrue(late <= 5, late + " of 100 changes missed");
  }
}

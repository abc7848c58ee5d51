package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.monitor.InstabilityForecast.Feature;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

class InstabilityForecastTest {

  private static InstabilityForecast forecast(StabilityLimit limit) {
    return new InstabilityForecast(Rules.calibration().stability(limit).settings());
  }

  private static List<Event> events(
      InstabilityForecast forecast, int steps, IntFunction<Observation> run) {
    List<Event> events = new ArrayList<>();
    LossLevel level = new LossLevel();
    for (int i = 0; i < steps; i++) {
      Observation observation = run.apply(i);
      level.take(observation, 0);
      forecast.add(observation, level).ifPresent(events::add);
    }
    return events;
  }

  /** A sharpness of 4 every ten steps, and a noisy loss that falls. */
  private static Observation at(int step, double rate, Signal sharpness, SplittableRandom random) {
    Observation observation =
        Observation.at(step)
            .with(Signal.LEARNING_RATE, rate)
            .with(Signal.LOSS, Math.exp(-step / 500.0 + 0.1 * random.nextGaussian()));
    return step % 10 == 0
        ? observation.with(sharpness, 4 * Math.exp(0.1 * random.nextGaussian()))
        : observation;
  }

  @Test
  void farBelowTheLimitNothingIsTold() {
    SplittableRandom random = new SplittableRandom(1);
    InstabilityForecast forecast = forecast(StabilityLimit.sgd(0));
    assertEquals(List.of(), events(forecast, 5000, i -> at(i, 0.05, Signal.LAMBDA_MAX, random)));
  }

  /** The rate grows from step 50 on and passes the limit, 0.5, at step 250. */
  @Test
  void aRateThatGrowsPastItsLimitIsTold() {
    SplittableRandom random = new SplittableRandom(2);
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            450,
            i ->
                at(i, 0.05 * Math.pow(10, Math.max(0, i - 50) / 200.0), Signal.LAMBDA_MAX, random));
    Event first = events.getFirst();
    assertEquals(Event.Kind.INSTABILITY_AHEAD, first.kind());
    assertTrue(first.step() > 150 && first.step() < 350, first.toString());
    assertTrue(first.explanation().contains("of the stability limit"), first.explanation());
    for (int i = 1; i < events.size(); i++) {
      assertTrue(events.get(i).step() >= events.get(i - 1).step() + 50, events.toString());
    }
    assertTrue(events.size() <= 6, events.toString());
  }

  /** Ten times the limit where the run begins; the loss rises by a tenth each step. */
  @Test
  void aRateBeyondItsLimitIsToldWhenTheLossRises() {
    SplittableRandom random = new SplittableRandom(3);
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            60,
            i ->
                at(i, 5, Signal.LAMBDA_MAX, random)
                    .with(Signal.LOSS, i < 20 ? 1 : Math.exp((i - 20) / 10.0)));
    assertTrue(events.getFirst().step() <= 40, events.toString());
  }

  /** Adam's limit is about a sharpness that was not measured. */
  @Test
  void withoutTheOptimizersOwnSharpnessTheRateCounts() {
    SplittableRandom random = new SplittableRandom(4);
    List<Event> events =
        events(
            forecast(StabilityLimit.adam(0.9)),
            400,
            i ->
                at(
                    i,
                    1e-3 * Math.pow(300, Math.max(0, i - 50) / 100.0),
                    Signal.LAMBDA_MAX,
                    random));
    assertEquals(Signal.LEARNING_RATE, events.getFirst().signal());
    assertTrue(events.getFirst().explanation().contains("learning rate"), events.toString());
  }

  @Test
  void aLossThatLeavesItsNoiseIsTold() {
    SplittableRandom random = new SplittableRandom(5);
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            120,
            i ->
                Observation.at(i)
                    .with(
                        Signal.LOSS,
                        Math.exp(0.02 * random.nextGaussian()) * (i == 100 ? 1.9 : 1)));
    assertEquals(List.of(100L), events.stream().map(Event::step).toList());
    assertEquals(Signal.LOSS, events.getFirst().signal());
    assertEquals(1, events.getFirst().evidence().baseline().orElseThrow(), 0.1);
  }

  /** The same rise within the noise of small batches. */
  @Test
  void aNoisyLossMustRiseFurther() {
    SplittableRandom random = new SplittableRandom(6);
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            400,
            i ->
                Observation.at(i)
                    .with(
                        Signal.LOSS,
                        Math.exp(0.25 * Math.clamp(random.nextGaussian(), -1.5, 1.5))
                            * (i == 300 ? 1.2 : 1)));
    assertEquals(List.of(), events);
  }

  @Test
  void withoutSnapshotsRateAndLossCount() {
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            300,
            i ->
                Observation.at(i)
                    .with(Signal.LEARNING_RATE, 0.01)
                    .with(Signal.LOSS, i < 200 ? 1 : Math.exp((i - 200) / 20.0)));
    assertTrue(!events.isEmpty() && events.getFirst().step() < 215, events.toString());
  }

  @Test
  void whatIsNotKnownIsNotJudged() {
    IntFunction<Observation> withoutRate =
        i ->
            Observation.at(i)
                .with(Signal.LAMBDA_MAX, i % 3 == 0 ? Double.NaN : 1e6)
                .with(Signal.LOSS, 1);
    assertEquals(List.of(), events(forecast(StabilityLimit.sgd(0)), 300, withoutRate));
    IntFunction<Observation> withoutLogarithms =
        i ->
            Observation.at(i)
                .with(Signal.LEARNING_RATE, i % 2)
                .with(Signal.LAMBDA_MAX, -1)
                .with(Signal.LOSS, i % 2 == 0 ? -1 : Double.POSITIVE_INFINITY);
    assertEquals(List.of(), events(forecast(StabilityLimit.sgd(0)), 300, withoutLogarithms));
  }

  /** The sharpness is below its limit; the rate is what has grown. */
  @Test
  void theEvidenceIsWhatRaisesTheProbabilityMost() {
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            121,
            i ->
                Observation.at(i)
                    .with(Signal.LEARNING_RATE, i < 120 ? 0.01 : 0.1)
                    .with(Signal.LAMBDA_MAX, 8)
                    .with(Signal.LOSS, 1));
    assertEquals(1, events.size(), events.toString());
    assertEquals(Signal.LEARNING_RATE, events.getFirst().signal());
    assertEquals(0.01, events.getFirst().evidence().baseline().orElseThrow(), 1e-9);
  }

  /** The median forgets what is long past. */
  @Test
  void aRateIsComparedWithRecentOnes() {
    InstabilityForecast forecast = forecast(StabilityLimit.sgd(0));
    events(
        forecast,
        1001,
        i ->
            Observation.at(i)
                .with(Signal.LEARNING_RATE, Math.exp(Math.max(20, i) / 1000.0))
                .with(Signal.LOSS, 1));
    assertEquals(0.1005, forecast.features().get(Feature.RATE_GROWTH), 1e-9);
  }

  /** Twice the limit by the sharpness before the first step, which nobody has measured since. */
  @Test
  void aWarmupIsNoGrowth() {
    InstabilityForecast forecast = forecast(StabilityLimit.sgd(0));
    IntFunction<Observation> warmup =
        i -> {
          Observation step =
              Observation.at(i)
                  .with(Signal.LEARNING_RATE, 0.01 * Math.min(100, 1 + i))
                  .with(Signal.LOSS, Math.exp(-i / 200.0));
          return i == 0 ? step.with(Signal.LAMBDA_MAX, 4) : step;
        };
    assertEquals(List.of(), events(forecast, 300, warmup));
    assertEquals(0, forecast.features().get(Feature.RATE_GROWTH));
  }

  /** Warm-up to step 99, ten rates that are not above it, then three times the rate. */
  @Test
  void afterItsWarmupTheRateCountsAgain() {
    InstabilityForecast forecast = forecast(StabilityLimit.sgd(0));
    for (int length : new int[] {108, 109}) {
      forecast.reset();
      events(
          forecast,
          length + 1,
          i ->
              Observation.at(i)
                  .with(Signal.LEARNING_RATE, i < length ? Math.min(100, 1 + i) : 300)
                  .with(Signal.LOSS, 1));
      double growth = forecast.features().get(Feature.RATE_GROWTH);
      assertEquals(length < 109 ? 0 : Math.log(3), growth, 1e-9, "after " + length);
    }
  }

  /**
   * The rate grows from the first step on and passes the limit at step 200; the loss rises late.
   */
  @Test
  void aRampFromTheStartIsToldWhenTheLossRises() {
    SplittableRandom random = new SplittableRandom(7);
    List<Event> events =
        events(
            forecast(StabilityLimit.sgd(0)),
            320,
            i ->
                at(i, 0.05 * Math.pow(10, i / 200.0), Signal.LAMBDA_MAX, random)
                    .with(Signal.LOSS, i < 300 ? 1 : Math.exp((i - 300) / 20.0)));
    assertTrue(!events.isEmpty() && events.getFirst().step() >= 300, events.toString());
    assertTrue(events.getFirst().step() < 313, events.toString());
  }
}

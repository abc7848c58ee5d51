package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

class SpikeWatchTest {

  private static List<Event> events(int steps, IntToDoubleFunction loss) {
    LossLevel level = new LossLevel();
    SpikeWatch watch = new SpikeWatch();
    List<Event> events = new ArrayList<>();
    for (int i = 0; i < steps; i++) {
      level.take(Observation.at(i).with(Signal.LOSS, loss.applyAsDouble(i)), 0);
      watch.add(i, level).ifPresent(events::add);
    }
    return events;
  }

  private static IntToDoubleFunction noise(long seed, double deviation) {
    SplittableRandom random = new SplittableRandom(seed);
    return i -> Math.exp(deviation * random.nextGaussian());
  }

  @Test
  void aJumpIsToldAtItsStep() {
    IntToDoubleFunction noise = noise(1, 0.1);
    List<Event> events = events(300, i -> noise.applyAsDouble(i) * (i == 200 ? 2.6 : 1));
    assertEquals(1, events.size(), events.toString());
    Event event = events.getFirst();
    assertEquals(Event.Kind.SPIKE, event.kind());
    assertEquals(200, event.step());
    assertEquals(1, event.evidence().baseline().orElseThrow(), 0.1);
    assertTrue(event.explanation().contains("times the median of the steps before"));
  }

  /** What stays up is told once and is then the level. */
  @Test
  void aNewLevelIsToldOnceAndCanSpikeAgain() {
    IntToDoubleFunction noise = noise(2, 0.05);
    List<Event> events =
        events(400, i -> noise.applyAsDouble(i) * (i < 100 ? 1 : 4) * (i == 300 ? 4 : 1));
    assertEquals(List.of(100L, 300L), events.stream().map(Event::step).toList());
  }

  /** A loss of twice the median is only two deviations off here. */
  @Test
  void wideScatterIsSeldomASpike() {
    int count = 0;
    for (int seed = 0; seed < 20; seed++) {
      count += events(1000, noise(seed, 0.35)).size();
    }
    assertTrue(count <= 60, count + " in 20,000 steps");
  }

  /** Batches with one image that is misjudged, once the others are known by heart. */
  @Test
  void theLongTailNearZeroIsNoSpike() {
    SplittableRandom random = new SplittableRandom(3);
    IntToDoubleFunction loss =
        i ->
            2.3 * Math.exp(-i / 60.0)
                + 0.008 * Math.exp(0.3 * random.nextGaussian())
                + (random.nextInt(10) == 0 ? 0.03 * random.nextDouble() : 0);
    assertEquals(List.of(), events(2000, loss));
  }

  /** A tenth of the first loss, and a hundredth of it that is far above all before. */
  @Test
  void nearZeroWhatIsLargeOrUnlikeAllBeforeIsToldAllTheSame() {
    for (double jump : new double[] {0.25, 0.023}) {
      IntToDoubleFunction noise = noise(4, 0.1);
      List<Event> events =
          events(
              1000,
              i -> 2.3 * Math.exp(-i / 60.0) + (i == 900 ? jump : 0.003) * noise.applyAsDouble(i));
      assertEquals(List.of(900L), events.stream().map(Event::step).toList());
    }
  }

  @Test
  void aFallIsNoSpike() {
    assertEquals(List.of(), events(500, i -> Math.exp(-i / 20.0)));
  }

  /** No level yet, and losses that have no logarithm. */
  @Test
  void whatCannotBeComparedIsNot() {
    assertEquals(List.of(), events(LossLevel.LEAST, i -> i == LossLevel.LEAST - 1 ? 100 : 1));
    assertEquals(List.of(), events(200, i -> i == 150 ? Double.NaN : -1));
  }

  /** Log-likelihoods go through zero, where a loss may be any multiple of another. */
  @Test
  void aLossThatWasNegativeIsComparedNoMore() {
    IntToDoubleFunction jump = i -> i == 300 ? 9 : 1;
    assertEquals(List.of(), events(400, i -> i == 200 ? -0.1 : jump.applyAsDouble(i)));
    List<Event> events = events(400, i -> i == 200 ? -1e-7 : jump.applyAsDouble(i));
    assertEquals(List.of(300L), events.stream().map(Event::step).toList(), "rounding is no sign");
  }

  @Test
  void aRestartForgetsTheLevel() {
    LossLevel level = new LossLevel();
    for (int i = 0; i < 100; i++) {
      level.take(Observation.at(i).with(Signal.LOSS, 1), 0);
    }
    level.reset();
    level.take(Observation.at(100).with(Signal.LOSS, 50), 0);
    assertTrue(new SpikeWatch().add(100, level).isEmpty());
  }
}

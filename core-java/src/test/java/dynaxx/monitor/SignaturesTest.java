package dynaxx.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class SignaturesTest {

  private static Event.Signature of(Scenario scenario, long seed) {
    List<Observation> observations = scenario.observations(seed);
    List<Event.Signature> found =
        Event.Signature.of(observations, Scenario.replay(Rules.calibrated(), observations));
    return found.getFirst();
  }

  private static Scenario quiet(int every) {
    Scenario quiet = Scenario.quiet(120, Scenario.Noise.GAUSSIAN);
    return new Scenario(120, every, quiet.noise(), quiet.patterns(), 0);
  }

  @Test
  void saysWhichSignalsMovedAndByHowMuch() {
    Event.Signature found = of(quiet(10).withTwo(Scenario.step(80, 8)), 1);
    assertEquals(Event.Kind.TRANSITION, found.kind());
    assertEquals(8, found.changes().get(Signal.TRACE).shift(), 3);
    assertEquals(8, found.changes().get(Signal.GRADIENT_VARIANCE).shift(), 3);
    assertEquals(300, found.changes().get(Signal.TRACE).level(), 15);
    assertEquals(0, found.changes().get(Signal.LAMBDA_MAX).shift(), 1.5);
    assertTrue(found.changes().get(Signal.TRACE).lead().getAsInt() <= 3);
    assertTrue(found.changes().get(Signal.LAMBDA_MAX).lead().isEmpty());
  }

  /** The same change is recognised in another run with other steps, another change is not. */
  @Test
  void likenessIgnoresTheLengthOfSteps() {
    Event.Signature first = of(quiet(10).withTwo(Scenario.step(80, 8)), 1);
    double same = 0;
    double opposite = 0;
    double other = 0;
    for (int seed = 2; seed < 12; seed++) {
      same += first.similarity(of(quiet(170).withTwo(Scenario.step(70, 6)), seed)) / 10;
      opposite += first.similarity(of(quiet(10).withTwo(Scenario.step(80, -8)), seed)) / 10;
      Scenario one = quiet(10);
      other += first.similarity(of(one.withAll(Scenario.step(80, -8)), seed)) / 10;
    }
    assertEquals(1, first.similarity(first), 1e-12);
    assertTrue(same > 0.9, "the same " + same);
    assertTrue(opposite < 0, "the opposite " + opposite);
    assertTrue(other < 0.3, "another " + other);
  }

  /** Ten steps are one value then, as for the rules. */
  @Test
  void aRunWithoutSnapshotsIsSeenAsTheRulesSeeIt() {
    SplittableRandom random = new SplittableRandom(1);
    List<Observation> observations =
        IntStream.range(0, 1000)
            .mapToObj(
                i ->
                    Observation.at(i)
                        .with(
                            Signal.LOSS,
                            Math.exp((i < 600 ? 0 : -0.5) + 0.1 * random.nextGaussian())))
            .toList();
    List<Event> events = Scenario.replay(Rules.calibrated(), observations);
    Event.Signature found = Event.Signature.of(observations, events).getFirst();
    double noise = 0.1 / Math.sqrt(10);
    assertEquals(-0.5 / noise, found.changes().get(Signal.LOSS).shift(), 5);
  }

  @Test
  void twoSignalsThatShiftAtOnceAreOneChange() {
    List<Observation> observations = quiet(10).observations(4);
    List<Event> events =
        Stream.of(Signal.TRACE, Signal.LOSS)
            .map(signal -> new Event(800, Event.Kind.LEVEL_SHIFT, signal, 1, evidence(), "shifted"))
            .toList();
    assertEquals(1, Event.Signature.of(observations, events).size());
  }

  private static Event.Evidence evidence() {
    OptionalDouble none = OptionalDouble.empty();
    return new Event.Evidence(1, none, none, none, 780);
  }

  @Test
  void quietRunsHaveNone() {
    List<Observation> observations = quiet(10).observations(3);
    assertEquals(
        List.of(),
        Event.Signature.of(observations, Scenario.replay(Rules.calibrated(), observations)));
  }
}

package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dynaxx.app.corpus.Outcome.What;
import java.util.Arrays;
import java.util.function.IntToDoubleFunction;
import org.junit.jupiter.api.Test;

class OutcomeTest {

  private static double[] curve(int steps, IntToDoubleFunction loss) {
    double[] losses = new double[steps];
    Arrays.setAll(losses, loss);
    return losses;
  }

  /** From 2 down to 1. */
  private static double falling(int step) {
    return 1 + Math.exp(-step / 30.0);
  }

  private static Outcome judged(IntToDoubleFunction loss) {
    return Outcome.of(curve(400, loss), 0);
  }

  @Test
  void aFallingLossIsNothing() {
    assertEquals(new Outcome(What.NOTHING, -1), judged(OutcomeTest::falling));
  }

  @Test
  void aLossThatDoublesAndComesBackIsASpike() {
    assertEquals(new Outcome(What.SPIKE, 201), judged(i -> i > 200 && i < 230 ? 2.1 : falling(i)));
  }

  /** Median of the 50 before: falling(150) to falling(199), so a little above 1. */
  @Test
  void twiceTheMedianIsTheBound() {
    double median = (falling(174) + falling(175)) / 2;
    assertEquals(What.NOTHING, judged(i -> i == 200 ? 1.999 * median : falling(i)).what());
    assertEquals(200, judged(i -> i == 200 ? 2.001 * median : falling(i)).shownAt());
  }

  @Test
  void aLossThatStaysHighHasDiverged() {
    assertEquals(new Outcome(What.DIVERGED, 300), judged(i -> i >= 300 ? 5 : falling(i)));
  }

  /** Back where it began, though that is less than twice what it had reached. */
  @Test
  void aLossThatIsBackWhereItBeganHasDiverged() {
    assertEquals(
        new Outcome(What.DIVERGED, 50), judged(i -> i < 50 ? 2 - i / 1000.0 : i < 60 ? 9 : 2.01));
  }

  @Test
  void aLossThatIsNotFiniteHasDivergedThere() {
    double[] losses = curve(100, OutcomeTest::falling);
    losses[99] = Double.NaN;
    assertEquals(new Outcome(What.DIVERGED, 99), Outcome.of(losses, 0));
  }

  @Test
  void aLossThatRisesByHalfWithoutDoublingIsInstability() {
    assertEquals(
        new Outcome(What.INSTABILITY, -1),
        judged(i -> i < 200 ? falling(i) : 1 + 0.6 * Math.min(1, (i - 200) / 100.0)));
  }

  @Test
  void aLossThatStandsStillAndFallsHasLeftAPlateau() {
    assertEquals(
        new Outcome(What.PLATEAU_LEFT, -1),
        judged(i -> i < 200 ? 3 : 1 + 2 * Math.exp((200 - i) / 20.0)));
  }

  /** Ten times the median, but a thousandth of what the loss began with. */
  @Test
  void noiseNearZeroIsNothing() {
    assertEquals(What.NOTHING, judged(i -> i < 50 ? 2 - i / 25.0 : i == 200 ? 0.01 : 0.001).what());
  }

  @Test
  void whatWasBeforeAFaultDoesNotCount() {
    double[] losses = curve(400, i -> i == 100 || i == 300 ? 9 : falling(i));
    assertEquals(100, Outcome.of(losses, 0).shownAt());
    assertEquals(300, Outcome.of(losses, 200).shownAt());
  }

  @Test
  void medians() {
    assertEquals(3, Outcome.median(new double[] {9, 1, 3, 5}, 0, 3));
    assertEquals(4, Outcome.median(new double[] {9, 1, 3, 5}, 0, 4));
  }
}

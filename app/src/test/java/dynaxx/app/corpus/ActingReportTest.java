package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.corpus.Acting.Pair;
import dynaxx.app.corpus.ArmRun.Point;
import dynaxx.app.corpus.ArmRun.Trace;
import dynaxx.app.corpus.Outcome.What;
import dynaxx.app.train.Trainer.Validation;
import java.util.List;
import org.junit.jupiter.api.Test;

class ActingReportTest {

  private static Trace trace(Arm arm, What what, double work, Point... curve) {
    return new Trace(arm, new Outcome(what, -1), 20, work, 1, 0, List.of(curve));
  }

  /** Without anything it breaks off; with the policy it costs twice as much. */
  private static Pair broken() {
    return new Pair(
        Runs.specification(0, Family.PERCEPTRON, Fault.NONE, -1, 20),
        1,
        1,
        List.of(
            trace(
                Arm.NONE,
                What.DIVERGED,
                12,
                new Point(0, 0, 2, 0.1),
                new Point(10, 10, 9, 0.1),
                new Point(12, 12, Double.NaN, Double.NaN)),
            trace(
                Arm.STABILISE,
                What.NOTHING,
                40,
                new Point(0, 0, 2, 0.1),
                new Point(10, 20, 1.5, 0.3),
                new Point(20, 40, 0.5, 0.8))));
  }

  /** Both learn. */
  private static Pair sound() {
    return new Pair(
        Runs.specification(1, Family.PERCEPTRON, Fault.NONE, -1, 20),
        1,
        1,
        List.of(
            trace(
                Arm.NONE,
                What.NOTHING,
                20,
                new Point(0, 0, 4, 0.2),
                new Point(10, 10, 2, 0.5),
                new Point(20, 20, 1, 0.6)),
            trace(
                Arm.STABILISE,
                What.SPIKE,
                30,
                new Point(0, 0, 4, 0.2),
                new Point(10, 15, 3, 0.4),
                new Point(20, 30, 1, 0.5))));
  }

  @Test
  void rowByHand() {
    ActingReport.Row row = ActingReport.row(Arm.STABILISE, 4, List.of(broken(), sound()));
    assertEquals(2, row.runs());
    assertEquals(0, row.diverged());
    assertEquals(1, row.divergedWithout());
    assertEquals(1, row.rescued());
    // Ends at 0.5 / 2 and 1 / 4.
    assertEquals(0.25, row.loss(), 1e-12);
    assertEquals(0.65, row.accuracy(), 1e-12);
    // 40 and 30 of 20 steps.
    assertEquals(1.75, row.work(), 1e-12);
    // A run that broke off is as before the training: 1 and an accuracy of 0.1.
    assertEquals(((0.25 - 1) + (0.25 - 0.25)) / 2, row.lossDifference().value(), 1e-12);
    assertEquals(((0.8 - 0.1) + (0.5 - 0.6)) / 2, row.accuracyDifference().value(), 1e-12);
    // At a work of 20 the first is at step 10, the second too.
    assertEquals(((0.75 - 1) + (0.75 - 0.25)) / 2, row.lossAtEqualWork().value(), 1e-12);
    assertEquals(((0.3 - 0.1) + (0.4 - 0.6)) / 2, row.accuracyAtEqualWork().value(), 1e-12);
    assertEquals(-0.75, row.lossDifference().low(), 1e-12);
    assertEquals(0, row.lossDifference().high(), 1e-12);
  }

  @Test
  void nothingIsComparedWithItself() {
    ActingReport.Row row = ActingReport.row(Arm.NONE, 4, List.of(broken(), sound()));
    assertEquals(1, row.diverged());
    assertEquals(0, row.rescued());
    assertEquals(0, row.lossDifference().value());
    assertEquals(0, row.lossAtEqualWork().value());
  }

  private static Reversal.Result reversal(double decided, double goneOn, double takenBack) {
    return new Reversal.Result(
        Runs.specification(0, Family.PERCEPTRON, Fault.BATCH, 5, 20),
        new Validation(1, 0.5),
        new Validation(decided, 0.5),
        new Validation(goneOn, 0.5),
        new Validation(takenBack, 0.5));
  }

  @Test
  void reversalsByHand() {
    ActingReport.Reverted row =
        ActingReport.reverted(
            "batch",
            List.of(
                reversal(1.5, 0.9, 0.7), reversal(0.8, 0.5, 0.6), reversal(9, Double.NaN, 1.1)));
    assertEquals(3, row.runs());
    assertEquals(2, row.harmed());
    assertEquals(2 / 3.0, row.better().value(), 1e-12);
    assertEquals(1, row.betterOfHarmed().value(), 1e-12);
    // What broke off counts as twice the checkpoint's loss.
    assertEquals((-0.2 + 0.1 - 0.9) / 3, row.difference().value(), 1e-12);
  }

  @Test
  void tablesHaveALineForEachArmAndAColumnForEachRate() {
    List<ActingReport.Row> rows =
        List.of(Arm.NONE, Arm.STABILISE).stream()
            .flatMap(
                arm ->
                    java.util.stream.IntStream.range(0, Acting.RATIOS.length + 1)
                        .mapToObj(i -> ActingReport.row(arm, i, List.of(broken(), sound()))))
            .toList();
    String text =
        ActingTable.markdown(
            new ActingReport(
                rows, List.of(ActingReport.reverted("all", List.of(reversal(1.5, 0.9, 0.7))))));
    List<String> lines = text.lines().toList();
    int head = lines.indexOf("| | 0.25 x | 0.5 x | 1 x | 2 x | 4 x | 8 x | all |");
    assertTrue(head > 0, text);
    assertEquals("| none |" + " 1 of 2 |".repeat(7), lines.get(head + 2));
    assertEquals("| stabilise |" + " 0 of 2 |".repeat(7), lines.get(head + 3));
    assertTrue(text.contains("| stabilise |" + " -37.5 (-75.0 to 0.0) |".repeat(7)), text);
    assertTrue(text.contains("| all | 1 | 1 | 100.0 (100.0 to 100.0) |"), text);
  }
}

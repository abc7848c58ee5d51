package dynaxx.cost;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import java.util.List;
import org.junit.jupiter.api.Test;

class SnapshotPlanTest {

  private static int steps(SnapshotPlan plan) {
    return plan.settings().lanczos().orElseThrow().cap();
  }

  /** A snapshot of 38 steps' time at 5 %: after 722 steps it is a twentieth of all. */
  @Test
  void theIntervalKeepsTheBudget() {
    assertEquals(722, SnapshotPlan.interval(38, 1, 0.05));
    assertEquals(38, SnapshotPlan.interval(38, 1, 0.5));
    assertEquals(1, SnapshotPlan.interval(38, 1, 1));
    assertEquals(1, SnapshotPlan.interval(0.001, 1, 0.5));
  }

  @Test
  void worksAreThoseOfTheDocumentation() {
    assertEquals(38, SnapshotWork.gradients(ProbeSettings.article()), 0.5);
    assertEquals(9, SnapshotWork.gradients(ProbeSettings.cheap()), 0.5);
  }

  @Test
  void eachPlanIsCheaperThanTheOneBefore() {
    ProbeSettings full = ProbeSettings.article();
    List<SnapshotPlan> plans = SnapshotPlan.from(full, 256);
    assertEquals(new SnapshotPlan(full, 256), plans.getFirst());
    assertEquals(SnapshotPlan.LEAST_EXAMPLES, plans.getLast().examples());
    assertEquals(4, steps(plans.getLast()));
    double before = Double.POSITIVE_INFINITY;
    for (SnapshotPlan plan : plans) {
      double price = plan.examples() * SnapshotWork.gradients(plan.settings());
      assertTrue(price < before, plan.toString());
      before = price;
    }
    assertEquals(List.of(3, 3, 3), examples(SnapshotPlan.from(ProbeSettings.article(), 3)));
  }

  /** The gradient's variance needs an example for each micro-batch, and two of them. */
  @Test
  void aSmallBatchHasFewerMicroBatches() {
    ProbeSettings article = ProbeSettings.article();
    assertEquals(3, SnapshotPlan.from(article, 3).getFirst().settings().microBatches());
    assertEquals(0, SnapshotPlan.from(article, 1).getLast().settings().microBatches());
  }

  private static List<Integer> examples(List<SnapshotPlan> plans) {
    return plans.stream().map(SnapshotPlan::examples).toList();
  }

  @Test
  void theMostThatIsAffordableIsChosen() {
    List<SnapshotPlan> plans = SnapshotPlan.from(ProbeSettings.article(), 64);
    assertEquals(plans.getFirst(), SnapshotPlan.affordable(plans, 64, SnapshotPlan::examples));
    assertEquals(plans.get(2), SnapshotPlan.affordable(plans, 20, SnapshotPlan::examples));
    assertEquals(plans.getLast(), SnapshotPlan.affordable(plans, 0, SnapshotPlan::examples));
  }

  /** The demo's 600 steps at 5 % pay for five snapshots of few steps over few examples. */
  @Test
  void aShortTrainingGetsASmallerSubset() {
    ProbeSettings full = ProbeSettings.article().withLanczos(Lanczos.fixed(40)).withProbes(16);
    SnapshotPlan demo = SnapshotPlan.ofTraining(full, 64, 600, 0.05);
    assertEquals(SnapshotPlan.LEAST_EXAMPLES, demo.examples());
    assertEquals(4, steps(demo));
    SnapshotPlan rich = SnapshotPlan.ofTraining(full, 64, 600, 0.9);
    assertEquals(new SnapshotPlan(full, 64), rich);
    int before = 0;
    for (long length : new long[] {600, 1200, 2400, 9600}) {
      int examples = SnapshotPlan.ofTraining(full, 64, length, 0.05).examples();
      assertTrue(examples >= before, length + " steps: " + examples);
      before = examples;
    }
    assertTrue(before > SnapshotPlan.LEAST_EXAMPLES);
  }
}

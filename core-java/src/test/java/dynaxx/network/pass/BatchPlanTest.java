package dynaxx.network.pass;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.layer.Activation;
import dynaxx.model.Mlp;
import dynaxx.network.Loss;
import dynaxx.network.Network;
import org.junit.jupiter.api.Test;

class BatchPlanTest {

  private static final Network NETWORK = Mlp.of(Activation.TANH, 8, 4, 3);
  private static final Loss LOSS = Loss.crossEntropy();
  private static final long MEGABYTE = 1L << 20;
  private static final long PLENTY = 16L << 30;

  private static BatchPlan plan(long memory, int microBatch, int examples, long tangents) {
    BatchPlan.Limits limits = new BatchPlan.Limits(memory, microBatch, 8);
    return BatchPlan.of(NETWORK, LOSS, examples, limits, tangents);
  }

  @Test
  void smallBatchesAreNotCut() {
    assertEquals(256, plan(PLENTY, 0, 256, MEGABYTE / 4).part());
    assertEquals(100, plan(PLENTY, 100, 200, MEGABYTE / 4).part());
  }

  /** 8 directions of 1 MiB each: 64 examples are 512 MiB. */
  @Test
  void sweepsAreNoLargerThanPays() {
    BatchPlan plan = plan(PLENTY, 0, 256, MEGABYTE);
    assertEquals(64, plan.part());
    assertEquals(8, plan.directions());
    assertTrue(plan.resident());
    assertEquals(64, plan(4 * PLENTY, 0, 256, MEGABYTE).part());
  }

  /** 12 examples of 5 MiB are 480 MiB; of 200 MiB, two directions of one. */
  @Test
  void largeExamplesMakeSmallParts() {
    assertEquals(11, plan(PLENTY, 0, 64, 5 * MEGABYTE).part());
    BatchPlan large = plan(4 * PLENTY, 0, 8, 200 * MEGABYTE);
    assertEquals(1, large.part());
    assertEquals(2, large.directions());
  }

  /** A device that records submits every part again. */
  @Test
  void partsAreAsLargeAsFitWhereEachIsSubmitted() {
    BatchPlan.Limits limits = new BatchPlan.Limits(PLENTY, 0, 8, true, true);
    BatchPlan plan = BatchPlan.of(NETWORK, LOSS, 256, limits, MEGABYTE);
    assertEquals(256, plan.part());
    assertEquals(8, plan.directions());
  }

  @Test
  void partsAreOfAboutOneSize() {
    assertEquals(50, plan(PLENTY, 0, 150, MEGABYTE).part());
    assertEquals(33, plan(PLENTY, 0, 65, MEGABYTE).part());
    assertEquals(30, plan(PLENTY, 40, 60, MEGABYTE).part());
  }

  @Test
  void littleMemoryTakesFewerDirectionsThenRecordsAgain() {
    BatchPlan fewer = plan(100 * MEGABYTE, 0, 64, MEGABYTE);
    assertEquals(22, fewer.part());
    assertEquals(4, fewer.directions());
    BatchPlan again = plan(2 * MEGABYTE, 0, 64, MEGABYTE);
    assertEquals(1, again.directions());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> plan(1000, 0, 64, MEGABYTE));
    assertTrue(e.getMessage().contains("memory limit: found 1000 bytes"), e.getMessage());
  }

  private static final Network FUNCTIONS =
      Mlp.of(Activation.TANH, 8, 40, 40, 40, 40, 40, 40, 40, 3);

  private static BatchPlan functions(long memory, boolean whole) {
    BatchPlan.Limits limits = new BatchPlan.Limits(memory, 0, 2, whole, true);
    return BatchPlan.of(FUNCTIONS, LOSS, 64, limits, 1000);
  }

  /** A compact recording has half of the hidden values and adjoints, and two of the other ones. */
  @Test
  void recordingsAreCompactOnlyWhereThatSavesRecordingAgain() {
    long all = Tape.bytesPerExample(FUNCTIONS, LOSS);
    long compact = Tape.bytesPerExample(FUNCTIONS, LOSS, true);
    assertTrue(compact < 0.6 * all, compact + " of " + all);
    BatchPlan everything = functions(64 * (all + 2000), false);
    assertTrue(everything.resident() && !everything.compact(), everything.toString());
    assertEquals(64, everything.part());
    BatchPlan less = functions(64 * compact + 64 * 2000, false);
    assertTrue(less.resident() && less.compact(), less.toString());
    assertEquals(2, less.directions());
    BatchPlan again = functions(20 * (all + 2000), false);
    assertTrue(!again.resident() && !again.compact(), again.toString());
    BatchPlan larger = functions(20 * (all + 2000), true);
    assertTrue(!larger.resident() && larger.compact(), larger.toString());
    assertTrue(larger.part() > functions(20 * (all + 2000), false).part());
    assertTrue(functions(compact + 1000, false).compact());
    assertThrows(IllegalArgumentException.class, () -> functions(compact + 999, false));
  }
}

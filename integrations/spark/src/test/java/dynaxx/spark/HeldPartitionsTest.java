package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dynaxx.layer.Activation;
import dynaxx.model.Mlp;
import dynaxx.network.Loss;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** What an executor keeps, and when it lets go. */
class HeldPartitionsTest {

  private static final long OPERATOR = -1;

  private final Problem problem =
      new Problem(
          OPERATOR, () -> Mlp.of(Activation.TANH, 2, 3, 1), Loss::meanSquaredError, 1 << 20, 0, 8);

  @AfterEach
  void free() {
    HeldPartitions.close(OPERATOR);
  }

  private HeldPartition get(int partition, long point, float... inputs) {
    Iterator<Examples> data = List.of(new Examples(inputs, new float[] {1})).iterator();
    return HeldPartitions.get(problem, partition, point, data, 1);
  }

  @Test
  void readsOnce() {
    HeldPartition first = get(0, 1, 1, 2);
    assertEquals(1, first.examples());
    assertSame(first, HeldPartitions.get(problem, 0, 1, Collections.emptyIterator(), 1));
    assertNotSame(first, get(1, 1, 3, 4));
  }

  @Test
  void freesWhatAnotherExecutorHoldsByNow() {
    HeldPartition moved = get(0, 1, 1, 2);
    HeldPartition stays = get(1, 1, 3, 4);
    HeldPartitions.closeUnused(OPERATOR, 2);
    get(1, 2, 3, 4);
    assertSame(moved, get(0, 1, 1, 2));
    HeldPartitions.closeUnused(OPERATOR, 3);
    assertSame(stays, get(1, 3, 3, 4));
    assertNotSame(moved, get(0, 3, 1, 2));
  }

  @Test
  void keepsNothingOfAPartitionThatDoesNotFit() {
    int before = HeldPartitions.size();
    assertThrows(IllegalArgumentException.class, () -> get(0, 1, 1, 2, 3));
    assertEquals(before, HeldPartitions.size());
    assertEquals(1, get(0, 1, 1, 2).examples());
  }
}

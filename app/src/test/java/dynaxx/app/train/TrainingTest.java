package dynaxx.app.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class TrainingTest {

  /** Three steps on w1^2 + 2 w2^2 - w3^2 / 2 + w1 w2 w3. */
  private static float[] minimise(Optimizer optimizer) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(3).put(1, -2, 0.5f);
      HostBuffer g = scope.allocate(3);
      for (int step = 0; step < 3; step++) {
        float a = w.get(0);
        float b = w.get(1);
        float c = w.get(2);
        g.put(2 * a + b * c, 4 * b + a * c, -c + a * b);
        optimizer.step(w, g, 0.1);
      }
      return w.toArray();
    }
  }

  private static void assertClose(double[] expected, float[] found) {
    for (int i = 0; i < expected.length; i++) {
      assertEquals(expected[i], found[i], 2e-6);
    }
  }

  /** Expected values: torch.optim.SGD(lr=0.1, momentum=0.9, weight_decay=0.01), PyTorch 2.13. */
  @Test
  void sgdAgreesWithPyTorch() {
    double[] expected = {0.43180420994758606, 0.8324788808822632, 1.655139446258545};
    assertClose(expected, minimise(new Sgd(0.9, 0.01)));
  }

  /** Expected values: torch.optim.AdamW(lr=0.1, weight_decay=0.05), PyTorch 2.13. */
  @Test
  void adamWAgreesWithPyTorch() {
    double[] expected = {0.6997530460357666, -1.6724717617034912, 0.7898818254470825};
    assertClose(expected, minimise(new AdamW(0.05)));
  }

  @Test
  void learningRateWarmsUpAndFallsToZero() {
    WarmupCosine schedule = new WarmupCosine(0.01, 10, 110);
    assertEquals(0.001, schedule.at(0), 1e-15);
    assertEquals(0.01, schedule.at(9), 1e-15);
    assertEquals(0.01, schedule.at(10), 1e-15);
    assertEquals(0.005, schedule.at(60), 1e-15);
    assertEquals(0, schedule.at(110), 1e-15);
    assertEquals(0.01, new WarmupCosine(0.01, 0, 5).at(0), 1e-15);
  }

  @Test
  void eachEpochIsAPermutationThatTheSeedFixes() {
    Shuffle shuffle = new Shuffle(10, 3);
    int[] first = shuffle.next(10);
    int[] second = shuffle.next(10);
    assertFalse(Arrays.equals(first, second));
    int[] sorted = second.clone();
    Arrays.sort(sorted);
    for (int i = 0; i < 10; i++) {
      assertEquals(i, sorted[i]);
    }
    Shuffle again = new Shuffle(10, 3);
    int[] across = again.next(15);
    assertTrue(Arrays.equals(Arrays.copyOf(across, 10), first));
    assertTrue(Arrays.equals(Arrays.copyOfRange(across, 10, 15), Arrays.copyOf(second, 5)));
    assertFalse(Arrays.equals(first, new Shuffle(10, 4).next(10)));
  }
}

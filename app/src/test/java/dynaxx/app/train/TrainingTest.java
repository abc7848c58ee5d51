package dynaxx.app.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.spectrum.Update;
import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;

class TrainingTest {

  private static void gradient(HostBuffer w, HostBuffer g) {
    float a = w.get(0);
    float b = w.get(1);
    float c = w.get(2);
    g.put(2 * a + b * c, 4 * b + a * c, -c + a * b);
  }

  /** Three steps on w1^2 + 2 w2^2 - w3^2 / 2 + w1 w2 w3. */
  private static float[] minimise(Optimizer optimizer) {
    try (Scope scope = Scope.open()) {
      HostBuffer w = scope.allocate(3).put(1, -2, 0.5f);
      HostBuffer g = scope.allocate(3);
      for (int step = 0; step < 3; step++) {
        gradient(w, g);
        optimizer.step(w, g, 0.1, () -> gradient(w, g));
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

  /** What is told beforehand is the step that is made then, and telling changes nothing. */
  @Test
  void theComingStepIsTheOneThatIsMade() {
    for (Supplier<Optimizer> kind :
        List.<Supplier<Optimizer>>of(() -> new Sgd(0.9, 0.01), () -> new AdamW(0.05))) {
      Optimizer optimizer = kind.get();
      try (Scope scope = Scope.open()) {
        HostBuffer w = scope.allocate(3).put(1, -2, 0.5f);
        HostBuffer g = scope.allocate(3);
        for (int step = 0; step < 3; step++) {
          gradient(w, g);
          float[] before = w.toArray();
          Update update = optimizer.coming(w, g, 0.1, scope);
          assertTrue(Arrays.equals(before, w.toArray()));
          HostBuffer told = (HostBuffer) update.step().orElseThrow();
          optimizer.step(w, g, 0.1);
          for (int i = 0; i < 3; i++) {
            assertEquals(w.get(i) - before[i], told.get(i), 3e-7);
          }
        }
        assertTrue(Arrays.equals(minimise(kind.get()), w.toArray()));
      }
    }
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

  /** Three steps of (A)SAM on plain gradient descent, in double precision. */
  private static double[] sharpnessAware(double radius, boolean adaptive) {
    double[] w = {1, -2, 0.5};
    for (int step = 0; step < 3; step++) {
      double[] g = gradient(w);
      double squares = 0;
      for (int i = 0; i < 3; i++) {
        double t = adaptive ? Math.abs(w[i]) + 0.01 : 1;
        squares += t * t * g[i] * g[i];
      }
      double[] up = w.clone();
      for (int i = 0; i < 3; i++) {
        double t = adaptive ? Math.abs(w[i]) + 0.01 : 1;
        up[i] += radius * t * t * g[i] / Math.sqrt(squares);
      }
      double[] there = gradient(up);
      for (int i = 0; i < 3; i++) {
        w[i] -= 0.1 * there[i];
      }
    }
    return w;
  }

  private static double[] gradient(double[] w) {
    return new double[] {2 * w[0] + w[1] * w[2], 4 * w[1] + w[0] * w[2], -w[2] + w[0] * w[1]};
  }

  @Test
  void sharpnessAwareStepsUseTheGradientUphill() {
    assertClose(sharpnessAware(0.05, false), minimise(new Sam(new Sgd(0, 0), 0.05, false)));
    assertClose(sharpnessAware(0.5, true), minimise(new Sam(new Sgd(0, 0), 0.5, true)));
    assertTrue(Math.abs(sharpnessAware(0.5, true)[1] - sharpnessAware(0.05, false)[1]) > 1e-3);
  }

  @Test
  void sharpnessAwareStepsAreFiniteAtAZeroGradient() {
    for (boolean adaptive : new boolean[] {false, true}) {
      try (Scope scope = Scope.open()) {
        HostBuffer w = scope.allocate(3);
        HostBuffer g = scope.allocate(3);
        new Sam(new AdamW(0.1), 0.05, adaptive).step(w, g, 0.1, () -> gradient(w, g));
        assertTrue(Arrays.equals(new float[3], w.toArray()), Arrays.toString(w.toArray()));
      }
    }
  }

  @Test
  void cyclesGoUpAndDown() {
    Triangular cycle = new Triangular(0.1, 1.1, 10);
    assertEquals(0.1, cycle.at(0), 1e-12);
    assertEquals(0.5, cycle.at(2), 1e-12);
    assertEquals(1.1, cycle.at(5), 1e-12);
    assertEquals(0.3, cycle.at(9), 1e-12);
    assertEquals(0.1, cycle.at(30), 1e-12);
    assertEquals(0.05, new WarmupConstant(0.1, 2).at(0), 1e-12);
    assertEquals(0.1, new WarmupConstant(0.1, 2).at(100), 1e-12);
  }

  @Test
  void aShuffleGoesOnWhereItWas() {
    for (int before : new int[] {0, 1, 9, 10, 11, 20, 37}) {
      Shuffle whole = new Shuffle(10, 3);
      whole.next(before);
      assertEquals(before, whole.taken());
      Shuffle sought = new Shuffle(10, 3);
      sought.seek(before);
      assertEquals(before, sought.taken());
      assertTrue(Arrays.equals(whole.next(15), sought.next(15)), "after " + before);
    }
  }
}

package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class DisturbedExamplesTest {

  private static final int AT = 20;

  private record Written(float[] inputs, float[] targets) {
    static Written of(Examples examples, int... indices) {
      try (Scope scope = Scope.open()) {
        HostBuffer inputs = scope.allocate(indices.length * examples.inputSize());
        HostBuffer targets = scope.allocate(indices.length * examples.targetSize());
        examples.write(indices, inputs, targets);
        return new Written(inputs.toArray(), targets.toArray());
      }
    }
  }

  private static Specification run(Family family, Fault fault) {
    return Runs.specification(3, family, fault, AT, 60);
  }

  @Test
  void threeBatchesAreEightTimesAsLarge() {
    Specification run = run(Family.PERCEPTRON, Fault.BATCH);
    Family.Task task = run.family().task(run);
    DisturbedExamples examples = new DisturbedExamples(task, run);
    Written plain = Written.of(task.training(), 4, 5);
    for (int step : new int[] {AT - 1, AT + 3}) {
      examples.at(step);
      assertArrayEquals(plain.inputs(), Written.of(examples, 4, 5).inputs());
    }
    examples.at(AT + 2);
    Written corrupt = Written.of(examples, 4, 5);
    for (int i = 0; i < plain.inputs().length; i++) {
      assertEquals(8 * plain.inputs()[i], corrupt.inputs()[i]);
    }
    assertArrayEquals(plain.targets(), corrupt.targets());
  }

  @Test
  void tokensStayInTheVocabulary() {
    Specification run = run(Family.GPT, Fault.BATCH);
    Family.Task task = run.family().task(run);
    DisturbedExamples examples = new DisturbedExamples(task, run);
    examples.at(AT);
    Written plain = Written.of(task.training(), 7);
    Written corrupt = Written.of(examples, 7);
    for (int i = 0; i < plain.inputs().length; i++) {
      assertEquals(8 * (int) plain.inputs()[i] % task.tokens(), corrupt.inputs()[i]);
    }
  }

  @Test
  void labelsAreShuffledOnce() {
    Specification run = run(Family.CNN, Fault.LABELS);
    Family.Task task = run.family().task(run);
    DisturbedExamples examples = new DisturbedExamples(task, run);
    int[] all = IntStream.range(0, task.training().count()).toArray();
    Written plain = Written.of(task.training(), all);
    examples.at(AT);
    Written shuffled = Written.of(examples, all);
    assertArrayEquals(plain.inputs(), shuffled.inputs());
    assertFalse(Arrays.equals(plain.targets(), shuffled.targets()));
    float[] sorted = plain.targets().clone();
    float[] others = shuffled.targets().clone();
    Arrays.sort(sorted);
    Arrays.sort(others);
    assertArrayEquals(sorted, others);
    examples.at(AT + 9);
    assertArrayEquals(shuffled.targets(), Written.of(examples, all).targets());
  }

  @Test
  void classesComeInOrder() {
    Specification run = run(Family.VIT, Fault.SORTED);
    Family.Task task = run.family().task(run);
    DisturbedExamples examples = new DisturbedExamples(task, run);
    examples.at(AT);
    float[] taken = new float[task.training().count()];
    for (int i = 0; i < taken.length; i += 16) {
      float[] next = Written.of(examples, new int[16]).targets();
      System.arraycopy(next, 0, taken, i, 16);
    }
    for (int i = 1; i < taken.length; i++) {
      assertTrue(taken[i] >= taken[i - 1], "class " + taken[i] + " after " + taken[i - 1]);
    }
    assertTrue(taken[taken.length - 1] > taken[0]);
  }

  @Test
  void ratesOfTheFaults() {
    Specification spike = run(Family.VIT, Fault.RATE);
    assertEquals(0.1, spike.rate(0.1, AT - 1));
    assertEquals(4, spike.rate(0.1, AT), 1e-12);
    assertEquals(4, spike.rate(0.1, AT + 3), 1e-12);
    assertEquals(0.1, spike.rate(0.1, AT + 4));
    Specification ramp = Runs.specification(3, Family.VIT, Fault.RAMP, 60, 400);
    assertEquals(0.1, ramp.rate(0.1, 60), 1e-12);
    assertEquals(30, ramp.rate(0.1, 400), 1e-9);
    assertEquals(0.1 * Math.sqrt(300), ramp.rate(0.1, 230), 1e-9);
  }
}

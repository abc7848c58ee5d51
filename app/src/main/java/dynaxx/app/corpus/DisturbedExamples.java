package dynaxx.app.corpus;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.Arrays;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/** Training examples with the faults of a run that lie in its data. One trainer reads them. */
final class DisturbedExamples implements Examples {

  private final Examples all;
  private final Specification run;
  private final int tokens;
  private final int[] others;
  private final int[] sorted;
  private int step;
  private int taken;

  DisturbedExamples(Family.Task task, Specification run) {
    this.all = task.training();
    this.run = run;
    this.tokens = task.tokens();
    this.others = run.fault() == Fault.LABELS ? permutation(all.count(), run.seed()) : null;
    this.sorted = run.fault() == Fault.SORTED ? byTarget(all) : null;
  }

  /** Says which step the next batch is of. */
  void at(int number) {
    step = number;
  }

  private boolean begun() {
    return step >= run.faultAt();
  }

  @Override
  public int count() {
    return all.count();
  }

  @Override
  public long inputSize() {
    return all.inputSize();
  }

  @Override
  public long targetSize() {
    return all.targetSize();
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    switch (run.fault()) {
      case LABELS -> writeWithOthers(indices, inputs, targets);
      case SORTED -> all.write(begun() ? nextSorted(indices.length) : indices, inputs, targets);
      case BATCH -> {
        all.write(indices, inputs, targets);
        if (begun() && step < run.faultAt() + Fault.BATCH_LENGTH) {
          corrupt(inputs, indices.length * inputSize());
        }
      }
      default -> all.write(indices, inputs, targets);
    }
  }

  private void writeWithOthers(int[] indices, HostBuffer inputs, HostBuffer targets) {
    all.write(indices, inputs, targets);
    if (begun()) {
      try (Scope scope = Scope.open()) {
        int[] strangers = IntStream.of(indices).map(i -> others[i]).toArray();
        all.write(strangers, scope.allocate(indices.length * inputSize()), targets);
      }
    }
  }

  private int[] nextSorted(int count) {
    int from = taken;
    taken = (taken + count) % sorted.length;
    return IntStream.range(from, from + count).map(i -> sorted[i % sorted.length]).toArray();
  }

  private void corrupt(HostBuffer inputs, long size) {
    for (long i = 0; i < size; i++) {
      float large = Fault.BATCH_FACTOR * inputs.get(i);
      inputs.set(i, tokens > 0 ? large % tokens : large);
    }
  }

  private static int[] permutation(int count, long seed) {
    SplittableRandom random = new SplittableRandom(~seed);
    int[] order = IntStream.range(0, count).toArray();
    for (int i = count - 1; i > 0; i--) {
      int j = random.nextInt(i + 1);
      int moved = order[i];
      order[i] = order[j];
      order[j] = moved;
    }
    return order;
  }

  /** Class by class; passages by what continues them. */
  private static int[] byTarget(Examples all) {
    float[][] keys = new float[all.count()][];
    try (Scope scope = Scope.open()) {
      HostBuffer inputs = scope.allocate(all.inputSize());
      HostBuffer targets = scope.allocate(all.targetSize());
      for (int i = 0; i < keys.length; i++) {
        all.write(new int[] {i}, inputs, targets);
        keys[i] = targets.toArray();
      }
    }
    return IntStream.range(0, keys.length)
        .boxed()
        .sorted((a, b) -> Arrays.compare(keys[a], keys[b]))
        .mapToInt(i -> i)
        .toArray();
  }
}

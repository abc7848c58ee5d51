package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;

/**
 * Sums modulo p whose numbers are tokens instead of one-hot vectors.
 *
 * @param pairs with one-hot inputs
 */
public record TokenSums(ModularAddition pairs) implements Examples {

  @Override
  public int count() {
    return pairs.count();
  }

  @Override
  public long inputSize() {
    return 2;
  }

  @Override
  public long targetSize() {
    return 1;
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    long width = pairs.inputSize();
    try (Scope scope = Scope.open()) {
      HostBuffer hot = scope.allocate(indices.length * width);
      pairs.write(indices, hot, targets);
      for (long i = 0; i < indices.length * 2L; i++) {
        inputs.set(i, position(hot, i * width / 2, (int) width / 2));
      }
    }
  }

  private static int position(HostBuffer hot, long from, int count) {
    int found = 0;
    while (found < count && hot.get(from + found) == 0) {
      found++;
    }
    return found;
  }
}

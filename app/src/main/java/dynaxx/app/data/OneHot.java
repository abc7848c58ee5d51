package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;

/**
 * Examples whose targets are zeros, and a one at the class, for losses that compare all outputs.
 *
 * @param all the examples, with class numbers
 * @param classes how many there are
 */
public record OneHot(Examples all, int classes) implements Examples {

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
    return all.targetSize() * classes;
  }

  @Override
  public void write(int[] indices, HostBuffer inputs, HostBuffer targets) {
    try (Scope scope = Scope.open()) {
      HostBuffer numbers = scope.allocate(indices.length * all.targetSize());
      all.write(indices, inputs, numbers);
      targets.segment().fill((byte) 0);
      for (long i = 0; i < numbers.size(); i++) {
        targets.set(i * classes + (int) numbers.get(i), 1);
      }
    }
  }
}

package dynaxx.app.data;

import dynaxx.app.train.Examples;
import dynaxx.memory.HostBuffer;

/**
 * The first examples of a set.
 *
 * @param all the set
 * @param count how many
 */
public record FirstOf(Examples all, int count) implements Examples {

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
    all.write(indices, inputs, targets);
  }
}

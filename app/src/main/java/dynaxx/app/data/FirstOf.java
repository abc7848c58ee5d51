package dynaxx.app.data;

import java.lang.foreign.MemorySegment;

/**
 * The first examples of a set.
 *
 * @param all the set
 * @param count how many
 */
public record FirstOf(Examples all, int count) implements Examples {

  @Override
  public int inputSize() {
    return all.inputSize();
  }

  @Override
  public int classes() {
    return all.classes();
  }

  @Override
  public int label(int index) {
    return all.label(index);
  }

  @Override
  public void write(int[] indices, MemorySegment to) {
    all.write(indices, to);
  }
}

package dynaxx.app.data;

import java.lang.foreign.MemorySegment;

/** Examples with class labels. */
public interface Examples {

  int count();

  /** Values of one example. */
  int inputSize();

  int classes();

  int label(int index);

  /**
   * Writes examples as float32.
   *
   * @param indices which
   * @param to receives {@code indices.length * inputSize()} values
   */
  void write(int[] indices, MemorySegment to);
}

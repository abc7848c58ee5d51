package dynaxx.app.train;

import dynaxx.memory.HostBuffer;

/** Numbered examples with their targets. */
public interface Examples {

  /** How many there are. */
  int count();

  /** Input values of an example. */
  long inputSize();

  /** Targets of an example: one for each prediction, or one for each output. */
  long targetSize();

  /**
   * Writes some of them, one after the other.
   *
   * @param indices which
   * @param inputs receives {@link #inputSize} values of each
   * @param targets receives {@link #targetSize} class numbers of each, or values wanted of the
   *     outputs
   */
  void write(int[] indices, HostBuffer inputs, HostBuffer targets);
}

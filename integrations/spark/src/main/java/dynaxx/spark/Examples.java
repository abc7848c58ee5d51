package dynaxx.spark;

import java.io.Serializable;

/**
 * Some examples of a data set with their targets: an element of the RDD. Many examples in one
 * object cost less than one object for each.
 */
public final class Examples implements Serializable {

  private static final long serialVersionUID = 1L;

  private final float[] inputs;
  private final float[] targets;

  /**
   * Wraps arrays, which must stay unchanged.
   *
   * @param inputs the values of whole examples, one after the other; class or token numbers are
   *     whole numbers held as float32
   * @param targets the targets of as many examples, as a {@link dynaxx.network.Batch} takes them
   */
  public Examples(float[] inputs, float[] targets) {
    this.inputs = inputs;
    this.targets = targets;
  }

  float[] inputs() {
    return inputs;
  }

  float[] targets() {
    return targets;
  }
}

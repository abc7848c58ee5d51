package dynaxx.kernel;

import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;

/**
 * k runs of values inside a buffer, the i-th starting at {@code offset + i * stride}: one
 * parameter's part of a block of parameter vectors.
 *
 * @param buffer the values
 * @param offset where run 0 starts
 * @param stride from the start of one run to the next; 0 if all k are the same run
 */
public record Strided(Buffer buffer, long offset, long stride) {

  /**
   * The same part of each vector of a block.
   *
   * @param vectors the block
   * @param offset where the part starts in each vector
   * @return a run for each vector
   */
  public static Strided of(Vectors vectors, long offset) {
    return new Strided(vectors.buffer(), offset, vectors.length());
  }

  /**
   * One run only.
   *
   * @param buffer the run starts where the buffer does
   * @return the run, with stride 0
   */
  public static Strided of(Buffer buffer) {
    return new Strided(buffer, 0, 0);
  }

  /**
   * Run i as the only one.
   *
   * @param i which run
   * @return a run with stride 0
   */
  public Strided run(int i) {
    return new Strided(buffer, offset + i * stride, 0);
  }
}

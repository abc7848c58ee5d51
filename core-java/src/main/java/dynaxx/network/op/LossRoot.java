package dynaxx.network.op;

import dynaxx.memory.Buffer;

/**
 * A root S of the Hessian of a batch's loss by its predictions, {@code S S' = d2 loss / dz2}, block
 * by block: each example has columns of its own. Scale and weights of the loss are in it.
 */
public interface LossRoot {

  /**
   * Columns of one example's block.
   *
   * @return at least 1
   */
  int columns();

  /**
   * One column of each example.
   *
   * @param j from 0 to below {@link #columns}
   * @param dz receives the columns, as large as the predictions
   */
  void column(int j, Buffer dz);

  /**
   * All columns of each example, combined with random signs: a vector s with {@code E[s s'] = S S'}
   * for each example, independent of those of the others.
   *
   * @param seed key of the signs
   * @param stream of the first example; example e takes that of number {@code stream + e}
   * @param factor of the vectors
   * @param dz receives the vectors, as large as the predictions
   */
  void sample(long seed, long stream, double factor, Buffer dz);
}

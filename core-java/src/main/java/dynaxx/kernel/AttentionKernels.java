package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Multi-head scaled dot-product attention and its passes. For each head, with queries Q, keys K and
 * values V, {@code A = s Q K'}, {@code P = softmax A} of each row and {@code O = P V}, {@code s = 1
 * / sqrt(depth)}. No kernel stores an array of tokens x tokens values from one call to the next:
 * what a pass needs of P and of its adjoint it computes again (Dao et al., 2022) from a few numbers
 * of each row. Conventions are those of {@link Kernels}.
 *
 * <p>{@code x} is {@code [examples x tokens x (heads + 2 keyHeads) depth]}: the queries of a token,
 * then its keys, then its values; {@code y} is {@code [examples x tokens x heads depth]}.
 */
public interface AttentionKernels {

  /** Numbers of each row that the forward pass leaves for the others; only kernels know which. */
  int SAVED = 2;

  /** Numbers of each row that {@link #backward} leaves for tangentBackward and curvature. */
  int ADJOINT = 1;

  /** Numbers of each row and direction that {@link #tangent} leaves for those two. */
  int TANGENT = 1;

  /**
   * Extents of a call.
   *
   * @param examples attention is within an example
   * @param tokens of each example: queries of a head, and its keys
   * @param depth elements of a query, a key and a value
   * @param heads of queries
   * @param keyHeads of keys and values; {@code heads / keyHeads} neighbouring heads share one
   * @param causal whether a token sees only itself and earlier tokens
   */
  record Heads(int examples, int tokens, int depth, int heads, int keyHeads, boolean causal) {

    /**
     * Heads that share a key.
     *
     * @return at least 1
     */
    public int group() {
      return heads / keyHeads;
    }

    /**
     * Factor of the scores.
     *
     * @return s
     */
    public double scale() {
      return 1 / Math.sqrt(depth);
    }

    /**
     * Elements of a token in x.
     *
     * @return queries, keys and values
     */
    public long columns() {
      return (heads + 2L * keyHeads) * depth;
    }

    /**
     * Elements of a token in y.
     *
     * @return those of all heads
     */
    public long width() {
      return (long) heads * depth;
    }

    /**
     * Rows of scores.
     *
     * @return one for each query of each head
     */
    public long rows() {
      return (long) examples * heads * tokens;
    }

    /**
     * Values of x, or of one direction of its tangent.
     *
     * @return how many
     */
    public long in() {
      return (long) examples * tokens * columns();
    }

    /**
     * Values of y, or of one direction of its tangent.
     *
     * @return how many
     */
    public long out() {
      return (long) examples * tokens * width();
    }
  }

  /**
   * {@code O = P V}.
   *
   * @param h extents
   * @param x queries, keys and values
   * @param y outputs
   * @param saved {@link #SAVED} numbers of each row
   */
  void forward(Heads h, Buffer x, Buffer y, Buffer saved);

  /**
   * {@code dV = P' dO}, {@code dP = dO V'}, {@code dA = P (dP - e)} with e the row sums of P dP,
   * {@code dQ = s dA K}, {@code dK = s dA' Q}.
   *
   * @param h extents
   * @param x queries, keys and values
   * @param y outputs
   * @param saved of {@link #forward}
   * @param dy adjoint of y
   * @param adjoint {@link #ADJOINT} numbers of each row
   * @param dx adjoint of x
   * @param add whether to add to dx
   */
  void backward(
      Heads h, Buffer x, Buffer y, Buffer saved, Buffer dy, Buffer adjoint, Buffer dx, boolean add);

  /**
   * {@code RA = s (RQ K' + Q RK')}, {@code RP = P (RA - t)} with t the row sums of P RA, {@code RO
   * = RP V + P RV}.
   *
   * @param h extents
   * @param k directions
   * @param x queries, keys and values
   * @param y outputs
   * @param saved of {@link #forward}
   * @param rx tangent of x
   * @param ry tangent of y
   * @param tangent {@link #TANGENT} numbers of each row and direction
   */
  void tangent(
      Heads h, int k, Buffer x, Buffer y, Buffer saved, Buffer rx, Buffer ry, Buffer tangent);

  /**
   * {@code RdV = RP' dO + P' RdO}, {@code RdP = RdO V' + dO RV'}, {@code RdA = RP (dP - e) + P (RdP
   * - Re)} with Re the row sums of RP dP + P RdP, {@code RdQ = s (RdA K + dA RK)}, {@code RdK = s
   * (RdA' Q + dA' RQ)}.
   *
   * @param h extents
   * @param k directions
   * @param primal what has no direction
   * @param rx tangent of x
   * @param tangent of {@link #tangent}
   * @param rdy tangent of dy
   * @param rdx tangent of dx
   * @param add whether to add to rdx
   */
  void tangentBackward(
      Heads h,
      int k,
      Primal primal,
      Buffer rx,
      Buffer tangent,
      Buffer rdy,
      Buffer rdx,
      boolean add);

  /**
   * {@code c += <dP, P (u^2 - sum P u^2)> + 2 s <dA, RQ RK'> + 2 <dO, RP RV>} with {@code u = RA -
   * t}.
   *
   * @param h extents
   * @param k directions
   * @param primal what has no direction
   * @param rx tangent of x
   * @param tangent of {@link #tangent}
   * @param c one sum for each direction
   */
  void curvature(Heads h, int k, Primal primal, Buffer rx, Buffer tangent, Scalars c);

  /**
   * Entropy in nats of the rows of P, summed over examples and queries: {@code sums[h] += -sum of p
   * log p}, with 0 log 0 = 0.
   *
   * @param h extents
   * @param x queries, keys and values
   * @param saved of {@link #forward}
   * @param sums one sum for each head
   */
  void entropy(Heads h, Buffer x, Buffer saved, Scalars sums);

  /**
   * What the passes behind the backward pass read of it.
   *
   * @param x queries, keys and values
   * @param saved of {@link #forward}
   * @param dy adjoint of y
   * @param adjoint of {@link #backward}
   */
  record Primal(Buffer x, Buffer saved, Buffer dy, Buffer adjoint) {}
}

package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Arrays in any order of axes, comparisons and choices. Conventions are those of {@link Kernels}.
 */
public interface StrideKernels {

  /**
   * Copies along a {@link Walk}: {@code to[t] (+)= scale (sum of from[s])} over all indices that
   * meet at t, summed in float64 in the order of the source. So transposes, slices, broadcasts and
   * sums over any axes are one kernel each way. Elements of the destination that the walk does not
   * reach stay as they are.
   *
   * @param walk extents, offsets and strides
   * @param scale factor of every sum
   * @param from source
   * @param to destination, not overlapping the source
   * @param add whether to add
   */
  void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add);

  /**
   * {@code y_i (+)= a_i where mask is not 0, b_i elsewhere} for k directions; nothing is computed
   * with the value that is not chosen.
   *
   * @param k directions
   * @param n elements of each direction
   * @param mask shared by all directions
   * @param a k x n, or null for zero
   * @param b k x n, or null for zero
   * @param y k x n
   * @param add whether to add
   */
  void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add);

  /**
   * {@code mask = 1 where a > b or a is NaN, 0 elsewhere}; with {@code a < b} unless greater.
   *
   * @param greater which comparison
   * @param n number of elements
   * @param a left side
   * @param b right side
   * @param mask result
   */
  void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask);
}

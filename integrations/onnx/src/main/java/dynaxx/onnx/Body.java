package dynaxx.onnx;

/**
 * The values of a tensor from any source, without the axis of examples unless examples are merged
 * with another axis. Rearranging a body gives one of the same kind where that is possible.
 */
sealed interface Body permits Tensor, Weight, Expr, Positions, Whole, Sequence {

  /** Extents. */
  long[] dims();

  /** Another order of axes: axis a of the result is axis {@code order[a]}. */
  Body permute(int[] order);

  /** Positions start, start + step, and so on of one axis. */
  Body slice(int axis, long start, long count, long step);

  /** The same values in the same order. */
  Body reshape(long[] dims);

  /** Positions of one axis, in any order. */
  Body gather(int axis, int[] indices);

  /** Repeats along axes of extent 1; as many axes. */
  Body expand(long[] dims);

  /** Whether all positions of an axis are known to hold the same. */
  default boolean uniform(int axis) {
    return dims()[axis] == 1;
  }
}

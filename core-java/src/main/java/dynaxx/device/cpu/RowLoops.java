package dynaxx.device.cpu;

import dynaxx.function.Pointwise;
import java.lang.foreign.MemorySegment;

/**
 * The innermost loops, over work arrays. Everything above them (threads, blocking, the order of
 * partial sums) is written once. An element's result never depends on where in an array it stands.
 */
interface RowLoops {

  /** Which loops these are, for run reports. */
  String description();

  // ---- matrix product

  /** Rows of a register tile. */
  int tileRows();

  /** Columns of a register tile. */
  int tileCols();

  /**
   * {@code out[r][j] = sum over p of a[r][p] b[p][j]}, each sum in the order of p, for a tile with
   * pitch {@link #tileCols()}.
   *
   * @param rows how many rows are wanted, at most {@link #tileRows()}; others hold anything
   *     afterwards
   * @param depth length of the sums
   * @param a rows with pitch {@link Gemm#PITCH}
   * @param aAt where they start
   * @param b rows with pitch {@link #tileCols()}
   * @param bAt where they start
   * @param out the tile
   */
  void tile(int rows, int depth, float[] a, int aAt, float[] b, int bAt, float[] out);

  /**
   * {@code c[j] = alpha t[j] + beta c[j] + bias[j]}; with beta = 0, c is not read; bias may be
   * null.
   */
  void finish(
      float[] tile,
      int at,
      int n,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset);

  // ---- functions; these may run up to Scratch.PAD elements over the end

  /** Value, first and second derivative of an activation; outputs that are null are not wanted. */
  void activation(Pointwise f, int n, float[] x, float[] y, float[] d1, float[] d2);

  /**
   * {@code x = exp(x - shift)} in place, for exactly the given elements; returns the sum of the
   * results.
   */
  double expSum(float[] x, int at, int n, float shift);

  // ---- reductions of exactly the given elements, in float64

  float max(float[] x, int at, int n);

  double sum(float[] x, int at, int n);

  /** Sum of {@code (x - shift)^2}. */
  double squares(float[] x, int at, int n, double shift);

  double dot(float[] a, int aAt, float[] b, int bAt, int n);

  /** Sum of {@code a b c}. */
  double dot(float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int n);

  /** Sum of {@code (a - b)^2}. */
  double squaredDistance(float[] a, int aAt, float[] b, int bAt, int n);
}

package dynaxx.device.cpu;

import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * float32. The loops that the compiler vectorises by itself are here; those that it does not are
 * the implementations'.
 */
interface RowLoops extends Loops<float[]> {

  // ---- matrix product

  /** Rows of a register tile. */
  int tileRows();

  /** Columns of a register tile. */
  int tileCols();

  /**
   * {@code out[outAt + r pitch + j] = sum over p of a_rp b[bAt + starts[p] + j]}, each sum in the
   * order of p.
   *
   * @param byColumns whether A lies by columns, with pitch {@link Gemm#COLUMN_PITCH}, or by rows,
   *     with pitch {@link Gemm#PITCH}
   * @param rows how many rows are wanted, at most {@link #tileRows()}; others hold anything
   *     afterwards
   * @param cols how many columns are wanted, at most {@link #tileCols()}, likewise
   * @param depth length of the sums
   * @param a left factor
   * @param aAt where it starts
   * @param b right factor
   * @param starts where its rows start
   * @param bAt added to that
   * @param out receives the tile
   * @param outAt where it starts
   * @param pitch from row to row of it
   * @param add whether to add to what is there
   */
  void tile(
      boolean byColumns,
      int rows,
      int cols,
      int depth,
      float[] a,
      int aAt,
      float[] b,
      int[] starts,
      int bAt,
      float[] out,
      int outAt,
      int pitch,
      boolean add);

  /**
   * Writes a tile: {@code c[r][j] = alpha t[r][j] + beta c[r][j] + bias[j]}; with beta = 0, c is
   * not read; bias may be null.
   */
  void finish(
      float[] tile,
      int rows,
      int cols,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset,
      long ld);

  /** Rows of a block of dot products. */
  int DOT_ROWS = 4;

  /** Partial sums of a dot product, element j of a run being of sum {@code j mod} this many. */
  int dotLanes();

  /** Partial sums of a block of dot products. */
  default int dotSize() {
    return 2 * DOT_ROWS * dotLanes();
  }

  /**
   * Adds dot products of {@link #DOT_ROWS} rows with two runs to their partial sums, those of row r
   * with the first run and then with the second.
   *
   * @param n elements, a multiple of {@link #dotLanes()}
   * @param a rows
   * @param aAt where they start
   * @param step from row to row
   * @param b runs
   * @param first where the first one starts
   * @param second where the second one starts
   * @param sums added to
   * @param at where they start
   */
  void dots(
      int n, float[] a, int aAt, int step, float[] b, int first, int second, float[] sums, int at);

  /**
   * Copies rows of a matrix, one after the other, to rows with a given pitch. What lies within a
   * vector's length behind a row may change.
   */
  default void pack(
      MemorySegment from, long at, long ld, int rows, int cols, float[] to, int toAt, int pitch) {
    for (int r = 0; r < rows; r++) {
      Host.load(from, at + r * ld, to, toAt + r * pitch, cols);
    }
  }

  /** Whether {@link #pack} leaves what lies behind rows of this length as it is. */
  default boolean packsExactly(int cols) {
    return true;
  }

  /**
   * {@code to[toAt + c toPitch + r] = from[r pitch + c]}. What lies within a vector's length behind
   * the rows of either may change, and so may the elements of {@code from}.
   */
  default void transpose(
      float[] from, int pitch, int rows, int cols, float[] to, int toAt, int toPitch) {
    for (int c = 0; c < cols; c++) {
      for (int r = 0; r < rows; r++) {
        to[toAt + c * toPitch + r] = from[r * pitch + c];
      }
    }
  }

  // ---- memory

  @Override
  default double round(double value) {
    return (float) value;
  }

  @Override
  default int bytes() {
    return Float.BYTES;
  }

  @Override
  default Buffer allocate(Scope scope, long size) {
    return scope.allocate(size);
  }

  @Override
  default MemorySegment segment(Buffer buffer) {
    return Host.segment(buffer);
  }

  @Override
  default double get(Buffer from, long at) {
    return Host.get(Host.segment(from), at);
  }

  @Override
  default void set(Buffer to, long at, double value) {
    Host.set(Host.segment(to), at, (float) value);
  }

  @Override
  default float[] array(Scratch scratch, int slot, int size) {
    return scratch.floats(slot, size);
  }

  @Override
  default void load(Buffer from, long at, float[] to, int toAt, int n) {
    Host.load(Host.segment(from), at, to, toAt, n);
  }

  @Override
  default void store(float[] from, int fromAt, Buffer to, long at, int n) {
    Host.store(from, fromAt, Host.segment(to), at, n);
  }

  @Override
  default void load(Buffer from, long at, long stride, float[] to, int n) {
    MemorySegment in = Host.segment(from);
    for (int j = 0; j < n; j++) {
      to[j] = Host.get(in, at + j * stride);
    }
  }

  @Override
  default void store(float[] from, Buffer to, long at, long stride, int n) {
    MemorySegment out = Host.segment(to);
    for (int j = 0; j < n; j++) {
      Host.set(out, at + j * stride, from[j]);
    }
  }

  // ---- single elements, and to and from float64

  @Override
  default double get(float[] v, int at) {
    return v[at];
  }

  @Override
  default void set(float[] v, int at, double value) {
    v[at] = (float) value;
  }

  @Override
  default void widen(float[] v, double[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = v[j];
    }
  }

  @Override
  default void narrow(double[] from, float[] v, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = (float) from[j];
    }
  }

  @Override
  default void signs(int bits, float[] v, int at) {
    int one = Float.floatToRawIntBits(1f);
    for (int b = 0; b < 32; b++) {
      v[at + b] = Float.intBitsToFloat(one | (~(bits >>> b) & 1) << 31);
    }
  }

  @Override
  default void fill(float[] v, int from, int to, double value) {
    Arrays.fill(v, from, to, (float) value);
  }

  @Override
  default void accumulate(double[] sum, int to, float[] v, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += v[at + j];
    }
  }

  @Override
  default void addScaled(double[] sum, double factor, float[] v, int n) {
    for (int j = 0; j < n; j++) {
      sum[j] += factor * v[j];
    }
  }

  @Override
  default void accumulate(double[] sum, int to, float[] a, float[] b, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += (double) a[at + j] * b[at + j];
    }
  }

  @Override
  default void accumulate(
      double[] sum, int to, float[] a, float[] b, float[] c, float[] d, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += (double) a[at + j] * b[at + j] + (double) c[at + j] * d[at + j];
    }
  }

  // ---- element by element

  @Override
  default void add(float[] v, float[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] += w[j];
    }
  }

  @Override
  default void scaleAndShift(float[] v, double factor, double shift, int n) {
    float f = (float) factor;
    float s = (float) shift;
    for (int j = 0; j < n; j++) {
      v[j] = v[j] * f + s;
    }
  }

  @Override
  default void add(float[] v, int at, double shift, int n) {
    float by = (float) shift;
    for (int j = at; j < at + n; j++) {
      v[j] += by;
    }
  }

  @Override
  default void multiply(float[] v, float[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] *= w[j];
    }
  }

  @Override
  default void multiply(float[] v, int at, double factor, int n) {
    float by = (float) factor;
    for (int j = at; j < at + n; j++) {
      v[j] *= by;
    }
  }

  @Override
  default void product(float[] out, float[] g, float[] v, int at, int n) {
    for (int j = 0; j < n; j++) {
      out[at + j] = g[j] * v[at + j];
    }
  }

  @Override
  default void scale(float[] v, double alpha, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = (float) (alpha * v[j]);
    }
  }

  @Override
  default void mix(float[] v, double alpha, float[] w, double beta, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = (float) (alpha * v[j] + beta * w[j]);
    }
  }

  @Override
  default void secondOrder(float[] v, float[] bend, float[] dy, float[] w, float[] slope, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = (float) ((double) bend[j] * dy[j] * v[j] + (double) slope[j] * w[j]);
    }
  }

  @Override
  default void weigh(float[] v, float[] p, int at, double mean, int n) {
    float m = (float) mean;
    for (int j = at; j < at + n; j++) {
      v[j] = p[j] * (v[j] - m);
    }
  }

  @Override
  default void weigh(float[] v, float[] p, float[] rp, float[] dp, int at, double mean, int n) {
    float m = (float) mean;
    for (int j = at; j < at + n; j++) {
      v[j] = rp[j] * dp[j] + p[j] * (v[j] - m);
    }
  }

  @Override
  default void select(float[] m, float[] v, float[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = m[j] != 0 ? v[j] : w[j];
    }
  }

  @Override
  default void compare(boolean greater, float[] v, float[] w, int n) {
    for (int j = 0; j < n; j++) {
      boolean holds = greater ? v[j] > w[j] : v[j] < w[j];
      v[j] = holds || Float.isNaN(v[j]) ? 1 : 0;
    }
  }

  @Override
  default void drop(float[] v, int at, int[] words, double rate, double scale) {
    float by = (float) scale;
    for (int j = 0; j < 4; j++) {
      v[at + j] = (words[j] >>> 8) * 0x1p-24 >= rate ? v[at + j] * by : 0;
    }
  }

  @Override
  default void pick(float[] from, int fromAt, int step, float[] to, int toAt, int n) {
    if (step == 1) {
      System.arraycopy(from, fromAt, to, toAt, n);
      return;
    }
    for (int j = 0; j < n; j++) {
      to[toAt + j] = from[fromAt + j * step];
    }
  }

  @Override
  default void spread(float[] from, int fromAt, float[] to, int toAt, int step, int n) {
    if (step == 1) {
      for (int j = 0; j < n; j++) {
        to[toAt + j] += from[fromAt + j];
      }
      return;
    }
    for (int j = 0; j < n; j++) {
      to[toAt + j * step] += from[fromAt + j];
    }
  }

  // ---- normalised rows

  @Override
  default void standardise(float[] v, int at, double mean, double r, int n) {
    float m = (float) mean;
    float s = (float) r;
    for (int j = 0; j < n; j++) {
      v[at + j] = (v[at + j] - m) * s;
    }
  }

  @Override
  default void normalise(float[] v, int at, double mean, double r, float[] g, float[] b, int n) {
    float m = (float) mean;
    float s = (float) r;
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * ((v[at + j] - m) * s) + b[j];
    }
  }

  @Override
  default void gainTangent(float[] v, int at, float[] g, float[] w, float[] rg, int from, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j];
    }
  }

  @Override
  default void gainTangent(
      float[] v, int at, float[] g, float[] w, float[] rg, float[] rb, int from, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j] + rb[from + j];
    }
  }

  @Override
  default void project(
      float[] out, float[] v, double mean, float[] xh, double slope, double r, int at, int n) {
    float m = (float) mean;
    float t = (float) slope;
    float s = (float) r;
    for (int j = 0; j < n; j++) {
      out[at + j] = s * (v[at + j] - m - xh[at + j] * t);
    }
  }

  @Override
  default void projectTangent(
      float[] v,
      double relative,
      float[] d,
      double r,
      double mean,
      float[] rxh,
      double slope,
      float[] xh,
      double rslope,
      int at,
      int n) {
    float q = (float) relative;
    float s = (float) r;
    float m = (float) mean;
    float t = (float) slope;
    float rt = (float) rslope;
    for (int j = 0; j < n; j++) {
      v[at + j] = q * d[at + j] + s * (v[at + j] - m - rxh[at + j] * t - xh[at + j] * rt);
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;

/**
 * What the kernels need of an element type: its memory, and the innermost loops over work arrays.
 * Everything above them (threads, blocking, the order of partial sums) is written once. An
 * element's result never depends on where in an array it stands. Scalars are float64; a loop rounds
 * them to the element type before it starts, unless it says otherwise.
 *
 * @param <A> work arrays: {@code float[]} or {@code double[]}
 */
interface Loops<A> {

  /** Slot of the thread's work arrays that {@link #store} uses. */
  int OLD = 11;

  /** Which loops these are, for run reports. */
  String description();

  /** A scalar in the precision of an element. */
  double round(double value);

  // ---- memory

  /** Bytes of an element. */
  int bytes();

  Buffer allocate(Scope scope, long size);

  MemorySegment segment(Buffer buffer);

  double get(Buffer from, long at);

  void set(Buffer to, long at, double value);

  default void add(Buffer to, long at, double value) {
    set(to, at, get(to, at) + value);
  }

  /** A thread's work array, as {@link Scratch} gives it. */
  A array(Scratch scratch, int slot, int size);

  void load(Buffer from, long at, A to, int toAt, int n);

  void store(A from, int fromAt, Buffer to, long at, int n);

  /** Elements at equal distances, which may be 0 or negative. */
  void load(Buffer from, long at, long stride, A to, int n);

  void store(A from, Buffer to, long at, long stride, int n);

  default void load(Buffer from, long at, A to, int n) {
    load(from, at, to, 0, n);
  }

  default void store(A from, Buffer to, long at, int n) {
    store(from, 0, to, at, n);
  }

  /** Stores, or adds to what is there and leaves the sums in the array. */
  default void store(A v, Buffer to, long at, int n, boolean add, Scratch scratch) {
    if (add) {
      A old = array(scratch, OLD, n);
      load(to, at, old, n);
      add(v, old, n);
    }
    store(v, to, at, n);
  }

  default void copy(Buffer from, long at, Buffer to, long target, long n) {
    MemorySegment.copy(segment(from), at * bytes(), segment(to), target * bytes(), n * bytes());
  }

  /** Rows of n elements from one place to another. */
  default void copy(
      Buffer from, long at, long step, Buffer to, long target, long toStep, long rows, long n) {
    MemorySegment in = segment(from);
    MemorySegment out = segment(to);
    long bytes = bytes();
    for (long r = 0; r < rows; r++) {
      long source = (at + r * step) * bytes;
      MemorySegment.copy(in, source, out, (target + r * toStep) * bytes, n * bytes);
    }
  }

  /** A run in a work array; zeros if there is none. */
  default A loadOrZero(Buffer from, long at, A to, int n) {
    if (from == null) {
      fill(to, 0, n, 0);
    } else {
      load(from, at, to, n);
    }
    return to;
  }

  /** k runs one after the other in a work array; zeros if there are none. */
  default A loadRuns(Strided runs, int k, int n, Scratch scratch, int slot) {
    A to = array(scratch, slot, Math.multiplyExact(k, n));
    if (runs == null) {
      fill(to, 0, k * n, 0);
      return to;
    }
    for (int i = 0; i < k; i++) {
      load(runs.buffer(), Host.start(runs, i), to, i * n, n);
    }
    return to;
  }

  // ---- single elements, and to and from float64

  double get(A v, int at);

  void set(A v, int at, double value);

  void fill(A v, int from, int to, double value);

  void widen(A v, double[] to, int n);

  void narrow(double[] from, A v, int n);

  /** {@code sum[to + j] += v[at + j]}. */
  void accumulate(double[] sum, int to, A v, int at, int n);

  /** {@code sum[j] += factor v[j]} in float64. */
  void addScaled(double[] sum, double factor, A v, int n);

  /** {@code sum[j] += v[r n + j]} for each of the rows in order. */
  default void accumulateRows(double[] sum, A v, int rows, int n) {
    for (int r = 0; r < rows; r++) {
      accumulate(sum, 0, v, r * n, n);
    }
  }

  /** {@code sum[to + j] += a[at + j] b[at + j]} in float64. */
  void accumulate(double[] sum, int to, A a, A b, int at, int n);

  /** {@code sum[to + j] += a[at + j] b[at + j] + c[at + j] d[at + j]} in float64. */
  void accumulate(double[] sum, int to, A a, A b, A c, A d, int at, int n);

  // ---- functions; these may run up to Scratch.PAD elements over the end

  /** Value, first and second derivative of an activation; outputs that are null are not wanted. */
  void activation(Pointwise f, int n, A x, A y, A d1, A d2);

  /**
   * {@code x = exp(x - shift)} in place, for exactly the given elements; returns the sum of the
   * results.
   */
  double expSum(A x, int at, int n, double shift);

  /** {@code v = exp(v)} of the first n. */
  void exp(A v, int n);

  // ---- reductions of exactly the given elements, in float64

  double max(A x, int at, int n);

  double sum(A x, int at, int n);

  /** Sum of {@code (x - shift)^2}. */
  double squares(A x, int at, int n, double shift);

  double dot(A a, int aAt, A b, int bAt, int n);

  /** Sum of {@code a b c}. */
  double dot(A a, int aAt, A b, int bAt, A c, int cAt, int n);

  /** Sum of {@code a b c^2} of the first n, the products in float64. */
  double dotOfSquares(A a, A b, A c, int n);

  /** Sum of {@code (a - b)^2}. */
  double squaredDistance(A a, int aAt, A b, int bAt, int n);

  // ---- element by element

  /** {@code v[j] += w[j]}. */
  void add(A v, A w, int n);

  /** {@code v[at + j] += shift}. */
  void add(A v, int at, double shift, int n);

  /** {@code v[j] = v[j] factor + shift}. */
  void scaleAndShift(A v, double factor, double shift, int n);

  /** {@code v[j] *= w[j]}. */
  void multiply(A v, A w, int n);

  /** {@code v[at + j] *= factor}. */
  void multiply(A v, int at, double factor, int n);

  /** {@code out[at + j] = g[j] v[at + j]}. */
  void product(A out, A g, A v, int at, int n);

  /** {@code v[j] = alpha v[j]}, rounded once. */
  void scale(A v, double alpha, int n);

  /** {@code v[j] = alpha v[j] + beta w[j]}, rounded once. */
  void mix(A v, double alpha, A w, double beta, int n);

  /** {@code v[j] = bend[j] dy[j] v[j] + slope[j] w[j]}, rounded once. */
  void secondOrder(A v, A bend, A dy, A w, A slope, int n);

  /** {@code v[at + j] = p[at + j] (v[at + j] - mean)}. */
  void weigh(A v, A p, int at, double mean, int n);

  /** {@code v = rp dp + p (v - mean)}, each from {@code at} on. */
  void weigh(A v, A p, A rp, A dp, int at, double mean, int n);

  /** {@code v[j] = m[j] != 0 ? v[j] : w[j]}. */
  void select(A m, A v, A w, int n);

  /** {@code v[j] = 1} where {@code v[j] > w[j]}, or less, or v[j] is NaN, else 0. */
  void compare(boolean greater, A v, A w, int n);

  /** Scales the four elements from {@code at} on whose word of 32 random bits is kept. */
  void drop(A v, int at, int[] words, double rate, double scale);

  /** 32 elements 1 or -1 by the bits of a word, the lowest first. */
  void signs(int bits, A v, int at);

  /** {@code to[toAt + j] = from[fromAt + j step]}. */
  void pick(A from, int fromAt, int step, A to, int toAt, int n);

  /** {@code to[toAt + j step] += from[fromAt + j]}. */
  void spread(A from, int fromAt, A to, int toAt, int step, int n);

  // ---- normalised rows

  /** {@code v = (v - mean) r}, of the row that starts at {@code at}. */
  void standardise(A v, int at, double mean, double r, int n);

  /** {@code v = g ((v - mean) r) + b}, of the row of v that starts at {@code at}. */
  void normalise(A v, int at, double mean, double r, A g, A b, int n);

  /** {@code v[at + j] = g[j] v[at + j] + rg[from + j] w[at + j]}. */
  void gainTangent(A v, int at, A g, A w, A rg, int from, int n);

  /** {@code v[at + j] = g[j] v[at + j] + rg[from + j] w[at + j] + rb[from + j]}. */
  void gainTangent(A v, int at, A g, A w, A rg, A rb, int from, int n);

  /** {@code out = r (v - mean - xh slope)}, of the rows that start at {@code at}. */
  void project(A out, A v, double mean, A xh, double slope, double r, int at, int n);

  /** {@code v = relative d + r (v - mean - rxh slope - xh rslope)}, likewise. */
  void projectTangent(
      A v,
      double relative,
      A d,
      double r,
      double mean,
      A rxh,
      double slope,
      A xh,
      double rslope,
      int at,
      int n);
}

package dynaxx.device.cpu;

import dynaxx.kernel.Pointwise;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** float64, each loop as its definition says and each sum from the first element to the last. */
final class Float64Loops implements Loops<double[]> {

  @Override
  public String description() {
    return "float64, plain Java";
  }

  @Override
  public double round(double value) {
    return value;
  }

  // ---- memory

  @Override
  public int bytes() {
    return Double.BYTES;
  }

  @Override
  public Buffer allocate(Scope scope, long size) {
    return Float64Buffer.allocate(scope, size);
  }

  @Override
  public MemorySegment segment(Buffer buffer) {
    return Float64Buffer.of(buffer).segment();
  }

  @Override
  public double get(Buffer from, long at) {
    return segment(from).getAtIndex(ValueLayout.JAVA_DOUBLE, at);
  }

  @Override
  public void set(Buffer to, long at, double value) {
    segment(to).setAtIndex(ValueLayout.JAVA_DOUBLE, at, value);
  }

  @Override
  public double[] array(Scratch scratch, int slot, int size) {
    return scratch.doubles(slot, size);
  }

  @Override
  public void load(Buffer from, long at, double[] to, int toAt, int n) {
    MemorySegment.copy(segment(from), ValueLayout.JAVA_DOUBLE, at * Double.BYTES, to, toAt, n);
  }

  @Override
  public void store(double[] from, int fromAt, Buffer to, long at, int n) {
    MemorySegment.copy(from, fromAt, segment(to), ValueLayout.JAVA_DOUBLE, at * Double.BYTES, n);
  }

  @Override
  public void load(Buffer from, long at, long stride, double[] to, int n) {
    for (int j = 0; j < n; j++) {
      to[j] = get(from, at + j * stride);
    }
  }

  @Override
  public void store(double[] from, Buffer to, long at, long stride, int n) {
    for (int j = 0; j < n; j++) {
      set(to, at + j * stride, from[j]);
    }
  }

  // ---- single elements

  @Override
  public double get(double[] v, int at) {
    return v[at];
  }

  @Override
  public void set(double[] v, int at, double value) {
    v[at] = value;
  }

  @Override
  public void widen(double[] v, double[] to, int n) {
    System.arraycopy(v, 0, to, 0, n);
  }

  @Override
  public void narrow(double[] from, double[] v, int n) {
    System.arraycopy(from, 0, v, 0, n);
  }

  @Override
  public void signs(int bits, double[] v, int at) {
    for (int b = 0; b < 32; b++) {
      v[at + b] = (bits >>> b & 1) == 0 ? -1 : 1;
    }
  }

  // ---- functions and reductions

  @Override
  public void activation(Pointwise f, int n, double[] x, double[] y, double[] d1, double[] d2) {
    double[] w = new double[3];
    for (int j = 0; j < n; j++) {
      ScalarFunctions.evaluate(f, x[j], w);
      put(y, j, w[0]);
      put(d1, j, w[1]);
      put(d2, j, w[2]);
    }
  }

  private static void put(double[] to, int at, double value) {
    if (to != null) {
      to[at] = value;
    }
  }

  @Override
  public double expSum(double[] x, int at, int n, double shift) {
    double sum = 0;
    for (int j = at; j < at + n; j++) {
      x[j] = Math.exp(x[j] - shift);
      sum += x[j];
    }
    return sum;
  }

  @Override
  public void exp(double[] v, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = Math.exp(v[j]);
    }
  }

  @Override
  public double max(double[] x, int at, int n) {
    double max = Double.NEGATIVE_INFINITY;
    for (int j = at; j < at + n; j++) {
      max = Math.max(max, x[j]);
    }
    return max;
  }

  @Override
  public double sum(double[] x, int at, int n) {
    double sum = 0;
    for (int j = at; j < at + n; j++) {
      sum += x[j];
    }
    return sum;
  }

  @Override
  public double squares(double[] x, int at, int n, double shift) {
    double sum = 0;
    for (int j = at; j < at + n; j++) {
      sum += (x[j] - shift) * (x[j] - shift);
    }
    return sum;
  }

  @Override
  public double dot(double[] a, int aAt, double[] b, int bAt, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      sum += a[aAt + j] * b[bAt + j];
    }
    return sum;
  }

  @Override
  public double dot(double[] a, int aAt, double[] b, int bAt, double[] c, int cAt, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      sum += a[aAt + j] * b[bAt + j] * c[cAt + j];
    }
    return sum;
  }

  @Override
  public double dotOfSquares(double[] a, double[] b, double[] c, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      sum += a[j] * b[j] * c[j] * c[j];
    }
    return sum;
  }

  @Override
  public double squaredDistance(double[] a, int aAt, double[] b, int bAt, int n) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      double d = a[aAt + j] - b[bAt + j];
      sum += d * d;
    }
    return sum;
  }

  // ---- sums of arrays

  @Override
  public void fill(double[] v, int from, int to, double value) {
    Arrays.fill(v, from, to, value);
  }

  @Override
  public void accumulate(double[] sum, int to, double[] v, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += v[at + j];
    }
  }

  @Override
  public void addScaled(double[] sum, double factor, double[] v, int n) {
    for (int j = 0; j < n; j++) {
      sum[j] += factor * v[j];
    }
  }

  @Override
  public void accumulate(double[] sum, int to, double[] a, double[] b, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += a[at + j] * b[at + j];
    }
  }

  @Override
  public void accumulate(
      double[] sum, int to, double[] a, double[] b, double[] c, double[] d, int at, int n) {
    for (int j = 0; j < n; j++) {
      sum[to + j] += a[at + j] * b[at + j] + c[at + j] * d[at + j];
    }
  }

  // ---- element by element

  @Override
  public void add(double[] v, double[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] += w[j];
    }
  }

  @Override
  public void scaleAndShift(double[] v, double factor, double shift, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = v[j] * factor + shift;
    }
  }

  @Override
  public void add(double[] v, int at, double shift, int n) {
    for (int j = at; j < at + n; j++) {
      v[j] += shift;
    }
  }

  @Override
  public void multiply(double[] v, double[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] *= w[j];
    }
  }

  @Override
  public void multiply(double[] v, int at, double factor, int n) {
    for (int j = at; j < at + n; j++) {
      v[j] *= factor;
    }
  }

  @Override
  public void product(double[] out, double[] g, double[] v, int at, int n) {
    for (int j = 0; j < n; j++) {
      out[at + j] = g[j] * v[at + j];
    }
  }

  @Override
  public void scale(double[] v, double alpha, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = alpha * v[j];
    }
  }

  @Override
  public void mix(double[] v, double alpha, double[] w, double beta, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = alpha * v[j] + beta * w[j];
    }
  }

  @Override
  public void secondOrder(
      double[] v, double[] bend, double[] dy, double[] w, double[] slope, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = bend[j] * dy[j] * v[j] + slope[j] * w[j];
    }
  }

  @Override
  public void weigh(double[] v, double[] p, int at, double mean, int n) {
    for (int j = at; j < at + n; j++) {
      v[j] = p[j] * (v[j] - mean);
    }
  }

  @Override
  public void weigh(double[] v, double[] p, double[] rp, double[] dp, int at, double mean, int n) {
    for (int j = at; j < at + n; j++) {
      v[j] = rp[j] * dp[j] + p[j] * (v[j] - mean);
    }
  }

  @Override
  public void select(double[] m, double[] v, double[] w, int n) {
    for (int j = 0; j < n; j++) {
      v[j] = m[j] != 0 ? v[j] : w[j];
    }
  }

  @Override
  public void compare(boolean greater, double[] v, double[] w, int n) {
    for (int j = 0; j < n; j++) {
      boolean holds = greater ? v[j] > w[j] : v[j] < w[j];
      v[j] = holds || Double.isNaN(v[j]) ? 1 : 0;
    }
  }

  @Override
  public void drop(double[] v, int at, int[] words, double rate, double scale) {
    for (int j = 0; j < 4; j++) {
      v[at + j] = (words[j] >>> 8) * 0x1p-24 >= rate ? v[at + j] * scale : 0;
    }
  }

  @Override
  public void pick(double[] from, int fromAt, int step, double[] to, int toAt, int n) {
    if (step == 1) {
      System.arraycopy(from, fromAt, to, toAt, n);
      return;
    }
    for (int j = 0; j < n; j++) {
      to[toAt + j] = from[fromAt + j * step];
    }
  }

  @Override
  public void spread(double[] from, int fromAt, double[] to, int toAt, int step, int n) {
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
  public void standardise(double[] v, int at, double mean, double r, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = (v[at + j] - mean) * r;
    }
  }

  @Override
  public void normalise(double[] v, int at, double mean, double r, double[] g, double[] b, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * ((v[at + j] - mean) * r) + b[j];
    }
  }

  @Override
  public void gainTangent(
      double[] v, int at, double[] g, double[] w, double[] rg, int from, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j];
    }
  }

  @Override
  public void gainTangent(
      double[] v, int at, double[] g, double[] w, double[] rg, double[] rb, int from, int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j] + rb[from + j];
    }
  }

  @Override
  public void project(
      double[] out, double[] v, double mean, double[] xh, double slope, double r, int at, int n) {
    for (int j = 0; j < n; j++) {
      out[at + j] = r * (v[at + j] - mean - xh[at + j] * slope);
    }
  }

  @Override
  public void projectTangent(
      double[] v,
      double relative,
      double[] d,
      double r,
      double mean,
      double[] rxh,
      double slope,
      double[] xh,
      double rslope,
      int at,
      int n) {
    for (int j = 0; j < n; j++) {
      v[at + j] =
          relative * d[at + j] + r * (v[at + j] - mean - rxh[at + j] * slope - xh[at + j] * rslope);
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.SoftmaxKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import java.util.Arrays;

/** Softmax of rows, its passes, and the entropy of attention rows, in float64. */
final class Float64Softmax implements SoftmaxKernels {

  private final Float64Loops loops;

  Float64Softmax(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void forward(long rows, int cols, boolean causal, Buffer a, Buffer p) {
    Float64Buffer in = Float64Buffer.of(a);
    Float64Buffer out = Float64Buffer.of(p);
    loops.rows(
        rows,
        cols,
        row -> {
          int seen = causal ? (int) (row % cols) + 1 : cols;
          double[] v = in.read(row * cols, seen);
          normalise(v);
          out.write(row * cols, Arrays.copyOf(v, cols));
        });
  }

  /** Softmax in place; returns the logarithm of the sum of exponentials. */
  static double normalise(double[] v) {
    double max = Double.NEGATIVE_INFINITY;
    for (double x : v) {
      max = Math.max(max, x);
    }
    for (int j = 0; j < v.length; j++) {
      v[j] = Math.exp(v[j] - max);
    }
    double sum = Doubles.sum(v);
    for (int j = 0; j < v.length; j++) {
      v[j] /= sum;
    }
    return max + Math.log(sum);
  }

  /** {@code v -= sum(p v)}. */
  static void centre(double[] v, double[] p) {
    Doubles.shift(v, -Doubles.dot(p, v));
  }

  /**
   * {@code out_i = p (in_i - sum(p in_i))}: the tangent of softmax, and with one direction its
   * adjoint.
   */
  private void apply(int k, long rows, int cols, Buffer p, Buffer in, Buffer out) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    Float64Buffer from = Float64Buffer.of(in);
    Float64Buffer to = Float64Buffer.of(out);
    loops.rows(
        rows,
        cols,
        row -> {
          double[] vp = probabilities.read(row * cols, cols);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + row) * cols;
            double[] v = from.read(at, cols);
            centre(v, vp);
            to.write(at, Doubles.product(vp, v));
          }
        });
  }

  @Override
  public void backward(long rows, int cols, Buffer p, Buffer dp, Buffer da) {
    apply(1, rows, cols, p, dp, da);
  }

  @Override
  public void tangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp) {
    apply(k, rows, cols, p, ra, rp);
  }

  @Override
  public void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    Float64Buffer adjoints = Float64Buffer.of(dp);
    Float64Buffer tangents = Float64Buffer.of(rp);
    Float64Buffer from = Float64Buffer.of(rdp);
    Float64Buffer to = Float64Buffer.of(rda);
    loops.rows(
        rows,
        cols,
        row -> {
          double[] vp = probabilities.read(row * cols, cols);
          double[] vdp = adjoints.read(row * cols, cols);
          double mean = Doubles.dot(vp, vdp);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + row) * cols;
            double[] vrp = tangents.read(at, cols);
            double[] v = from.read(at, cols);
            double tangentMean = Doubles.dot(vrp, vdp) + Doubles.dot(vp, v);
            for (int j = 0; j < cols; j++) {
              v[j] = vrp[j] * (vdp[j] - mean) + vp[j] * (v[j] - tangentMean);
            }
            to.write(at, v);
          }
        });
  }

  @Override
  public void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    Float64Buffer adjoints = Float64Buffer.of(dp);
    Float64Buffer tangents = Float64Buffer.of(ra);
    loops.addSums(
        rows,
        cols,
        k,
        1,
        c,
        (sums, row) -> {
          double[] vp = probabilities.read(row * cols, cols);
          // <dp, p (u^2 - sum p u^2)> = <p (dp - sum p dp), u^2>
          double[] weight = adjoints.read(row * cols, cols);
          centre(weight, vp);
          weight = Doubles.product(weight, vp);
          for (int i = 0; i < k; i++) {
            double[] u = tangents.read((i * rows + row) * cols, cols);
            centre(u, vp);
            sums[i] += Doubles.dot(Doubles.product(weight, u), u);
          }
        });
  }

  @Override
  public void entropy(int batch, int heads, int queries, int cols, Buffer p, Scalars sums) {
    Float64Buffer probabilities = Float64Buffer.of(p);
    loops.addSums(
        (long) batch * heads * queries,
        cols,
        heads,
        1,
        sums,
        (sum, row) -> {
          int head = (int) (row / queries % heads);
          for (double v : probabilities.read(row * cols, cols)) {
            sum[head] -= v == 0 ? 0 : v * Math.log(v);
          }
        });
  }
}

package dynaxx.device.cpu;

import static dynaxx.device.cpu.VectorRowLoops.D;
import static dynaxx.device.cpu.VectorRowLoops.H;
import static dynaxx.device.cpu.VectorRowLoops.L;
import static dynaxx.device.cpu.VectorRowLoops.S;
import static dynaxx.device.cpu.VectorRowLoops.W;
import static jdk.incubator.vector.VectorOperators.F2D;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;

/**
 * Loops over the elements of a row, by vectors. The JIT vectorises such loops too, but unrolls them
 * so far that rows of some dozen elements run through its scalar loops. The bits are the same.
 * Loops are flat, as in {@link VectorRowLoops}.
 */
interface VectorElementLoops extends RowLoops {

  @Override
  default void add(float[] v, float[] w, int n) {
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector.fromArray(S, v, j).add(FloatVector.fromArray(S, w, j)).intoArray(v, j);
    }
    for (; j < n; j++) {
      v[j] += w[j];
    }
  }

  @Override
  default void add(float[] v, int at, double shift, int n) {
    float by = (float) shift;
    int j = at;
    for (; j <= at + n - L; j += L) {
      FloatVector.fromArray(S, v, j).add(by).intoArray(v, j);
    }
    for (; j < at + n; j++) {
      v[j] += by;
    }
  }

  @Override
  default void multiply(float[] v, float[] w, int n) {
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector.fromArray(S, v, j).mul(FloatVector.fromArray(S, w, j)).intoArray(v, j);
    }
    for (; j < n; j++) {
      v[j] *= w[j];
    }
  }

  @Override
  default void multiply(float[] v, int at, double factor, int n) {
    float by = (float) factor;
    int j = at;
    for (; j <= at + n - L; j += L) {
      FloatVector.fromArray(S, v, j).mul(by).intoArray(v, j);
    }
    for (; j < at + n; j++) {
      v[j] *= by;
    }
  }

  @Override
  default void product(float[] out, float[] g, float[] v, int at, int n) {
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector.fromArray(S, g, j)
          .mul(FloatVector.fromArray(S, v, at + j))
          .intoArray(out, at + j);
    }
    for (; j < n; j++) {
      out[at + j] = g[j] * v[at + j];
    }
  }

  @Override
  default void weigh(float[] v, float[] p, int at, double mean, int n) {
    float m = (float) mean;
    int j = at;
    for (; j <= at + n - L; j += L) {
      FloatVector.fromArray(S, p, j).mul(FloatVector.fromArray(S, v, j).sub(m)).intoArray(v, j);
    }
    for (; j < at + n; j++) {
      v[j] = p[j] * (v[j] - m);
    }
  }

  @Override
  default void weigh(float[] v, float[] p, float[] rp, float[] dp, int at, double mean, int n) {
    float m = (float) mean;
    int j = at;
    for (; j <= at + n - L; j += L) {
      FloatVector first = FloatVector.fromArray(S, rp, j).mul(FloatVector.fromArray(S, dp, j));
      first
          .add(FloatVector.fromArray(S, p, j).mul(FloatVector.fromArray(S, v, j).sub(m)))
          .intoArray(v, j);
    }
    for (; j < at + n; j++) {
      v[j] = rp[j] * dp[j] + p[j] * (v[j] - m);
    }
  }

  @Override
  default void standardise(float[] v, int at, double mean, double r, int n) {
    float m = (float) mean;
    float s = (float) r;
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector.fromArray(S, v, at + j).sub(m).mul(s).intoArray(v, at + j);
    }
    for (; j < n; j++) {
      v[at + j] = (v[at + j] - m) * s;
    }
  }

  @Override
  default void normalise(float[] v, int at, double mean, double r, float[] g, float[] b, int n) {
    float m = (float) mean;
    float s = (float) r;
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector xh = FloatVector.fromArray(S, v, at + j).sub(m).mul(s);
      FloatVector y = FloatVector.fromArray(S, g, j).mul(xh).add(FloatVector.fromArray(S, b, j));
      y.intoArray(v, at + j);
    }
    for (; j < n; j++) {
      v[at + j] = g[j] * ((v[at + j] - m) * s) + b[j];
    }
  }

  @Override
  default void gainTangent(float[] v, int at, float[] g, float[] w, float[] rg, int from, int n) {
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector first = FloatVector.fromArray(S, g, j).mul(FloatVector.fromArray(S, v, at + j));
      first
          .add(FloatVector.fromArray(S, rg, from + j).mul(FloatVector.fromArray(S, w, at + j)))
          .intoArray(v, at + j);
    }
    for (; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j];
    }
  }

  @Override
  default void gainTangent(
      float[] v, int at, float[] g, float[] w, float[] rg, float[] rb, int from, int n) {
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector first = FloatVector.fromArray(S, g, j).mul(FloatVector.fromArray(S, v, at + j));
      FloatVector both =
          first.add(
              FloatVector.fromArray(S, rg, from + j).mul(FloatVector.fromArray(S, w, at + j)));
      both.add(FloatVector.fromArray(S, rb, from + j)).intoArray(v, at + j);
    }
    for (; j < n; j++) {
      v[at + j] = g[j] * v[at + j] + rg[from + j] * w[at + j] + rb[from + j];
    }
  }

  @Override
  default void project(
      float[] out, float[] v, double mean, float[] xh, double slope, double r, int at, int n) {
    float m = (float) mean;
    float t = (float) slope;
    float s = (float) r;
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector rest =
          FloatVector.fromArray(S, v, at + j)
              .sub(m)
              .sub(FloatVector.fromArray(S, xh, at + j).mul(t));
      rest.mul(s).intoArray(out, at + j);
    }
    for (; j < n; j++) {
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
    int j = 0;
    for (; j <= n - L; j += L) {
      FloatVector rest =
          FloatVector.fromArray(S, v, at + j)
              .sub(m)
              .sub(FloatVector.fromArray(S, rxh, at + j).mul(t));
      rest = rest.sub(FloatVector.fromArray(S, xh, at + j).mul(rt));
      FloatVector.fromArray(S, d, at + j).mul(q).add(rest.mul(s)).intoArray(v, at + j);
    }
    for (; j < n; j++) {
      v[at + j] = q * d[at + j] + s * (v[at + j] - m - rxh[at + j] * t - xh[at + j] * rt);
    }
  }

  @Override
  default void accumulate(double[] sum, int to, float[] v, int at, int n) {
    int j = 0;
    for (; j <= n - W; j += W) {
      var wide = (DoubleVector) FloatVector.fromArray(H, v, at + j).convertShape(F2D, D, 0);
      DoubleVector.fromArray(D, sum, to + j).add(wide).intoArray(sum, to + j);
    }
    for (; j < n; j++) {
      sum[to + j] += v[at + j];
    }
  }

  @Override
  default void accumulate(double[] sum, int to, float[] a, float[] b, int at, int n) {
    int j = 0;
    for (; j <= n - W; j += W) {
      var left = (DoubleVector) FloatVector.fromArray(H, a, at + j).convertShape(F2D, D, 0);
      var right = (DoubleVector) FloatVector.fromArray(H, b, at + j).convertShape(F2D, D, 0);
      DoubleVector.fromArray(D, sum, to + j).add(left.mul(right)).intoArray(sum, to + j);
    }
    for (; j < n; j++) {
      sum[to + j] += (double) a[at + j] * b[at + j];
    }
  }

  @Override
  default void accumulate(
      double[] sum, int to, float[] a, float[] b, float[] c, float[] d, int at, int n) {
    int j = 0;
    for (; j <= n - W; j += W) {
      var left = (DoubleVector) FloatVector.fromArray(H, a, at + j).convertShape(F2D, D, 0);
      var right = (DoubleVector) FloatVector.fromArray(H, b, at + j).convertShape(F2D, D, 0);
      DoubleVector first = left.mul(right);
      left = (DoubleVector) FloatVector.fromArray(H, c, at + j).convertShape(F2D, D, 0);
      right = (DoubleVector) FloatVector.fromArray(H, d, at + j).convertShape(F2D, D, 0);
      DoubleVector both = first.add(left.mul(right));
      DoubleVector.fromArray(D, sum, to + j).add(both).intoArray(sum, to + j);
    }
    for (; j < n; j++) {
      sum[to + j] += (double) a[at + j] * b[at + j] + (double) c[at + j] * d[at + j];
    }
  }

  @Override
  default void accumulateRows(double[] sum, float[] v, int rows, int n) {
    int j = 0;
    for (; j <= n - 4 * W; j += 4 * W) {
      DoubleVector s0 = DoubleVector.fromArray(D, sum, j);
      DoubleVector s1 = DoubleVector.fromArray(D, sum, j + W);
      DoubleVector s2 = DoubleVector.fromArray(D, sum, j + 2 * W);
      DoubleVector s3 = DoubleVector.fromArray(D, sum, j + 3 * W);
      for (int at = j; at < rows * n; at += n) {
        var v0 = (DoubleVector) FloatVector.fromArray(H, v, at).convertShape(F2D, D, 0);
        var v1 = (DoubleVector) FloatVector.fromArray(H, v, at + W).convertShape(F2D, D, 0);
        var v2 = (DoubleVector) FloatVector.fromArray(H, v, at + 2 * W).convertShape(F2D, D, 0);
        var v3 = (DoubleVector) FloatVector.fromArray(H, v, at + 3 * W).convertShape(F2D, D, 0);
        s0 = s0.add(v0);
        s1 = s1.add(v1);
        s2 = s2.add(v2);
        s3 = s3.add(v3);
      }
      s0.intoArray(sum, j);
      s1.intoArray(sum, j + W);
      s2.intoArray(sum, j + 2 * W);
      s3.intoArray(sum, j + 3 * W);
    }
    for (; j < n; j++) {
      for (int at = j; at < rows * n; at += n) {
        sum[j] += v[at];
      }
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.NormKernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;
import java.util.Arrays;

/** Row normalisation and its passes in float64. */
final class Float64Norms implements NormKernels {

  private final Float64Loops loops;

  Float64Norms(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void forward(
      Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats) {
    int n = s.cols();
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    Float64Buffer kept = Float64Buffer.of(stats);
    double[] gains = Float64Buffer.of(gamma).read(0, n);
    double[] shifts = beta == null ? new double[n] : Float64Buffer.of(beta).read(0, n);
    loops.rows(
        s.rows(),
        n,
        row -> {
          double[] v = in.read(row * n, n);
          double mean = s.centred() ? Doubles.mean(v) : 0;
          Doubles.shift(v, -mean);
          double r = 1 / Math.sqrt(Doubles.dot(v, v) / n + s.epsilon());
          for (int j = 0; j < n; j++) {
            v[j] = gains[j] * (v[j] * r) + shifts[j];
          }
          out.write(row * n, v);
          kept.write(2 * row, new double[] {mean, r});
        });
  }

  /** The arrays that every later pass reads; there are no adjoints in the tangent forward pass. */
  private record Call(
      Normalization s, Float64Buffer x, Float64Buffer stats, double[] gamma, Float64Buffer dy) {

    static Call of(Normalization s, Buffer x, Buffer stats, Buffer gamma, Buffer dy) {
      double[] gains = Float64Buffer.of(gamma).read(0, s.cols());
      return new Call(
          s, Float64Buffer.of(x), Float64Buffer.of(stats), gains, Float64Buffer.orNull(dy));
    }

    /** A tangent of a row; the tangent of a constant input is 0. */
    double[] tangent(Float64Buffer rx, long at) {
      return rx == null ? new double[s.cols()] : rx.read(at, s.cols());
    }
  }

  /** What a row has in common for all directions. */
  private static final class Row {
    final int n;
    final boolean centred;
    final double r;
    final double[] gamma;
    final double[] xh;
    final double[] dy;
    final double[] dxh;

    Row(Call call, long row) {
      n = call.s.cols();
      centred = call.s.centred();
      r = call.stats.get(2 * row + 1);
      gamma = call.gamma;
      xh = call.x.read(row * n, n);
      Doubles.shift(xh, centred ? -call.stats.get(2 * row) : 0);
      Doubles.scale(xh, r);
      dy = call.dy == null ? null : call.dy.read(row * n, n);
      dxh = call.dy == null ? null : Doubles.product(gamma, dy);
    }

    /** {@code mean(v xh)}. */
    double slope(double[] v) {
      return Doubles.dot(v, xh) / n;
    }

    /** {@code r (v - mean v - xh mean(v xh))}: tangent of xh and adjoint of x alike. */
    double[] projected(double[] v) {
      double mean = centred ? Doubles.mean(v) : 0;
      double slope = slope(v);
      double[] out = new double[n];
      for (int j = 0; j < n; j++) {
        out[j] = r * (v[j] - mean - xh[j] * slope);
      }
      return out;
    }

    /** The tangent of {@link #projected} of dxh, the adjoint of x. */
    double[] adjointTangent(double[] d, double[] rx, double[] rxh, double[] rgamma, double[] rdy) {
      double[] rdxh = Doubles.product(rgamma, dy);
      Doubles.add(rdxh, Doubles.product(gamma, rdy));
      double relative = -r * slope(rx);
      double m2 = slope(dxh);
      double rm1 = centred ? Doubles.mean(rdxh) : 0;
      double rm2 = slope(rdxh) + Doubles.dot(dxh, rxh) / n;
      double[] out = new double[n];
      for (int j = 0; j < n; j++) {
        out[j] = relative * d[j] + r * (rdxh[j] - rm1 - rxh[j] * m2 - xh[j] * rm2);
      }
      return out;
    }

    /** The second derivative along rx and rgamma, contracted with dy. */
    double curvature(double[] rx, double[] rgamma) {
      double[] rxc = rx.clone();
      Doubles.shift(rxc, centred ? -Doubles.mean(rx) : 0);
      double rr = -r * r * slope(rx);
      double rrr = 3 * rr * rr / r - r * r * r * Doubles.dot(rxc, rxc) / n;
      return 2 * Doubles.dot(Doubles.product(dy, rgamma), projected(rx))
          + 2 * rr * Doubles.dot(dxh, rxc)
          + rrr / r * Doubles.dot(dxh, xh);
    }
  }

  @Override
  public void backward(
      Normalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta) {
    int n = s.cols();
    Call call = Call.of(s, x, stats, gamma, dy);
    Float64Buffer out = Float64Buffer.orNull(dx);
    double[] sums =
        loops.sums(
            s.rows(),
            n,
            2 * n,
            (sum, i) -> {
              Row row = new Row(call, i);
              for (int j = 0; j < n; j++) {
                sum[j] += row.dy[j] * row.xh[j];
                sum[n + j] += row.dy[j];
              }
              if (out != null) {
                out.write(i * n, row.projected(row.dxh), add);
              }
            });
    addGradients(sums, 1, n, Strided.of(dgamma), dbeta == null ? null : Strided.of(dbeta));
  }

  /** Adds sums that hold, for each direction, n values for the gains and n for the shifts. */
  private static void addGradients(double[] sums, int k, int n, Strided dgamma, Strided dbeta) {
    for (int q = 0; q < k; q++) {
      int at = 2 * q * n;
      addRun(dgamma, q, Arrays.copyOfRange(sums, at, at + n));
      if (dbeta != null) {
        addRun(dbeta, q, Arrays.copyOfRange(sums, at + n, at + 2 * n));
      }
    }
  }

  private static void addRun(Strided runs, int i, double[] values) {
    Float64Buffer.of(runs.buffer()).write(Host.start(runs, i), values, true);
  }

  @Override
  public void tangent(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry) {
    int n = s.cols();
    Call call = Call.of(s, x, stats, gamma, null);
    Float64Buffer tangents = Float64Buffer.orNull(rx);
    Float64Buffer out = Float64Buffer.of(ry);
    double[][] gains = Float64Loops.runs(rgamma, k, n);
    double[][] shifts = Float64Loops.runs(rbeta, k, n);
    loops.rows(
        s.rows(),
        n,
        i -> {
          Row row = new Row(call, i);
          for (int q = 0; q < k; q++) {
            long at = (q * s.rows() + i) * n;
            double[] v = row.projected(call.tangent(tangents, at));
            for (int j = 0; j < n; j++) {
              v[j] = gains[q][j] * row.xh[j] + row.gamma[j] * v[j] + shifts[q][j];
            }
            out.write(at, v);
          }
        });
  }

  @Override
  public void tangentBackward(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Buffer rdy,
      Buffer rdx,
      boolean add,
      Strided rdgamma,
      Strided rdbeta) {
    int n = s.cols();
    Call call = Call.of(s, x, stats, gamma, dy);
    Float64Buffer tangents = Float64Buffer.orNull(rx);
    Float64Buffer adjoints = Float64Buffer.of(rdy);
    Float64Buffer out = Float64Buffer.orNull(rdx);
    double[][] gains = Float64Loops.runs(rgamma, k, n);
    double[] sums =
        loops.sums(
            s.rows(),
            n,
            Math.multiplyExact(2 * k, n),
            (sum, i) -> {
              Row row = new Row(call, i);
              double[] d = row.projected(row.dxh);
              for (int q = 0; q < k; q++) {
                long at = (q * s.rows() + i) * n;
                double[] v = call.tangent(tangents, at);
                double[] rxh = row.projected(v);
                double[] rdyRow = adjoints.read(at, n);
                for (int j = 0; j < n; j++) {
                  sum[2 * q * n + j] += rdyRow[j] * row.xh[j] + row.dy[j] * rxh[j];
                  sum[(2 * q + 1) * n + j] += rdyRow[j];
                }
                if (out != null) {
                  out.write(at, row.adjointTangent(d, v, rxh, gains[q], rdyRow), add);
                }
              }
            });
    addGradients(sums, k, n, rdgamma, rdbeta);
  }

  @Override
  public void curvature(
      Normalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c) {
    int n = s.cols();
    Call call = Call.of(s, x, stats, gamma, dy);
    Float64Buffer tangents = Float64Buffer.of(rx);
    double[][] gains = Float64Loops.runs(rgamma, k, n);
    loops.addSums(
        s.rows(),
        n,
        k,
        1,
        c,
        (sums, i) -> {
          Row row = new Row(call, i);
          for (int q = 0; q < k; q++) {
            long at = (q * s.rows() + i) * n;
            sums[q] += row.curvature(tangents.read(at, n), gains[q]);
          }
        });
  }
}

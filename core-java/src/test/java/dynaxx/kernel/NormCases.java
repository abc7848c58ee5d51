package dynaxx.kernel;

import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Row normalisation and its passes. */
final class NormCases {

  private NormCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (boolean centred : new boolean[] {true, false}) {
      for (int[] s :
          new int[][] {{1, 7}, {3, 17}, {65, 63}, {130, 65}, {5, 129}, {300, 16}, {3, 2100}}) {
        Rows rows = new Rows(new Normalization(s[0], s[1], 1e-5f, centred));
        boolean odd = s[0] % 2 == 1;
        cases.add(rows.forward(odd));
        cases.add(rows.backward(odd, !odd, true));
        cases.add(rows.tangent(true, odd));
        cases.add(rows.tangentBackward(true, true, odd, !odd));
        cases.add(rows.curvature());
      }
      Rows rows = new Rows(new Normalization(17, 33, 0, centred));
      cases.add(rows.backward(true, false, false));
      cases.add(rows.tangent(false, true));
      cases.add(rows.tangentBackward(false, true, false, true));
      cases.add(rows.tangentBackward(true, false, false, false));
      cases.add(rows.tangentBackward(false, false, false, true));
    }
    return cases;
  }

  /**
   * Data of one shape. The statistics are given to the later passes in the device's precision, as
   * the forward pass leaves them.
   */
  private static final class Rows {
    private final Normalization s;
    private final float[] x;
    private final float[] gamma;
    private final float[] beta;
    private final float[] dy;
    private final double[] stats;

    Rows(Normalization s) {
      this.s = s;
      x = Data.normal(21, size());
      for (int i = 0; i < x.length; i++) {
        x[i] += 0.5f;
      }
      gamma = Data.normal(22, n());
      beta = Data.normal(23, n());
      dy = Data.normal(24, size());
      stats = new double[(int) (2 * s.rows())];
      for (int r = 0; r < s.rows(); r++) {
        double[] of = ReferenceKernels.stats(row(x, r), s.epsilon(), s.centred());
        System.arraycopy(of, 0, stats, 2 * r, 2);
      }
    }

    int n() {
      return s.cols();
    }

    int size() {
      return (int) s.rows() * n();
    }

    String label(String more) {
      return s.rows() + " x " + n() + (s.centred() ? ", centred" : "") + more;
    }

    double[] row(float[] values, int r) {
      return Data.widen(Data.part(values, r, n()));
    }

    KernelCase forward(boolean withBeta) {
      return KernelCase.single(
          "norm",
          label(withBeta ? "" : ", no beta"),
          3e-6,
          1e-6,
          (d, first, k) -> {
            Buffer y = d.out(size());
            Buffer stats = d.out(2 * s.rows());
            Buffer beta = withBeta ? d.in(this.beta) : null;
            d.kernels().norms().forward(s, d.in(this.x), d.in(this.gamma), beta, y, stats);
            return Data.join(d.get(y), d.get(stats));
          },
          (first, k) -> {
            double[] y = new double[size()];
            double[] stats = new double[(int) (2 * s.rows())];
            for (int r = 0; r < s.rows(); r++) {
              double[] of = ReferenceKernels.stats(row(x, r), s.epsilon(), s.centred());
              System.arraycopy(of, 0, stats, 2 * r, 2);
              double[] xh = ReferenceKernels.normalised(row(x, r), of[0], of[1]);
              for (int j = 0; j < n(); j++) {
                y[r * n() + j] = gamma[j] * xh[j] + (withBeta ? beta[j] : 0);
              }
            }
            return Data.join(y, stats);
          });
    }

    KernelCase backward(boolean add, boolean withBeta, boolean withDx) {
      float[] old = Data.normal(25, size());
      return KernelCase.single(
          "normBackward",
          label(", add " + add + ", beta " + withBeta + ", dx " + withDx),
          1e-5,
          2e-6,
          (d, first, k) -> {
            Buffer dx = withDx ? d.out(old, add) : null;
            Buffer dgamma = d.inOut(gamma);
            Buffer dbeta = withBeta ? d.inOut(beta) : null;
            d.kernels()
                .norms()
                .backward(
                    s,
                    d.in(this.x),
                    d.made(this.stats),
                    d.in(this.gamma),
                    d.in(this.dy),
                    dx,
                    add,
                    dgamma,
                    dbeta);
            return Data.join(
                withDx ? d.get(dx) : new double[0],
                d.get(dgamma),
                withBeta ? d.get(dbeta) : new double[0]);
          },
          (first, k) -> {
            double[] dx = Data.base(old, add);
            double[] dgamma = Data.widen(gamma);
            double[] dbeta = Data.widen(beta);
            for (int r = 0; r < s.rows(); r++) {
              Row row = new Row(this, r);
              double[] of = ReferenceKernels.projected(row.dxh, row.xh, row.r, s.centred());
              for (int j = 0; j < n(); j++) {
                dx[r * n() + j] += of[j];
                dgamma[j] += row.dy[j] * row.xh[j];
                dbeta[j] += row.dy[j];
              }
            }
            return Data.join(withDx ? dx : new double[0], dgamma, withBeta ? dbeta : new double[0]);
          });
    }

    KernelCase tangent(boolean withRx, boolean withBeta) {
      return KernelCase.perDirection(
          "normTangent",
          label(", rx " + withRx + ", rbeta " + withBeta),
          5e-6,
          2e-6,
          (d, first, k) -> {
            Buffer ry = d.out((long) k * size());
            Buffer rx = withRx ? d.in(Data.block(26, first, k, size())) : null;
            Strided rgamma = new Strided(d.in(Data.block(27, first, k, n())), 0, n());
            Strided rbeta =
                withBeta ? new Strided(d.in(Data.block(28, first, k, n())), 0, n()) : null;
            Buffer gamma = d.in(this.gamma);
            d.kernels()
                .norms()
                .tangent(s, k, d.in(this.x), d.made(this.stats), gamma, rx, rgamma, rbeta, ry);
            return d.get(ry);
          },
          (first, k) -> {
            double[] ry = new double[k * size()];
            float[] rgamma = Data.block(27, first, k, n());
            float[] rbeta = Data.block(28, first, k, n());
            float[] rx = Data.block(26, first, k, size());
            for (int at = 0; at < k * s.rows(); at++) {
              int q = (int) (at / s.rows());
              Row row = new Row(this, (int) (at % s.rows()));
              double[] rxh = row.rxh(withRx ? row(rx, at) : null);
              for (int j = 0; j < n(); j++) {
                ry[at * n() + j] =
                    rgamma[q * n() + j] * row.xh[j]
                        + row.gamma[j] * rxh[j]
                        + (withBeta ? rbeta[q * n() + j] : 0);
              }
            }
            return ry;
          });
    }

    KernelCase tangentBackward(boolean withRx, boolean withDx, boolean add, boolean withBeta) {
      return KernelCase.perDirection(
          "normTangentBackward",
          label(", rx " + withRx + ", rdx " + withDx + ", add " + add + ", rdbeta " + withBeta),
          2e-5,
          4e-6,
          (d, first, k) -> {
            Buffer rx = withRx ? d.in(Data.block(26, first, k, size())) : null;
            Buffer rdx = withDx ? d.out(Data.block(30, first, k, size()), add) : null;
            Buffer rdgamma = d.inOut(Data.block(31, first, k, n()));
            Buffer rdbeta = withBeta ? d.inOut(Data.block(32, first, k, n())) : null;
            d.kernels()
                .norms()
                .tangentBackward(
                    s,
                    k,
                    d.in(this.x),
                    d.made(this.stats),
                    d.in(this.gamma),
                    d.in(this.dy),
                    rx,
                    new Strided(d.in(Data.block(27, first, k, n())), 0, n()),
                    d.in(Data.block(29, first, k, size())),
                    rdx,
                    add,
                    new Strided(rdgamma, 0, n()),
                    withBeta ? new Strided(rdbeta, 0, n()) : null);
            return Data.directions(
                k,
                withDx ? d.get(rdx) : new double[0],
                d.get(rdgamma),
                withBeta ? d.get(rdbeta) : new double[0]);
          },
          (first, k) -> {
            double[] rdx = Data.base(Data.block(30, first, k, size()), add);
            double[] rdgamma = Data.widen(Data.block(31, first, k, n()));
            double[] rdbeta = Data.widen(Data.block(32, first, k, n()));
            float[] rgammas = Data.block(27, first, k, n());
            float[] rx = Data.block(26, first, k, size());
            float[] rdy = Data.block(29, first, k, size());
            for (int at = 0; at < k * s.rows(); at++) {
              int q = (int) (at / s.rows());
              Row row = new Row(this, (int) (at % s.rows()));
              double[] rgamma = row(rgammas, q);
              double[] tangent = row(rdy, at);
              double[] input = withRx ? row(rx, at) : new double[n()];
              double[] rxh = row.rxh(input);
              double[] of = row.rdx(input, rxh, rgamma, tangent);
              for (int j = 0; j < n(); j++) {
                rdx[at * n() + j] += of[j];
                rdgamma[q * n() + j] += tangent[j] * row.xh[j] + row.dy[j] * rxh[j];
                rdbeta[q * n() + j] += tangent[j];
              }
            }
            return Data.directions(
                k, withDx ? rdx : new double[0], rdgamma, withBeta ? rdbeta : new double[0]);
          });
    }

    KernelCase curvature() {
      return KernelCase.perDirection(
          "normCurvature",
          label(""),
          1e-5 * Math.sqrt(size()),
          4e-6,
          (d, first, k) -> {
            Scalars c = d.scalars(new double[k]);
            Strided rgamma = new Strided(d.in(Data.block(27, first, k, n())), 0, n());
            Buffer rx = d.in(Data.block(26, first, k, size()));
            Buffer x = d.in(this.x);
            Buffer gamma = d.in(this.gamma);
            d.kernels()
                .norms()
                .curvature(s, k, x, d.made(this.stats), gamma, d.in(this.dy), rx, rgamma, c);
            return c.read();
          },
          (first, k) -> {
            double[] c = new double[k];
            float[] rx = Data.block(26, first, k, size());
            float[] rgammas = Data.block(27, first, k, n());
            for (int at = 0; at < k * s.rows(); at++) {
              int q = (int) (at / s.rows());
              Row row = new Row(this, (int) (at % s.rows()));
              c[q] += row.curvature(row(rx, at), row(rgammas, q));
            }
            return c;
          });
    }
  }

  /** One row in double precision, with the statistics of float32. */
  private static final class Row {
    final boolean centred;
    final double r;
    final double[] gamma;
    final double[] xh;
    final double[] dy;
    final double[] dxh;

    Row(Rows rows, int index) {
      centred = rows.s.centred();
      double[] stats = rows.stats;
      r = stats[2 * index + 1];
      xh = ReferenceKernels.normalised(rows.row(rows.x, index), stats[2 * index], r);
      gamma = Data.widen(rows.gamma);
      dy = rows.row(rows.dy, index);
      dxh = ReferenceKernels.product(gamma, dy);
    }

    double[] rxh(double[] rx) {
      return rx == null ? new double[xh.length] : ReferenceKernels.projected(rx, xh, r, centred);
    }

    double[] rdx(double[] rx, double[] rxh, double[] rgamma, double[] rdy) {
      int n = xh.length;
      double[] rdxh =
          ReferenceKernels.plus(
              ReferenceKernels.product(rgamma, dy), ReferenceKernels.product(gamma, rdy));
      double[] d = ReferenceKernels.projected(dxh, xh, r, centred);
      double rr = -r * r * ReferenceKernels.dot(xh, rx) / n;
      double rm1 = centred ? ReferenceKernels.mean(rdxh) : 0;
      double m2 = ReferenceKernels.dot(dxh, xh) / n;
      double rm2 = (ReferenceKernels.dot(rdxh, xh) + ReferenceKernels.dot(dxh, rxh)) / n;
      double[] out = new double[n];
      for (int j = 0; j < n; j++) {
        out[j] = rr / r * d[j] + r * (rdxh[j] - rm1 - rxh[j] * m2 - xh[j] * rm2);
      }
      return out;
    }

    double curvature(double[] rx, double[] rgamma) {
      int n = xh.length;
      double[] rxh = rxh(rx);
      double mean = centred ? ReferenceKernels.mean(rx) : 0;
      double rr = -r * r * ReferenceKernels.dot(xh, rx) / n;
      double square = 0;
      for (double v : rx) {
        square += (v - mean) * (v - mean) / n;
      }
      double rrr = 3 * rr * rr / r - r * r * r * square;
      double sum = 0;
      for (int j = 0; j < n; j++) {
        double bent = 2 * (rx[j] - mean) * rr + xh[j] / r * rrr;
        sum += dy[j] * (2 * rgamma[j] * rxh[j] + gamma[j] * bent);
      }
      return sum;
    }
  }
}

package dynaxx.kernel;

import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Normalisation of channels and its passes. */
final class ChannelNormCases {

  private ChannelNormCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (ChannelNormalization s : shapes()) {
      Planes planes = new Planes(s);
      boolean odd = s.images() % 2 == 1;
      cases.add(planes.forward(odd));
      cases.add(planes.backward(odd, !odd, true));
      cases.add(planes.tangent(true, odd));
      cases.add(planes.tangentBackward(true, true, odd, !odd));
      cases.add(planes.curvature());
      cases.add(planes.backward(!odd, odd, false));
      cases.add(planes.tangent(false, !odd));
      cases.add(planes.tangentBackward(false, true, !odd, odd));
      cases.add(planes.tangentBackward(true, false, false, false));
      cases.add(planes.tangentBackward(false, false, false, true));
    }
    return cases;
  }

  private static List<ChannelNormalization> shapes() {
    List<ChannelNormalization> found = new ArrayList<>();
    for (double epsilon : new double[] {0, 1e-3}) {
      found.add(new ChannelNormalization(2, 6, 7, 3, epsilon, Statistics.GROUP));
      found.add(new ChannelNormalization(3, 5, 33, 1, epsilon, Statistics.GROUP));
      found.add(new ChannelNormalization(3, 4, 17, 4, epsilon, Statistics.GROUP));
      found.add(new ChannelNormalization(5, 3, 9, 1, epsilon, Statistics.BATCH));
      found.add(new ChannelNormalization(8, 7, 1, 1, epsilon, Statistics.BATCH));
      found.add(new ChannelNormalization(3, 2, 15, 1, epsilon, Statistics.GIVEN));
    }
    found.add(new ChannelNormalization(4, 3, 2500, 1, 1e-5, Statistics.BATCH));
    return found;
  }

  /** Data of one shape. The later passes are given the statistics as float32. */
  private static final class Planes {
    private final ChannelNormalization s;
    private final float[] x;
    private final float[] gamma;
    private final float[] beta;
    private final float[] dy;
    private final float[] given;
    private final float[] stats;

    Planes(ChannelNormalization s) {
      this.s = s;
      x = Data.normal(221, size());
      for (int i = 0; i < x.length; i++) {
        x[i] += 0.5f;
      }
      gamma = Data.normal(222, n());
      beta = Data.normal(223, n());
      dy = Data.normal(224, size());
      given = Data.normal(225, 2L * n());
      for (int i = n(); i < given.length; i++) {
        given[i] = 0.5f + given[i] * given[i];
      }
      stats = Data.narrow(exactStats());
    }

    int n() {
      return s.channels();
    }

    int size() {
      return s.images() * n() * s.size();
    }

    int channel(int element) {
      return element / s.size() % n();
    }

    /** The elements of a unit in the order of the array. */
    int[] unit(int unit) {
      List<Integer> found = new ArrayList<>();
      for (int i = 0; i < size(); i++) {
        int image = i / s.size() / n();
        int of =
            switch (s.statistics()) {
              case GROUP -> image * s.groups() + channel(i) * s.groups() / n();
              case BATCH -> channel(i);
              case GIVEN -> image * n() + channel(i);
            };
        if (of == unit) {
          found.add(i);
        }
      }
      return found.stream().mapToInt(Integer::intValue).toArray();
    }

    private double[] exactStats() {
      double[] exact = new double[2 * s.units()];
      for (int u = 0; u < s.units(); u++) {
        double[] of = ReferenceKernels.stats(pick(x, 0, unit(u)), s.epsilon(), true);
        if (s.statistics() == Statistics.GIVEN) {
          int c = channel(unit(u)[0]);
          of = new double[] {given[c], 1 / Math.sqrt(given[n() + c] + s.epsilon())};
        }
        System.arraycopy(of, 0, exact, 2 * u, 2);
      }
      return exact;
    }

    static double[] pick(float[] values, int from, int[] elements) {
      double[] picked = new double[elements.length];
      for (int j = 0; j < picked.length; j++) {
        picked[j] = values[from + elements[j]];
      }
      return picked;
    }

    /** One value of each element's channel. */
    double[] spread(float[] ofChannels, int from, int[] elements) {
      double[] spread = new double[elements.length];
      for (int j = 0; j < spread.length; j++) {
        spread[j] = ofChannels[from + channel(elements[j])];
      }
      return spread;
    }

    private String label(String more) {
      return s + more;
    }

    private Strided runs(KernelTrial d, long seed, int first, int k) {
      return new Strided(d.in(Data.block(seed, first, k, n())), 0, n());
    }

    KernelCase forward(boolean withBeta) {
      return KernelCase.single(
          "channelNorm",
          label(withBeta ? "" : ", no beta"),
          3e-6,
          1e-6,
          (d, first, k) -> {
            Buffer y = d.out(size());
            Buffer stats = d.out(2L * s.units());
            Buffer beta = withBeta ? d.in(this.beta) : null;
            Buffer given = s.statistics() == Statistics.GIVEN ? d.in(this.given) : null;
            d.kernels().channelNorms().forward(s, given, d.in(x), d.in(gamma), beta, y, stats);
            return Data.join(d.get(y), d.get(stats));
          },
          (first, k) -> {
            double[] y = new double[size()];
            double[] of = exactStats();
            for (int u = 0; u < s.units(); u++) {
              for (int i : unit(u)) {
                double xh = (x[i] - of[2 * u]) * of[2 * u + 1];
                y[i] = gamma[channel(i)] * xh + (withBeta ? beta[channel(i)] : 0);
              }
            }
            return Data.join(y, of);
          });
    }

    KernelCase backward(boolean add, boolean withBeta, boolean withDx) {
      float[] old = Data.normal(226, size());
      return KernelCase.single(
          "channelNormBackward",
          label(", add " + add + ", beta " + withBeta + ", dx " + withDx),
          1e-5,
          2e-6,
          (d, first, k) -> {
            Buffer dx = withDx ? d.out(old, add) : null;
            Buffer dgamma = d.inOut(gamma);
            Buffer dbeta = withBeta ? d.inOut(beta) : null;
            Buffer adjoint = d.in(dy);
            d.kernels()
                .channelNorms()
                .backward(s, d.in(x), d.in(stats), d.in(gamma), adjoint, dx, add, dgamma, dbeta);
            return Data.join(
                withDx ? d.get(dx) : new double[0],
                d.get(dgamma),
                withBeta ? d.get(dbeta) : new double[0]);
          },
          (first, k) -> {
            double[] dx = Data.base(old, add);
            double[] dgamma = Data.widen(gamma);
            double[] dbeta = Data.widen(beta);
            for (int u = 0; u < s.units(); u++) {
              Unit unit = new Unit(this, u);
              double[] of = unit.projected(unit.dxh);
              for (int j = 0; j < of.length; j++) {
                dx[unit.at[j]] += of[j];
                dgamma[channel(unit.at[j])] += unit.dy[j] * unit.xh[j];
                dbeta[channel(unit.at[j])] += unit.dy[j];
              }
            }
            return Data.join(withDx ? dx : new double[0], dgamma, withBeta ? dbeta : new double[0]);
          });
    }

    KernelCase tangent(boolean withRx, boolean withBeta) {
      return KernelCase.perDirection(
          "channelNormTangent",
          label(", rx " + withRx + ", rbeta " + withBeta),
          5e-6,
          2e-6,
          (d, first, k) -> {
            Buffer ry = d.out((long) k * size());
            Buffer rx = withRx ? d.in(Data.block(227, first, k, size())) : null;
            Strided rbeta = withBeta ? runs(d, 229, first, k) : null;
            Strided rgamma = runs(d, 228, first, k);
            d.kernels()
                .channelNorms()
                .tangent(s, k, d.in(x), d.in(stats), d.in(gamma), rx, rgamma, rbeta, ry);
            return d.get(ry);
          },
          (first, k) -> {
            double[] ry = new double[k * size()];
            float[] rx = Data.block(227, first, k, size());
            float[] rgamma = Data.block(228, first, k, n());
            float[] rbeta = Data.block(229, first, k, n());
            for (int u = 0; u < s.units(); u++) {
              Unit unit = new Unit(this, u);
              for (int q = 0; q < k; q++) {
                double[] rxh = unit.rxh(withRx ? pick(rx, q * size(), unit.at) : null);
                for (int j = 0; j < rxh.length; j++) {
                  int c = q * n() + channel(unit.at[j]);
                  ry[q * size() + unit.at[j]] =
                      rgamma[c] * unit.xh[j] + unit.gamma[j] * rxh[j] + (withBeta ? rbeta[c] : 0);
                }
              }
            }
            return ry;
          });
    }

    KernelCase tangentBackward(boolean withRx, boolean withDx, boolean add, boolean withBeta) {
      return KernelCase.perDirection(
          "channelNormTangentBackward",
          label(", rx " + withRx + ", rdx " + withDx + ", add " + add + ", rdbeta " + withBeta),
          2e-5,
          4e-6,
          (d, first, k) -> {
            Buffer rx = withRx ? d.in(Data.block(227, first, k, size())) : null;
            Buffer rdx = withDx ? d.out(Data.block(231, first, k, size()), add) : null;
            Buffer rdgamma = d.inOut(Data.block(232, first, k, n()));
            Buffer rdbeta = withBeta ? d.inOut(Data.block(233, first, k, n())) : null;
            d.kernels()
                .channelNorms()
                .tangentBackward(
                    s,
                    k,
                    d.in(x),
                    d.in(stats),
                    d.in(gamma),
                    d.in(dy),
                    rx,
                    runs(d, 228, first, k),
                    d.in(Data.block(230, first, k, size())),
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
            double[] rdx = Data.base(Data.block(231, first, k, size()), add);
            double[] rdgamma = Data.widen(Data.block(232, first, k, n()));
            double[] rdbeta = Data.widen(Data.block(233, first, k, n()));
            float[] rx = Data.block(227, first, k, size());
            float[] rgamma = Data.block(228, first, k, n());
            float[] rdy = Data.block(230, first, k, size());
            for (int u = 0; u < s.units(); u++) {
              Unit unit = new Unit(this, u);
              for (int q = 0; q < k; q++) {
                double[] input =
                    withRx ? pick(rx, q * size(), unit.at) : new double[unit.at.length];
                double[] rxh = unit.rxh(input);
                double[] adjoint = pick(rdy, q * size(), unit.at);
                double[] of = unit.rdx(input, rxh, spread(rgamma, q * n(), unit.at), adjoint);
                for (int j = 0; j < of.length; j++) {
                  int c = q * n() + channel(unit.at[j]);
                  rdx[q * size() + unit.at[j]] += of[j];
                  rdgamma[c] += adjoint[j] * unit.xh[j] + unit.dy[j] * rxh[j];
                  rdbeta[c] += adjoint[j];
                }
              }
            }
            return Data.directions(
                k, withDx ? rdx : new double[0], rdgamma, withBeta ? rdbeta : new double[0]);
          });
    }

    KernelCase curvature() {
      return KernelCase.perDirection(
          "channelNormCurvature",
          label(""),
          1e-5 * Math.sqrt(size()),
          4e-6,
          (d, first, k) -> {
            Scalars c = d.scalars(new double[k]);
            Buffer rx = d.in(Data.block(227, first, k, size()));
            Strided rgamma = runs(d, 228, first, k);
            Buffer adjoint = d.in(dy);
            d.kernels()
                .channelNorms()
                .curvature(s, k, d.in(x), d.in(stats), d.in(gamma), adjoint, rx, rgamma, c);
            return c.read();
          },
          (first, k) -> {
            double[] c = new double[k];
            float[] rx = Data.block(227, first, k, size());
            float[] rgamma = Data.block(228, first, k, n());
            for (int u = 0; u < s.units(); u++) {
              Unit unit = new Unit(this, u);
              for (int q = 0; q < k; q++) {
                c[q] +=
                    unit.curvature(pick(rx, q * size(), unit.at), spread(rgamma, q * n(), unit.at));
              }
            }
            return c;
          });
    }
  }

  /** One unit in double precision, with the statistics of float32. */
  private static final class Unit {
    final boolean given;
    final int[] at;
    final double r;
    final double[] gamma;
    final double[] xh;
    final double[] dy;
    final double[] dxh;

    Unit(Planes planes, int index) {
      given = planes.s.statistics() == Statistics.GIVEN;
      at = planes.unit(index);
      r = planes.stats[2 * index + 1];
      double[] x = Planes.pick(planes.x, 0, at);
      xh = ReferenceKernels.normalised(x, planes.stats[2 * index], r);
      gamma = planes.spread(planes.gamma, 0, at);
      dy = Planes.pick(planes.dy, 0, at);
      dxh = ReferenceKernels.product(gamma, dy);
    }

    double[] projected(double[] v) {
      if (!given) {
        return ReferenceKernels.projected(v, xh, r, true);
      }
      double[] scaled = v.clone();
      for (int j = 0; j < scaled.length; j++) {
        scaled[j] *= r;
      }
      return scaled;
    }

    double[] rxh(double[] rx) {
      return rx == null ? new double[xh.length] : projected(given ? rx : centred(rx));
    }

    private static double[] centred(double[] v) {
      double mean = ReferenceKernels.mean(v);
      double[] centred = v.clone();
      for (int j = 0; j < v.length; j++) {
        centred[j] -= mean;
      }
      return centred;
    }

    double[] rdx(double[] rx, double[] rxh, double[] rgamma, double[] rdy) {
      int n = xh.length;
      double[] rdxh =
          ReferenceKernels.plus(
              ReferenceKernels.product(rgamma, dy), ReferenceKernels.product(gamma, rdy));
      if (given) {
        return projected(rdxh);
      }
      double[] d = projected(dxh);
      double rr = -r * r * ReferenceKernels.dot(xh, centred(rx)) / n;
      double rm1 = ReferenceKernels.mean(rdxh);
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
      double sum = 2 * ReferenceKernels.dot(ReferenceKernels.product(dy, rgamma), rxh);
      if (given) {
        return sum;
      }
      double[] rxc = centred(rx);
      double rr = -r * r * ReferenceKernels.dot(xh, rxc) / n;
      double rrr = 3 * rr * rr / r - r * r * r * ReferenceKernels.dot(rxc, rxc) / n;
      for (int j = 0; j < n; j++) {
        sum += dxh[j] * (2 * rxc[j] * rr + xh[j] / r * rrr);
      }
      return sum;
    }
  }
}

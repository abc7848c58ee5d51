package dynaxx.device.cpu;

import dynaxx.kernel.ChannelNormKernels;
import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/**
 * Normalisation of channels. Every mean that a pass needs follows from sums over single planes; so
 * a pass sums plane by plane in float64, combines the sums of a unit in order, and goes over the
 * planes once more to write.
 */
final class ChannelNorms implements ChannelNormKernels {

  /** Elements that a task takes at least, if there are as many. */
  private static final int TASK = 8192;

  private static final int XH = 0;
  private static final int DY = 1;
  private static final int RX = 2;
  private static final int RDY = 3;

  /** Sums of a plane that all directions share: of xh, dy and dy xh. */
  private static final int SHARED = 3;

  private final WorkerPool pool;
  private final Wide<?> memory;

  ChannelNorms(WorkerPool pool, Wide<?> memory) {
    this.pool = pool;
    this.memory = memory;
  }

  private interface Plane {
    void run(int plane, Scratch scratch);
  }

  private void planes(ChannelNormalization s, int weight, Plane body) {
    int each = Math.max(1, TASK / s.size());
    pool.run(
        Host.pieces(s.planes(), each),
        (long) weight * each * s.size(),
        (task, scratch) -> {
          int end = Math.min(s.planes(), (task + 1) * each);
          for (int plane = task * each; plane < end; plane++) {
            body.run(plane, scratch);
          }
        });
  }

  private double[] loaded(Buffer from, long plane, int size, int slot, Scratch scratch) {
    double[] v = scratch.doubles(slot, size);
    memory.load(from, plane * size, v, size, scratch);
    return v;
  }

  /** What all passes after the first read: input, statistics, gains. */
  private final class Primal {
    final ChannelNormalization s;
    final int size;
    final Buffer x;
    final double[] stats;
    final double[] gamma;

    Primal(ChannelNormalization s, Buffer x, Buffer stats, Buffer gamma) {
      this.s = s;
      this.size = s.size();
      this.x = x;
      this.stats = memory.run(Strided.of(stats), 0, 2 * s.units());
      this.gamma = memory.run(Strided.of(gamma), 0, s.channels());
    }

    double gain(int plane) {
      return gamma[plane % s.channels()];
    }

    double r(int unit) {
      return stats[2 * unit + 1];
    }

    boolean given() {
      return s.statistics() == Statistics.GIVEN;
    }

    double[] xh(int plane, Scratch scratch) {
      double[] v = loaded(x, plane, size, XH, scratch);
      double mean = stats[2 * s.unit(plane)];
      double r = r(s.unit(plane));
      for (int j = 0; j < size; j++) {
        v[j] = (v[j] - mean) * r;
      }
      return v;
    }
  }

  // ---- forward

  @Override
  public void forward(
      ChannelNormalization s,
      Buffer given,
      Buffer x,
      Buffer gamma,
      Buffer beta,
      Buffer y,
      Buffer stats) {
    double[] moments = given == null ? moments(s, x) : given(s, given);
    for (int unit = 0; unit < s.units(); unit++) {
      moments[2 * unit + 1] = 1 / Math.sqrt(moments[2 * unit + 1] + s.epsilon());
    }
    memory.store(moments, stats, 0, moments.length, false, new Scratch());
    Primal p = new Primal(s, x, stats, gamma);
    double[] shifts = memory.run(beta == null ? null : Strided.of(beta), 0, s.channels());
    planes(
        s,
        4,
        (plane, scratch) -> {
          double[] v = p.xh(plane, scratch);
          double gain = p.gain(plane);
          double shift = shifts[plane % s.channels()];
          for (int j = 0; j < p.size; j++) {
            v[j] = gain * v[j] + shift;
          }
          memory.store(v, y, (long) plane * p.size, p.size, false, scratch);
        });
  }

  private double[] given(ChannelNormalization s, Buffer given) {
    double[] of = memory.run(Strided.of(given), 0, 2 * s.channels());
    double[] moments = new double[2 * s.planes()];
    for (int plane = 0; plane < s.planes(); plane++) {
      moments[2 * plane] = of[plane % s.channels()];
      moments[2 * plane + 1] = of[s.channels() + plane % s.channels()];
    }
    return moments;
  }

  /** Mean and variance of each unit. */
  private double[] moments(ChannelNormalization s, Buffer x) {
    double[] moments = new double[2 * s.units()];
    for (int power = 1; power <= 2; power++) {
      double[] sums = new double[s.planes()];
      boolean squares = power == 2;
      planes(
          s,
          2,
          (plane, scratch) -> {
            double[] v = loaded(x, plane, s.size(), XH, scratch);
            double mean = moments[2 * s.unit(plane)];
            sums[plane] = squares ? squares(v, s.size(), mean) : sum(v, s.size());
          });
      for (int plane = 0; plane < s.planes(); plane++) {
        moments[2 * s.unit(plane) + power - 1] += sums[plane] / s.unitSize();
      }
    }
    return moments;
  }

  private static double sum(double[] v, int n) {
    double a = 0;
    double b = 0;
    int j = 0;
    for (; j < n - 1; j += 2) {
      a += v[j];
      b += v[j + 1];
    }
    return j < n ? a + b + v[j] : a + b;
  }

  private static double squares(double[] v, int n, double mean) {
    double sum = 0;
    for (int j = 0; j < n; j++) {
      sum += (v[j] - mean) * (v[j] - mean);
    }
    return sum;
  }

  // ---- backward

  @Override
  public void backward(
      ChannelNormalization s,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer dx,
      boolean add,
      Buffer dgamma,
      Buffer dbeta) {
    Primal p = new Primal(s, x, stats, gamma);
    double[][] shared = new double[s.planes()][];
    planes(s, 4, (plane, scratch) -> shared[plane] = shared(p, plane, dy, scratch));
    addGradient(s, shared, 2, Strided.of(dgamma), 0);
    if (dbeta != null) {
      addGradient(s, shared, 1, Strided.of(dbeta), 0);
    }
    if (dx == null) {
      return;
    }
    Projection projection = new Projection(p, shared);
    planes(
        s,
        4,
        (plane, scratch) -> {
          double[] d = projection.adjoint(plane, p.xh(plane, scratch), dy, scratch);
          memory.store(d, dx, (long) plane * p.size, p.size, add, scratch);
        });
  }

  /** Sums of xh, dy and dy xh over a plane; leaves both arrays in the thread's work arrays. */
  private double[] shared(Primal p, int plane, Buffer dy, Scratch scratch) {
    double[] xh = p.xh(plane, scratch);
    double[] adjoint = loaded(dy, plane, p.size, DY, scratch);
    double[] sums = new double[SHARED];
    double a = 0;
    double b = 0;
    double c = 0;
    for (int j = 0; j < p.size; j++) {
      a += xh[j];
      b += adjoint[j];
      c += adjoint[j] * xh[j];
    }
    sums[0] = a;
    sums[1] = b;
    sums[2] = c;
    return sums;
  }

  /** Adds one of the planes' sums to the gradient of their channels, image after image. */
  private void addGradient(
      ChannelNormalization s, double[][] sums, int column, Strided to, int direction) {
    double[] total = new double[s.channels()];
    for (int plane = 0; plane < s.planes(); plane++) {
      total[plane % s.channels()] += sums[plane][column];
    }
    memory.add(total, to, direction);
  }

  /** The adjoint of the input, {@code r (dxh - m1 - xh m2)}; m1 and m2 are 0 if given. */
  private final class Projection {
    final Primal p;
    final double[] m1;
    final double[] m2;

    Projection(Primal p, double[][] shared) {
      this.p = p;
      m1 = new double[p.s.units()];
      m2 = new double[p.s.units()];
      for (int plane = 0; plane < p.s.planes() && !p.given(); plane++) {
        double share = p.gain(plane) / p.s.unitSize();
        m1[p.s.unit(plane)] += share * shared[plane][1];
        m2[p.s.unit(plane)] += share * shared[plane][2];
      }
    }

    /** Turns the plane's dy into dx, in the work array of dy. */
    double[] adjoint(int plane, double[] xh, Buffer dy, Scratch scratch) {
      double[] d = loaded(dy, plane, p.size, DY, scratch);
      int unit = p.s.unit(plane);
      double gain = p.gain(plane);
      double r = p.r(unit);
      double mean = m1[unit];
      double slope = m2[unit];
      for (int j = 0; j < p.size; j++) {
        d[j] = r * (gain * d[j] - mean - xh[j] * slope);
      }
      return d;
    }
  }

  // ---- tangent forward

  @Override
  public void tangent(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer rx,
      Strided rgamma,
      Strided rbeta,
      Buffer ry) {
    Primal p = new Primal(s, x, stats, gamma);
    double[][] sums = new double[s.planes()][];
    if (rx != null && !p.given()) {
      planes(s, 2 + 2 * k, (plane, scratch) -> sums[plane] = inputSums(p, k, plane, rx, scratch));
    }
    Slopes slopes = new Slopes(p, k, rx == null ? null : sums);
    double[][] gains = memory.runs(rgamma, k, s.channels());
    double[][] shifts = memory.runs(rbeta, k, s.channels());
    planes(
        s,
        2 + 4 * k,
        (plane, scratch) -> {
          double[] xh = p.xh(plane, scratch);
          int channel = plane % s.channels();
          double gain = p.gain(plane);
          for (int q = 0; q < k; q++) {
            double[] rxh = slopes.normalised(q, plane, xh, rx, scratch);
            for (int j = 0; j < p.size; j++) {
              rxh[j] = gains[q][channel] * xh[j] + gain * rxh[j] + shifts[q][channel];
            }
            long at = ((long) q * s.planes() + plane) * p.size;
            memory.store(rxh, ry, at, p.size, false, scratch);
          }
        });
  }

  /** Sum of xh, not used otherwise, and for each direction those of rx and xh rx. */
  private double[] inputSums(Primal p, int k, int plane, Buffer rx, Scratch scratch) {
    double[] xh = p.xh(plane, scratch);
    double[] sums = new double[SHARED + 2 * k];
    sums[0] = sum(xh, p.size);
    for (int q = 0; q < k; q++) {
      double[] v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      double a = 0;
      double b = 0;
      for (int j = 0; j < p.size; j++) {
        a += v[j];
        b += xh[j] * v[j];
      }
      sums[SHARED + 2 * q] = a;
      sums[SHARED + 2 * q + 1] = b;
    }
    return sums;
  }

  /**
   * The tangent of xh, {@code r (rx - m - xh a)} with {@code m = mean rx}, {@code a = mean(xh (rx -
   * m))} for each direction and unit; both 0 if statistics are given or the input is constant.
   */
  private final class Slopes {
    final Primal p;
    final double[][] m;
    final double[][] a;

    /** From sums of which direction q's {@code rx} and {@code xh rx} follow the shared ones. */
    Slopes(Primal p, int k, double[][] sums) {
      this.p = p;
      int units = p.s.units();
      m = new double[k][units];
      a = new double[k][units];
      if (sums == null || p.given()) {
        return;
      }
      int width = (sums[0].length - SHARED) / k;
      double[] xh = new double[units];
      for (int plane = 0; plane < p.s.planes(); plane++) {
        int unit = p.s.unit(plane);
        xh[unit] += sums[plane][0] / p.s.unitSize();
        for (int q = 0; q < k; q++) {
          m[q][unit] += sums[plane][SHARED + width * q] / p.s.unitSize();
          a[q][unit] += sums[plane][SHARED + width * q + 1] / p.s.unitSize();
        }
      }
      for (int q = 0; q < k; q++) {
        for (int unit = 0; unit < units; unit++) {
          a[q][unit] -= m[q][unit] * xh[unit];
        }
      }
    }

    double[] normalised(int q, int plane, double[] xh, Buffer rx, Scratch scratch) {
      if (rx == null) {
        double[] zero = scratch.doubles(RX, p.size);
        java.util.Arrays.fill(zero, 0, p.size, 0);
        return zero;
      }
      double[] v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      int unit = p.s.unit(plane);
      double r = p.r(unit);
      double mean = m[q][unit];
      double slope = a[q][unit];
      for (int j = 0; j < p.size; j++) {
        v[j] = r * (v[j] - mean - xh[j] * slope);
      }
      return v;
    }

    /** Sum of dy times the tangent of xh over a plane. */
    double adjointSum(int q, int plane, double[] sums, double dyRx) {
      int unit = p.s.unit(plane);
      return p.r(unit) * (dyRx - m[q][unit] * sums[1] - a[q][unit] * sums[2]);
    }
  }

  // ---- tangent backward

  private static final int ALL = 5;

  @Override
  public void tangentBackward(
      ChannelNormalization s,
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
    Primal p = new Primal(s, x, stats, gamma);
    double[][] sums = new double[s.planes()][];
    planes(
        s, 4 + 6 * k, (plane, scratch) -> sums[plane] = allSums(p, k, plane, dy, rx, rdy, scratch));
    Slopes slopes = new Slopes(p, k, sums);
    for (int q = 0; q < k; q++) {
      double[][] gradients = gradients(slopes, q, sums);
      addGradient(s, gradients, 0, rdgamma, q);
      if (rdbeta != null) {
        addGradient(s, gradients, 1, rdbeta, q);
      }
    }
    if (rdx == null) {
      return;
    }
    Projection projection = new Projection(p, sums);
    double[][] gains = memory.runs(rgamma, k, s.channels());
    double[][][] means = new double[k][][];
    for (int q = 0; q < k; q++) {
      means[q] = adjointMeans(slopes, q, sums, gains[q]);
    }
    planes(
        s,
        4 + 8 * k,
        (plane, scratch) -> {
          double[] xh = p.xh(plane, scratch);
          for (int q = 0; q < k; q++) {
            double[] rxh = slopes.normalised(q, plane, xh, rx, scratch);
            double rgain = gains[q][plane % s.channels()];
            long at = (long) q * s.planes() + plane;
            double[] v = loaded(rdy, at, p.size, RDY, scratch);
            double[] adjoint = loaded(dy, plane, p.size, DY, scratch);
            adjointTangent(projection, slopes.a[q], means[q], plane, rgain, xh, rxh, adjoint, v);
            memory.store(v, rdx, at * p.size, p.size, add, scratch);
          }
        });
  }

  /** The shared sums and, for each direction, those of rx, xh rx, dy rx, rdy and rdy xh. */
  private double[] allSums(
      Primal p, int k, int plane, Buffer dy, Buffer rx, Buffer rdy, Scratch scratch) {
    double[] shared = shared(p, plane, dy, scratch);
    double[] sums = java.util.Arrays.copyOf(shared, SHARED + ALL * k);
    double[] xh = scratch.doubles(XH, p.size);
    double[] adjoint = scratch.doubles(DY, p.size);
    for (int q = 0; q < k; q++) {
      long at = (long) q * p.s.planes() + plane;
      if (rx != null) {
        inputSums(loaded(rx, at, p.size, RX, scratch), xh, adjoint, p.size, sums, q);
      }
      double[] v = loaded(rdy, at, p.size, RDY, scratch);
      double c = 0;
      double d = 0;
      for (int j = 0; j < p.size; j++) {
        c += v[j];
        d += v[j] * xh[j];
      }
      sums[SHARED + ALL * q + 3] = c;
      sums[SHARED + ALL * q + 4] = d;
    }
    return sums;
  }

  private static void inputSums(
      double[] rx, double[] xh, double[] dy, int n, double[] sums, int q) {
    double a = 0;
    double b = 0;
    double c = 0;
    for (int j = 0; j < n; j++) {
      a += rx[j];
      b += xh[j] * rx[j];
      c += dy[j] * rx[j];
    }
    sums[SHARED + ALL * q] = a;
    sums[SHARED + ALL * q + 1] = b;
    sums[SHARED + ALL * q + 2] = c;
  }

  /** For each plane its part of the tangents of the gains' and of the shifts' gradient. */
  private static double[][] gradients(Slopes slopes, int q, double[][] sums) {
    double[][] gradients = new double[sums.length][2];
    for (int plane = 0; plane < sums.length; plane++) {
      int at = SHARED + ALL * q;
      double dyRxh = slopes.adjointSum(q, plane, sums[plane], sums[plane][at + 2]);
      gradients[plane][0] = sums[plane][at + 4] + dyRxh;
      gradients[plane][1] = sums[plane][at + 3];
    }
    return gradients;
  }

  /** For each unit {@code mean rdxh} and {@code mean(rdxh xh + dxh rxh)}; 0 if given. */
  private static double[][] adjointMeans(Slopes slopes, int q, double[][] sums, double[] rgamma) {
    Primal p = slopes.p;
    double[][] means = new double[2][p.s.units()];
    for (int plane = 0; plane < sums.length && !p.given(); plane++) {
      double[] sum = sums[plane];
      int unit = p.s.unit(plane);
      int at = SHARED + ALL * q;
      double gain = p.gain(plane);
      double rgain = rgamma[plane % p.s.channels()];
      double dyRxh = slopes.adjointSum(q, plane, sum, sum[at + 2]);
      means[0][unit] += (rgain * sum[1] + gain * sum[at + 3]) / p.s.unitSize();
      means[1][unit] += (rgain * sum[2] + gain * (sum[at + 4] + dyRxh)) / p.s.unitSize();
    }
    return means;
  }

  /** Turns {@code v = rdy} into the tangent of the input's adjoint. */
  private static void adjointTangent(
      Projection projection,
      double[] a,
      double[][] means,
      int plane,
      double rgain,
      double[] xh,
      double[] rxh,
      double[] dy,
      double[] v) {
    Primal p = projection.p;
    int unit = p.s.unit(plane);
    double gain = p.gain(plane);
    double r = p.r(unit);
    double relative = -r * a[unit];
    double m1 = projection.m1[unit];
    double m2 = projection.m2[unit];
    double rm1 = means[0][unit];
    double rm2 = means[1][unit];
    for (int j = 0; j < p.size; j++) {
      double d = r * (gain * dy[j] - m1 - xh[j] * m2);
      double rdxh = rgain * dy[j] + gain * v[j];
      v[j] = relative * d + r * (rdxh - rm1 - rxh[j] * m2 - xh[j] * rm2);
    }
  }

  // ---- curvature

  private static final int CURVED = 4;

  @Override
  public void curvature(
      ChannelNormalization s,
      int k,
      Buffer x,
      Buffer stats,
      Buffer gamma,
      Buffer dy,
      Buffer rx,
      Strided rgamma,
      Scalars c) {
    Primal p = new Primal(s, x, stats, gamma);
    double[][] sums = new double[s.planes()][];
    planes(s, 4 + 5 * k, (plane, scratch) -> sums[plane] = curved(p, k, plane, dy, rx, scratch));
    Slopes slopes = new Slopes(p, k, sums);
    Projection projection = new Projection(p, sums);
    double[][] gains = memory.runs(rgamma, k, s.channels());
    for (int q = 0; q < k; q++) {
      ((HostScalars) c).add(q, curvature(slopes, projection, q, sums, gains[q]));
    }
  }

  /** The shared sums and, for each direction, those of rx, xh rx, dy rx and rx^2. */
  private double[] curved(Primal p, int k, int plane, Buffer dy, Buffer rx, Scratch scratch) {
    double[] shared = shared(p, plane, dy, scratch);
    double[] sums = java.util.Arrays.copyOf(shared, SHARED + CURVED * k);
    double[] xh = scratch.doubles(XH, p.size);
    double[] adjoint = scratch.doubles(DY, p.size);
    for (int q = 0; q < k; q++) {
      double[] v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      double a = 0;
      double b = 0;
      double c = 0;
      double d = 0;
      for (int j = 0; j < p.size; j++) {
        a += v[j];
        b += xh[j] * v[j];
        c += adjoint[j] * v[j];
        d += v[j] * v[j];
      }
      int at = SHARED + CURVED * q;
      sums[at] = a;
      sums[at + 1] = b;
      sums[at + 2] = c;
      sums[at + 3] = d;
    }
    return sums;
  }

  private static double curvature(
      Slopes slopes, Projection projection, int q, double[][] sums, double[] rgamma) {
    Primal p = slopes.p;
    int units = p.s.units();
    double[] squares = new double[units];
    double[] centred = new double[units];
    double total = 0;
    for (int plane = 0; plane < sums.length; plane++) {
      int unit = p.s.unit(plane);
      double[] sum = sums[plane];
      int at = SHARED + CURVED * q;
      double gainTangent = rgamma[plane % p.s.channels()];
      total += 2 * gainTangent * slopes.adjointSum(q, plane, sum, sum[at + 2]);
      squares[unit] += sum[at + 3] / p.s.unitSize();
      centred[unit] += p.gain(plane) * (sum[at + 2] - slopes.m[q][unit] * sum[1]);
    }
    for (int unit = 0; unit < units && !p.given(); unit++) {
      double r = p.r(unit);
      double rr = -r * r * slopes.a[q][unit];
      double square = squares[unit] - slopes.m[q][unit] * slopes.m[q][unit];
      double rrr = 3 * rr * rr / r - r * r * r * square;
      total += 2 * rr * centred[unit] + rrr / r * p.s.unitSize() * projection.m2[unit];
    }
    return total;
  }
}

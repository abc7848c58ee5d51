package dynaxx.device.cpu;

import dynaxx.kernel.ChannelNormKernels;
import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/**
 * Normalisation of channels. Every mean that a pass needs follows from sums over single planes; so
 * a pass sums plane by plane in float64, combines the sums of a unit in order, and goes over the
 * planes once more to write. Planes themselves have the element type.
 */
final class ChannelNorms<A> implements ChannelNormKernels {

  /** Elements that a task takes at least, if there are as many. */
  private static final int TASK = 8192;

  private static final int XH = 0;
  private static final int DY = 1;
  private static final int RX = 2;
  private static final int RDY = 3;

  /** Sums of a plane that all directions share: of xh, dy and dy xh. */
  private static final int SHARED = 3;

  private final WorkerPool pool;
  private final Wide<A> memory;
  private final Loops<A> loops;

  ChannelNorms(WorkerPool pool, Wide<A> memory) {
    this.pool = pool;
    this.memory = memory;
    loops = memory.loops();
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

  private A loaded(Buffer from, long plane, int size, int slot, Scratch scratch) {
    A v = loops.array(scratch, slot, size);
    loops.load(from, plane * size, v, size);
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

    A xh(int plane, Scratch scratch) {
      A v = loaded(x, plane, size, XH, scratch);
      loops.standardise(v, stats[2 * s.unit(plane)], r(s.unit(plane)), size);
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
          A v = p.xh(plane, scratch);
          loops.multiply(v, 0, p.gain(plane), p.size);
          loops.add(v, 0, shifts[plane % s.channels()], p.size);
          loops.store(v, y, (long) plane * p.size, p.size);
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
            A v = loaded(x, plane, s.size(), XH, scratch);
            double mean = moments[2 * s.unit(plane)];
            sums[plane] = squares ? loops.squares(v, 0, s.size(), mean) : loops.sum(v, 0, s.size());
          });
      for (int plane = 0; plane < s.planes(); plane++) {
        moments[2 * s.unit(plane) + power - 1] += sums[plane] / s.unitSize();
      }
    }
    return moments;
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
          A d = projection.adjoint(plane, p.xh(plane, scratch), dy, scratch);
          loops.store(d, dx, (long) plane * p.size, p.size, add, scratch);
        });
  }

  /** Sums of xh, dy and dy xh over a plane; leaves both arrays in the thread's work arrays. */
  private double[] shared(Primal p, int plane, Buffer dy, Scratch scratch) {
    A xh = p.xh(plane, scratch);
    A adjoint = loaded(dy, plane, p.size, DY, scratch);
    return new double[] {
      loops.sum(xh, 0, p.size), loops.sum(adjoint, 0, p.size), dot(adjoint, xh, p.size)
    };
  }

  private double dot(A a, A b, int n) {
    return loops.dot(a, 0, b, 0, n);
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
    A adjoint(int plane, A xh, Buffer dy, Scratch scratch) {
      A d = loaded(dy, plane, p.size, DY, scratch);
      project(plane, xh, d);
      return d;
    }

    void project(int plane, A xh, A d) {
      int unit = p.s.unit(plane);
      loops.multiply(d, 0, p.gain(plane), p.size);
      loops.project(d, d, m1[unit], xh, m2[unit], p.r(unit), p.size);
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
          A xh = p.xh(plane, scratch);
          int channel = plane % s.channels();
          for (int q = 0; q < k; q++) {
            A rxh = slopes.normalised(q, plane, xh, rx, scratch);
            loops.mix(rxh, p.gain(plane), xh, gains[q][channel], p.size);
            loops.add(rxh, 0, shifts[q][channel], p.size);
            loops.store(rxh, ry, ((long) q * s.planes() + plane) * p.size, p.size);
          }
        });
  }

  /** Sum of xh, not used otherwise, and for each direction those of rx and xh rx. */
  private double[] inputSums(Primal p, int k, int plane, Buffer rx, Scratch scratch) {
    A xh = p.xh(plane, scratch);
    double[] sums = new double[SHARED + 2 * k];
    sums[0] = loops.sum(xh, 0, p.size);
    for (int q = 0; q < k; q++) {
      A v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      sums[SHARED + 2 * q] = loops.sum(v, 0, p.size);
      sums[SHARED + 2 * q + 1] = dot(xh, v, p.size);
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

    A normalised(int q, int plane, A xh, Buffer rx, Scratch scratch) {
      if (rx == null) {
        A zero = loops.array(scratch, RX, p.size);
        loops.fill(zero, 0, p.size, 0);
        return zero;
      }
      A v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      int unit = p.s.unit(plane);
      loops.project(v, v, m[q][unit], xh, a[q][unit], p.r(unit), p.size);
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
          A xh = p.xh(plane, scratch);
          for (int q = 0; q < k; q++) {
            A rxh = slopes.normalised(q, plane, xh, rx, scratch);
            double rgain = gains[q][plane % s.channels()];
            long at = (long) q * s.planes() + plane;
            A v = loaded(rdy, at, p.size, RDY, scratch);
            A adjoint = loaded(dy, plane, p.size, DY, scratch);
            adjointTangent(projection, slopes.a[q], means[q], plane, rgain, xh, rxh, adjoint, v);
            loops.store(v, rdx, at * p.size, p.size, add, scratch);
          }
        });
  }

  /** The shared sums and, for each direction, those of rx, xh rx, dy rx, rdy and rdy xh. */
  private double[] allSums(
      Primal p, int k, int plane, Buffer dy, Buffer rx, Buffer rdy, Scratch scratch) {
    double[] shared = shared(p, plane, dy, scratch);
    double[] sums = Arrays.copyOf(shared, SHARED + ALL * k);
    A xh = loops.array(scratch, XH, p.size);
    A adjoint = loops.array(scratch, DY, p.size);
    for (int q = 0; q < k; q++) {
      long place = (long) q * p.s.planes() + plane;
      int at = SHARED + ALL * q;
      if (rx != null) {
        A u = loaded(rx, place, p.size, RX, scratch);
        sums[at] = loops.sum(u, 0, p.size);
        sums[at + 1] = dot(xh, u, p.size);
        sums[at + 2] = dot(adjoint, u, p.size);
      }
      A v = loaded(rdy, place, p.size, RDY, scratch);
      sums[at + 3] = loops.sum(v, 0, p.size);
      sums[at + 4] = dot(v, xh, p.size);
    }
    return sums;
  }

  /** For each plane its part of the tangents of the gains' and of the shifts' gradient. */
  private double[][] gradients(Slopes slopes, int q, double[][] sums) {
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
  private double[][] adjointMeans(Slopes slopes, int q, double[][] sums, double[] rgamma) {
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

  /** Turns {@code v = rdy} into the tangent of the input's adjoint, and dy into that adjoint. */
  private void adjointTangent(
      Projection projection,
      double[] a,
      double[][] means,
      int plane,
      double rgain,
      A xh,
      A rxh,
      A dy,
      A v) {
    Primal p = projection.p;
    int unit = p.s.unit(plane);
    double r = p.r(unit);
    loops.mix(v, p.gain(plane), dy, rgain, p.size);
    projection.project(plane, xh, dy);
    loops.projectTangent(
        v,
        -r * a[unit],
        dy,
        r,
        means[0][unit],
        rxh,
        projection.m2[unit],
        xh,
        means[1][unit],
        p.size);
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
    double[] sums = Arrays.copyOf(shared, SHARED + CURVED * k);
    A xh = loops.array(scratch, XH, p.size);
    A adjoint = loops.array(scratch, DY, p.size);
    for (int q = 0; q < k; q++) {
      A v = loaded(rx, (long) q * p.s.planes() + plane, p.size, RX, scratch);
      int at = SHARED + CURVED * q;
      sums[at] = loops.sum(v, 0, p.size);
      sums[at + 1] = dot(xh, v, p.size);
      sums[at + 2] = dot(adjoint, v, p.size);
      sums[at + 3] = dot(v, v, p.size);
    }
    return sums;
  }

  private double curvature(
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

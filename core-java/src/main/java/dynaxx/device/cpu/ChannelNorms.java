package dynaxx.device.cpu;

import dynaxx.device.cpu.PlaneSteps.Step;
import dynaxx.device.cpu.PlaneSteps.Sums;
import dynaxx.kernel.ChannelNormKernels;
import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.function.IntToDoubleFunction;

/**
 * Normalisation of channels. Every mean that a pass needs follows from sums over single planes; so
 * a pass sums plane by plane in float64, combines the sums of a unit in order, and goes over the
 * planes once more to write, in {@link PlaneSteps}. Planes themselves have the element type.
 */
final class ChannelNorms<A> implements ChannelNormKernels {

  private static final int XH = 0;
  private static final int DY = 1;
  private static final int RX = 2;
  private static final int RDY = 3;

  private final PlaneSteps steps;
  private final Wide<A> memory;
  private final Loops<A> loops;

  ChannelNorms(WorkerPool pool, Wide<A> memory) {
    steps = new PlaneSteps(pool);
    this.memory = memory;
    loops = memory.loops();
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

    Primal(ChannelNormalization s, Buffer x, double[] stats, Buffer gamma) {
      this.s = s;
      this.size = s.size();
      this.x = x;
      this.stats = stats;
      this.gamma = memory.run(Strided.of(gamma), 0, s.channels());
    }

    Primal(ChannelNormalization s, Buffer x, Buffer stats, Buffer gamma) {
      this(s, x, memory.run(Strided.of(stats), 0, 2 * s.units()), gamma);
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
      loops.standardise(v, 0, stats[2 * s.unit(plane)], r(s.unit(plane)), size);
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
    double[] moments = given == null ? new double[2 * s.units()] : given(s, given);
    Primal p = new Primal(s, x, moments, gamma);
    double[] shifts = memory.run(beta == null ? null : Strided.of(beta), 0, s.channels());
    Step write =
        new Step(
            4,
            (plane, scratch) -> {
              A v = p.xh(plane, scratch);
              loops.scaleAndShift(v, p.gain(plane), shifts[plane % s.channels()], p.size);
              loops.store(v, y, (long) plane * p.size, p.size);
            });
    if (given == null) {
      double[] sums = new double[s.planes()];
      steps.run(s, means(p, sums), variances(p, sums), write);
    } else {
      for (int unit = 0; unit < s.units(); unit++) {
        finish(p, unit, moments[2 * unit], moments[2 * unit + 1]);
      }
      steps.run(s, write);
    }
    memory.store(moments, stats, 0, moments.length, false, new Scratch());
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

  private Step means(Primal p, double[] sums) {
    return new Step(
        2,
        (plane, scratch) -> sums[plane] = loops.sum(raw(p, plane, scratch), 0, p.size),
        unit -> p.stats[2 * unit] = mean(p.s, unit, sums));
  }

  private Step variances(Primal p, double[] sums) {
    return new Step(
        2,
        (plane, scratch) -> {
          double mean = p.stats[2 * p.s.unit(plane)];
          sums[plane] = loops.squares(raw(p, plane, scratch), 0, p.size, mean);
        },
        unit -> finish(p, unit, p.stats[2 * unit], mean(p.s, unit, sums)));
  }

  private A raw(Primal p, int plane, Scratch scratch) {
    return loaded(p.x, plane, p.size, XH, scratch);
  }

  private static double mean(ChannelNormalization s, int unit, double[] sums) {
    return PlaneSteps.sum(s, unit, plane -> sums[plane] / s.unitSize());
  }

  /** Keeps mean and r as the later passes will read them. */
  private void finish(Primal p, int unit, double mean, double variance) {
    p.stats[2 * unit] = loops.round(mean);
    p.stats[2 * unit + 1] = loops.round(1 / Math.sqrt(variance + p.s.epsilon()));
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
    Sums sums = new Sums(s, SHARED);
    Projection projection = new Projection(p, sums);
    Step reduce =
        new Step(4, (plane, scratch) -> adjointSums(p, sums, plane, dy, scratch), projection::unit);
    if (dx == null) {
      steps.run(s, reduce);
    } else {
      Step write =
          new Step(
              4,
              (plane, scratch) -> {
                A d = projection.adjoint(plane, p.xh(plane, scratch), dy, scratch);
                loops.store(d, dx, (long) plane * p.size, p.size, add, scratch);
              });
      steps.run(s, reduce, write);
    }
    addGradient(s, plane -> sums.get(plane, SUM_DY_XH), Strided.of(dgamma), 0);
    if (dbeta != null) {
      addGradient(s, plane -> sums.get(plane, SUM_DY), Strided.of(dbeta), 0);
    }
  }

  /** Sums of a plane that all directions share, before those of each direction. */
  private static final int SUM_XH = 0;

  private static final int SUM_DY = 1;
  private static final int SUM_DY_XH = 2;
  private static final int SHARED = 3;

  /** The shared sums; leaves xh and dy in the thread's work arrays. */
  private void shared(Primal p, Sums sums, int plane, Buffer dy, Scratch scratch) {
    adjointSums(p, sums, plane, dy, scratch);
    sums.set(plane, SUM_XH, loops.sum(loops.array(scratch, XH, p.size), 0, p.size));
  }

  /** Those with the adjoints. */
  private void adjointSums(Primal p, Sums sums, int plane, Buffer dy, Scratch scratch) {
    A xh = p.xh(plane, scratch);
    A adjoint = loaded(dy, plane, p.size, DY, scratch);
    sums.set(plane, SUM_DY, loops.sum(adjoint, 0, p.size));
    sums.set(plane, SUM_DY_XH, dot(adjoint, xh, p.size));
  }

  private double dot(A a, A b, int n) {
    return loops.dot(a, 0, b, 0, n);
  }

  /** Adds the planes' sums to the gradient of their channels, image after image. */
  private void addGradient(
      ChannelNormalization s, IntToDoubleFunction of, Strided to, int direction) {
    double[] total = new double[s.channels()];
    for (int plane = 0; plane < s.planes(); plane++) {
      total[plane % s.channels()] += of.applyAsDouble(plane);
    }
    memory.add(total, to, direction);
  }

  /** The adjoint of the input, {@code r (dxh - m1 - xh m2)}; m1 and m2 are 0 if given. */
  private final class Projection {
    final Primal p;
    final Sums sums;
    final double[] m1;
    final double[] m2;

    Projection(Primal p, Sums sums) {
      this.p = p;
      this.sums = sums;
      m1 = new double[p.s.units()];
      m2 = new double[p.s.units()];
    }

    /** From the shared sums of the unit's planes. */
    void unit(int unit) {
      if (!p.given()) {
        m1[unit] = PlaneSteps.sum(p.s, unit, plane -> share(plane) * sums.get(plane, SUM_DY));
        m2[unit] = PlaneSteps.sum(p.s, unit, plane -> share(plane) * sums.get(plane, SUM_DY_XH));
      }
    }

    private double share(int plane) {
      return p.gain(plane) / p.s.unitSize();
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
      loops.project(d, d, m1[unit], xh, m2[unit], p.r(unit), 0, p.size);
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
    Slopes slopes = new Slopes(p, k, new Sums(s, SHARED + INPUT * k), INPUT);
    double[][] gains = memory.runs(rgamma, k, s.channels());
    double[][] shifts = memory.runs(rbeta, k, s.channels());
    Step write =
        new Step(
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
    if (rx == null || p.given()) {
      steps.run(s, write);
    } else {
      Step reduce =
          new Step(
              2 + 2 * k,
              (plane, scratch) -> inputSums(slopes, k, plane, rx, scratch),
              slopes::unit);
      steps.run(s, reduce, write);
    }
  }

  /** Sums of a plane for each direction: of rx and of xh rx. */
  private static final int SUM_RX = 0;

  private static final int SUM_XH_RX = 1;
  private static final int INPUT = 2;

  private void inputSums(Slopes slopes, int k, int plane, Buffer rx, Scratch scratch) {
    Primal p = slopes.p;
    A xh = p.xh(plane, scratch);
    slopes.sums.set(plane, SUM_XH, loops.sum(xh, 0, p.size));
    for (int q = 0; q < k; q++) {
      slopes.addInput(q, plane, xh, loadedTangent(p, q, plane, rx, RX, scratch));
    }
  }

  private A loadedTangent(Primal p, int q, int plane, Buffer from, int slot, Scratch scratch) {
    return loaded(from, (long) q * p.s.planes() + plane, p.size, slot, scratch);
  }

  /**
   * The tangent of xh, {@code r (rx - m - xh a)} with {@code m = mean rx}, {@code a = mean(xh (rx -
   * m))} for each direction and unit; both 0 if statistics are given or the input is constant.
   */
  private final class Slopes {
    final Primal p;
    final Sums sums;
    final double[][] m;
    final double[][] a;
    private final int width;

    /** Of the width sums of a direction those of {@code rx} and {@code xh rx} come first. */
    Slopes(Primal p, int k, Sums sums, int width) {
      this.p = p;
      this.sums = sums;
      this.width = width;
      m = new double[k][p.s.units()];
      a = new double[k][p.s.units()];
    }

    double get(int q, int plane, int column) {
      return sums.get(plane, SHARED + width * q + column);
    }

    void set(int q, int plane, int column, double value) {
      sums.set(plane, SHARED + width * q + column, value);
    }

    void addInput(int q, int plane, A xh, A rx) {
      set(q, plane, SUM_RX, loops.sum(rx, 0, p.size));
      set(q, plane, SUM_XH_RX, dot(xh, rx, p.size));
    }

    /** From the sums of the unit's planes. */
    void unit(int unit) {
      if (p.given()) {
        return;
      }
      double size = p.s.unitSize();
      double xh = PlaneSteps.sum(p.s, unit, plane -> sums.get(plane, SUM_XH) / size);
      for (int i = 0; i < m.length; i++) {
        int q = i;
        m[q][unit] = PlaneSteps.sum(p.s, unit, plane -> get(q, plane, SUM_RX) / size);
        a[q][unit] =
            PlaneSteps.sum(p.s, unit, plane -> get(q, plane, SUM_XH_RX) / size) - m[q][unit] * xh;
      }
    }

    A normalised(int q, int plane, A xh, Buffer rx, Scratch scratch) {
      if (rx == null) {
        A zero = loops.array(scratch, RX, p.size);
        loops.fill(zero, 0, p.size, 0);
        return zero;
      }
      A v = loadedTangent(p, q, plane, rx, RX, scratch);
      int unit = p.s.unit(plane);
      loops.project(v, v, m[q][unit], xh, a[q][unit], p.r(unit), 0, p.size);
      return v;
    }

    /** Sum of dy times the tangent of xh over a plane. */
    double adjointSum(int q, int plane, double dyRx) {
      int unit = p.s.unit(plane);
      double centred = dyRx - m[q][unit] * sums.get(plane, SUM_DY);
      return p.r(unit) * (centred - a[q][unit] * sums.get(plane, SUM_DY_XH));
    }
  }

  // ---- tangent backward

  /** Further sums for each direction: of dy rx, rdy and rdy xh. */
  private static final int SUM_DY_RX = 2;

  private static final int SUM_RDY = 3;
  private static final int SUM_RDY_XH = 4;
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
    Sums sums = new Sums(s, SHARED + ALL * k);
    Slopes slopes = new Slopes(p, k, sums, ALL);
    Projection projection = new Projection(p, sums);
    double[][] gains = memory.runs(rgamma, k, s.channels());
    double[][][] means = new double[k][2][s.units()];
    Step reduce =
        new Step(
            4 + 6 * k,
            (plane, scratch) -> allSums(slopes, k, plane, dy, rx, rdy, scratch),
            unit -> {
              slopes.unit(unit);
              projection.unit(unit);
              for (int q = 0; q < k; q++) {
                adjointMeans(slopes, q, unit, gains[q], means[q]);
              }
            });
    if (rdx == null) {
      steps.run(s, reduce);
    } else {
      Step write =
          new Step(
              4 + 8 * k,
              (plane, scratch) -> {
                A xh = p.xh(plane, scratch);
                for (int q = 0; q < k; q++) {
                  A rxh = slopes.normalised(q, plane, xh, rx, scratch);
                  double rgain = gains[q][plane % s.channels()];
                  A v = loadedTangent(p, q, plane, rdy, RDY, scratch);
                  A d = loaded(dy, plane, p.size, DY, scratch);
                  adjointTangent(projection, slopes.a[q], means[q], plane, rgain, xh, rxh, d, v);
                  long at = ((long) q * s.planes() + plane) * p.size;
                  loops.store(v, rdx, at, p.size, add, scratch);
                }
              });
      steps.run(s, reduce, write);
    }
    for (int i = 0; i < k; i++) {
      int q = i;
      addGradient(s, plane -> gainTangent(slopes, q, plane), rdgamma, q);
      if (rdbeta != null) {
        addGradient(s, plane -> slopes.get(q, plane, SUM_RDY), rdbeta, q);
      }
    }
  }

  private void allSums(
      Slopes slopes, int k, int plane, Buffer dy, Buffer rx, Buffer rdy, Scratch scratch) {
    Primal p = slopes.p;
    shared(p, slopes.sums, plane, dy, scratch);
    A xh = loops.array(scratch, XH, p.size);
    A adjoint = loops.array(scratch, DY, p.size);
    for (int q = 0; q < k; q++) {
      if (rx != null) {
        A u = loadedTangent(p, q, plane, rx, RX, scratch);
        slopes.addInput(q, plane, xh, u);
        slopes.set(q, plane, SUM_DY_RX, dot(adjoint, u, p.size));
      }
      A v = loadedTangent(p, q, plane, rdy, RDY, scratch);
      slopes.set(q, plane, SUM_RDY, loops.sum(v, 0, p.size));
      slopes.set(q, plane, SUM_RDY_XH, dot(v, xh, p.size));
    }
  }

  /** A plane's part of the tangent of the gains' gradient. */
  private double gainTangent(Slopes slopes, int q, int plane) {
    double dyRxh = slopes.adjointSum(q, plane, slopes.get(q, plane, SUM_DY_RX));
    return slopes.get(q, plane, SUM_RDY_XH) + dyRxh;
  }

  /** A unit's {@code mean rdxh} and {@code mean(rdxh xh + dxh rxh)}; 0 if given. */
  private void adjointMeans(Slopes slopes, int q, int unit, double[] rgamma, double[][] means) {
    Primal p = slopes.p;
    if (p.given()) {
      return;
    }
    Sums sums = slopes.sums;
    means[0][unit] =
        adjointMean(
            p,
            unit,
            rgamma,
            plane -> sums.get(plane, SUM_DY),
            plane -> slopes.get(q, plane, SUM_RDY));
    means[1][unit] =
        adjointMean(
            p,
            unit,
            rgamma,
            plane -> sums.get(plane, SUM_DY_XH),
            plane -> gainTangent(slopes, q, plane));
  }

  private double adjointMean(
      Primal p, int unit, double[] rgamma, IntToDoubleFunction of, IntToDoubleFunction tangent) {
    return PlaneSteps.sum(
        p.s,
        unit,
        plane -> {
          double changed = rgamma[plane % p.s.channels()] * of.applyAsDouble(plane);
          return (changed + p.gain(plane) * tangent.applyAsDouble(plane)) / p.s.unitSize();
        });
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
        0,
        p.size);
  }

  // ---- curvature

  /** A further sum for each direction, after that of dy rx: of rx^2. */
  private static final int SUM_SQUARES = 3;

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
    Sums sums = new Sums(s, SHARED + CURVED * k);
    Slopes slopes = new Slopes(p, k, sums, CURVED);
    Projection projection = new Projection(p, sums);
    steps.run(
        s,
        new Step(
            4 + 5 * k,
            (plane, scratch) -> curvedSums(slopes, k, plane, dy, rx, scratch),
            unit -> {
              slopes.unit(unit);
              projection.unit(unit);
            }));
    double[][] gains = memory.runs(rgamma, k, s.channels());
    for (int q = 0; q < k; q++) {
      ((HostScalars) c).add(q, curvature(slopes, projection, q, gains[q]));
    }
  }

  private void curvedSums(Slopes slopes, int k, int plane, Buffer dy, Buffer rx, Scratch scratch) {
    Primal p = slopes.p;
    shared(p, slopes.sums, plane, dy, scratch);
    A xh = loops.array(scratch, XH, p.size);
    A adjoint = loops.array(scratch, DY, p.size);
    for (int q = 0; q < k; q++) {
      A v = loadedTangent(p, q, plane, rx, RX, scratch);
      slopes.addInput(q, plane, xh, v);
      slopes.set(q, plane, SUM_DY_RX, dot(adjoint, v, p.size));
      slopes.set(q, plane, SUM_SQUARES, dot(v, v, p.size));
    }
  }

  private double curvature(Slopes slopes, Projection projection, int q, double[] rgamma) {
    Primal p = slopes.p;
    double size = p.s.unitSize();
    double total = 0;
    for (int plane = 0; plane < p.s.planes(); plane++) {
      double gainTangent = rgamma[plane % p.s.channels()];
      total += 2 * gainTangent * slopes.adjointSum(q, plane, slopes.get(q, plane, SUM_DY_RX));
    }
    for (int unit = 0; unit < p.s.units() && !p.given(); unit++) {
      double m = slopes.m[q][unit];
      double r = p.r(unit);
      double rr = -r * r * slopes.a[q][unit];
      double squares = PlaneSteps.sum(p.s, unit, plane -> slopes.get(q, plane, SUM_SQUARES) / size);
      double centred =
          PlaneSteps.sum(
              p.s,
              unit,
              plane -> {
                double dyRx = slopes.get(q, plane, SUM_DY_RX);
                return p.gain(plane) * (dyRx - m * slopes.sums.get(plane, SUM_DY));
              });
      double rrr = 3 * rr * rr / r - r * r * r * (squares - m * m);
      total += 2 * rr * centred + rrr / r * size * projection.m2[unit];
    }
    return total;
  }
}

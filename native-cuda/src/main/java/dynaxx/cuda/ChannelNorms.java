package dynaxx.cuda;

import dynaxx.kernel.ChannelNormKernels;
import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/**
 * Normalisation of channels; kernels in channelnorm.cu. A pass sums over pieces of owners, which
 * are planes if statistics are those of groups and else channels, puts the sums of each unit
 * together, and goes over the planes once more to write. Pieces follow from the shape of one
 * direction.
 */
final class ChannelNorms implements ChannelNormKernels {

  /** Elements of a piece at least, and pieces at most. */
  private static final int PIECE = 8192;

  private static final int PIECES = 256;

  private static final int WARP = 32;

  /** Units that a warp sums alone. */
  private static final int WARP_UNITS = 512;

  /** Units of a thread when it writes. */
  private static final int SPAN = 8;

  private static final int MOMENTS = 3;
  private static final int SUMS = 9;
  private static final int MEANS = 6;

  private final Launcher launcher;

  ChannelNorms(Launcher launcher) {
    this.launcher = launcher;
  }

  /**
   * How one shape is worked on.
   *
   * @param k directions
   * @param pack values that are moved at once
   */
  private record LaunchShape(ChannelNormalization s, int k, int pack) {
    boolean given() {
      return s.statistics() == Statistics.GIVEN;
    }

    int owners() {
      return s.statistics() == Statistics.GROUP ? s.planes() : s.channels();
    }

    private long elements() {
      return s.statistics() == Statistics.GROUP ? s.size() : (long) s.images() * s.size();
    }

    int pieces() {
      return Math.clamp(Math.ceilDiv(elements(), PIECE), 1, PIECES);
    }

    /** Threads that sum a piece. */
    int sumLanes() {
      return Math.ceilDiv(elements() / pack, pieces()) <= WARP_UNITS ? WARP : Launcher.THREADS;
    }

    long sumBlocks() {
      return blocks((long) owners() * pieces() * k, sumLanes());
    }

    /** Sums of all directions. */
    long sums() {
      return (long) k * SUMS * owners() * pieces();
    }

    long means() {
      return (long) k * s.units() * MEANS;
    }

    /** Threads that write a plane. */
    int lanes() {
      return RowGrid.lanes(s.size() / pack);
    }

    int chunks() {
      return Math.max(1, Math.ceilDiv(s.size() / pack, lanes() * SPAN));
    }

    long blocks() {
      return blocks(s.planes(), lanes()) * chunks() * k;
    }

    /** Blocks for so many groups of threads. */
    static long blocks(long groups, int lanes) {
      return Math.ceilDiv(groups, (long) Launcher.THREADS / lanes);
    }
  }

  private LaunchShape plan(ChannelNormalization s, int k) {
    return new LaunchShape(s, k, RowGrid.pack(launcher, s.size()));
  }

  private Launcher shape(LaunchShape p) {
    ChannelNormalization s = p.s;
    int statistics =
        switch (s.statistics()) {
          case GROUP -> 0;
          case BATCH -> 1;
          case GIVEN -> 2;
        };
    return launcher
        .i32(s.images())
        .i32(s.channels())
        .i32(s.size())
        .i32(s.groups())
        .i32(statistics)
        .i32(p.pieces());
  }

  private Launcher pixels(LaunchShape p) {
    return launcher.i32(p.lanes()).i32(p.chunks()).flag(p.pack > 1);
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
    LaunchShape p = plan(s, 1);
    if (given == null) {
      statistics(p, x, stats);
    } else {
      launcher.kernel("channel_given").p(given).p(stats);
      shape(p).f64(s.epsilon()).launchElements(s.planes(), 1);
    }
    launcher.kernel("channel_forward").p(x).p(stats).p(gamma).p(beta).p(y);
    shape(p);
    pixels(p).launch(p.blocks(), 1, Launcher.THREADS);
  }

  private void statistics(LaunchShape p, Buffer x, Buffer stats) {
    long partial = launcher.partials((long) MOMENTS * p.owners() * p.pieces());
    launcher.kernel("channel_moments").p(x).i64(partial);
    shape(p).i32(p.sumLanes()).flag(p.pack > 1).launch(p.sumBlocks(), 1, Launcher.THREADS);
    launcher.kernel("channel_statistics").i64(partial).p(stats);
    shape(p).f64(p.s.epsilon()).launch(LaunchShape.blocks(p.s.units(), WARP), 1, Launcher.THREADS);
  }

  // ---- sums and means of the other passes

  private long sums(
      LaunchShape p, Buffer x, Buffer stats, Buffer dy, Buffer rx, Buffer rdy, long more) {
    long partial = launcher.partials(p.sums() + more);
    launcher.kernel("channel_sums").p(x).p(stats).p(dy).p(rx).p(rdy).i64(partial);
    shape(p).i32(p.k).i32(p.sumLanes()).flag(p.pack > 1).launch(p.sumBlocks(), 1, Launcher.THREADS);
    return partial;
  }

  /** Means of the units behind the sums; 0 if statistics are given, for then there are none. */
  private long means(LaunchShape p, long partial, Buffer stats, Buffer gamma, Strided rgamma) {
    if (p.given()) {
      return 0;
    }
    long means = partial + p.sums() * Double.BYTES;
    launcher.kernel("channel_means").i64(partial).p(stats).p(gamma).runs(rgamma).i64(means);
    shape(p)
        .i32(p.k)
        .launch(LaunchShape.blocks((long) p.s.units() * p.k, WARP), 1, Launcher.THREADS);
    return means;
  }

  private void gradients(
      LaunchShape p,
      long partial,
      long means,
      Buffer stats,
      Strided gain,
      Strided shift,
      boolean rate) {
    launcher.kernel("channel_gradients").i64(partial).i64(means).p(stats).runs(gain).runs(shift);
    shape(p)
        .i32(p.k)
        .flag(rate)
        .launch(LaunchShape.blocks((long) p.s.channels() * p.k, WARP), 1, Launcher.THREADS);
  }

  // ---- the passes

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
    LaunchShape p = plan(s, 1);
    long partial = sums(p, x, stats, dy, null, null, p.means());
    Strided shifts = dbeta == null ? null : Strided.of(dbeta);
    gradients(p, partial, 0, stats, Strided.of(dgamma), shifts, false);
    if (dx == null) {
      return;
    }
    long means = means(p, partial, stats, gamma, null);
    launcher.kernel("channel_backward").p(x).p(stats).p(gamma).i64(means).p(dy).p(dx);
    shape(p);
    pixels(p).flag(add).launch(p.blocks(), 1, Launcher.THREADS);
  }

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
    LaunchShape p = plan(s, k);
    long means = 0;
    if (rx != null && !p.given()) {
      long partial = sums(p, x, stats, null, rx, null, p.means());
      means = means(p, partial, stats, gamma, null);
    }
    launcher
        .kernel("channel_tangent")
        .p(x)
        .p(stats)
        .p(gamma)
        .i64(means)
        .p(rx)
        .runs(rgamma)
        .runs(rbeta)
        .p(ry);
    shape(p).i32(k);
    pixels(p).launch(p.blocks(), 1, Launcher.THREADS);
  }

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
    LaunchShape p = plan(s, k);
    long partial = sums(p, x, stats, dy, rx, rdy, p.means());
    long means = means(p, partial, stats, gamma, rgamma);
    gradients(p, partial, means, stats, rdgamma, rdbeta, true);
    if (rdx == null) {
      return;
    }
    launcher
        .kernel("channel_tangent_backward")
        .p(x)
        .p(stats)
        .p(gamma)
        .i64(means)
        .p(dy)
        .p(rx)
        .runs(rgamma)
        .p(rdy)
        .p(rdx);
    shape(p).i32(k);
    pixels(p).flag(add).launch(p.blocks(), 1, Launcher.THREADS);
  }

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
    LaunchShape p = plan(s, k);
    int n = p.given() ? s.channels() : s.units();
    long partial = sums(p, x, stats, dy, rx, null, (long) k * n);
    long curvature = partial + p.sums() * Double.BYTES;
    launcher.kernel("channel_curvature").i64(partial).p(stats).p(gamma).runs(rgamma).i64(curvature);
    shape(p).i32(n).i32(k).launch(LaunchShape.blocks((long) n * k, WARP), 1, Launcher.THREADS);
    launcher
        .kernel("add_partials")
        .i64(curvature)
        .i32(n)
        .f64(1)
        .sums(c)
        .launch(k, 1, Launcher.THREADS);
  }
}

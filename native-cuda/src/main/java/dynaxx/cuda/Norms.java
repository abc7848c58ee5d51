package dynaxx.cuda;

import dynaxx.kernel.NormKernels;
import dynaxx.kernel.NormKernels.Normalization;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/** Row normalisation and its passes; kernels in norm.cu. */
final class Norms implements NormKernels {

  private final Launcher launcher;
  private final int pack;

  Norms(Launcher launcher) {
    this.launcher = launcher;
    this.pack = 16 / launcher.elementBytes();
  }

  /** Begins a launch and gives it the shape, which is every such kernel's first parameter. */
  private Launcher begin(String name, Normalization s) {
    return launcher.kernel(name).i64(s.rows()).f64(s.epsilon()).i32(s.cols()).flag(s.centred());
  }

  @Override
  public void forward(
      Normalization s, Buffer x, Buffer gamma, Buffer beta, Buffer y, Buffer stats) {
    Teams teams = Teams.of(s.rows(), s.cols());
    begin("norm_forward", s)
        .flag(teams.longRows())
        .p(x)
        .p(gamma)
        .p(beta)
        .p(y)
        .p(stats)
        .launch(teams.blocks(), 1, Launcher.THREADS);
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
    Teams teams = Teams.of(s.rows(), s.cols());
    begin("norm_tangent", s)
        .flag(teams.longRows())
        .i32(k)
        .p(x)
        .p(stats)
        .p(gamma)
        .p(rx)
        .runs(rgamma)
        .runs(rbeta)
        .p(ry)
        .launch(teams.blocks(), Math.min(k, 1), Launcher.THREADS);
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
    Teams teams = Teams.summing(s.rows(), s.cols());
    long partial = launcher.partials((long) teams.blocks() * k);
    begin("norm_curvature", s)
        .flag(teams.longRows())
        .i32(k)
        .p(x)
        .p(stats)
        .p(gamma)
        .p(dy)
        .p(rx)
        .runs(rgamma)
        .i64(partial)
        .launch((long) teams.blocks() * k, 1, Launcher.THREADS);
    launcher.addPartials(partial, teams.blocks(), k, 1, c);
  }

  // ---- backward passes, with sums over rows

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
    Tiling t = Tiling.of(s, pack);
    long partial = launcher.partials(t.sums(s));
    begin("norm_backward", s, t)
        .p(x)
        .p(stats)
        .p(gamma)
        .p(dy)
        .p(dx)
        .flag(add)
        .i64(partial)
        .launch(t.chunks(s), 1, Launcher.THREADS);
    addGradients(s, t, 1, partial, Strided.of(dgamma), dbeta == null ? null : Strided.of(dbeta));
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
    Tiling t = Tiling.of(s, pack);
    long partial = launcher.partials(t.sums(s) * k);
    begin("norm_tangent_backward", s, t)
        .i32(k)
        .p(x)
        .p(stats)
        .p(gamma)
        .p(dy)
        .p(rx)
        .runs(rgamma)
        .p(rdy)
        .p(rdx)
        .flag(add)
        .i64(partial)
        .launch(t.chunks(s) * k, 1, Launcher.THREADS);
    addGradients(s, t, k, partial, rdgamma, rdbeta);
  }

  private Launcher begin(String name, Normalization s, Tiling t) {
    return begin(name, s).i64(t.chunk).i32(t.tile).i32(t.width).i32(t.groups).align(8);
  }

  private void addGradients(
      Normalization s, Tiling t, int k, long partial, Strided dgamma, Strided dbeta) {
    if (t.chunks(s) == 0) {
      return;
    }
    launcher
        .kernel("norm_add_gradients")
        .i32(s.cols())
        .i32(Math.toIntExact(t.chunks(s) * t.groups))
        .i64(partial)
        .runs(dgamma)
        .runs(dbeta)
        .launch(Math.ceilDiv(s.cols(), 32), dbeta == null ? k : 2L * k, Launcher.THREADS);
  }

  /**
   * How rows are shared: a block takes a chunk, tile by tile, and its threads stand side by side
   * over the columns and, if rows are short, in groups below each other. As norm.cu's Tiling.
   */
  private record Tiling(long chunk, int tile, int width, int groups) {

    private static final int MOST_CHUNKS = Launcher.REDUCTION_BLOCKS;

    /** Columns of all chunks together at most, as long as there are enough chunks. */
    private static final int MOST_COLUMNS = 1 << 19;

    private static final int ENOUGH_CHUNKS = 64;

    static Tiling of(Normalization s, int pack) {
      int width = Math.clamp(Math.ceilDiv(s.cols(), pack), 1, Launcher.THREADS);
      int tile = width <= 32 ? 64 : width <= 64 ? 32 : width <= 128 ? 16 : 8;
      int chunks = Math.clamp(MOST_COLUMNS / Math.max(1, s.cols()), ENOUGH_CHUNKS, MOST_CHUNKS);
      long each = Math.max(1, Math.ceilDiv(s.rows(), (long) chunks));
      return new Tiling(
          Math.ceilDiv(each, (long) tile) * tile, tile, width, Launcher.THREADS / width);
    }

    long chunks(Normalization s) {
      return Math.ceilDiv(s.rows(), chunk);
    }

    /** Partial sums of one direction: of gains and shifts for each chunk, group and column. */
    long sums(Normalization s) {
      return 2 * chunks(s) * groups * s.cols();
    }
  }
}

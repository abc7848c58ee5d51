package dynaxx.cuda;

import dynaxx.kernel.AttentionKernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;

/**
 * Attention without stored scores; kernels in attention.cu. A pass is one launch for what queries
 * own and, where there are adjoints, one for what keys and values own.
 */
final class Attention implements AttentionKernels {

  /** Queries, keys and elements that a block takes, in float32 and in float64. */
  private static final int TILE = 64;

  private static final int WIDE_TILE = 32;

  private final Launcher launcher;
  private final int tile;

  Attention(Launcher launcher) {
    this.launcher = launcher;
    tile = launcher.elementBytes() == Float.BYTES ? TILE : WIDE_TILE;
  }

  private Launcher begin(String name, Heads h) {
    return launcher
        .kernel(name)
        .i32(h.examples())
        .i32(h.tokens())
        .i32(h.depth())
        .i32(h.heads())
        .i32(h.keyHeads())
        .flag(h.causal());
  }

  private long tiles(Heads h) {
    return (long) h.examples() * Math.ceilDiv(h.tokens(), tile);
  }

  /** Ends a launch over some heads, whose elements are shared among blocks too. */
  private void launch(Heads h, int heads, int k) {
    launcher.launch(tiles(h) * heads * Math.ceilDiv(h.depth(), tile), k, Launcher.THREADS);
  }

  @Override
  public void forward(Heads h, Buffer x, Buffer y, Buffer saved) {
    begin("attention_forward", h).p(x).p(y).p(saved);
    launch(h, h.heads(), 1);
  }

  @Override
  public void backward(
      Heads h,
      Buffer x,
      Buffer y,
      Buffer saved,
      Buffer dy,
      Buffer adjoint,
      Buffer dx,
      boolean add) {
    begin("attention_backward_queries", h).p(x).p(y).p(saved).p(dy).p(adjoint).p(dx).flag(add);
    launch(h, h.heads(), 1);
    begin("attention_backward_keys", h).p(x).p(saved).p(dy).p(adjoint).p(dx).flag(add);
    launch(h, h.keyHeads(), 1);
  }

  @Override
  public void tangent(
      Heads h, int k, Buffer x, Buffer y, Buffer saved, Buffer rx, Buffer ry, Buffer tangent) {
    begin("attention_tangent", h).p(x).p(y).p(saved).p(rx).p(ry).p(tangent);
    launch(h, h.heads(), k);
  }

  @Override
  public void tangentBackward(
      Heads h,
      int k,
      Primal primal,
      Buffer rx,
      Buffer tangent,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    long means = launcher.workspace(k * h.rows() * launcher.elementBytes());
    second("attention_tangent_backward_queries", h, primal, rx, tangent)
        .p(rdy)
        .i64(means)
        .p(rdx)
        .flag(add);
    launch(h, h.heads(), k);
    second("attention_tangent_backward_keys", h, primal, rx, tangent)
        .p(rdy)
        .i64(means)
        .p(rdx)
        .flag(add);
    launch(h, h.keyHeads(), k);
  }

  private Launcher second(String name, Heads h, Primal primal, Buffer rx, Buffer tangent) {
    return begin(name, h)
        .p(primal.x())
        .p(primal.saved())
        .p(primal.dy())
        .p(primal.adjoint())
        .p(rx)
        .p(tangent);
  }

  @Override
  public void curvature(Heads h, int k, Primal primal, Buffer rx, Buffer tangent, Scalars c) {
    int blocks = Math.toIntExact(tiles(h) * h.heads());
    long partial = launcher.partials((long) blocks * k);
    second("attention_curvature", h, primal, rx, tangent)
        .i64(partial)
        .launch(blocks, k, Launcher.THREADS);
    launcher.addPartials(partial, blocks, k, 1, c);
  }

  @Override
  public void entropy(Heads h, Buffer x, Buffer saved, Scalars sums) {
    int blocks = Math.toIntExact(tiles(h));
    long partial = launcher.partials((long) blocks * h.heads());
    begin("attention_entropy", h)
        .p(x)
        .p(saved)
        .i64(partial)
        .launch(blocks, h.heads(), Launcher.THREADS);
    launcher.addPartials(partial, blocks, h.heads(), 1, sums);
  }
}

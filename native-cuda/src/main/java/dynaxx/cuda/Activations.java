package dynaxx.cuda;

import dynaxx.kernel.ActivationKernels;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Scalars;
import dynaxx.layer.Activation;
import dynaxx.memory.Buffer;

/** Activations and their passes; kernels in elementwise.cu. */
final class Activations implements ActivationKernels {

  /** Directions whose sums a thread of the curvature kernel forms at once. */
  private static final int TOGETHER = 4;

  private final Launcher launcher;
  private final Packs packs;

  Activations(Launcher launcher) {
    this.launcher = launcher;
    packs = Packs.of(launcher);
  }

  @Override
  public void forward(Pointwise f, long n, Buffer x, Buffer y) {
    begin(f, "value").i64(n).p(x).p(y).launchElements(packs.of(n), 1);
  }

  @Override
  public void backward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add) {
    tangent(f, 1, n, x, dy, dx, add);
  }

  @Override
  public void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry) {
    tangent(f, k, n, x, rx, ry, false);
  }

  private void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    begin(f, "tangent")
        .i32(k)
        .i64(n)
        .p(x)
        .p(rx)
        .p(ry)
        .flag(add)
        .launchElements(packs.of(n), Math.min(k, 1));
  }

  @Override
  public void tangentBackward(
      Pointwise f,
      int k,
      long n,
      Buffer x,
      Buffer dy,
      Buffer rx,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    begin(f, "tangent_backward")
        .i32(k)
        .i64(n)
        .p(x)
        .p(dy)
        .p(rx)
        .p(rdy)
        .p(rdx)
        .flag(add)
        .launchElements(packs.of(n), Math.min(k, 1));
  }

  @Override
  public void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    int blocks = packs.sumBlocks(n);
    long partial = launcher.partials((long) blocks * k);
    begin(f, "curvature")
        .i32(k)
        .i64(n)
        .p(x)
        .p(dy)
        .p(rx)
        .i64(partial)
        .launch(blocks, Math.ceilDiv(k, TOGETHER), Launcher.THREADS);
    launcher.addPartials(partial, blocks, k, 1, c);
  }

  /** Begins a launch and gives it the function, which is every such kernel's first parameter. */
  private Launcher begin(Pointwise f, String pass) {
    return switch (f) {
      case Pointwise.Standard(Activation a) ->
          launcher.kernel("activation_" + pass).i32(a.ordinal()).f64(0).f64(0);
      case Elementary e ->
          launcher.kernel("elementary_" + pass).i32(e.kind().ordinal()).f64(e.a()).f64(e.b());
    };
  }
}

package dynaxx.cuda;

import dynaxx.kernel.Scalars;
import dynaxx.kernel.SoftmaxKernels;
import dynaxx.memory.Buffer;

/** Softmax rows; kernels in softmax.cu. */
final class Softmax implements SoftmaxKernels {

  private final Launcher launcher;

  Softmax(Launcher launcher) {
    this.launcher = launcher;
  }

  private Launcher begin(String name, Teams teams) {
    return launcher.kernel(name).flag(teams.longRows());
  }

  @Override
  public void forward(long rows, int cols, Buffer a, Buffer p) {
    Teams teams = Teams.of(rows, cols);
    begin("softmax_forward", teams)
        .i64(rows)
        .i32(cols)
        .p(a)
        .p(p)
        .launch(teams.blocks(), 1, Launcher.THREADS);
  }

  /** The adjoint of softmax is the same map as its tangent. */
  @Override
  public void backward(long rows, int cols, Buffer p, Buffer dp, Buffer da) {
    tangent(1, rows, cols, p, dp, da);
  }

  @Override
  public void tangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp) {
    Teams teams = Teams.of(rows, cols);
    begin("softmax_tangent", teams)
        .i32(k)
        .i64(rows)
        .i32(cols)
        .p(p)
        .p(ra)
        .p(rp)
        .launch(teams.blocks(), Math.min(k, 1), Launcher.THREADS);
  }

  @Override
  public void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    Teams teams = Teams.of(rows, cols);
    begin("softmax_tangent_backward", teams)
        .i32(k)
        .i64(rows)
        .i32(cols)
        .p(p)
        .p(dp)
        .p(rp)
        .p(rdp)
        .p(rda)
        .launch(teams.blocks(), Math.min(k, 1), Launcher.THREADS);
  }

  @Override
  public void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    Teams teams = Teams.summing(rows, cols);
    long partial = launcher.partials((long) teams.blocks() * k);
    begin("softmax_curvature", teams)
        .i32(k)
        .i64(rows)
        .i32(cols)
        .p(p)
        .p(dp)
        .p(ra)
        .i64(partial)
        .launch((long) teams.blocks() * k, 1, Launcher.THREADS);
    launcher.addPartials(partial, teams.blocks(), k, 1, c);
  }
}

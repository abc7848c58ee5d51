package dynaxx.cuda;

import dynaxx.kernel.LossKernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;

/** Softmax cross-entropy and squared error; kernels in softmax.cu and elementwise.cu. */
final class Losses implements LossKernels {

  private final Launcher launcher;
  private final Packs packs;

  Losses(Launcher launcher) {
    this.launcher = launcher;
    packs = Packs.of(launcher);
  }

  private Launcher begin(String name, Teams teams) {
    return launcher.kernel(name).flag(teams.longRows());
  }

  @Override
  public void crossEntropy(
      long rows,
      int classes,
      double scale,
      Buffer z,
      Buffer targets,
      int stride,
      Buffer p,
      Scalars loss) {
    Teams teams = Teams.summing(rows, classes);
    long partial = launcher.partials(teams.blocks());
    begin("cross_entropy", teams)
        .i64(rows)
        .i32(classes)
        .p(z)
        .p(targets)
        .i32(stride)
        .p(p)
        .i64(partial)
        .launch(teams.blocks(), 1, Launcher.THREADS);
    launcher.addPartials(partial, teams.blocks(), 1, scale, loss);
  }

  @Override
  public void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, int stride, Buffer dz) {
    Teams teams = Teams.of(rows, classes);
    begin("cross_entropy_backward", teams)
        .i64(rows)
        .i32(classes)
        .f64(scale)
        .p(p)
        .p(targets)
        .i32(stride)
        .p(dz)
        .launch(teams.blocks(), 1, Launcher.THREADS);
  }

  @Override
  public void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      int stride,
      Buffer rz,
      Buffer rdz) {
    Teams teams = Teams.of(rows, classes);
    begin("cross_entropy_tangent", teams)
        .i32(k)
        .i64(rows)
        .i32(classes)
        .f64(scale)
        .p(p)
        .p(targets)
        .i32(stride)
        .p(rz)
        .p(rdz)
        .launch(teams.blocks(), Math.min(k, 1), Launcher.THREADS);
  }

  @Override
  public void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    int blocks = packs.sumBlocks(n);
    long partial = launcher.partials(blocks);
    launcher
        .kernel("pair_sums")
        .i64(n)
        .p(z)
        .p(targets)
        .flag(true)
        .i64(partial)
        .launch(blocks, 1, Launcher.THREADS);
    launcher.addPartials(partial, blocks, 1, scale, loss);
  }

  @Override
  public void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    launcher
        .kernel("squared_error_backward")
        .i64(n)
        .f64(2 * scale)
        .p(z)
        .p(targets)
        .p(dz)
        .launchElements(packs.of(n), 1);
  }
}

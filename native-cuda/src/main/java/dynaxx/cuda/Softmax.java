package dynaxx.cuda;

import dynaxx.backend.Scalars;
import dynaxx.memory.Buffer;

/** Softmax rows, attention entropy and softmax cross-entropy; kernels in softmax.cu. */
final class Softmax {

  private final Kernels kernels;
  private final int pack;

  Softmax(Kernels kernels) {
    this.kernels = kernels;
    this.pack = 16 / kernels.elementBytes();
  }

  private Kernels begin(String name, Teams teams) {
    return kernels.kernel(name).flag(teams.longRows());
  }

  void softmax(long rows, int cols, boolean causal, Buffer a, Buffer p) {
    Teams teams = Teams.of(rows, cols);
    begin("softmax_forward", teams)
        .i64(rows)
        .i32(cols)
        .flag(causal)
        .p(a)
        .p(p)
        .launch(teams.blocks(), 1, Kernels.THREADS);
  }

  /** The adjoint of softmax is the same map as its tangent. */
  void softmaxBackward(long rows, int cols, Buffer p, Buffer dp, Buffer da) {
    softmaxTangent(1, rows, cols, p, dp, da);
  }

  void softmaxTangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp) {
    Teams teams = Teams.of(rows, cols);
    begin("softmax_tangent", teams)
        .i32(k)
        .i64(rows)
        .i32(cols)
        .p(p)
        .p(ra)
        .p(rp)
        .launch(teams.blocks(), Math.min(k, 1), Kernels.THREADS);
  }

  void softmaxTangentBackward(
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
        .launch(teams.blocks(), Math.min(k, 1), Kernels.THREADS);
  }

  void softmaxCurvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    Teams teams = Teams.summing(rows, cols);
    long partial = kernels.partials((long) teams.blocks() * k);
    begin("softmax_curvature", teams)
        .i32(k)
        .i64(rows)
        .i32(cols)
        .p(p)
        .p(dp)
        .p(ra)
        .i64(partial)
        .launch((long) teams.blocks() * k, 1, Kernels.THREADS);
    kernels.addPartials(partial, teams.blocks(), k, 1, c);
  }

  /** The rows of a head in one example are one run of elements. */
  void rowEntropy(int batch, int heads, int queries, int cols, Buffer p, Scalars sums) {
    long size = (long) queries * cols;
    long packs = Math.ceilDiv(size, (long) pack);
    int blocks = (int) Math.min(Kernels.blocks(packs), Kernels.REDUCTION_BLOCKS);
    long partial = kernels.partials((long) blocks * heads);
    kernels
        .kernel("softmax_entropy")
        .i64(batch)
        .i64(size)
        .p(p)
        .i64(partial)
        .launch(blocks, heads, Kernels.THREADS);
    kernels.addPartials(partial, blocks, heads, 1, sums);
  }

  // ---- cross-entropy

  void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss) {
    Teams teams = Teams.summing(rows, classes);
    long partial = kernels.partials(teams.blocks());
    begin("cross_entropy", teams)
        .i64(rows)
        .i32(classes)
        .p(z)
        .p(targets)
        .p(p)
        .i64(partial)
        .launch(teams.blocks(), 1, Kernels.THREADS);
    kernels.addPartials(partial, teams.blocks(), 1, scale, loss);
  }

  void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    Teams teams = Teams.of(rows, classes);
    begin("cross_entropy_backward", teams)
        .i64(rows)
        .i32(classes)
        .f64(scale)
        .p(p)
        .p(targets)
        .p(dz)
        .launch(teams.blocks(), 1, Kernels.THREADS);
  }

  void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
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
        .p(rz)
        .p(rdz)
        .launch(teams.blocks(), Math.min(k, 1), Kernels.THREADS);
  }
}

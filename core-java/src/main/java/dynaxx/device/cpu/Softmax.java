package dynaxx.device.cpu;

import dynaxx.kernel.Scalars;
import dynaxx.kernel.SoftmaxKernels;
import dynaxx.memory.Buffer;

/** Softmax of rows and its passes. */
final class Softmax<A> implements SoftmaxKernels {

  private final Loops<A> loops;

  private final RowBlocks blocks;

  Softmax(WorkerPool pool, Loops<A> loops) {
    blocks = new RowBlocks(pool);
    this.loops = loops;
  }

  @Override
  public void forward(long rows, int cols, Buffer a, Buffer p) {
    blocks.run(
        rows,
        cols,
        4,
        (first, count, scratch) -> {
          A v = loops.array(scratch, 0, count * cols);
          loops.load(a, first * cols, v, count * cols);
          for (int r = 0; r < count; r++) {
            double max = loops.max(v, r * cols, cols);
            double sum = loops.expSum(v, r * cols, cols, max);
            loops.multiply(v, r * cols, 1 / sum, cols);
          }
          loops.store(v, p, first * cols, count * cols);
        });
  }

  /**
   * {@code out_i = p (in_i - sum(p in_i))}: the tangent of softmax, and with one direction its
   * adjoint.
   */
  private void apply(int k, long rows, int cols, Buffer p, Buffer in, Buffer out) {
    blocks.run(
        rows,
        cols,
        2 + 2 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          A vp = loops.array(scratch, 0, size);
          A v = loops.array(scratch, 1, size);
          loops.load(p, first * cols, vp, size);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * cols;
            loops.load(in, at, v, size);
            for (int r = 0; r < size; r += cols) {
              loops.weigh(v, vp, r, loops.dot(vp, r, v, r, cols), cols);
            }
            loops.store(v, out, at, size);
          }
        });
  }

  @Override
  public void backward(long rows, int cols, Buffer p, Buffer dp, Buffer da) {
    apply(1, rows, cols, p, dp, da);
  }

  @Override
  public void tangent(int k, long rows, int cols, Buffer p, Buffer ra, Buffer rp) {
    apply(k, rows, cols, p, ra, rp);
  }

  @Override
  public void tangentBackward(
      int k, long rows, int cols, Buffer p, Buffer dp, Buffer rp, Buffer rdp, Buffer rda) {
    blocks.run(
        rows,
        cols,
        2 + 4 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          A vp = loops.array(scratch, 0, size);
          A vdp = loops.array(scratch, 1, size);
          A vrp = loops.array(scratch, 2, size);
          A v = loops.array(scratch, 3, size);
          loops.load(p, first * cols, vp, size);
          loops.load(dp, first * cols, vdp, size);
          centre(vp, vdp, size, cols);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * cols;
            loops.load(rp, at, vrp, size);
            loops.load(rdp, at, v, size);
            for (int r = 0; r < size; r += cols) {
              // sum(rp) is 0, so the centred dp serves in the mean as well and cancels less
              double mean = loops.dot(vrp, r, vdp, r, cols) + loops.dot(vp, r, v, r, cols);
              loops.weigh(v, vp, vrp, vdp, r, mean, cols);
            }
            loops.store(v, rda, at, size);
          }
        });
  }

  /** {@code dp -= sum(p dp)} in each row. */
  private void centre(A p, A dp, int size, int cols) {
    for (int r = 0; r < size; r += cols) {
      loops.add(dp, r, -loops.dot(p, r, dp, r, cols), cols);
    }
  }

  @Override
  public void curvature(int k, long rows, int cols, Buffer p, Buffer dp, Buffer ra, Scalars c) {
    int each = RowBlocks.rowsPerTask(cols);
    double[] partial = new double[Math.multiplyExact(Host.pieces(rows, each), k)];
    blocks.run(
        rows,
        cols,
        2 + 4 * k,
        (first, count, scratch) -> {
          int size = count * cols;
          A vp = loops.array(scratch, 0, size);
          A weight = loops.array(scratch, 1, size);
          A u = loops.array(scratch, 2, size);
          loops.load(p, first * cols, vp, size);
          loops.load(dp, first * cols, weight, size);
          // <dp, p (u^2 - sum p u^2)> = <p (dp - sum p dp), u^2>
          centre(vp, weight, size, cols);
          loops.multiply(weight, vp, size);
          for (int i = 0; i < k; i++) {
            loops.load(ra, (i * rows + first) * cols, u, size);
            centre(vp, u, size, cols);
            double sum = 0;
            for (int r = 0; r < size; r += cols) {
              sum += loops.dot(weight, r, u, r, u, r, cols);
            }
            partial[(int) (first / each) * k + i] = sum;
          }
        });
    Pieces.addInOrder(partial, k, 1, c);
  }
}

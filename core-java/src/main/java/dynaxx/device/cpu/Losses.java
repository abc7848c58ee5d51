package dynaxx.device.cpu;

import dynaxx.kernel.LossKernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;

/** Softmax cross-entropy and squared error. */
final class Losses<A> implements LossKernels {

  private final RowBlocks blocks;
  private final Pieces pieces;
  private final Loops<A> loops;

  Losses(WorkerPool pool, Loops<A> loops) {
    blocks = new RowBlocks(pool);
    pieces = new Pieces(pool);
    this.loops = loops;
  }

  @Override
  public void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss) {
    int each = RowBlocks.rowsPerTask(classes);
    double[] partial = new double[Host.pieces(rows, each)];
    blocks.run(
        rows,
        classes,
        4,
        (first, count, scratch) -> {
          A v = loops.array(scratch, 0, count * classes);
          loops.load(z, first * classes, v, count * classes);
          double sum = 0;
          for (int r = 0; r < count; r++) {
            double target = loops.get(v, r * classes + (int) loops.get(targets, first + r));
            sum += normalise(v, r * classes, classes) - target;
          }
          partial[(int) (first / each)] = sum;
          loops.store(v, p, first * classes, count * classes);
        });
    Pieces.addInOrder(partial, 1, scale, loss);
  }

  /** Softmax of one row in place; returns the logarithm of the sum of exponentials. */
  private double normalise(A v, int at, int n) {
    double max = loops.max(v, at, n);
    double sum = loops.expSum(v, at, n, max);
    loops.multiply(v, at, 1 / sum, n);
    return max + Math.log(sum);
  }

  @Override
  public void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    blocks.run(
        rows,
        classes,
        2,
        (first, count, scratch) -> {
          A v = loops.array(scratch, 0, count * classes);
          loops.load(p, first * classes, v, count * classes);
          for (int r = 0; r < count; r++) {
            int target = r * classes + (int) loops.get(targets, first + r);
            loops.set(v, target, 0);
            loops.set(v, target, -loops.sum(v, r * classes, classes));
          }
          loops.multiply(v, 0, scale, count * classes);
          loops.store(v, dz, first * classes, count * classes);
        });
  }

  @Override
  public void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      Buffer rz,
      Buffer rdz) {
    blocks.run(
        rows,
        classes,
        2 + 2 * k,
        (first, count, scratch) -> {
          int size = count * classes;
          A vp = loops.array(scratch, 0, size);
          A q = loops.array(scratch, 1, size);
          loops.load(p, first * classes, vp, size);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * classes;
            loops.load(rz, at, q, size);
            for (int r = 0; r < count; r++) {
              int start = r * classes;
              int target = start + (int) loops.get(targets, first + r);
              loops.add(q, start, -loops.get(q, target), classes);
              double mean = loops.dot(vp, start, q, start, classes);
              loops.weigh(q, vp, start, mean, classes);
            }
            loops.multiply(q, 0, scale, size);
            loops.store(q, rdz, at, size);
          }
        });
  }

  @Override
  public void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    double[] partial = new double[Host.pieces(n, Pieces.CHUNK)];
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A w = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(z, from, v, size);
          loops.load(targets, from, w, size);
          partial[(int) (from / Pieces.CHUNK)] = loops.squaredDistance(v, 0, w, 0, size);
        });
    Pieces.addInOrder(partial, 1, scale, loss);
  }

  @Override
  public void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A w = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(z, from, v, size);
          loops.load(targets, from, w, size);
          double[] difference = scratch.doubles(2, Pieces.CHUNK);
          loops.widen(v, difference, size);
          loops.addScaled(difference, -1, w, size);
          for (int j = 0; j < size; j++) {
            difference[j] *= 2 * scale;
          }
          loops.narrow(difference, v, size);
          loops.store(v, dz, from, size);
        });
  }
}

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
      long rows,
      int classes,
      double scale,
      Buffer z,
      Buffer targets,
      int stride,
      Buffer p,
      Scalars loss) {
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
            double target = loops.get(v, r * classes + target(targets, first + r, stride));
            double term = normalise(v, r * classes, classes) - target;
            sum += weight(targets, first + r, stride) * term;
          }
          partial[(int) (first / each)] = sum;
          loops.store(v, p, first * classes, count * classes);
        });
    Pieces.addInOrder(partial, 1, scale, loss);
  }

  private int target(Buffer targets, long row, int stride) {
    return (int) loops.get(targets, row * stride);
  }

  private double weight(Buffer targets, long row, int stride) {
    return stride > 1 ? loops.get(targets, row * stride + 1) : 1;
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
      long rows, int classes, double scale, Buffer p, Buffer targets, int stride, Buffer dz) {
    blocks.run(
        rows,
        classes,
        2,
        (first, count, scratch) -> {
          A v = loops.array(scratch, 0, count * classes);
          loops.load(p, first * classes, v, count * classes);
          for (int r = 0; r < count; r++) {
            int target = r * classes + target(targets, first + r, stride);
            loops.set(v, target, 0);
            loops.set(v, target, -loops.sum(v, r * classes, classes));
            double factor = scale * weight(targets, first + r, stride);
            loops.multiply(v, r * classes, factor, classes);
          }
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
      int stride,
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
              int likely = likely(vp, start, classes, target(targets, first + r, stride));
              loops.add(q, start, -loops.get(q, start + likely), classes);
              double mean = loops.dot(vp, start, q, start, classes);
              loops.weigh(q, vp, start, mean, classes);
              double factor = scale * weight(targets, first + r, stride);
              loops.multiply(q, start, factor, classes);
            }
            loops.store(q, rdz, at, size);
          }
        });
  }

  /** The class with more than half of the probability; the target if there is none. */
  private int likely(A p, int at, int classes, int target) {
    if (loops.get(p, at + target) >= 0.5 || !(loops.max(p, at, classes) > 0.5)) {
      return target;
    }
    int likely = 0;
    while (!(loops.get(p, at + likely) > 0.5)) {
      likely++;
    }
    return likely;
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

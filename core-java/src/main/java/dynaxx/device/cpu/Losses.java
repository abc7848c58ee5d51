package dynaxx.device.cpu;

import dynaxx.kernel.LossKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import java.lang.foreign.MemorySegment;

/** Softmax cross-entropy and squared error. */
final class Losses implements LossKernels {

  private final RowBlocks blocks;
  private final Pieces pieces;
  private final RowLoops kernels;

  Losses(WorkerPool pool, RowLoops kernels) {
    blocks = new RowBlocks(pool, kernels);
    pieces = new Pieces(pool);
    this.kernels = kernels;
  }

  @Override
  public void crossEntropy(
      long rows, int classes, double scale, Buffer z, Buffer targets, Buffer p, Scalars loss) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(p);
    int each = RowBlocks.rowsPerTask(classes);
    double[] partial = new double[Host.pieces(rows, each)];
    blocks.run(
        rows,
        classes,
        4,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * classes);
          Host.load(sz, first * classes, v, count * classes);
          double sum = 0;
          for (int r = 0; r < count; r++) {
            float target = v[r * classes + (int) Host.get(st, first + r)];
            sum += blocks.normalise(v, r * classes, classes) - target;
          }
          partial[(int) (first / each)] = sum;
          Host.store(v, out, first * classes, count * classes);
        });
    Pieces.addInOrder(partial, 1, scale, loss);
  }

  @Override
  public void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, Buffer dz) {
    MemorySegment sp = Host.segment(p);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(dz);
    float factor = (float) scale;
    blocks.run(
        rows,
        classes,
        2,
        (first, count, scratch) -> {
          float[] v = scratch.floats(0, count * classes);
          Host.load(sp, first * classes, v, count * classes);
          for (int r = 0; r < count; r++) {
            int target = r * classes + (int) Host.get(st, first + r);
            v[target] = 0;
            v[target] = (float) -kernels.sum(v, r * classes, classes);
          }
          for (int j = 0; j < count * classes; j++) {
            v[j] *= factor;
          }
          Host.store(v, out, first * classes, count * classes);
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
    MemorySegment sp = Host.segment(p);
    MemorySegment st = Host.segment(targets);
    MemorySegment in = Host.segment(rz);
    MemorySegment out = Host.segment(rdz);
    float factor = (float) scale;
    blocks.run(
        rows,
        classes,
        2 + 2 * k,
        (first, count, scratch) -> {
          int size = count * classes;
          float[] vp = scratch.floats(0, size);
          float[] q = scratch.floats(1, size);
          Host.load(sp, first * classes, vp, size);
          for (int i = 0; i < k; i++) {
            long at = (i * rows + first) * classes;
            Host.load(in, at, q, size);
            for (int r = 0; r < count; r++) {
              int start = r * classes;
              shift(q, start, classes, q[start + (int) Host.get(st, first + r)]);
              float mean = (float) kernels.dot(vp, start, q, start, classes);
              for (int j = start; j < start + classes; j++) {
                q[j] = factor * (vp[j] * (q[j] - mean));
              }
            }
            Host.store(q, out, at, size);
          }
        });
  }

  private static void shift(float[] q, int at, int n, float by) {
    for (int j = at; j < at + n; j++) {
      q[j] -= by;
    }
  }

  @Override
  public void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    double[] partial = new double[Host.pieces(n, Pieces.CHUNK)];
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] w = scratch.floats(1, Pieces.CHUNK);
          Host.load(sz, from, v, size);
          Host.load(st, from, w, size);
          partial[(int) (from / Pieces.CHUNK)] = kernels.squaredDistance(v, 0, w, 0, size);
        });
    Pieces.addInOrder(partial, 1, scale, loss);
  }

  @Override
  public void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    MemorySegment sz = Host.segment(z);
    MemorySegment st = Host.segment(targets);
    MemorySegment out = Host.segment(dz);
    pieces.run(
        n,
        1,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] w = scratch.floats(1, Pieces.CHUNK);
          Host.load(sz, from, v, size);
          Host.load(st, from, w, size);
          for (int j = 0; j < size; j++) {
            v[j] = (float) (2 * scale * ((double) v[j] - w[j]));
          }
          Host.store(v, out, from, size);
        });
  }
}

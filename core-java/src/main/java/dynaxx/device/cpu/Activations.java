package dynaxx.device.cpu;

import dynaxx.function.Pointwise;
import dynaxx.kernel.ActivationKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import java.lang.foreign.MemorySegment;

/** Activations and their passes; the values shared by all directions are formed once. */
final class Activations implements ActivationKernels {

  private final Pieces pieces;
  private final RowLoops kernels;

  Activations(WorkerPool pool, RowLoops kernels) {
    pieces = new Pieces(pool);
    this.kernels = kernels;
  }

  @Override
  public void forward(Pointwise f, long n, Buffer x, Buffer y) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sy = Host.segment(y);
    pieces.run(
        n,
        4,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] w = scratch.floats(1, Pieces.CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, w, null, null);
          Host.store(w, sy, from, size);
        });
  }

  /** {@code ry (+)= f'(x) rx} for k directions; the backward pass is the same with one. */
  private void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    MemorySegment sx = Host.segment(x);
    MemorySegment in = Host.segment(rx);
    MemorySegment out = Host.segment(ry);
    pieces.run(
        n,
        4 + k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] slope = scratch.floats(1, Pieces.CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, slope, null);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(in, at, v, size);
            Pieces.times(v, slope, size);
            Pieces.store(v, out, at, size, add, scratch);
          }
        });
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
    MemorySegment sx = Host.segment(x);
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segment(rx);
    MemorySegment srdy = Host.segment(rdy);
    MemorySegment out = Host.segment(rdx);
    pieces.run(
        n,
        6 + 2 * k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] slope = scratch.floats(1, Pieces.CHUNK);
          float[] bend = scratch.floats(2, Pieces.CHUNK);
          float[] w = scratch.floats(3, Pieces.CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, slope, bend);
          Host.load(sdy, from, v, size);
          Pieces.times(bend, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            Host.load(srx, at, v, size);
            Host.load(srdy, at, w, size);
            for (int j = 0; j < size; j++) {
              v[j] = slope[j] * w[j] + bend[j] * v[j];
            }
            Pieces.store(v, out, at, size, add, scratch);
          }
        });
  }

  @Override
  public void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    MemorySegment sx = Host.segment(x);
    MemorySegment sdy = Host.segment(dy);
    MemorySegment srx = Host.segment(rx);
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, Pieces.CHUNK), k)];
    pieces.run(
        n,
        6 + k,
        (from, size, scratch) -> {
          float[] v = scratch.floats(0, Pieces.CHUNK);
          float[] bend = scratch.floats(2, Pieces.CHUNK);
          Host.load(sx, from, v, size);
          kernels.activation(f, size, v, null, null, bend);
          Host.load(sdy, from, v, size);
          Pieces.times(bend, v, size);
          for (int i = 0; i < k; i++) {
            Host.load(srx, i * n + from, v, size);
            partial[(int) (from / Pieces.CHUNK) * k + i] = kernels.dot(bend, 0, v, 0, v, 0, size);
          }
        });
    Pieces.addInOrder(partial, k, 1, c);
  }

  @Override
  public void backward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add) {
    tangent(f, 1, n, x, dy, dx, add);
  }

  @Override
  public void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry) {
    tangent(f, k, n, x, rx, ry, false);
  }
}

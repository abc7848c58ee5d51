package dynaxx.device.cpu;

import dynaxx.kernel.ActivationKernels;
import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;

/** Activations and their passes; the values shared by all directions are formed once. */
final class Activations<A> implements ActivationKernels {

  private final Pieces pieces;
  private final Loops<A> loops;

  Activations(WorkerPool pool, Loops<A> loops) {
    pieces = new Pieces(pool);
    this.loops = loops;
  }

  @Override
  public void forward(Pointwise f, long n, Buffer x, Buffer y) {
    pieces.run(
        n,
        4,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A w = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(x, from, v, size);
          loops.activation(f, size, v, w, null, null);
          loops.store(w, y, from, size);
        });
  }

  /** {@code ry (+)= f'(x) rx} for k directions; the backward pass is the same with one. */
  private void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    pieces.run(
        n,
        4 + k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A slope = loops.array(scratch, 1, Pieces.CHUNK);
          loops.load(x, from, v, size);
          loops.activation(f, size, v, null, slope, null);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(rx, at, v, size);
            loops.multiply(v, slope, size);
            loops.store(v, ry, at, size, add, scratch);
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
    pieces.run(
        n,
        6 + 2 * k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A slope = loops.array(scratch, 1, Pieces.CHUNK);
          A bend = loops.array(scratch, 2, Pieces.CHUNK);
          A w = loops.array(scratch, 3, Pieces.CHUNK);
          loops.load(x, from, v, size);
          loops.activation(f, size, v, null, slope, bend);
          loops.load(dy, from, v, size);
          loops.multiply(bend, v, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(rx, at, v, size);
            loops.load(rdy, at, w, size);
            loops.combine(v, bend, w, slope, size);
            loops.store(v, rdx, at, size, add, scratch);
          }
        });
  }

  @Override
  public void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, Pieces.CHUNK), k)];
    pieces.run(
        n,
        6 + k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          A bend = loops.array(scratch, 2, Pieces.CHUNK);
          loops.load(x, from, v, size);
          loops.activation(f, size, v, null, null, bend);
          loops.load(dy, from, v, size);
          loops.multiply(bend, v, size);
          for (int i = 0; i < k; i++) {
            loops.load(rx, i * n + from, v, size);
            partial[(int) (from / Pieces.CHUNK) * k + i] = loops.dot(bend, 0, v, 0, v, 0, size);
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

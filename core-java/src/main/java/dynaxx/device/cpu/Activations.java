package dynaxx.device.cpu;

import dynaxx.kernel.ActivationKernels;
import dynaxx.kernel.Elementary;
import dynaxx.kernel.Pointwise;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;

/**
 * Activations and their passes; the values shared by all directions are formed once. Derivatives of
 * elementary functions can leave the range of float32 where their products with tangents and
 * adjoints do not, as for the logarithm of a large number, so they and these products are float64.
 * Those of the standard activations are small, and only the order of a product matters.
 */
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
          loops.load(x, from, v, size);
          if (f instanceof Elementary) {
            tangentWide(new Wide(f, v, size, scratch, false), k, n, from, rx, ry, add);
            return;
          }
          A slope = loops.array(scratch, 1, Pieces.CHUNK);
          loops.activation(f, size, v, null, slope, null);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(rx, at, v, size);
            loops.multiply(v, slope, size);
            loops.store(v, ry, at, size, add, scratch);
          }
        });
  }

  /** A piece of an elementary function: its derivatives and work arrays in float64. */
  private final class Wide {
    private final A v;
    private final int size;
    private final Scratch scratch;
    private final double[] slope;
    private final double[] bend;
    private final double[] a;
    private final double[] b;

    Wide(Pointwise f, A x, int size, Scratch scratch, boolean bends) {
      this.v = x;
      this.size = size;
      this.scratch = scratch;
      slope = scratch.doubles(4, Pieces.CHUNK);
      bend = scratch.doubles(5, Pieces.CHUNK);
      a = scratch.doubles(6, Pieces.CHUNK);
      b = scratch.doubles(7, Pieces.CHUNK);
      loops.widen(x, a, size);
      ScalarFunctions.derivatives(f, size, a, slope, bends ? bend : null);
    }

    double[] load(Buffer from, long at, double[] to) {
      loops.load(from, at, v, size);
      loops.widen(v, to, size);
      return to;
    }

    void bendTimes(Buffer dy, long from) {
      load(dy, from, a);
      for (int j = 0; j < size; j++) {
        bend[j] *= a[j];
      }
    }

    void store(Buffer to, long at, boolean add) {
      loops.narrow(a, v, size);
      loops.store(v, to, at, size, add, scratch);
    }
  }

  private void tangentWide(Wide w, int k, long n, long from, Buffer rx, Buffer ry, boolean add) {
    for (int i = 0; i < k; i++) {
      w.load(rx, i * n + from, w.a);
      for (int j = 0; j < w.size; j++) {
        w.a[j] *= w.slope[j];
      }
      w.store(ry, i * n + from, add);
    }
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
          loops.load(x, from, v, size);
          if (f instanceof Elementary) {
            Wide w = new Wide(f, v, size, scratch, true);
            w.bendTimes(dy, from);
            tangentBackwardWide(w, k, n, from, rx, rdy, rdx, add);
            return;
          }
          A slope = loops.array(scratch, 1, Pieces.CHUNK);
          A bend = loops.array(scratch, 2, Pieces.CHUNK);
          A w = loops.array(scratch, 3, Pieces.CHUNK);
          A adjoint = loops.array(scratch, 4, Pieces.CHUNK);
          loops.activation(f, size, v, null, slope, bend);
          loops.load(dy, from, adjoint, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            loops.load(rx, at, v, size);
            loops.load(rdy, at, w, size);
            loops.secondOrder(v, bend, adjoint, w, slope, size);
            loops.store(v, rdx, at, size, add, scratch);
          }
        });
  }

  private void tangentBackwardWide(
      Wide w, int k, long n, long from, Buffer rx, Buffer rdy, Buffer rdx, boolean add) {
    for (int i = 0; i < k; i++) {
      w.load(rx, i * n + from, w.a);
      w.load(rdy, i * n + from, w.b);
      for (int j = 0; j < w.size; j++) {
        w.a[j] = w.bend[j] * w.a[j] + w.slope[j] * w.b[j];
      }
      w.store(rdx, i * n + from, add);
    }
  }

  @Override
  public void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    double[] partial = new double[Math.multiplyExact(Host.pieces(n, Pieces.CHUNK), k)];
    pieces.run(
        n,
        6 + k,
        (from, size, scratch) -> {
          A v = loops.array(scratch, 0, Pieces.CHUNK);
          int at = (int) (from / Pieces.CHUNK) * k;
          loops.load(x, from, v, size);
          if (f instanceof Elementary) {
            Wide w = new Wide(f, v, size, scratch, true);
            w.bendTimes(dy, from);
            for (int i = 0; i < k; i++) {
              partial[at + i] = curvature(w, w.load(rx, i * n + from, w.a));
            }
            return;
          }
          A bend = loops.array(scratch, 2, Pieces.CHUNK);
          A adjoint = loops.array(scratch, 3, Pieces.CHUNK);
          loops.activation(f, size, v, null, null, bend);
          loops.load(dy, from, adjoint, size);
          for (int i = 0; i < k; i++) {
            loops.load(rx, i * n + from, v, size);
            partial[at + i] = loops.dotOfSquares(bend, adjoint, v, size);
          }
        });
    Pieces.addInOrder(partial, k, 1, c);
  }

  private double curvature(Wide w, double[] rx) {
    double sum = 0;
    for (int j = 0; j < w.size; j++) {
      sum += w.bend[j] * rx[j] * rx[j];
    }
    return sum;
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

package dynaxx.device.cpu;

import dynaxx.function.Pointwise;
import dynaxx.kernel.ActivationKernels;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;

/** Activations and their passes in float64. */
final class Float64Activations implements ActivationKernels {

  private static final int VALUE = 0;
  private static final int SLOPE = 1;
  private static final int BEND = 2;

  private final Float64Loops loops;

  Float64Activations(Float64Loops loops) {
    this.loops = loops;
  }

  /** Value, first and second derivative at each element. */
  private static double[][] evaluate(Pointwise f, double[] x) {
    double[][] found = new double[3][x.length];
    double[] w = new double[3];
    for (int j = 0; j < x.length; j++) {
      ScalarFunctions.evaluate(f, x[j], w);
      found[VALUE][j] = w[VALUE];
      found[SLOPE][j] = w[SLOPE];
      found[BEND][j] = w[BEND];
    }
    return found;
  }

  @Override
  public void forward(Pointwise f, long n, Buffer x, Buffer y) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(n, (at, size) -> out.write(at, evaluate(f, in.read(at, size))[VALUE]));
  }

  /** {@code ry (+)= f'(x) rx} for k directions; the backward pass is the same with one. */
  private void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    Float64Buffer inputs = Float64Buffer.of(x);
    Float64Buffer in = Float64Buffer.of(rx);
    Float64Buffer out = Float64Buffer.of(ry);
    loops.pieces(
        n,
        (from, size) -> {
          double[] slope = evaluate(f, inputs.read(from, size))[SLOPE];
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            out.write(at, Doubles.product(slope, in.read(at, size)), add);
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
    Float64Buffer inputs = Float64Buffer.of(x);
    Float64Buffer adjoints = Float64Buffer.of(dy);
    Float64Buffer tangents = Float64Buffer.of(rx);
    Float64Buffer in = Float64Buffer.of(rdy);
    Float64Buffer out = Float64Buffer.of(rdx);
    loops.pieces(
        n,
        (from, size) -> {
          double[][] w = evaluate(f, inputs.read(from, size));
          double[] bend = Doubles.product(w[BEND], adjoints.read(from, size));
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            double[] sum = Doubles.product(w[SLOPE], in.read(at, size));
            Doubles.add(sum, Doubles.product(bend, tangents.read(at, size)));
            out.write(at, sum, add);
          }
        });
  }

  @Override
  public void curvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    Float64Buffer inputs = Float64Buffer.of(x);
    Float64Buffer adjoints = Float64Buffer.of(dy);
    Float64Buffer tangents = Float64Buffer.of(rx);
    loops.addPieceSums(
        n,
        k,
        1,
        c,
        (sums, from, size) -> {
          double[] bend = evaluate(f, inputs.read(from, size))[BEND];
          bend = Doubles.product(bend, adjoints.read(from, size));
          for (int i = 0; i < k; i++) {
            double[] v = tangents.read(i * n + from, size);
            sums[i] += Doubles.dot(Doubles.product(bend, v), v);
          }
        });
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

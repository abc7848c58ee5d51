package dynaxx.backend.cpu;

import dynaxx.backend.Philox;
import dynaxx.backend.Pointwise;
import dynaxx.backend.Scalars;
import dynaxx.backend.Strided;
import dynaxx.memory.Buffer;

/** Activations, sums, products, dropout and the squared error in float64. */
final class Float64Elementwise {

  private static final int VALUE = 0;
  private static final int SLOPE = 1;
  private static final int BEND = 2;

  private final Float64Loops loops;

  Float64Elementwise(Float64Loops loops) {
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

  void activation(Pointwise f, long n, Buffer x, Buffer y) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(n, (at, size) -> out.write(at, evaluate(f, in.read(at, size))[VALUE]));
  }

  /** {@code ry (+)= f'(x) rx} for k directions; the backward pass is the same with one. */
  void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
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

  void activationTangentBackward(
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

  void activationCurvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
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

  void add(long n, Buffer a, Buffer b, Buffer y) {
    Float64Buffer left = Float64Buffer.of(a);
    Float64Buffer right = Float64Buffer.of(b);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(
        n,
        (at, size) -> {
          double[] sum = left.read(at, size);
          Doubles.add(sum, right.read(at, size));
          out.write(at, sum);
        });
  }

  void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    Float64Buffer left = Float64Buffer.of(a);
    Float64Buffer right = Float64Buffer.of(b);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(
        n,
        (from, size) -> {
          double[] shared = left.read(from, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            out.write(at, Doubles.product(shared, right.read(at, size)), add);
          }
        });
  }

  void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
    Float64Buffer left = Float64Buffer.of(a.buffer());
    Float64Buffer right = Float64Buffer.of(b);
    loops.addPieceSums(
        n,
        k,
        alpha,
        c,
        (sums, from, size) -> {
          for (int i = 0; i < k; i++) {
            double[] v = left.read(Host.start(a, i) + from, size);
            sums[i] += Doubles.dot(v, right.read(i * n + from, size));
          }
        });
  }

  void dropout(long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(
        n,
        (from, size) -> {
          double[] v = in.read(from, size);
          int[] words = new int[4];
          for (int j = 0; j < size; j++) {
            if (j % 4 == 0) {
              Philox.words(seed, stream, (from + j) / 4, words);
            }
            v[j] = (words[j % 4] >>> 8) * 0x1p-24 >= rate ? v[j] / (1 - rate) : 0;
          }
          out.write(from, v, add);
        });
  }

  void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    Float64Buffer in = Float64Buffer.of(z);
    Float64Buffer wanted = Float64Buffer.of(targets);
    loops.addPieceSums(
        n,
        1,
        scale,
        loss,
        (sums, at, size) ->
            sums[0] += Doubles.squaredDistance(in.read(at, size), wanted.read(at, size)));
  }

  void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    Float64Buffer in = Float64Buffer.of(z);
    Float64Buffer wanted = Float64Buffer.of(targets);
    Float64Buffer out = Float64Buffer.of(dz);
    loops.pieces(
        n,
        (at, size) -> {
          double[] v = in.read(at, size);
          Doubles.add(v, -1, wanted.read(at, size));
          Doubles.scale(v, 2 * scale);
          out.write(at, v);
        });
  }
}

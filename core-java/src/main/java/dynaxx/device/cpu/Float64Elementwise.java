package dynaxx.device.cpu;

import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.Philox;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scalars;
import dynaxx.memory.Strided;

/** Sums, products and dropout in float64. */
final class Float64Elementwise implements ElementwiseKernels {

  private final Float64Loops loops;

  Float64Elementwise(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void add(long n, Buffer a, Buffer b, Buffer y) {
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

  @Override
  public void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
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

  @Override
  public void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
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

  @Override
  public void dropout(
      long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
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
}

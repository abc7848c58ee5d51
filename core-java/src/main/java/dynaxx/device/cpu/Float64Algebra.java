package dynaxx.device.cpu;

import dynaxx.kernel.Philox;
import dynaxx.memory.Buffer;
import dynaxx.memory.Strided;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** Whole-vector algebra in float64, and the way from and to float32. */
final class Float64Algebra implements dynaxx.device.Algebra {

  private final Float64Loops loops;

  Float64Algebra(Float64Loops loops) {
    this.loops = loops;
  }

  void widen(MemorySegment values, Buffer to) {
    Float64Buffer out = Float64Buffer.of(to);
    loops.pieces(
        out.size(),
        (at, size) -> {
          double[] v = new double[size];
          for (int j = 0; j < size; j++) {
            v[j] = values.getAtIndex(ValueLayout.JAVA_FLOAT, at + j);
          }
          out.write(at, v);
        });
  }

  void round(Buffer from, MemorySegment to) {
    Float64Buffer in = Float64Buffer.of(from);
    loops.pieces(
        in.size(),
        (at, size) -> {
          double[] v = in.read(at, size);
          for (int j = 0; j < size; j++) {
            to.setAtIndex(ValueLayout.JAVA_FLOAT, at + j, (float) v[j]);
          }
        });
  }

  @Override
  public void fill(Buffer x, double value) {
    Float64Buffer out = Float64Buffer.of(x);
    loops.pieces(
        x.size(),
        (at, size) -> {
          double[] v = new double[size];
          Arrays.fill(v, value);
          out.write(at, v);
        });
  }

  @Override
  public void copy(Buffer from, Buffer to) {
    Float64Buffer in = Float64Buffer.of(from);
    Float64Buffer out = Float64Buffer.of(to);
    loops.pieces(from.size(), (at, size) -> out.write(at, in.read(at, size)));
  }

  private interface Reduction {
    double of(double[] a, double[] b);
  }

  private double reduce(Buffer a, Buffer b, Reduction reduction) {
    Float64Buffer left = Float64Buffer.of(a);
    Float64Buffer right = Float64Buffer.of(b);
    return loops
        .pieceSums(
            a.size(),
            1,
            (sums, at, size) -> sums[0] += reduction.of(left.read(at, size), right.read(at, size)))[
        0];
  }

  @Override
  public double dot(Buffer a, Buffer b) {
    return reduce(a, b, Doubles::dot);
  }

  @Override
  public double squaredDistance(Buffer a, Buffer b) {
    return reduce(a, b, Doubles::squaredDistance);
  }

  @Override
  public void axpby(double alpha, Buffer x, double beta, Buffer y) {
    Float64Buffer in = Float64Buffer.of(x);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(
        x.size(),
        (at, size) -> {
          double[] v = in.read(at, size);
          Doubles.scale(v, alpha);
          if (beta != 0) {
            Doubles.add(v, beta, out.read(at, size));
          }
          out.write(at, v);
        });
  }

  @Override
  public double[] project(Vectors basis, int count, Buffer w) {
    Float64Buffer q = Float64Buffer.of(basis.buffer());
    Float64Buffer out = Float64Buffer.of(w);
    long n = basis.length();
    double[] c =
        loops.pieceSums(
            n,
            count,
            (sums, at, size) -> {
              double[] v = out.read(at, size);
              for (int i = 0; i < count; i++) {
                sums[i] += Doubles.dot(q.read(i * n + at, size), v);
              }
            });
    loops.pieces(
        n,
        (at, size) -> {
          double[] v = out.read(at, size);
          for (int i = 0; i < count; i++) {
            Doubles.add(v, -c[i], q.read(i * n + at, size));
          }
          out.write(at, v);
        });
    return c;
  }

  @Override
  public void combine(Vectors basis, double[] coefficients, Buffer y) {
    Float64Buffer q = Float64Buffer.of(basis.buffer());
    Float64Buffer out = Float64Buffer.of(y);
    long n = basis.length();
    loops.pieces(
        n,
        (at, size) -> {
          double[] sum = new double[size];
          for (int i = 0; i < coefficients.length; i++) {
            Doubles.add(sum, coefficients[i], q.read(i * n + at, size));
          }
          out.write(at, sum);
        });
  }

  @Override
  public double[] probeDots(long seed, long first, long offset, long size, int count, Strided x) {
    Float64Buffer in = Float64Buffer.of(x.buffer());
    double[] sums = new double[count];
    for (int i = 0; i < count; i++) {
      long probe = first + i;
      long start = Host.start(x, i);
      sums[i] =
          loops
              .pieceSums(
                  size,
                  1,
                  (sum, at, length) -> {
                    double[] z = signs(seed, probe, offset + at, length);
                    double[] v = in.read(start + at, length);
                    for (int j = 0; j < length; j++) {
                      sum[0] += z[j] * v[j];
                    }
                  })[0];
    }
    return sums;
  }

  @Override
  public void rademacher(long seed, long first, Vectors vectors) {
    Float64Buffer out = Float64Buffer.of(vectors.buffer());
    long n = vectors.length();
    for (int i = 0; i < vectors.count(); i++) {
      long probe = first + i;
      long start = i * n;
      loops.pieces(n, (at, size) -> out.write(start + at, signs(seed, probe, at, size)));
    }
  }

  private static double[] signs(long seed, long probe, long from, int size) {
    double[] v = new double[size];
    int[] words = new int[4];
    for (int j = 0; j < size; j++) {
      int bit = (int) ((from + j) % Philox.SIGNS_PER_BLOCK);
      if (bit == 0 || j == 0) {
        Philox.words(seed, probe, (from + j) / Philox.SIGNS_PER_BLOCK, words);
      }
      v[j] = (words[bit >>> 5] >>> (bit & 31) & 1) == 0 ? -1 : 1;
    }
    return v;
  }
}

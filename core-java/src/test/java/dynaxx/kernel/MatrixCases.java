package dynaxx.kernel;

import dynaxx.kernel.GemmKernels.Members;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Uses of {@link MatrixKernels}. */
final class MatrixCases {

  private static final double EPS = 0x1p-24;

  private MatrixCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    int[][] shapes = {
      {1, 1, 1}, {7, 17, 1}, {17, 17, 16}, {17, 16, 17}, {63, 65, 129}, {65, 33, 257},
      {129, 70, 600}, {5, 1100, 7}, {1, 1030, 300}, {200, 1, 65}, {8, 32, 0}, {96, 128, 513}
    };
    for (int[] s : shapes) {
      for (int transposes = 0; transposes < 4; transposes++) {
        boolean ta = (transposes & 1) != 0;
        boolean tb = (transposes & 2) != 0;
        cases.add(product(new Shape(s[0], s[1], s[2], ta, tb, 1, 0, false, Members.ONE, false)));
        cases.add(product(new Shape(s[0], s[1], s[2], ta, tb, -0.5f, 1, true, Members.ONE, false)));
      }
    }
    Members three = new Members(2, 3, 2);
    cases.add(product(new Shape(17, 17, 8, false, true, 0.3f, 0.7f, true, three, false)));
    cases.add(product(new Shape(17, 17, 8, true, false, 1, 0, false, three, true)));
    cases.add(product(new Shape(70, 33, 300, false, false, 1, 1, true, three, true)));
    cases.add(product(new Shape(129, 150, 100, false, true, 1, 0, true, three, false)));
    cases.add(stacked(7, 65, 300));
    cases.add(stacked(17, 130, 64));
    cases.add(stacked(65, 16, 17));
    cases.add(weights(65, 33, 100));
    cases.add(weights(129, 70, 300));
    cases.add(columnSums(1, 1, 1));
    cases.add(columnSums(700, 17, 3));
    cases.add(columnSums(65, 2100, 0));
    cases.add(columnSums(3000, 129, 7));
    return cases;
  }

  /** A family of products whose members lie in one buffer with gaps; a shared B has strides 0. */
  private record Shape(
      int m,
      int n,
      int depth,
      boolean ta,
      boolean tb,
      float alpha,
      float beta,
      boolean bias,
      Members batch,
      boolean sharedB) {

    long lda() {
      return (ta ? m : depth) + 3L;
    }

    long ldb() {
      return (tb ? depth : n) + 2L;
    }

    long ldc() {
      return n + 1L;
    }

    long sizeA() {
      return lda() * (ta ? depth : m) + 5;
    }

    long sizeB() {
      return ldb() * (tb ? n : depth) + 4;
    }

    long sizeC() {
      return ldc() * m + 2;
    }

    Matrix family(Buffer buffer, long ld, boolean transposed, long size) {
      long s1 = size * batch.n2();
      return new Matrix(buffer, 1, ld, transposed, s1 * batch.n1(), s1, size);
    }

    @Override
    public String toString() {
      return "%d x %d x %d%s%s, alpha %s, beta %s%s, batch %d%s"
          .formatted(
              m,
              n,
              depth,
              ta ? ", A'" : "",
              tb ? ", B'" : "",
              alpha,
              beta,
              bias ? ", bias" : "",
              batch.size(),
              sharedB ? ", one B" : "");
    }
  }

  private static KernelCase product(Shape s) {
    int members = (int) s.batch.size();
    float[] a = Data.normal(1, s.sizeA() * members + 1);
    float[] b = Data.normal(2, s.sizeB() * (s.sharedB ? 1 : members) + 1);
    float[] c = Data.normal(3, s.sizeC() * members + 1);
    float[] bias = Data.normal(4, (long) s.n * s.batch.n0());
    return KernelCase.single(
        "gemm",
        s.toString(),
        tolerance(s.depth),
        4 * EPS,
        (d, first, k) -> {
          Buffer out = s.beta == 0 ? d.out(c.length) : d.inOut(c);
          Matrix mb = s.family(d.in(b), s.ldb(), s.tb, s.sizeB());
          d.kernels()
              .gemm()
              .multiply(
                  s.m,
                  s.n,
                  s.depth,
                  s.alpha,
                  s.family(d.in(a), s.lda(), s.ta, s.sizeA()),
                  s.sharedB ? mb.batch(0, 0, 0) : mb,
                  s.beta,
                  s.family(out, s.ldc(), false, s.sizeC()),
                  s.bias ? new Strided(d.in(bias), 0, s.n) : null,
                  s.batch);
          return d.get(out);
        },
        (first, k) -> reference(s, a, b, c, bias));
  }

  private static double[] reference(Shape s, float[] a, float[] b, float[] c, float[] bias) {
    double[] out = Data.widen(s.beta == 0 ? Data.nan(c.length) : c);
    for (int member = 0; member < s.batch.size(); member++) {
      int shift = s.bias ? member / s.batch.n2() / s.batch.n1() * s.n : 0;
      for (int i = 0; i < s.m; i++) {
        for (int j = 0; j < s.n; j++) {
          double sum = 0;
          long at = 1 + member * s.sizeA() + (s.ta ? i : i * s.lda());
          long bt = 1 + (s.sharedB ? 0 : member * s.sizeB()) + (s.tb ? j * s.ldb() : j);
          for (int p = 0; p < s.depth; p++) {
            double x = a[(int) (at + (s.ta ? p * s.lda() : p))];
            sum += x * b[(int) (bt + (s.tb ? p : p * s.ldb()))];
          }
          int ct = (int) (1 + member * s.sizeC() + i * s.ldc() + j);
          double old = s.beta == 0 ? 0 : s.beta * (double) c[ct];
          out[ct] = s.alpha * sum + old + (s.bias ? bias[shift + j] : 0);
        }
      }
    }
    return out;
  }

  /**
   * Rounding of a float32 sum of unit normal products: each of {@code depth} steps errs by half a
   * unit in the last place of a partial sum of about {@code sqrt(depth)}, and the errors add up
   * like a random walk.
   */
  private static double tolerance(int depth) {
    return 3 * EPS * (depth + 4);
  }

  /** k directions stacked as rows of one product must equal one by one. */
  private static KernelCase stacked(int rows, int n, int depth) {
    float[] b = Data.normal(8, (long) n * depth);
    return KernelCase.perDirection(
        "gemm, stacked rows",
        rows + " x " + n + " x " + depth,
        tolerance(depth),
        4 * EPS,
        (d, first, k) -> {
          Buffer out = d.out((long) k * rows * n);
          Matrix a = Matrix.of(d.in(Data.block(7, first, k, (long) rows * depth)), depth);
          Matrix mb = Matrix.of(d.in(b), n);
          d.kernels().gemm().multiply(k * rows, n, depth, 1, a, mb, 0, Matrix.of(out, n));
          return d.get(out);
        },
        (first, k) -> {
          float[] a = Data.block(7, first, k, (long) rows * depth);
          return plain(k * rows, n, depth, a, b);
        });
  }

  /** {@code X V_i} for k weights V_i must equal one by one. */
  private static KernelCase weights(int rows, int n, int depth) {
    float[] a = Data.normal(9, (long) rows * depth);
    return KernelCase.perDirection(
        "gemm, k weights",
        rows + " x " + n + " x " + depth,
        tolerance(depth),
        4 * EPS,
        (d, first, k) -> {
          long size = (long) n * depth;
          Buffer out = d.out((long) k * rows * n);
          Matrix b = Matrix.of(d.in(Data.block(6, first, k, size)), n).batch(size, 0, 0);
          Matrix c = Matrix.of(out, n).batch((long) rows * n, 0, 0);
          Matrix ma = Matrix.of(d.in(a), depth);
          d.kernels().gemm().multiply(rows, n, depth, 1, ma, b, 0, c, null, Members.of(k));
          return d.get(out);
        },
        (first, k) -> {
          double[][] parts = new double[k][];
          for (int i = 0; i < k; i++) {
            parts[i] = plain(rows, n, depth, a, Data.block(6, first + i, 1, (long) n * depth));
          }
          return Data.join(parts);
        });
  }

  private static double[] plain(int m, int n, int depth, float[] a, float[] b) {
    double[] c = new double[m * n];
    for (int i = 0; i < m; i++) {
      for (int p = 0; p < depth; p++) {
        double factor = a[i * depth + p];
        for (int j = 0; j < n; j++) {
          c[i * n + j] += factor * b[p * n + j];
        }
      }
    }
    return c;
  }

  private static KernelCase columnSums(int rows, int cols, int gap) {
    int pitch = cols + gap;
    long each = (long) rows * pitch;
    return KernelCase.perDirection(
        "addColumnSums",
        rows + " x " + cols,
        4e-7,
        4e-7,
        (d, first, k) -> {
          Buffer out = d.inOut(Data.block(5, first, k, cols));
          Buffer x = d.in(Data.block(4, first, k, each));
          d.kernels()
              .rows()
              .addColumnSums(k, rows, cols, x, each, pitch, new Strided(out, 0, cols));
          return d.get(out);
        },
        (first, k) -> {
          double[] out = Data.widen(Data.block(5, first, k, cols));
          float[] x = Data.block(4, first, k, each);
          for (int i = 0; i < k * cols; i++) {
            for (int r = 0; r < rows; r++) {
              out[i] += x[(int) (i / cols * each + (long) r * pitch + i % cols)];
            }
          }
          return out;
        });
  }
}

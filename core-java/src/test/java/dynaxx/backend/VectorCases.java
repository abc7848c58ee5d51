package dynaxx.backend;

import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Uses of {@link VectorKernels}. */
final class VectorCases {

  private VectorCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (int n : new int[] {1, 7, 63, 129, 4097, 100_003}) {
      cases.add(fill(n));
      cases.add(copy(n));
      cases.add(dot(n));
      cases.add(squaredDistance(n));
      cases.add(axpby(n, -0.3, 1.7));
      cases.add(axpby(n, 2.5, 0));
      cases.add(project(n, 5, 3));
      cases.add(project(n, 2, 0));
      cases.add(combine(n));
      cases.add(rademacher(n));
    }
    return cases;
  }

  private static KernelCase fill(int n) {
    return KernelCase.single(
        "fill",
        "n " + n,
        0,
        0,
        (d, first, k) -> {
          Buffer x = d.out(n);
          d.kernels().fill(x, 2.5f);
          return d.get(x);
        },
        (first, k) -> {
          double[] x = new double[n];
          Arrays.fill(x, 2.5);
          return x;
        });
  }

  private static KernelCase copy(int n) {
    float[] x = Data.normal(91, n);
    return KernelCase.single(
        "copy",
        "n " + n,
        0,
        0,
        (d, first, k) -> {
          Buffer to = d.out(n);
          d.kernels().copy(d.in(x), to);
          return d.get(to);
        },
        (first, k) -> Data.widen(x));
  }

  private static KernelCase dot(int n) {
    float[] a = Data.normal(91, n);
    float[] b = Data.normal(92, n);
    return KernelCase.single(
        "dot",
        "n " + n,
        1e-15 * n,
        1e-12,
        (d, first, k) -> new double[] {d.kernels().dot(d.in(a), d.in(b))},
        (first, k) -> new double[] {ReferenceKernels.dot(Data.widen(a), Data.widen(b))});
  }

  private static KernelCase squaredDistance(int n) {
    float[] a = Data.normal(91, n);
    float[] b = Data.normal(92, n);
    return KernelCase.single(
        "squaredDistance",
        "n " + n,
        0,
        1e-12,
        (d, first, k) -> new double[] {d.kernels().squaredDistance(d.in(a), d.in(b))},
        (first, k) -> {
          double sum = 0;
          for (int i = 0; i < n; i++) {
            sum += ((double) a[i] - b[i]) * ((double) a[i] - b[i]);
          }
          return new double[] {sum};
        });
  }

  private static KernelCase axpby(int n, double alpha, double beta) {
    float[] x = Data.normal(93, n);
    float[] y = Data.normal(94, n);
    return KernelCase.single(
        "axpby",
        "n " + n + ", beta " + beta,
        3e-7,
        2e-7,
        (d, first, k) -> {
          Buffer out = beta == 0 ? d.out(n) : d.inOut(y);
          d.kernels().axpby(alpha, d.in(x), beta, out);
          return d.get(out);
        },
        (first, k) -> {
          double[] out = new double[n];
          for (int i = 0; i < n; i++) {
            out[i] = alpha * x[i] + (beta == 0 ? 0 : beta * y[i]);
          }
          return out;
        });
  }

  private static KernelCase project(int n, int vectors, int count) {
    float[] q = Data.normal(95, (long) vectors * n);
    for (int i = 0; i < q.length; i++) {
      q[i] /= (float) Math.sqrt(n);
    }
    float[] w = Data.normal(96, n);
    return KernelCase.single(
        "project",
        "n " + n + ", " + count + " of " + vectors,
        5e-7,
        2e-7,
        (d, first, k) -> {
          Buffer out = d.inOut(w);
          double[] c = d.kernels().project(Vectors.of(d.in(q), vectors, n), count, out);
          return Data.join(c, d.get(out));
        },
        (first, k) -> {
          double[] c = new double[count];
          double[] out = Data.widen(w);
          for (int i = 0; i < count; i++) {
            c[i] = ReferenceKernels.dot(Data.widen(Data.part(q, i, n)), Data.widen(w));
          }
          for (int i = 0; i < count * n; i++) {
            out[i % n] -= c[i / n] * q[i];
          }
          return Data.join(c, out);
        });
  }

  private static KernelCase combine(int n) {
    float[] q = Data.normal(95, 4L * n);
    double[] c = {0.5, -1.25, 3};
    return KernelCase.single(
        "combine",
        "n " + n,
        2e-7,
        1e-7,
        (d, first, k) -> {
          Buffer y = d.out(n);
          d.kernels().combine(Vectors.of(d.in(q), 4, n), c, y);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = new double[n];
          for (int i = 0; i < 3 * n; i++) {
            y[i % n] += c[i / n] * q[i];
          }
          return y;
        });
  }

  private static KernelCase rademacher(int n) {
    long seed = 0xFEDCBA9876543210L;
    return KernelCase.perDirection(
        "rademacher",
        "n " + n,
        0,
        0,
        (d, first, k) -> {
          Vectors v = Vectors.of(d.out((long) k * n), k, n);
          d.kernels().rademacher(seed, 40L + first, v);
          return d.get(v.buffer());
        },
        (first, k) -> {
          double[] v = new double[k * n];
          for (int i = 0; i < v.length; i++) {
            v[i] = Philox.sign(seed, 40L + first + i / n, i % n);
          }
          return v;
        });
  }
}

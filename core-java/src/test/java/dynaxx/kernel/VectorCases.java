package dynaxx.kernel;

import dynaxx.device.Algebra;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.random.Gaussian;
import dynaxx.random.Philox;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Uses of {@link Algebra}. */
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
      cases.add(multiply(n));
      cases.add(project(n, 5, 3));
      cases.add(project(n, 2, 0));
      cases.add(combine(n));
      cases.add(rademacher(n));
      cases.add(gaussian(n));
      cases.add(probeDots(n));
      if (n > 1) {
        cases.add(orthonormalise(n, false));
        cases.add(orthonormalise(n, true));
      }
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
          d.algebra().fill(x, 2.5f);
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
          d.algebra().copy(d.in(x), to);
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
        (d, first, k) -> new double[] {d.algebra().dot(d.in(a), d.in(b))},
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
        (d, first, k) -> new double[] {d.algebra().squaredDistance(d.in(a), d.in(b))},
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
          d.algebra().axpby(alpha, d.in(x), beta, out);
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

  private static KernelCase multiply(int n) {
    float[] diagonal = Data.normal(97, n);
    float[] x = Data.normal(98, 8L * n);
    return KernelCase.perDirection(
        "multiply",
        "n " + n,
        1e-7,
        1e-7,
        (d, first, k) -> {
          Buffer y = d.out(k * n);
          Buffer some = d.in(Arrays.copyOfRange(x, first * n, (first + k) * n));
          d.algebra().multiply(d.in(diagonal), Vectors.of(some, k, n), Vectors.of(y, k, n));
          return d.get(y);
        },
        (first, k) -> {
          double[] y = new double[k * n];
          for (int i = 0; i < y.length; i++) {
            y[i] = (double) diagonal[i % n] * x[first * n + i];
          }
          return y;
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
          double[] c = d.algebra().project(Vectors.of(d.in(q), vectors, n), count, out);
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
          d.algebra().combine(Vectors.of(d.in(q), 4, n), c, y);
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
          d.algebra().rademacher(seed, 40L + first, v);
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

  /** The float32 values of StrictMath's functions, and the bits of core's own polynomials. */
  private static KernelCase gaussian(int n) {
    long seed = 0xFEDCBA9876543210L;
    return KernelCase.single(
        "gaussian",
        "n " + n,
        0,
        1e-12,
        (d, first, k) -> {
          Buffer x = d.out(n);
          d.algebra().gaussian(seed, 7, x);
          double[] found = d.get(x);
          double[] pair = new double[2];
          int[] words = new int[4];
          for (int i = 0; i < n; i++) {
            Philox.words(seed, 7, i / 4, words);
            int word = i % 4 / 2 * 2;
            Gaussian.pair(words[word], words[word + 1], pair, 0);
            if (found[i] != (float) pair[i % 2]) {
              found[i] = Double.NaN;
            }
          }
          return found;
        },
        (first, k) -> {
          double[] x = new double[n];
          int[] words = new int[4];
          for (int i = 0; i < n; i++) {
            Philox.words(seed, 7, i / 4, words);
            int word = i % 4 / 2 * 2;
            double u = ((words[word] & 0xFFFFFFFFL) + 0.5) * 0x1p-32;
            double angle = 2 * Math.PI * ((words[word + 1] & 0xFFFFFFFFL) * 0x1p-32);
            double trigonometric = i % 2 == 0 ? StrictMath.cos(angle) : StrictMath.sin(angle);
            x[i] = (float) (Math.sqrt(-2 * StrictMath.log(u)) * trigonometric);
          }
          return x;
        });
  }

  private static KernelCase probeDots(int n) {
    long seed = 0x0123456789ABCDEFL;
    int offset = 77;
    int length = offset + n + 3;
    float[] x = Data.normal(93, 8 * length);
    return KernelCase.perDirection(
        "probeDots",
        "n " + n,
        1e-15 * n,
        1e-12,
        (d, first, k) ->
            d.algebra()
                .probeDots(
                    seed,
                    5L + first,
                    Vectors.of(
                        d.in(Arrays.copyOfRange(x, first * length, (first + k) * length)),
                        k,
                        length),
                    offset,
                    n),
        (first, k) -> {
          double[] sums = new double[k];
          for (int i = 0; i < k; i++) {
            for (int j = 0; j < n; j++) {
              sums[i] +=
                  Philox.sign(seed, 5L + first + i, offset + j)
                      * x[length * (first + i) + offset + j];
            }
          }
          return sums;
        });
  }

  /** Basis vectors are unit vectors, so that the components are elements of w. */
  private static KernelCase orthonormalise(int n, boolean little) {
    int most = Math.min(n - 1, 5);
    float[] w = Data.normal(94, 8 * n);
    for (int i = 0; i < w.length && little; i++) {
      w[i] *= i % n < most - 1 ? 1 : 1e-3f;
    }
    return KernelCase.perDirection(
        "orthonormalise",
        "n " + n + (little ? ", little left" : ""),
        3e-7,
        3e-7,
        (d, first, k) -> {
          List<Vectors> bases = new ArrayList<>();
          int[] counts = new int[k];
          for (int i = 0; i < k; i++) {
            counts[i] = Math.max(1, most - (first + i) % 3);
            bases.add(Vectors.of(d.inOut(unitVectors(counts[i], n)), counts[i] + 1, n));
          }
          Buffer rest = d.inOut(Arrays.copyOfRange(w, first * n, (first + k) * n));
          double[] before = new double[k];
          double[] after = new double[k];
          double[][] found =
              d.algebra().orthonormalise(bases, counts, Vectors.of(rest, k, n), before, after);
          double[] all = new double[0];
          for (int i = 0; i < k; i++) {
            double[] c = Arrays.copyOf(found[i], most + 2);
            c[most] = before[i];
            c[most + 1] = after[i];
            double[] next = d.get(bases.get(i).vector(counts[i]));
            all = Data.join(all, Data.join(c, next));
          }
          return all;
        },
        (first, k) -> {
          double[] all = new double[0];
          for (int i = first; i < first + k; i++) {
            all = Data.join(all, projected(Arrays.copyOfRange(w, i * n, (i + 1) * n), most, i));
          }
          return all;
        });
  }

  private static float[] unitVectors(int count, int n) {
    float[] q = new float[(count + 1) * n];
    for (int i = 0; i < count; i++) {
      q[i * n + i] = 1;
    }
    return q;
  }

  private static double[] projected(float[] w, int most, int run) {
    int count = Math.max(1, most - run % 3);
    double[] c = new double[most + 2];
    double[] next = Data.widen(w);
    for (int j = 0; j < w.length; j++) {
      c[most] += next[j] * next[j];
      if (j < count) {
        c[j] = next[j];
        next[j] = 0;
      }
    }
    c[most + 1] = ReferenceKernels.dot(next, next);
    for (int j = 0; j < w.length; j++) {
      next[j] /= Math.sqrt(c[most + 1]);
    }
    return Data.join(c, next);
  }
}

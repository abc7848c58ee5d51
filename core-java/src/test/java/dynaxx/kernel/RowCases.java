package dynaxx.kernel;

import dynaxx.kernel.RowKernels.Patches;
import dynaxx.memory.Buffer;
import dynaxx.random.Philox;
import java.util.ArrayList;
import java.util.List;

/** Sums, products, copies and lookups. */
final class RowCases {

  private RowCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (int n : new int[] {1, 7, 65, 2049, 40000}) {
      for (int place = 0; place < 3; place++) {
        cases.add(add(n, place));
      }
      cases.add(multiply(n, true));
      cases.add(multiply(n, false));
      cases.add(dots(n, true));
      cases.add(dots(n, false));
      cases.add(tripleDots(n));
      cases.add(divide(n, n % 2 == 0, n % 3 == 0));
      cases.add(dropout(n, 0.3f, n % 2 == 0));
      cases.add(dropout(n, 0, n % 2 == 1));
    }
    for (int[] s : new int[][] {{1, 1}, {7, 17}, {130, 65}, {3, 5000}}) {
      cases.add(addRow(s[0], s[1], 0));
      cases.add(addRow(s[0], s[1], 1));
      cases.add(addRow(s[0], s[1], 2));
      cases.add(copyRows(s[0], s[1], s[1] + 3, true));
      cases.add(copyRows(s[0], s[1], s[1] + 3, false));
      cases.add(copyRows(s[0], s[1], 0, true));
      cases.add(meanRows(5, s[0], s[1]));
      cases.add(meanRowsBackward(5, s[0], s[1], true));
      cases.add(meanRowsBackward(5, s[0], s[1], false));
      cases.add(gather(3 * s[0], s[1]));
      cases.add(scatterAdd(3 * s[0], s[1]));
    }
    cases.addAll(StrideCases.all());
    for (Patches s : new Patches[] {new Patches(3, 3, 8, 12, 4), new Patches(2, 1, 7, 7, 1)}) {
      cases.add(toPatches(s));
      cases.add(fromPatches(s, true));
      cases.add(fromPatches(s, false));
    }
    return cases;
  }

  private static KernelCase add(int n, int place) {
    float[] a = Data.normal(51, n);
    float[] b = Data.normal(52, n);
    return KernelCase.single(
        "add",
        "n " + n + ", " + new String[] {"y apart", "y is a", "y is b"}[place],
        0,
        6e-8,
        (d, first, k) -> {
          Buffer x = place == 1 ? d.inOut(a) : d.in(a);
          Buffer w = place == 2 ? d.inOut(b) : d.in(b);
          Buffer y = place == 0 ? d.out(n) : place == 1 ? x : w;
          d.kernels().elementwise().add(n, x, w, y);
          return d.get(y);
        },
        (first, k) -> ReferenceKernels.plus(Data.widen(a), Data.widen(b)));
  }

  private static KernelCase multiply(int n, boolean add) {
    float[] a = Data.normal(51, n);
    return KernelCase.perDirection(
        "multiply",
        "n " + n + ", add " + add,
        3e-7,
        2e-7,
        (d, first, k) -> {
          Buffer y = d.out(Data.block(54, first, k, n), add);
          d.kernels()
              .elementwise()
              .multiply(k, n, d.in(a), d.in(Data.block(53, first, k, n)), y, add);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = Data.base(Data.block(54, first, k, n), add);
          float[] b = Data.block(53, first, k, n);
          for (int i = 0; i < y.length; i++) {
            y[i] += (double) a[i % n] * b[i];
          }
          return y;
        });
  }

  private static KernelCase dots(int n, boolean shared) {
    return KernelCase.perDirection(
        "dots",
        "n " + n + (shared ? ", one a" : ""),
        1e-12 * n,
        1e-12,
        (d, first, k) -> {
          float[] values = shared ? Data.normal(55, n) : Data.block(55, first, k, n);
          Strided a = new Strided(d.in(values), 0, shared ? 0 : n);
          Scalars c = d.scalars(new double[k]);
          d.kernels().elementwise().dots(k, n, -1.5, a, d.in(Data.block(56, first, k, n)), c);
          d.kernels().elementwise().dots(k, n, -1.5, a, d.in(Data.block(56, first, k, n)), c);
          return c.read();
        },
        (first, k) -> {
          float[] a = shared ? Data.normal(55, n) : Data.block(55, first, k, n);
          float[] b = Data.block(56, first, k, n);
          double[] c = new double[k];
          for (int i = 0; i < b.length; i++) {
            c[i / n] += 2 * -1.5 * a[shared ? i % n : i] * b[i];
          }
          return c;
        });
  }

  private static KernelCase tripleDots(int n) {
    float[] a = RangeCases.anywhere(101, n, 30);
    return KernelCase.perDirection(
        "dots of three",
        "n " + n,
        0,
        1e-12,
        (d, first, k) -> {
          Scalars c = d.scalars(new double[k]);
          Buffer b = d.in(RangeCases.block(102, first, k, n));
          Buffer e = d.in(RangeCases.block(103, first, k, n));
          d.kernels().elementwise().dots(k, n, -1.5, d.in(a), b, e, c);
          return c.read();
        },
        (first, k) -> {
          float[] b = RangeCases.block(102, first, k, n);
          float[] e = RangeCases.block(103, first, k, n);
          double[] c = new double[k];
          for (int i = 0; i < b.length; i++) {
            c[i / n] += -1.5 * a[i % n] * b[i] * e[i];
          }
          return c;
        });
  }

  /** Over all of float32, where the result is in range. */
  private static KernelCase divide(int n, boolean add, boolean shared) {
    float[] a = RangeCases.anywhere(104, n, 37);
    float[] c = RangeCases.anywhere(105, n, 37);
    return KernelCase.perDirection(
        "divide",
        "n " + n + ", add " + add + (shared ? ", with a factor" : ""),
        3e-7,
        3e-7,
        (d, first, k) -> {
          Buffer y = d.out(Data.block(54, first, k, n), add);
          Buffer b = d.in(quotients(first, k, a, shared ? c : null));
          d.kernels().elementwise().divide(k, n, -1.5, d.in(a), b, shared ? d.in(c) : null, y, add);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = Data.base(Data.block(54, first, k, n), add);
          float[] b = quotients(first, k, a, shared ? c : null);
          for (int i = 0; i < y.length; i++) {
            y[i] += -1.5 * b[i] * (shared ? c[i % n] : 1) / a[i % n];
          }
          return y;
        });
  }

  /** Factors that make quotients of about 1; where float32 has none, 0. */
  private static float[] quotients(int first, int k, float[] a, float[] c) {
    float[] b = Data.block(53, first, k, a.length);
    for (int i = 0; i < b.length; i++) {
      int j = i % a.length;
      double factor = (double) a[j] / (c == null ? 1 : c[j]);
      b[i] = RangeCases.held(factor) ? (float) (b[i] * factor) : 0;
    }
    return b;
  }

  private static KernelCase dropout(int n, float rate, boolean add) {
    float[] x = Data.normal(57, n);
    float[] old = Data.normal(58, n);
    long seed = 0x123456789ABCDEFL;
    return KernelCase.single(
        "dropout",
        "n " + n + ", rate " + rate + ", add " + add,
        3e-7,
        2e-7,
        (d, first, k) -> {
          Buffer y = d.out(old, add);
          d.kernels().elementwise().dropout(n, rate, seed, 5, d.in(x), y, add);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = Data.base(old, add);
          int[] words = new int[4];
          for (int i = 0; i < n; i++) {
            Philox.words(seed, 5, i / 4, words);
            boolean kept = (words[i % 4] >>> 8) * 0x1p-24 >= rate;
            y[i] += kept ? x[i] / (1 - (double) rate) : 0;
          }
          return y;
        });
  }

  /** Place 0: the output is apart; 1: it is the input; 2: there is no input. */
  private static KernelCase addRow(int rows, int cols, int place) {
    long n = (long) rows * cols;
    return KernelCase.perDirection(
        "addRow",
        rows + " x " + cols + ", " + new String[] {"apart", "in place", "no x"}[place],
        0,
        6e-8,
        (d, first, k) -> {
          float[] values = Data.block(61, first, k, n);
          Buffer x = place == 2 ? null : place == 1 ? d.inOut(values) : d.in(values);
          Buffer y = place == 1 ? x : d.out(values.length);
          Strided w = new Strided(d.in(Data.block(62, first, k, cols + 4L)), 3, cols + 4L);
          d.kernels().rows().addRow(k, rows, cols, x, w, y);
          return d.get(y);
        },
        (first, k) -> {
          float[] x = Data.block(61, first, k, n);
          float[] w = Data.block(62, first, k, cols + 4L);
          double[] y = new double[x.length];
          for (int i = 0; i < y.length; i++) {
            double bias = w[(int) (i / n) * (cols + 4) + 3 + i % cols];
            y[i] = (place == 2 ? 0 : x[i]) + bias;
          }
          return y;
        });
  }

  private static KernelCase copyRows(int rows, int cols, int fromStride, boolean add) {
    int toStride = cols + 2;
    float[] from = Data.normal(63, (long) rows * fromStride + cols + 1);
    float[] to = Data.normal(64, (long) rows * toStride + 5);
    return KernelCase.single(
        "copyRows",
        rows + " x " + cols + ", source stride " + fromStride + ", add " + add,
        0,
        6e-8,
        (d, first, k) -> {
          Buffer out = d.out(to, add);
          d.kernels().rows().copyRows(rows, cols, d.in(from), 1, fromStride, out, 5, toStride, add);
          return d.get(out);
        },
        (first, k) -> {
          double[] out = add ? Data.widen(to) : Data.widen(Data.nan(to.length));
          for (int i = 0; i < rows * cols; i++) {
            int at = 5 + i / cols * toStride + i % cols;
            out[at] = from[1 + i / cols * fromStride + i % cols] + (add ? out[at] : 0);
          }
          return out;
        });
  }

  private static KernelCase meanRows(int groups, int rows, int cols) {
    float[] x = Data.normal(65, (long) groups * rows * cols);
    return KernelCase.single(
        "meanRows",
        groups + " x " + rows + " x " + cols,
        1e-9,
        6e-8,
        (d, first, k) -> {
          Buffer y = d.out((long) groups * cols);
          d.kernels().rows().meanRows(groups, rows, cols, d.in(x), y);
          return d.get(y);
        },
        (first, k) -> {
          double[] y = new double[groups * cols];
          for (int i = 0; i < x.length; i++) {
            y[i / (rows * cols) * cols + i % cols] += (double) x[i] / rows;
          }
          return y;
        });
  }

  private static KernelCase meanRowsBackward(int groups, int rows, int cols, boolean add) {
    float[] dy = Data.normal(66, (long) groups * cols);
    float[] old = Data.normal(67, (long) groups * rows * cols);
    return KernelCase.single(
        "meanRowsBackward",
        groups + " x " + rows + " x " + cols + ", add " + add,
        2e-7,
        2e-7,
        (d, first, k) -> {
          Buffer dx = d.out(old, add);
          d.kernels().rows().meanRowsBackward(groups, rows, cols, d.in(dy), dx, add);
          return d.get(dx);
        },
        (first, k) -> {
          double[] dx = Data.base(old, add);
          for (int i = 0; i < dx.length; i++) {
            dx[i] += (double) dy[i / (rows * cols) * cols + i % cols] / rows;
          }
          return dx;
        });
  }

  private static final int VOCABULARY = 11;

  private static KernelCase gather(int rows, int cols) {
    float[] ids = Data.whole(68, rows, VOCABULARY);
    long size = (long) VOCABULARY * cols;
    return KernelCase.perDirection(
        "gather",
        rows + " x " + cols,
        0,
        0,
        (d, first, k) -> {
          Buffer y = d.out((long) k * rows * cols);
          Strided table = new Strided(d.in(Data.block(69, first, k, size)), 0, size);
          d.kernels().gathers().gather(k, rows, cols, d.in(ids), table, y);
          return d.get(y);
        },
        (first, k) -> {
          float[] table = Data.block(69, first, k, size);
          double[] y = new double[k * rows * cols];
          for (int i = 0; i < y.length; i++) {
            int direction = i / (rows * cols);
            int id = (int) ids[i / cols % rows];
            y[i] = table[(int) (direction * size) + id * cols + i % cols];
          }
          return y;
        });
  }

  private static KernelCase scatterAdd(int rows, int cols) {
    float[] ids = Data.whole(68, rows, VOCABULARY);
    long size = (long) VOCABULARY * cols;
    return KernelCase.perDirection(
        "scatterAdd",
        rows + " x " + cols,
        2e-6,
        1e-6,
        (d, first, k) -> {
          Buffer table = d.inOut(Data.block(69, first, k, size));
          Buffer dy = d.in(Data.block(70, first, k, (long) rows * cols));
          d.kernels()
              .gathers()
              .scatterAdd(k, rows, cols, d.in(ids), dy, new Strided(table, 0, size));
          return d.get(table);
        },
        (first, k) -> {
          double[] table = Data.widen(Data.block(69, first, k, size));
          float[] dy = Data.block(70, first, k, (long) rows * cols);
          for (int i = 0; i < dy.length; i++) {
            int direction = i / (rows * cols);
            int id = (int) ids[i / cols % rows];
            table[(int) (direction * size) + id * cols + i % cols] += dy[i];
          }
          return table;
        });
  }

  /** Index in the image of element i of the patches. */
  private static int pixel(Patches s, int i) {
    int p = s.patch();
    int image = i / (s.perImage() * s.length());
    int patch = i / s.length() % s.perImage();
    int channel = i / (p * p) % s.channels();
    int y = patch / (s.width() / p) * p + i / p % p;
    int x = patch % (s.width() / p) * p + i % p;
    return ((image * s.channels() + channel) * s.height() + y) * s.width() + x;
  }

  private static KernelCase toPatches(Patches s) {
    int n = (int) s.images() * s.perImage() * s.length();
    float[] x = Data.normal(71, n);
    return KernelCase.single(
        "toPatches",
        s.toString(),
        0,
        0,
        (d, first, k) -> {
          Buffer rows = d.out(n);
          d.kernels().rows().toPatches(s, d.in(x), rows);
          return d.get(rows);
        },
        (first, k) -> {
          double[] rows = new double[n];
          for (int i = 0; i < n; i++) {
            rows[i] = x[pixel(s, i)];
          }
          return rows;
        });
  }

  private static KernelCase fromPatches(Patches s, boolean add) {
    int n = (int) s.images() * s.perImage() * s.length();
    float[] rows = Data.normal(72, n);
    float[] old = Data.normal(73, n);
    return KernelCase.single(
        "fromPatches",
        s + ", add " + add,
        0,
        6e-8,
        (d, first, k) -> {
          Buffer x = d.out(old, add);
          d.kernels().rows().fromPatches(s, d.in(rows), x, add);
          return d.get(x);
        },
        (first, k) -> {
          double[] x = Data.base(old, add);
          for (int i = 0; i < n; i++) {
            x[pixel(s, i)] += rows[i];
          }
          return x;
        });
  }
}

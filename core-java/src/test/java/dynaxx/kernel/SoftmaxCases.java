package dynaxx.kernel;

import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** Softmax rows and their passes. */
final class SoftmaxCases {

  private SoftmaxCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (int[] s : new int[][] {{1, 1}, {3, 7}, {34, 17}, {130, 65}, {63, 63}, {5, 2500}}) {
      boolean inPlace = s[0] % 2 == 1;
      cases.add(softmax(s[0], s[1], inPlace));
      cases.add(softmax(s[0], s[1], !inPlace));
      cases.add(backward(s[0], s[1], inPlace));
      cases.add(backward(s[0], s[1], !inPlace));
      cases.add(tangent(s[0], s[1], inPlace));
      cases.add(tangent(s[0], s[1], !inPlace));
      cases.add(tangentBackward(s[0], s[1], inPlace));
      cases.add(tangentBackward(s[0], s[1], !inPlace));
      cases.add(curvature(s[0], s[1]));
    }
    return cases;
  }

  static float[] probabilities(int rows, int cols) {
    return Data.narrow(exactProbabilities(rows, cols));
  }

  private static double[] exactProbabilities(int rows, int cols) {
    float[] a = Data.normal(41, (long) rows * cols);
    double[][] p = new double[rows][];
    for (int r = 0; r < rows; r++) {
      double[] row = Data.widen(Data.part(a, r, cols));
      p[r] = ReferenceKernels.softmax(row, cols);
    }
    return Data.join(p);
  }

  private static String label(int rows, int cols, boolean inPlace) {
    return rows + " x " + cols + (inPlace ? ", in place" : "");
  }

  /** Where a kernel reads and where it writes: the same place, or an output full of NaN. */
  private static Buffer[] places(KernelTrial d, float[] values, boolean inPlace) {
    if (inPlace) {
      Buffer both = d.inOut(values);
      return new Buffer[] {both, both};
    }
    return new Buffer[] {d.in(values), d.out(values.length)};
  }

  private static double[] row(float[] values, int r, int cols) {
    return Data.widen(Data.part(values, r, cols));
  }

  private static double[] row(double[] values, int r, int cols) {
    return Arrays.copyOfRange(values, r * cols, (r + 1) * cols);
  }

  private static KernelCase softmax(int rows, int cols, boolean inPlace) {
    float[] a = Data.normal(42, (long) rows * cols);
    for (int i = 0; i < a.length; i += 3) {
      a[i] *= 20;
    }
    return KernelCase.single(
        "softmax",
        label(rows, cols, inPlace),
        1e-30,
        5e-6,
        (d, first, k) -> {
          Buffer[] at = places(d, a, inPlace);
          d.kernels().softmax().forward(rows, cols, at[0], at[1]);
          return d.get(at[1]);
        },
        (first, k) -> {
          double[][] p = new double[rows][];
          for (int r = 0; r < rows; r++) {
            p[r] = ReferenceKernels.softmax(row(a, r, cols), cols);
          }
          return Data.join(p);
        });
  }

  private static KernelCase backward(int rows, int cols, boolean inPlace) {
    float[] p = probabilities(rows, cols);
    float[] dp = Data.normal(43, p.length);
    return KernelCase.single(
        "softmaxBackward",
        label(rows, cols, inPlace),
        4e-7,
        1e-6,
        (d, first, k) -> {
          Buffer[] at = places(d, dp, inPlace);
          d.kernels().softmax().backward(rows, cols, d.in(p), at[0], at[1]);
          return d.get(at[1]);
        },
        (first, k) -> {
          double[][] da = new double[rows][];
          for (int r = 0; r < rows; r++) {
            da[r] = ReferenceKernels.softmaxTangent(row(p, r, cols), row(dp, r, cols));
          }
          return Data.join(da);
        });
  }

  private static KernelCase tangent(int rows, int cols, boolean inPlace) {
    float[] p = probabilities(rows, cols);
    return KernelCase.perDirection(
        "softmaxTangent",
        label(rows, cols, inPlace),
        4e-7,
        1e-6,
        (d, first, k) -> {
          Buffer[] at = places(d, Data.block(44, first, k, p.length), inPlace);
          d.kernels().softmax().tangent(k, rows, cols, d.in(p), at[0], at[1]);
          return d.get(at[1]);
        },
        (first, k) -> {
          float[] ra = Data.block(44, first, k, p.length);
          double[][] rp = new double[k * rows][];
          for (int r = 0; r < rp.length; r++) {
            rp[r] = ReferenceKernels.softmaxTangent(row(p, r % rows, cols), row(ra, r, cols));
          }
          return Data.join(rp);
        });
  }

  /** Tangents of probabilities: like all tangents of a softmax, each row's sum is 0. */
  private static double[] tangents(double[] p, int first, int k, int rows, int cols) {
    float[] ra = Data.block(45, first, k, p.length);
    double[][] rp = new double[k * rows][];
    for (int r = 0; r < rp.length; r++) {
      rp[r] = ReferenceKernels.softmaxTangent(row(p, r % rows, cols), row(ra, r, cols));
    }
    return Data.join(rp);
  }

  private static KernelCase tangentBackward(int rows, int cols, boolean inPlace) {
    double[] p = exactProbabilities(rows, cols);
    float[] dp = Data.normal(43, p.length);
    return KernelCase.perDirection(
        "softmaxTangentBackward",
        label(rows, cols, inPlace),
        1e-6,
        2e-6,
        (d, first, k) -> {
          Buffer[] at = places(d, Data.block(46, first, k, p.length), inPlace);
          Buffer rp = d.made(tangents(p, first, k, rows, cols));
          d.kernels()
              .softmax()
              .tangentBackward(k, rows, cols, d.made(p), d.in(dp), rp, at[0], at[1]);
          return d.get(at[1]);
        },
        (first, k) -> {
          double[] rp = tangents(p, first, k, rows, cols);
          float[] rdp = Data.block(46, first, k, p.length);
          double[][] rda = new double[k * rows][];
          for (int r = 0; r < rda.length; r++) {
            int q = r % rows;
            rda[r] =
                ReferenceKernels.softmaxTangentBackward(
                    row(p, q, cols), row(dp, q, cols), row(rp, r, cols), row(rdp, r, cols));
          }
          return Data.join(rda);
        });
  }

  private static KernelCase curvature(int rows, int cols) {
    float[] p = probabilities(rows, cols);
    float[] dp = Data.normal(43, p.length);
    return KernelCase.perDirection(
        "softmaxCurvature",
        rows + " x " + cols,
        2e-6 * Math.sqrt(rows),
        2e-6,
        (d, first, k) -> {
          Scalars c = d.scalars(new double[k]);
          Buffer ra = d.in(Data.block(44, first, k, p.length));
          d.kernels().softmax().curvature(k, rows, cols, d.in(p), d.in(dp), ra, c);
          return c.read();
        },
        (first, k) -> {
          float[] ra = Data.block(44, first, k, p.length);
          double[] c = new double[k];
          for (int r = 0; r < k * rows; r++) {
            int q = r % rows;
            c[r / rows] +=
                ReferenceKernels.softmaxCurvature(
                    row(p, q, cols), row(dp, q, cols), row(ra, r, cols));
          }
          return c;
        });
  }
}

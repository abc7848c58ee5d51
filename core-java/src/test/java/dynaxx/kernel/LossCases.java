package dynaxx.kernel;

import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;

/** Losses and their derivatives. */
final class LossCases {

  private LossCases() {}

  static List<KernelCase> all() {
    List<KernelCase> cases = new ArrayList<>();
    for (int[] s : new int[][] {{1, 2}, {7, 3}, {129, 10}, {65, 63}, {3, 3000}}) {
      for (float confidence : new float[] {1, 12}) {
        cases.add(crossEntropy(s[0], s[1], confidence));
        cases.add(crossEntropyBackward(s[0], s[1], confidence));
        cases.add(crossEntropyTangent(s[0], s[1], confidence));
      }
      cases.add(squaredError(s[0] * s[1]));
      cases.add(squaredErrorBackward(s[0] * s[1]));
    }
    return cases;
  }

  private static float[] targets(int rows, int classes) {
    return Data.whole(81, rows, classes);
  }

  /**
   * Logits; the target's is raised by {@code confidence}, so that probabilities come close to
   * one-hot.
   */
  private static float[] logits(int rows, int classes, float confidence) {
    float[] z = Data.normal(82, (long) rows * classes);
    float[] targets = targets(rows, classes);
    for (int r = 0; r < rows; r++) {
      z[r * classes + (int) targets[r]] += confidence;
    }
    return z;
  }

  private static double[] probabilities(int rows, int classes, float confidence) {
    double[][] p = new double[rows][];
    for (int r = 0; r < rows; r++) {
      double[] z = Data.widen(Data.part(logits(rows, classes, confidence), r, classes));
      p[r] = ReferenceKernels.softmax(z, classes);
    }
    return Data.join(p);
  }

  private static KernelCase crossEntropy(int rows, int classes, float confidence) {
    float[] z = logits(rows, classes, confidence);
    float[] t = targets(rows, classes);
    double scale = 1.0 / rows;
    return KernelCase.single(
        "crossEntropy",
        rows + " x " + classes + ", confidence " + confidence,
        1e-12,
        2e-6,
        (d, first, k) -> {
          Buffer p = d.out(z.length);
          Scalars loss = d.scalars(0);
          d.kernels().losses().crossEntropy(rows, classes, scale, d.in(z), d.in(t), p, loss);
          return Data.join(d.get(p), loss.read());
        },
        (first, k) -> {
          double[] p = probabilities(rows, classes, confidence);
          double loss = 0;
          for (int r = 0; r < rows; r++) {
            double others = 0;
            for (int j = 0; j < classes; j++) {
              others += j == (int) t[r] ? 0 : p[r * classes + j];
            }
            loss -= scale * Math.log1p(-others);
          }
          return Data.join(p, new double[] {loss});
        });
  }

  private static KernelCase crossEntropyBackward(int rows, int classes, float confidence) {
    float[] p = Data.narrow(probabilities(rows, classes, confidence));
    float[] t = targets(rows, classes);
    double scale = 1.0 / rows;
    return KernelCase.single(
        "crossEntropyBackward",
        rows + " x " + classes + ", confidence " + confidence,
        1e-30,
        4e-7,
        (d, first, k) -> {
          Buffer dz = d.out(p.length);
          d.kernels().losses().crossEntropyBackward(rows, classes, scale, d.in(p), d.in(t), dz);
          return d.get(dz);
        },
        (first, k) -> {
          double[] dz = new double[p.length];
          for (int i = 0; i < p.length; i++) {
            int target = i / classes * classes + (int) t[i / classes];
            if (i != target) {
              dz[i] = scale * p[i];
              dz[target] -= scale * p[i];
            }
          }
          return dz;
        });
  }

  private static KernelCase crossEntropyTangent(int rows, int classes, float confidence) {
    float[] p = Data.narrow(probabilities(rows, classes, confidence));
    float[] t = targets(rows, classes);
    double scale = 1.0 / rows;
    // entries of unlikely classes are tiny and must be right relative to themselves
    return KernelCase.perDirection(
        "crossEntropyTangent",
        rows + " x " + classes + ", confidence " + confidence,
        scale * (confidence > 1 ? 4e-10 : 1e-6),
        4e-6,
        (d, first, k) -> {
          Buffer rdz = d.out((long) k * p.length);
          Buffer rz = d.in(Data.block(83, first, k, p.length));
          d.kernels()
              .losses()
              .crossEntropyTangent(k, rows, classes, scale, d.in(p), d.in(t), rz, rdz);
          return d.get(rdz);
        },
        (first, k) -> {
          float[] rz = Data.block(83, first, k, p.length);
          double[] rdz = new double[rz.length];
          for (int r = 0; r < k * rows; r++) {
            double[] row = Data.widen(Data.part(p, r % rows, classes));
            double[] q = Data.widen(Data.part(rz, r, classes));
            double shift = q[(int) t[r % rows]];
            for (int j = 0; j < classes; j++) {
              q[j] -= shift;
            }
            double mean = ReferenceKernels.dot(row, q);
            for (int j = 0; j < classes; j++) {
              rdz[r * classes + j] = scale * row[j] * (q[j] - mean);
            }
          }
          return rdz;
        });
  }

  private static KernelCase squaredError(int n) {
    float[] z = Data.normal(84, n);
    float[] t = Data.normal(85, n);
    return KernelCase.single(
        "squaredError",
        "n " + n,
        0,
        1e-13,
        (d, first, k) -> {
          Scalars loss = d.scalars(0);
          d.kernels().losses().squaredError(n, 1.0 / n, d.in(z), d.in(t), loss);
          return loss.read();
        },
        (first, k) -> {
          double loss = 0;
          for (int i = 0; i < n; i++) {
            double e = (double) z[i] - t[i];
            loss += e * e / n;
          }
          return new double[] {loss};
        });
  }

  private static KernelCase squaredErrorBackward(int n) {
    float[] z = Data.normal(84, n);
    float[] t = Data.normal(85, n);
    return KernelCase.single(
        "squaredErrorBackward",
        "n " + n,
        0,
        3e-7,
        (d, first, k) -> {
          Buffer dz = d.out(n);
          d.kernels().losses().squaredErrorBackward(n, 1.0 / n, d.in(z), d.in(t), dz);
          return d.get(dz);
        },
        (first, k) -> {
          double[] dz = new double[n];
          for (int i = 0; i < n; i++) {
            dz[i] = 2.0 / n * ((double) z[i] - t[i]);
          }
          return dz;
        });
  }
}

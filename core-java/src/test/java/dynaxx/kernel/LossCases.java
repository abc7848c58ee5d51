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
      // below zero, another class than the target is the likely one
      for (float confidence : new float[] {1, 12, -12}) {
        int stride = confidence == 1 ? 3 : 1;
        cases.add(crossEntropy(s[0], s[1], confidence, stride));
        cases.add(crossEntropyBackward(s[0], s[1], confidence, stride));
        cases.add(crossEntropyTangent(s[0], s[1], confidence, stride));
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
   * Logits; the target's, or if {@code confidence} is negative the next one's, is raised, so that
   * probabilities come close to one-hot.
   */
  private static float[] logits(int rows, int classes, float confidence) {
    float[] z = Data.normal(82, (long) rows * classes);
    float[] targets = targets(rows, classes);
    for (int r = 0; r < rows; r++) {
      int raised = (int) targets[r] + (confidence < 0 ? 1 : 0);
      z[r * classes + raised % classes] += Math.abs(confidence);
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

  private static KernelCase crossEntropy(int rows, int classes, float confidence, int stride) {
    float[] z = logits(rows, classes, confidence);
    float[] t = targets(rows, classes);
    float[] w = weights(rows, stride);
    float[] laid = laid(t, w, stride);
    double scale = 1.0 / rows;
    return KernelCase.single(
        "crossEntropy",
        rows + " x " + classes + ", confidence " + confidence + ", stride " + stride,
        1e-12,
        2e-6,
        (d, first, k) -> {
          Buffer p = d.out(z.length);
          Scalars loss = d.scalars(0);
          d.kernels()
              .losses()
              .crossEntropy(rows, classes, scale, d.in(z), d.in(laid), stride, p, loss);
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
            double own = p[r * classes + (int) t[r]];
            loss -= scale * w[r] * (own < 0.5 ? Math.log(own) : Math.log1p(-others));
          }
          return Data.join(p, new double[] {loss});
        });
  }

  private static KernelCase crossEntropyBackward(
      int rows, int classes, float confidence, int stride) {
    float[] p = Data.narrow(probabilities(rows, classes, confidence));
    float[] t = targets(rows, classes);
    float[] w = weights(rows, stride);
    float[] laid = laid(t, w, stride);
    double scale = 1.0 / rows;
    return KernelCase.single(
        "crossEntropyBackward",
        rows + " x " + classes + ", confidence " + confidence + ", stride " + stride,
        1e-30,
        4e-7,
        (d, first, k) -> {
          Buffer dz = d.out(p.length);
          d.kernels()
              .losses()
              .crossEntropyBackward(rows, classes, scale, d.in(p), d.in(laid), stride, dz);
          return d.get(dz);
        },
        (first, k) -> {
          double[] dz = new double[p.length];
          for (int i = 0; i < p.length; i++) {
            int target = i / classes * classes + (int) t[i / classes];
            if (i != target) {
              dz[i] = scale * w[i / classes] * p[i];
              dz[target] -= scale * w[i / classes] * p[i];
            }
          }
          return dz;
        });
  }

  private static KernelCase crossEntropyTangent(
      int rows, int classes, float confidence, int stride) {
    float[] p = Data.narrow(probabilities(rows, classes, confidence));
    float[] t = targets(rows, classes);
    float[] w = weights(rows, stride);
    float[] laid = laid(t, w, stride);
    double scale = 1.0 / rows;
    // entries of unlikely classes are tiny and must be right relative to themselves
    return KernelCase.perDirection(
        "crossEntropyTangent",
        rows + " x " + classes + ", confidence " + confidence + ", stride " + stride,
        scale * (Math.abs(confidence) > 1 ? 4e-10 : 1e-6),
        4e-6,
        (d, first, k) -> {
          Buffer rdz = d.out((long) k * p.length);
          Buffer rz = d.in(Data.block(83, first, k, p.length));
          d.kernels()
              .losses()
              .crossEntropyTangent(k, rows, classes, scale, d.in(p), d.in(laid), stride, rz, rdz);
          return d.get(rdz);
        },
        (first, k) -> {
          float[] rz = Data.block(83, first, k, p.length);
          double[] rdz = new double[rz.length];
          for (int r = 0; r < k * rows; r++) {
            double[] row = Data.widen(Data.part(p, r % rows, classes));
            double[] q = Data.widen(Data.part(rz, r, classes));
            double shift = q[likely(row, (int) t[r % rows])];
            for (int j = 0; j < classes; j++) {
              q[j] -= shift;
            }
            double mean = ReferenceKernels.dot(row, q);
            for (int j = 0; j < classes; j++) {
              rdz[r * classes + j] = scale * w[r % rows] * row[j] * (q[j] - mean);
            }
          }
          return rdz;
        });
  }

  /** One for each row, and 0 for some; all 1 if there is no room for them behind the classes. */
  private static float[] weights(int rows, int stride) {
    float[] w = Data.normal(86, rows);
    for (int r = 0; r < rows; r++) {
      w[r] = stride == 1 ? 1 : Math.max(0, w[r]);
    }
    return w;
  }

  private static float[] laid(float[] targets, float[] weights, int stride) {
    float[] laid = Data.nan((long) stride * targets.length);
    for (int r = 0; r < targets.length; r++) {
      laid[r * stride] = targets[r];
      if (stride > 1) {
        laid[r * stride + 1] = weights[r];
      }
    }
    return laid;
  }

  /** Rounded probabilities do not sum to one, so that it matters which logit is taken off. */
  private static int likely(double[] p, int target) {
    for (int j = 0; j < p.length; j++) {
      if (p[j] > 0.5) {
        return j;
      }
    }
    return target;
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

package dynaxx.network;

import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.LossKernels;
import dynaxx.kernel.RowKernels;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.network.op.LossFrame;
import dynaxx.network.op.LossRoot;
import java.util.Arrays;
import java.util.random.RandomGenerator;

/**
 * Softmax cross-entropy with targets t over the classes, which add up to T: {@code T (lse - z_y) +
 * sum of c_j z_j} with {@code c = T onehot(y) - t}. The first part is that of a class y with a
 * weight, and the second is linear, so that weights, smoothing and whole distributions change
 * neither the kernels nor the accuracy of second derivatives.
 *
 * @param ignored class of predictions that do not count, or null
 * @param smoothing part of each target that is spread over all classes
 * @param classWeights one for each class, or empty
 * @param soft whether targets are distributions
 * @param weighing how terms are averaged
 */
record SoftmaxCrossEntropy(
    Integer ignored, double smoothing, float[] classWeights, boolean soft, Weighing weighing)
    implements Loss {

  /** Where the coefficients of the linear part begin in a row's targets; their sum is before. */
  static final int LINEAR = 3;

  SoftmaxCrossEntropy {
    if (!(smoothing >= 0 && smoothing < 1)) {
      throw new IllegalArgumentException(
          "smoothing: found " + smoothing + ", expected from 0 to below 1");
    }
    for (float w : classWeights) {
      if (!(w >= 0 && w < Float.POSITIVE_INFINITY)) {
        throw new IllegalArgumentException("class weights: found " + w + ", expected 0 or more");
      }
    }
  }

  private boolean isPlain() {
    return ignored == null && classWeights.length == 0 && !isDense() && weighing.isPlain();
  }

  private boolean isDense() {
    return soft || smoothing > 0;
  }

  @Override
  public String name() {
    return soft ? "soft-cross-entropy" : "cross-entropy";
  }

  @Override
  public boolean takesLogits() {
    return true;
  }

  @Override
  public Loss with(String reduction, boolean exampleWeights) {
    Weighing other = Weighing.of(reduction, exampleWeights);
    return new SoftmaxCrossEntropy(ignored, smoothing, classWeights, soft, other);
  }

  @Override
  public long terms(Shape output) {
    return output.rows();
  }

  @Override
  public long givenSize(Shape output) {
    requireClasses(output);
    return soft ? output.size() : output.rows();
  }

  @Override
  public long targetSize(Shape output) {
    requireClasses(output);
    return output.rows() * stride(output);
  }

  private static void requireClasses(Shape output) {
    if (output.rank() == 0) {
      throw new IllegalArgumentException(
          "loss: found cross-entropy for a network with one number for each example, expected"
              + " another loss, or an axis of classes at the end of the output");
    }
  }

  /** A class; its weight; then the sum of the coefficients of the linear part, and these. */
  private int stride(Shape output) {
    return isPlain() ? 1 : isDense() ? LINEAR + output.dim(-1) : 2;
  }

  @Override
  public long savedSize(Shape output) {
    return isDense() ? 2 * output.size() + 2 * output.rows() : output.size();
  }

  @Override
  public HostBuffer targets(Scope scope, Shape output, HostBuffer given, HostBuffer weights) {
    checkGiven(output, given);
    return isPlain()
        ? given
        : new ClassTargets(this, output, stride(output)).of(scope, given, weights);
  }

  private void checkGiven(Shape output, HostBuffer given) {
    int classes = output.dim(-1);
    if (classWeights.length != 0 && classWeights.length != classes) {
      throw new IllegalArgumentException(
          "class weights: found "
              + classWeights.length
              + ", expected one for each of "
              + classes
              + " classes");
    }
    for (long i = 0; i < given.size(); i++) {
      float target = given.get(i);
      boolean right = soft ? target >= 0 && Float.isFinite(target) : isClass(target, classes);
      if (!right && !(ignored != null && !soft && target == ignored)) {
        throw new IllegalArgumentException(
            "targets: found "
                + target
                + " at "
                + i
                + (soft ? ", expected a probability" : ", expected a class from 0 to ")
                + (soft ? "" : classes - 1)
                + (ignored == null || soft ? "" : ", or " + ignored + " for none"));
      }
    }
  }

  private static boolean isClass(float target, int classes) {
    return target >= 0 && target < classes && target == Math.rint(target);
  }

  @Override
  public void check(Shape output, HostBuffer targets) {
    int stride = stride(output);
    int classes = output.dim(-1);
    if (stride == 1) {
      checkGiven(output, targets);
      return;
    }
    for (long i = 0; i < targets.size(); i++) {
      if (i % stride == 0 && !isClass(targets.get(i), classes) || !Float.isFinite(targets.get(i))) {
        throw new IllegalArgumentException(
            "targets: found "
                + targets.get(i)
                + " at "
                + i
                + ", expected what Loss.targets makes for this loss");
      }
    }
  }

  @Override
  public void forward(LossFrame f, Scalars loss) {
    int classes = f.output().dim(-1);
    int stride = stride(f.output());
    kernels(f)
        .crossEntropy(rows(f), classes, f.scale(), f.z(), f.targets(), stride, f.saved(), loss);
    if (isDense()) {
      addLinear(f, classes, stride, loss);
    }
  }

  /**
   * The coefficients add up to zero except for their rounding, of which logits far from zero would
   * make a part of the loss: the sum that is left, times any logit of the row.
   */
  private static void addLinear(LossFrame f, int classes, int stride, Scalars loss) {
    RowKernels rows = f.device().kernels().rows();
    ElementwiseKernels sums = f.device().kernels().elementwise();
    long n = rows(f) * classes;
    Buffer rest = f.saved().slice(2 * n, rows(f));
    Buffer first = f.saved().slice(2 * n + rows(f), rows(f));
    rows.copyRows(rows(f), classes, f.targets(), LINEAR, stride, linear(f), 0, classes, false);
    rows.copyRows(rows(f), 1, f.targets(), LINEAR - 1, stride, rest, 0, 1, false);
    rows.copyRows(rows(f), 1, f.z(), 0, classes, first, 0, 1, false);
    sums.dots(1, n, f.scale(), Strided.of(linear(f)), f.z(), loss);
    sums.dots(1, rows(f), -f.scale(), Strided.of(rest), first, loss);
  }

  @Override
  public double undecidedLogits(LossFrame f, double limit) {
    int stride = stride(f.output());
    HostBuffer[] given = new HostBuffer[1];
    try (Scope temporary = Scope.open()) {
      return UndecidedLogits.size(
          f,
          limit,
          row -> {
            if (stride == 1) {
              return true;
            }
            if (given[0] == null) {
              given[0] = HostArrays.onHost(f.device(), f.targets(), rows(f) * stride, temporary);
            }
            return isMeant(given[0], row * stride, stride);
          });
    }
  }

  /** Whether a row has a weight; one that is ignored has none. */
  private static boolean isMeant(HostBuffer targets, long at, int stride) {
    for (int i = 1; i < stride; i++) {
      if (targets.get(at + i) != 0) {
        return true;
      }
    }
    return false;
  }

  /** Coefficients of the linear part, behind the probabilities. */
  private static Buffer linear(LossFrame f) {
    long n = f.examples() * f.output().size();
    return f.saved().slice(n, n);
  }

  @Override
  public void backward(LossFrame f, Buffer dz) {
    int classes = f.output().dim(-1);
    int stride = stride(f.output());
    kernels(f)
        .crossEntropyBackward(rows(f), classes, f.scale(), f.saved(), f.targets(), stride, dz);
    if (isDense()) {
      long n = rows(f) * classes;
      f.device().algebra().axpby(f.scale(), linear(f), 1, dz.slice(0, n));
    }
  }

  @Override
  public void tangent(LossFrame f, int k, Buffer rz, Buffer rdz) {
    int classes = f.output().dim(-1);
    int stride = stride(f.output());
    kernels(f)
        .crossEntropyTangent(
            k, rows(f), classes, f.scale(), f.saved(), f.targets(), stride, rz, rdz);
  }

  /** Columns {@code sqrt(w p_j) (e_j - p)} for each row, of which there may be several. */
  @Override
  public LossRoot root(LossFrame f) {
    int classes = f.output().dim(-1);
    int rows = Math.toIntExact(f.output().rows());
    int stride = stride(f.output());
    double[] p = HostArrays.read(f.device(), f.saved(), rows(f) * classes);
    double[] t = HostArrays.read(f.device(), f.targets(), rows(f) * stride);
    double[] weights = new double[rows * f.examples()];
    Arrays.setAll(
        weights, i -> HostRoot.factor(name(), f.scale() * (stride == 1 ? 1 : t[i * stride + 1])));
    return new HostRoot(
        f,
        rows * classes,
        (example, r, dz) -> {
          for (int row = 0; row < rows; row++) {
            int i = example * rows + row;
            times(p, i * classes, classes, weights[i], r, row * classes, dz);
          }
        });
  }

  /** The likeliest class is what the others leave, so that no digits cancel. */
  private static void times(
      double[] p, int at, int classes, double weight, double[] r, int from, double[] dz) {
    int top = 0;
    for (int j = 1; j < classes; j++) {
      top = p[at + j] > p[at + top] ? j : top;
    }
    double others = 0;
    double rest = 0;
    for (int j = 0; j < classes; j++) {
      if (j != top) {
        others += Math.sqrt(p[at + j]) * r[from + j];
        rest += p[at + j];
      }
    }
    double own = Math.sqrt(p[at + top]) * r[from + top];
    for (int j = 0; j < classes; j++) {
      dz[from + j] =
          weight
              * (j == top
                  ? own * rest - p[at + j] * others
                  : Math.sqrt(p[at + j]) * r[from + j] - p[at + j] * (own + others));
    }
  }

  /** Classes drawn as such: their variance is the second derivative whatever the targets are. */
  @Override
  public double[] score(Shape output, double[] z, double[] targets, RandomGenerator random) {
    int classes = output.dim(-1);
    int stride = stride(output);
    Scores.check(this, output, z, targets);
    double[] score = new double[z.length];
    for (int r = 0; r < z.length / classes; r++) {
      double weight = stride == 1 ? 1 : targets[r * stride + 1];
      if (weight > 0) {
        Scores.softmax(z, r * classes, classes, Math.sqrt(weight), random, score);
      }
    }
    return score;
  }

  private static LossKernels kernels(LossFrame f) {
    return f.device().kernels().losses();
  }

  private static long rows(LossFrame f) {
    return f.examples() * f.output().rows();
  }
}

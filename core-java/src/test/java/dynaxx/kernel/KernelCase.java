package dynaxx.kernel;

import dynaxx.device.Device;
import java.lang.reflect.Method;
import java.util.Set;

/**
 * One use of one kernel: how to run it and what it should give.
 *
 * @param kernel its name
 * @param label what is special about this use
 * @param abs absolute tolerance in float32
 * @param rel tolerance relative to the expected value in float32
 * @param directions whether there is a direction axis; results then are direction by direction
 * @param body runs it and returns all it gave, outputs one after the other for each direction
 * @param reference the same in double precision
 */
record KernelCase(
    String kernel,
    String label,
    double abs,
    double rel,
    boolean directions,
    Body body,
    Reference reference) {

  /** Runs directions {@code first} to {@code first + k - 1}. */
  interface Body {
    double[] run(KernelTrial d, int first, int k);
  }

  /** Expected values of directions {@code first} to {@code first + k - 1}. */
  interface Reference {
    double[] of(int first, int k);
  }

  /** A kernel without a direction axis. */
  static KernelCase single(
      String kernel, String label, double abs, double rel, Body body, Reference reference) {
    return new KernelCase(kernel, label, abs, rel, false, body, reference);
  }

  /** A kernel with a direction axis. */
  static KernelCase perDirection(
      String kernel, String label, double abs, double rel, Body body, Reference reference) {
    return new KernelCase(kernel, label, abs, rel, true, body, reference);
  }

  /** Absolute and relative tolerance in float64, where the one in float32 is not tighter. */
  private static final double FLOAT64 = 1e-12;

  /** The largest error allowed: {@code abs + rel |expected|}. */
  double tolerance(double expected, boolean wide) {
    double most = wide ? FLOAT64 : Double.POSITIVE_INFINITY;
    return Math.min(abs, most) + Math.min(rel, most) * Math.abs(expected);
  }

  /** Whether it is a matrix product, or made of them. */
  boolean isProduct() {
    return kernel.startsWith("gemm") || kernel.startsWith("convolve");
  }

  double[] run(Device device, int first, int k) {
    try (KernelTrial d = new KernelTrial(device)) {
      return body.run(d, first, k);
    }
  }

  /** Runs it once and notes the methods of kernels that it calls. */
  void run(Device device, Set<Method> called) {
    try (KernelTrial d = new KernelTrial(device, called)) {
      body.run(d, 0, 1);
    }
  }

  @Override
  public String toString() {
    return kernel + " " + label;
  }
}

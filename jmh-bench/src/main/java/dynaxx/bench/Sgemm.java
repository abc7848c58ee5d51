package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.Random;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A matrix product named {@code sgemm:MxNxDEPTH}, with {@code t} behind it for a transposed right
 * factor, and {@code *MEMBERS} for a batch.
 */
record Sgemm(
    Device device,
    int m,
    int n,
    int depth,
    boolean transposed,
    int members,
    float[] a,
    float[] b,
    Buffer[] buffers)
    implements Runnable {

  static final String PREFIX = "sgemm:";

  private static final Pattern NAME =
      Pattern.compile(PREFIX + "(\\d+)x(\\d+)x(\\d+)(t?)(?:\\*(\\d+))?");

  /** Elements whose exact value is computed. */
  private static final int SAMPLES = 200;

  static Sgemm of(String name, Device device, Scope scope) {
    Matcher shape = NAME.matcher(name);
    if (!shape.matches()) {
      throw new IllegalArgumentException(
          "product: found '" + name + "', expected sgemm:MxNxDEPTH, perhaps with t and *MEMBERS");
    }
    int m = Integer.parseInt(shape.group(1));
    int n = Integer.parseInt(shape.group(2));
    int depth = Integer.parseInt(shape.group(3));
    int members = shape.group(5) == null ? 1 : Integer.parseInt(shape.group(5));
    float[] a = normal(members * m * depth, 1);
    float[] b = normal(members * n * depth, 2);
    HostBuffer left = scope.allocate(a.length).put(a);
    HostBuffer right = scope.allocate(b.length).put(b);
    Buffer[] buffers = {left, right, scope.allocate((long) members * m * n)};
    return new Sgemm(device, m, n, depth, !shape.group(4).isEmpty(), members, a, b, buffers);
  }

  private static float[] normal(int size, long seed) {
    Random random = new Random(seed);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  double multiplications() {
    return (double) members * m * n * depth;
  }

  @Override
  public void run() {
    Matrix left = Matrix.of(buffers[0], depth).batch((long) m * depth, 0, 0);
    Matrix right = Matrix.of(buffers[1], transposed ? depth : n).batch((long) n * depth, 0, 0);
    Matrix to = Matrix.of(buffers[2], n).batch((long) m * n, 0, 0);
    device
        .kernels()
        .gemm()
        .multiply(
            m, n, depth, 1, left, transposed ? right.t() : right, 0, to, null, Members.of(members));
  }

  /** Of some elements, in units of the norms of row and column. */
  double largestError() {
    Random random = new Random(3);
    double worst = 0;
    for (int s = 0; s < SAMPLES; s++) {
      int member = random.nextInt(members);
      int i = random.nextInt(m);
      int j = random.nextInt(n);
      double sum = 0;
      double left = 0;
      double right = 0;
      for (int p = 0; p < depth; p++) {
        double x = a[(member * m + i) * depth + p];
        double y = b[member * n * depth + (transposed ? j * depth + p : p * n + j)];
        sum += x * y;
        left += x * x;
        right += y * y;
      }
      double found = ((HostBuffer) buffers[2]).get(((long) member * m + i) * n + j);
      worst = Math.max(worst, Math.abs(found - sum) / Math.sqrt(left * right));
    }
    return worst;
  }
}

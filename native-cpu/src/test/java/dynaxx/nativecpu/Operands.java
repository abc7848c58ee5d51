package dynaxx.nativecpu;

import dynaxx.device.cpu.NativeKernels.Body;
import dynaxx.device.cpu.NativeKernels.Precision;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Random;

/** A product and its factors, with gaps between rows and members; and who computes it. */
record Operands(
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

  /** What {@link #backwards} computes. */
  static GemmKernels backwards(Precision precision, String wanted) throws UnavailableException {
    return new NativeGemm(Library.open().level(precision, wanted), Operands::backwards, 3);
  }

  /** Runs tasks backwards, in memory that holds what no sum survives. */
  static void backwards(int tasks, long work, long bytes, Body body) {
    try (Arena arena = Arena.ofConfined()) {
      MemorySegment memory = arena.allocate(bytes, 64);
      for (int task = tasks - 1; task >= 0; task--) {
        memory.fill((byte) -1);
        body.run(task, memory);
      }
    }
  }

  private int lda() {
    return (ta ? m : depth) + 3;
  }

  private int ldb() {
    return (tb ? depth : n) + 1;
  }

  private int ldc() {
    return n + 2;
  }

  private int sizeA() {
    return lda() * (ta ? depth : m) + 5;
  }

  private int sizeB() {
    return ldb() * (tb ? n : depth) + 4;
  }

  private int sizeC() {
    return ldc() * m + 1;
  }

  private int members() {
    return (int) batch.size();
  }

  private Matrix family(HostBuffer buffer, long ld, boolean transposed, long size) {
    long s1 = size * batch.n2();
    return new Matrix(buffer, 1, ld, transposed, s1 * batch.n1(), s1, size);
  }

  private float[] a() {
    return normal(sizeA() * members() + 1, 1);
  }

  private float[] b() {
    return normal(sizeB() * (sharedB ? 1 : members()) + 1, 2);
  }

  private float[] c() {
    return normal(sizeC() * members() + 1, 3);
  }

  private float[] shifts() {
    return normal(n * batch.n0(), 4);
  }

  static float[] normal(int size, long seed) {
    Random random = new Random(seed);
    float[] values = new float[size];
    for (int i = 0; i < size; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  /** All of C, what lies between its rows included. */
  float[] computed(GemmKernels gemm) {
    try (Scope scope = Scope.open()) {
      HostBuffer to = buffer(scope, c());
      Matrix right = family(buffer(scope, b()), ldb(), tb, sizeB());
      gemm.multiply(
          m,
          n,
          depth,
          alpha,
          family(buffer(scope, a()), lda(), ta, sizeA()),
          sharedB ? right.batch(0, 0, 0) : right,
          beta,
          family(to, ldc(), false, sizeC()),
          bias ? new Strided(buffer(scope, shifts()), 0, n) : null,
          batch);
      float[] found = new float[(int) to.size()];
      for (int i = 0; i < found.length; i++) {
        found[i] = to.get(i);
      }
      return found;
    }
  }

  private static HostBuffer buffer(Scope scope, float... values) {
    return scope.allocate(values.length).put(values);
  }

  /** Largest error of the results, in units of the norms of the row and the column. */
  double error(float[] found) {
    float[] a = a();
    float[] b = b();
    float[] old = c();
    float[] shifts = shifts();
    double worst = 0;
    for (int member = 0; member < members(); member++) {
      int run = member / batch.n2() / batch.n1();
      for (int i = 0; i < m; i++) {
        for (int j = 0; j < n; j++) {
          double sum = 0;
          double left = 0;
          double right = 0;
          for (int p = 0; p < depth; p++) {
            double x = a[1 + member * sizeA() + (ta ? p * lda() + i : i * lda() + p)];
            int bAt = 1 + (sharedB ? 0 : member * sizeB());
            double y = b[bAt + (tb ? j * ldb() + p : p * ldb() + j)];
            sum += x * y;
            left += x * x;
            right += y * y;
          }
          int at = 1 + member * sizeC() + i * ldc() + j;
          double exact =
              alpha * sum
                  + (beta == 0 ? 0 : beta * (double) old[at])
                  + (bias ? shifts[run * n + j] : 0);
          double scale = Math.abs(alpha) * Math.sqrt(left * right) + Math.abs(exact);
          double error = Math.abs(found[at] - exact);
          worst = Math.max(worst, scale == 0 ? error : error / scale);
        }
      }
    }
    return worst;
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.StrideKernels;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.memory.Buffer;

/** Copies and sums along any strides, and selections, in float64. */
final class Float64Strides implements StrideKernels {

  private final Float64Loops loops;

  Float64Strides(Float64Loops loops) {
    this.loops = loops;
  }

  @Override
  public void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add) {
    WalkPlan plan = WalkPlan.of(walk);
    Float64Buffer in = Float64Buffer.of(from);
    Float64Buffer out = Float64Buffer.of(to);
    Axis inner = plan.inner();
    loops.rows(
        plan.rowCount(),
        Math.multiplyExact(inner.extent(), plan.terms()),
        row -> {
          long source = plan.source(row);
          long target = plan.target(row);
          for (long col = 0; col < inner.extent(); col++) {
            double sum = scale * sum(plan, in, source + col * inner.fromStride());
            long at = target + col * inner.toStride();
            out.set(at, add ? sum + out.get(at) : sum);
          }
        });
  }

  private static double sum(WalkPlan plan, Float64Buffer in, long source) {
    double sum = 0;
    for (long t = 0; t < plan.runCount(); t++) {
      long start = source + plan.runShift(t);
      for (long r = 0; r < plan.run().extent(); r++) {
        sum += in.get(start + r * plan.run().fromStride());
      }
    }
    return sum;
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    Float64Buffer chosen = Float64Buffer.of(mask);
    Float64Buffer left = Float64Buffer.orNull(a);
    Float64Buffer right = Float64Buffer.orNull(b);
    Float64Buffer out = Float64Buffer.of(y);
    loops.pieces(
        n,
        (from, size) -> {
          double[] m = chosen.read(from, size);
          for (int i = 0; i < k; i++) {
            long at = i * n + from;
            double[] v = left == null ? new double[size] : left.read(at, size);
            double[] w = right == null ? new double[size] : right.read(at, size);
            for (int j = 0; j < size; j++) {
              v[j] = m[j] != 0 ? v[j] : w[j];
            }
            out.write(at, v, add);
          }
        });
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    Float64Buffer left = Float64Buffer.of(a);
    Float64Buffer right = Float64Buffer.of(b);
    Float64Buffer out = Float64Buffer.of(mask);
    loops.pieces(
        n,
        (from, size) -> {
          double[] v = left.read(from, size);
          double[] w = right.read(from, size);
          for (int j = 0; j < size; j++) {
            boolean holds = greater ? v[j] > w[j] : v[j] < w[j];
            v[j] = holds || Double.isNaN(v[j]) ? 1 : 0;
          }
          out.write(from, v);
        });
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.PoolKernels;
import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.memory.Buffer;
import java.util.Arrays;

/** Pooling of planes; a plane is one thread's. */
final class Pools implements PoolKernels {

  /** Elements that a task takes at least, if there are as many. */
  private static final int TASK = 8192;

  private static final int INPUT = 0;
  private static final int OUTPUT = 1;
  private static final int INDEX = 2;

  private final WorkerPool pool;
  private final Wide<?> memory;

  Pools(WorkerPool pool, Wide<?> memory) {
    this.pool = pool;
    this.memory = memory;
  }

  private interface Plane {
    void run(long plane, double[] input, double[] output, Scratch scratch);
  }

  private void planes(Pooling s, long planes, Plane body) {
    int in = s.inPlane();
    int out = s.outPlane();
    int each = Math.max(1, TASK / Math.max(in, out));
    pool.run(
        Host.pieces(planes, each),
        4L * each * Math.max(in, out),
        (task, scratch) -> {
          double[] input = scratch.doubles(INPUT, in);
          double[] output = scratch.doubles(OUTPUT, out);
          long end = Math.min(planes, (task + 1L) * each);
          for (long plane = (long) task * each; plane < end; plane++) {
            body.run(plane, input, output, scratch);
          }
        });
  }

  @Override
  public void maxPool(Pooling s, Buffer x, Buffer y, Buffer index) {
    planes(
        s,
        s.planes(),
        (plane, input, output, scratch) -> {
          memory.load(x, plane * s.inPlane(), input, s.inPlane(), scratch);
          double[] places = scratch.doubles(INDEX, s.outPlane());
          int at = 0;
          for (int p = 0; p < s.y().count(); p++) {
            for (int q = 0; q < s.x().count(); q++) {
              int best = largest(s, input, p, q);
              output[at] = input[best];
              places[at++] = best;
            }
          }
          memory.store(output, y, plane * s.outPlane(), s.outPlane(), false, scratch);
          memory.store(places, index, plane * s.outPlane(), s.outPlane(), false, scratch);
        });
  }

  private static int largest(Pooling s, double[] input, int p, int q) {
    int left = s.x().begin(q);
    int right = s.x().end(q);
    int best = s.y().begin(p) * s.x().size() + left;
    for (int row = s.y().begin(p); row < s.y().end(p); row++) {
      for (int at = row * s.x().size() + left; at < row * s.x().size() + right; at++) {
        // negated, so that NaN is taken, and kept
        if (!(input[at] <= input[best]) && !Double.isNaN(input[best])) {
          best = at;
        }
      }
    }
    return best;
  }

  @Override
  public void maxPoolTangent(Pooling s, int k, Buffer index, Buffer x, Buffer y) {
    planes(
        s,
        k * s.planes(),
        (plane, input, output, scratch) -> {
          double[] places = places(s, index, plane, scratch);
          memory.load(x, plane * s.inPlane(), input, s.inPlane(), scratch);
          for (int j = 0; j < s.outPlane(); j++) {
            output[j] = input[(int) places[j]];
          }
          memory.store(output, y, plane * s.outPlane(), s.outPlane(), false, scratch);
        });
  }

  @Override
  public void maxPoolBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add) {
    planes(
        s,
        k * s.planes(),
        (plane, input, output, scratch) -> {
          double[] places = places(s, index, plane, scratch);
          memory.load(dy, plane * s.outPlane(), output, s.outPlane(), scratch);
          Arrays.fill(input, 0, s.inPlane(), 0);
          for (int j = 0; j < s.outPlane(); j++) {
            input[(int) places[j]] += output[j];
          }
          memory.store(input, dx, plane * s.inPlane(), s.inPlane(), add, scratch);
        });
  }

  private double[] places(Pooling s, Buffer index, long plane, Scratch scratch) {
    double[] places = scratch.doubles(INDEX, s.outPlane());
    memory.load(index, plane % s.planes() * s.outPlane(), places, s.outPlane(), scratch);
    return places;
  }

  @Override
  public void averagePool(Pooling s, boolean padding, Buffer x, Buffer y) {
    planes(
        s,
        s.planes(),
        (plane, input, output, scratch) -> {
          memory.load(x, plane * s.inPlane(), input, s.inPlane(), scratch);
          int at = 0;
          for (int p = 0; p < s.y().count(); p++) {
            for (int q = 0; q < s.x().count(); q++) {
              output[at++] = sum(s, input, p, q) / pixels(s, padding, p, q);
            }
          }
          memory.store(output, y, plane * s.outPlane(), s.outPlane(), false, scratch);
        });
  }

  private static double pixels(Pooling s, boolean padding, int p, int q) {
    return padding
        ? (double) s.y().extent(p) * s.x().extent(q)
        : (double) (s.y().end(p) - s.y().begin(p)) * (s.x().end(q) - s.x().begin(q));
  }

  private static double sum(Pooling s, double[] input, int p, int q) {
    int left = s.x().begin(q);
    int right = s.x().end(q);
    double sum = 0;
    for (int row = s.y().begin(p); row < s.y().end(p); row++) {
      for (int at = row * s.x().size() + left; at < row * s.x().size() + right; at++) {
        sum += input[at];
      }
    }
    return sum;
  }

  @Override
  public void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add) {
    planes(
        s,
        s.planes(),
        (plane, input, output, scratch) -> {
          memory.load(dy, plane * s.outPlane(), output, s.outPlane(), scratch);
          Arrays.fill(input, 0, s.inPlane(), 0);
          int at = 0;
          for (int p = 0; p < s.y().count(); p++) {
            for (int q = 0; q < s.x().count(); q++) {
              spread(s, input, p, q, output[at++] / pixels(s, padding, p, q));
            }
          }
          memory.store(input, dx, plane * s.inPlane(), s.inPlane(), add, scratch);
        });
  }

  private static void spread(Pooling s, double[] input, int p, int q, double share) {
    int left = s.x().begin(q);
    int right = s.x().end(q);
    for (int row = s.y().begin(p); row < s.y().end(p); row++) {
      for (int at = row * s.x().size() + left; at < row * s.x().size() + right; at++) {
        input[at] += share;
      }
    }
  }
}

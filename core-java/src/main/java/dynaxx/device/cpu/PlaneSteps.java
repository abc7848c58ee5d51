package dynaxx.device.cpu;

import dynaxx.kernel.ChannelNormKernels.ChannelNormalization;
import dynaxx.kernel.ChannelNormKernels.Statistics;
import java.util.function.IntConsumer;
import java.util.function.IntToDoubleFunction;

/**
 * Steps over the planes of images, of which each needs sums of the one before over a unit of
 * planes. Where the planes of a unit lie together, a task takes all steps of one unit after the
 * other, so that they are read from memory once; else one step follows the other.
 */
final class PlaneSteps {

  /** Elements that a task takes at least, if there are as many. */
  private static final int TASK = 8192;

  /** With fewer units there are too few tasks of whole units. */
  private static final int UNITS = 16;

  private final WorkerPool pool;

  PlaneSteps(WorkerPool pool) {
    this.pool = pool;
  }

  interface Plane {
    void run(int plane, Scratch scratch);
  }

  /**
   * A step over all planes.
   *
   * @param weight of an element
   * @param plane what is done with each
   * @param unit what follows for a unit after its planes
   */
  record Step(int weight, Plane plane, IntConsumer unit) {

    Step(int weight, Plane plane) {
      this(weight, plane, unit -> {});
    }
  }

  void run(ChannelNormalization s, Step... steps) {
    if (s.statistics() == Statistics.BATCH || s.units() < UNITS) {
      for (Step step : steps) {
        planes(s, step.weight, step.plane);
        for (int unit = 0; unit < s.units(); unit++) {
          step.unit.accept(unit);
        }
      }
    } else {
      units(s, steps);
    }
  }

  private void planes(ChannelNormalization s, int weight, Plane body) {
    tasks(
        s.planes(),
        s.size(),
        weight,
        (from, to, scratch) -> {
          for (int plane = from; plane < to; plane++) {
            body.run(plane, scratch);
          }
        });
  }

  private void units(ChannelNormalization s, Step... steps) {
    int planes = s.planes() / s.units();
    int weight = 0;
    for (Step step : steps) {
      weight += step.weight;
    }
    tasks(
        s.units(),
        s.unitSize(),
        weight,
        (from, to, scratch) -> {
          for (int unit = from; unit < to; unit++) {
            for (Step step : steps) {
              for (int plane = unit * planes; plane < (unit + 1) * planes; plane++) {
                step.plane.run(plane, scratch);
              }
              step.unit.accept(unit);
            }
          }
        });
  }

  private interface Part {
    void run(int from, int to, Scratch scratch);
  }

  private void tasks(int count, long size, int weight, Part part) {
    int each = (int) Math.max(1, TASK / size);
    pool.run(
        Host.pieces(count, each),
        weight * each * size,
        (task, scratch) -> part.run(task * each, Math.min(count, (task + 1) * each), scratch));
  }

  /** A few sums over each plane. */
  static final class Sums {

    private final int width;
    private final double[] values;

    Sums(ChannelNormalization s, int width) {
      this.width = width;
      values = new double[Math.multiplyExact(s.planes(), width)];
    }

    void set(int plane, int column, double value) {
      values[plane * width + column] = value;
    }

    double get(int plane, int column) {
      return values[plane * width + column];
    }
  }

  /** Sum over the planes of a unit in order. */
  static double sum(ChannelNormalization s, int unit, IntToDoubleFunction of) {
    boolean batch = s.statistics() == Statistics.BATCH;
    int count = s.planes() / s.units();
    int plane = batch ? unit : unit * count;
    int step = batch ? s.channels() : 1;
    double sum = 0;
    for (int i = 0; i < count; i++, plane += step) {
      sum += of.applyAsDouble(plane);
    }
    return sum;
  }
}

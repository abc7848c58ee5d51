package dynaxx.dashboard;

import java.util.Arrays;

/**
 * A value against the step, steps ascending. Grows at its end; what a reader holds stays as it is,
 * since nothing within it is ever written again.
 */
final class Column {

  private static final double[] NONE = {};

  private long[] steps = new long[16];
  private double[] values = new double[16];
  private double[] errors = NONE;
  private int size;

  /** What there was at one moment; arrays may be longer than their size. */
  record View(long[] steps, double[] values, double[] errors, int size) {

    /** Where the first point at or after a step is. */
    int from(long step) {
      int at = Arrays.binarySearch(steps, 0, size, step);
      return at >= 0 ? at : -at - 1;
    }

    /** The uncertainty of a point; NaN if none is known. */
    double error(int at) {
      return at < errors.length ? errors[at] : Double.NaN;
    }
  }

  void add(long step, double value, double error) {
    if (size == steps.length) {
      int longer = 2 * size;
      steps = Arrays.copyOf(steps, longer);
      values = Arrays.copyOf(values, longer);
    }
    if (!Double.isNaN(error)) {
      int known = errors.length;
      if (known <= size) {
        errors = Arrays.copyOf(errors, steps.length);
        Arrays.fill(errors, known, errors.length, Double.NaN);
      }
      errors[size] = error;
    }
    steps[size] = step;
    values[size] = value;
    size++;
  }

  View view() {
    return new View(steps, values, errors, size);
  }

  /** The same without what was at a step or later. */
  Column before(long step) {
    Column shorter = new Column();
    View all = view();
    for (int i = 0; i < all.from(step); i++) {
      shorter.add(all.steps[i], all.values[i], all.error(i));
    }
    return shorter;
  }
}

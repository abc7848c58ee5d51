package dynaxx.dashboard;

import java.util.Arrays;

/**
 * Thins a column out to what a screen can show. Steps are cut into equal stretches, and of each the
 * smallest and the largest value stay, so that no spike is lost, however short.
 */
final class Decimation {

  private Decimation() {}

  /**
   * Which points stay.
   *
   * @param column ascending steps
   * @param from first step, inclusive
   * @param to last step, inclusive
   * @param points how many may stay, at least 4
   * @return indices, ascending; those of values that are not finite are left out
   */
  static int[] indices(Column.View column, long from, long to, int points) {
    int begin = column.from(from);
    int end = to == Long.MAX_VALUE ? column.size() : column.from(to + 1);
    if (end - begin <= points) {
      return finite(column, begin, end);
    }
    int stretches = points / 2;
    long first = column.steps()[begin];
    double width = (column.steps()[end - 1] - first + 1.0) / stretches;
    int[] kept = new int[2 * stretches];
    int count = 0;
    int at = begin;
    for (int stretch = 0; stretch < stretches && at < end; stretch++) {
      double limit = stretch == stretches - 1 ? Double.MAX_VALUE : first + (stretch + 1) * width;
      int least = -1;
      int most = -1;
      for (; at < end && column.steps()[at] < limit; at++) {
        double value = column.values()[at];
        if (Double.isFinite(value)) {
          least = least < 0 || value < column.values()[least] ? at : least;
          most = most < 0 || value > column.values()[most] ? at : most;
        }
      }
      if (least >= 0) {
        kept[count++] = Math.min(least, most);
        if (least != most) {
          kept[count++] = Math.max(least, most);
        }
      }
    }
    return Arrays.copyOf(kept, count);
  }

  private static int[] finite(Column.View column, int begin, int end) {
    int[] kept = new int[Math.max(0, end - begin)];
    int count = 0;
    for (int i = begin; i < end; i++) {
      if (Double.isFinite(column.values()[i])) {
        kept[count++] = i;
      }
    }
    return Arrays.copyOf(kept, count);
  }
}

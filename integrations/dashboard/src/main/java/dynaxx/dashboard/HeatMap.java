package dynaxx.dashboard;

import dynaxx.spectrum.SpectralDensity;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;

/**
 * The values of layers, heads or eigenvalues over the steps, row by row. Of a spectrum, whose rows
 * are its eigenvalues by decades, shades are logarithmic; of all else they are linear.
 *
 * @param parts with a value for each row
 * @param spectrum whether it is of a spectrum
 * @param ends of the rows, or none if rows are numbered
 * @param first row that has a value
 * @param last row that has none any more
 * @param least value
 * @param most value
 */
record HeatMap(
    List<RunData.Parts> parts,
    boolean spectrum,
    double[] ends,
    int first,
    int last,
    double least,
    double most) {

  /** Part of the largest fraction below which a spectrum is as light as can be. */
  private static final double LIGHTEST = 1e-5;

  /** Part of the largest eigenvalue below which all are one row about zero. */
  private static final double NEAR = 1.0 / 800;

  private static final double FAR = 1.01;
  private static final int LABELS = 8;

  static HeatMap of(List<RunData.Parts> measured, boolean spectrum) {
    double[] ends = spectrum ? ends(measured) : new double[0];
    List<RunData.Parts> parts =
        ends.length > 1 ? measured.stream().map(each -> between(each, ends)).toList() : measured;
    int rows = parts.stream().mapToInt(p -> p.values().length).max().orElse(1);
    int first = spectrum ? rows : 0;
    int last = spectrum ? 0 : rows;
    double most = Double.NEGATIVE_INFINITY;
    double least = Double.POSITIVE_INFINITY;
    for (RunData.Parts each : parts) {
      for (int i = 0; i < each.values().length; i++) {
        double value = each.values()[i];
        if (shown(value, spectrum)) {
          most = Math.max(most, value);
          least = Math.min(least, value);
          first = Math.min(first, i);
          last = Math.max(last, i + 1);
        }
      }
    }
    return new HeatMap(parts, spectrum, ends, first, last, least, most);
  }

  private static boolean shown(double value, boolean spectrum) {
    return Double.isFinite(value) && (!spectrum || value > 0);
  }

  /** Ends of the rows of a spectrum: what lies far within it is one row about zero. */
  private static double[] ends(List<RunData.Parts> all) {
    double[] edges = SpectralDensity.edges();
    double size = 0;
    for (RunData.Parts each : all) {
      for (int i = 0; i < Math.min(each.values().length, edges.length - 1); i++) {
        if (each.values()[i] > 0) {
          size = Math.max(size, Math.max(Math.abs(edges[i]), Math.abs(edges[i + 1])));
        }
      }
    }
    double near = size * NEAR;
    double far = size * FAR;
    return Arrays.stream(edges)
        .filter(edge -> Math.abs(edge) >= near && Math.abs(edge) <= far)
        .toArray();
  }

  /** The same fractions in the rows between other ends, each of which is an edge. */
  private static RunData.Parts between(RunData.Parts all, double[] ends) {
    double[] edges = SpectralDensity.edges();
    float[] sums = new float[ends.length - 1];
    int row = 0;
    for (int i = 0; i < Math.min(all.values().length, edges.length - 1); i++) {
      double middle = (edges[i] + edges[i + 1]) / 2;
      while (row < sums.length - 1 && ends[row + 1] <= middle) {
        row++;
      }
      sums[row] += all.values()[i];
    }
    return new RunData.Parts(all.step(), sums);
  }

  int rows() {
    return Math.max(0, last - first);
  }

  /** The step in the middle between a column and the next. */
  double between(int column) {
    return (parts.get(column).step() + parts.get(column + 1).step()) / 2.0;
  }

  /** How dark a cell is, from 0 to 1; nothing if it has no value. */
  OptionalDouble shade(int column, int row) {
    float[] values = parts.get(column).values();
    int at = first + row;
    if (at >= values.length || !shown(values[at], spectrum)) {
      return OptionalDouble.empty();
    }
    double value = values[at];
    if (spectrum) {
      return OptionalDouble.of(1 - Math.log(value / most) / Math.log(LIGHTEST));
    }
    return OptionalDouble.of(most > least ? (value - least) / (most - least) : 0.5);
  }

  /** Value of the lightest cells. */
  double lightest() {
    return spectrum ? most * LIGHTEST : least;
  }

  /** Value of the darkest cells. */
  double darkest() {
    return most;
  }

  /** Texts by the height that they stand at, in rows: decades of a spectrum, or numbers. */
  Map<Double, String> labels(String name) {
    Map<Double, String> labels = new LinkedHashMap<>();
    boolean decades = ends.length > 1;
    int step = decades ? 1 : Math.max(1, (rows() + LABELS - 1) / LABELS);
    for (int row = 0; row < rows(); row += step) {
      double decade = decades ? Math.log10(Math.abs(ends[first + row])) : 0;
      if (!decades) {
        labels.put(row + 0.5, name + " " + (first + row + 1));
      } else if (Math.abs(decade - Math.rint(decade)) < 1e-6) {
        labels.put((double) row, AxisScale.label(ends[first + row]));
      }
    }
    return labels;
  }
}

package dynaxx.cost;

import java.util.Comparator;
import java.util.List;

/**
 * Seconds of a device: a coefficient for each part of the {@link Work}, fitted to what was timed.
 * None is negative.
 *
 * @param perFlop seconds of a floating-point operation
 * @param perByte seconds of a byte
 * @param perLaunch seconds of a launch
 * @param timings that it was fitted to
 */
public record CostModel(double perFlop, double perByte, double perLaunch, List<Timing> timings) {

  private static final int TERMS = 3;

  /** The term that all subsets have, as their lowest bit. */
  private static final int FLOP = 1;

  /** Works whose operations differ by less than this part are the same. */
  private static final double SAME = 1e-6;

  /**
   * Something that was timed.
   *
   * @param name what it was
   * @param parameters of the network
   * @param work counted
   * @param seconds measured, above 0
   */
  public record Timing(String name, long parameters, Work work, double seconds) {}

  /**
   * Where a time comes from.
   *
   * @param kind measured, between what was measured, or beyond it
   * @param factor how far beyond: operations or parameters over the nearest that was timed; 1 if
   *     they are within
   */
  public record Basis(Kind kind, double factor) {

    /** Kinds, from the best on. */
    public enum Kind {
      /** This very work was timed. */
      MEASURED,
      /** Smaller and larger work was timed. */
      INTERPOLATED,
      /** All that was timed is smaller, or all is larger. */
      EXTRAPOLATED
    }

    /**
     * The worse of two.
     *
     * @param other of another part of the same estimate
     * @return that with the larger factor, or else of the later kind
     */
    public Basis or(Basis other) {
      return Comparator.comparing(Basis::kind).thenComparing(Basis::factor).compare(this, other)
              >= 0
          ? this
          : other;
    }
  }

  /** Copies the timings. */
  public CostModel {
    timings = List.copyOf(timings);
  }

  /**
   * Fits by least squares of the relative errors, with coefficients that are not negative: the best
   * of the fits by operations alone or with other parts. Operations always count, so that a model
   * of noisy times still grows with the work.
   *
   * @param timings at least one, with positive times
   * @return the model
   * @throws IllegalArgumentException if there is none, or one whose time or work is not positive
   */
  public static CostModel fit(List<Timing> timings) {
    if (timings.isEmpty()) {
      throw new IllegalArgumentException("timings: found none, expected at least one");
    }
    for (Timing timing : timings) {
      if (!(timing.seconds() > 0 && timing.work().flop() > 0)) {
        throw new IllegalArgumentException(
            "timings: found " + timing + ", expected a positive time and work");
      }
    }
    double[] best = null;
    double least = Double.POSITIVE_INFINITY;
    for (int subset = FLOP; subset < 1 << TERMS; subset += 2) {
      double[] found = solve(timings, subset);
      double error = found == null ? Double.POSITIVE_INFINITY : squares(timings, found);
      if (error < least) {
        least = error;
        best = found;
      }
    }
    return new CostModel(best[0], best[1], best[2], timings);
  }

  private static double[] row(Timing timing) {
    Work work = timing.work();
    double t = timing.seconds();
    return new double[] {work.flop() / t, work.bytes() / t, work.launches() / t};
  }

  private static double squares(List<Timing> timings, double[] coefficients) {
    double sum = 0;
    for (Timing timing : timings) {
      double[] row = row(timing);
      double rest = -1;
      for (int i = 0; i < TERMS; i++) {
        rest += row[i] * coefficients[i];
      }
      sum += rest * rest;
    }
    return sum;
  }

  /** Normal equations of the terms of a subset; null if a solution is negative or there is none. */
  private static double[] solve(List<Timing> timings, int subset) {
    double[][] a = new double[TERMS][TERMS + 1];
    double[] scale = new double[TERMS];
    for (Timing timing : timings) {
      double[] row = row(timing);
      for (int i = 0; i < TERMS; i++) {
        scale[i] = Math.max(scale[i], row[i]);
      }
    }
    for (int i = 0; i < TERMS; i++) {
      boolean in = (subset >> i & 1) == 1;
      if (in && scale[i] == 0) {
        return null;
      }
      for (Timing timing : timings) {
        double[] row = row(timing);
        for (int j = 0; in && j < TERMS; j++) {
          a[i][j] += (subset >> j & 1) == 0 ? 0 : row[i] / scale[i] * row[j] / scale[j];
        }
        a[i][TERMS] += in ? row[i] / scale[i] : 0;
      }
      a[i][i] = in ? a[i][i] : 1;
    }
    double[] found = eliminate(a);
    for (int i = 0; found != null && i < TERMS; i++) {
      if (!(found[i] >= 0)) {
        return null;
      }
      found[i] /= scale[i] == 0 ? 1 : scale[i];
    }
    return found;
  }

  private static double[] eliminate(double[][] a) {
    int n = a.length;
    for (int i = 0; i < n; i++) {
      int pivot = i;
      for (int j = i + 1; j < n; j++) {
        pivot = Math.abs(a[j][i]) > Math.abs(a[pivot][i]) ? j : pivot;
      }
      double[] swap = a[i];
      a[i] = a[pivot];
      a[pivot] = swap;
      if (Math.abs(a[i][i]) < 1e-12) {
        return null;
      }
      for (int j = 0; j < n; j++) {
        double factor = j == i ? 0 : a[j][i] / a[i][i];
        for (int k = i; k <= n; k++) {
          a[j][k] -= factor * a[i][k];
        }
      }
    }
    double[] found = new double[n];
    for (int i = 0; i < n; i++) {
      found[i] = a[i][n] / a[i][i];
    }
    return found;
  }

  /**
   * The time of some work.
   *
   * @param work any
   * @return seconds
   */
  public double seconds(Work work) {
    return perFlop * work.flop() + perByte * work.bytes() + perLaunch * work.launches();
  }

  /**
   * How far the timings are from the model: the root of the mean squared relative difference, for
   * as many as there are beyond the coefficients.
   *
   * @return for example 0.2 for 20 %; infinite if nothing is left to judge by
   */
  public double relativeError() {
    int used = (perFlop > 0 ? 1 : 0) + (perByte > 0 ? 1 : 0) + (perLaunch > 0 ? 1 : 0);
    int left = timings.size() - used;
    double squares = squares(timings, new double[] {perFlop, perByte, perLaunch});
    return left > 0 ? Math.sqrt(squares / left) : Double.POSITIVE_INFINITY;
  }

  /**
   * How a time of one pass is known.
   *
   * @param parameters of the network
   * @param work of the pass
   * @return measured, interpolated or extrapolated
   */
  public Basis basis(long parameters, Work work) {
    double most = 0;
    double least = Double.POSITIVE_INFINITY;
    double largest = 0;
    double smallest = Double.POSITIVE_INFINITY;
    for (Timing timing : timings) {
      double flop = timing.work().flop();
      if (timing.parameters() == parameters && Math.abs(flop / work.flop() - 1) < SAME) {
        return new Basis(Basis.Kind.MEASURED, 1);
      }
      most = Math.max(most, flop);
      least = Math.min(least, flop);
      largest = Math.max(largest, timing.parameters());
      smallest = Math.min(smallest, timing.parameters());
    }
    double factor =
        Math.max(
            Math.max(work.flop() / most, least / work.flop()),
            Math.max(parameters / largest, smallest / parameters));
    return factor <= 1
        ? new Basis(Basis.Kind.INTERPOLATED, 1)
        : new Basis(Basis.Kind.EXTRAPOLATED, factor);
  }
}

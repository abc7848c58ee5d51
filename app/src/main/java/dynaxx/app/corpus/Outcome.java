package dynaxx.app.corpus;

import java.util.Arrays;
import java.util.Locale;

/**
 * What happened in a run, read off its losses by rules that were written down before the runs were
 * made (docs/corpus.md).
 *
 * @param what happened
 * @param shownAt step at which the loss shows it, or -1
 */
public record Outcome(What what, int shownAt) {

  /** Losses that the running median is over. */
  public static final int WINDOW = 50;

  /** Losses that are needed before anything is compared with them. */
  static final int LEAST = 5;

  /** Losses whose median stands for a level. */
  static final int LEVEL = 20;

  private static final double SHOWN = 2;

  /** Part of the first loss below which a rise is noise. */
  private static final double FLOOR = 0.05;

  private static final double RISE = 1.5;
  private static final double STILL = 0.05;
  private static final double LEFT = 0.7;
  private static final int PLATEAU = 60;

  /** Kinds of outcome, the worst first. */
  public enum What {
    DIVERGED,
    SPIKE,
    INSTABILITY,
    PLATEAU_LEFT,
    NOTHING;

    /** Whether a warning in such a run is false. */
    public boolean quiet() {
      return this == PLATEAU_LEFT || this == NOTHING;
    }

    /** As it is written in files. */
    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * Judges a run.
   *
   * @param losses of each step; NaN or infinite where the run broke off
   * @param from first step that counts; losses before it count only as what others are compared
   *     with
   */
  public static Outcome of(double[] losses, int from) {
    double floor = FLOOR * losses[0];
    int shown = shown(losses, from, floor);
    boolean broke = !Double.isFinite(losses[losses.length - 1]);
    if (shown >= 0) {
      double before = median(losses, Math.max(0, shown - WINDOW), shown);
      int last = Math.max(shown, losses.length - LEVEL);
      double after = median(losses, last, losses.length);
      boolean lost = broke || after > SHOWN * before || after >= losses[0];
      return new Outcome(lost ? What.DIVERGED : What.SPIKE, shown);
    }
    if (broke) {
      return new Outcome(What.DIVERGED, losses.length - 1);
    }
    double[] levels = levels(losses);
    if (rises(levels, from, floor)) {
      return new Outcome(What.INSTABILITY, -1);
    }
    return new Outcome(leavesPlateau(levels, from) ? What.PLATEAU_LEFT : What.NOTHING, -1);
  }

  /** First step whose loss is twice the median of those before it, or not finite. */
  private static int shown(double[] losses, int from, double floor) {
    for (int i = Math.max(from, LEAST); i < losses.length; i++) {
      double before = median(losses, Math.max(0, i - WINDOW), i);
      boolean high = losses[i] > SHOWN * before && losses[i] - before > floor;
      if (high || !Double.isFinite(losses[i])) {
        return i;
      }
    }
    return -1;
  }

  /** Medians of {@link #LEVEL} losses, each beginning at its position. */
  private static double[] levels(double[] losses) {
    double[] levels = new double[Math.max(0, losses.length - LEVEL + 1)];
    Arrays.setAll(levels, i -> median(losses, i, i + LEVEL));
    return levels;
  }

  private static boolean rises(double[] levels, int from, double floor) {
    double lowest = Double.POSITIVE_INFINITY;
    for (int i = from; i < levels.length; i++) {
      if (levels[i] > RISE * lowest && levels[i] - lowest > floor) {
        return true;
      }
      lowest = Math.min(lowest, levels[i]);
    }
    return false;
  }

  private static boolean leavesPlateau(double[] levels, int from) {
    for (int i = from + PLATEAU; i + PLATEAU < levels.length; i++) {
      boolean still = Math.abs(levels[i] / levels[i - PLATEAU] - 1) < STILL;
      if (still && levels[i + PLATEAU] < LEFT * levels[i]) {
        return true;
      }
    }
    return false;
  }

  static double median(double[] values, int from, int to) {
    double[] sorted = Arrays.copyOfRange(values, from, to);
    Arrays.sort(sorted);
    int half = sorted.length / 2;
    return sorted.length % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }
}

package dynaxx.app.corpus;

import java.util.Arrays;

/**
 * Something that may warn: a score at some steps of each run, of which high ones are warnings. What
 * has no score, as the events of a rule set, has 1 where it warns, 0 elsewhere, and the threshold
 * 1/2.
 *
 * @param name for tables
 * @param group of detectors that it belongs to
 * @param scores of each run, step by step; NaN where nothing was measured
 * @param fixed threshold; NaN to find one
 */
record Detector(String name, Group group, double[][] scores, double fixed) {

  /** Where a detector comes from. */
  enum Group {
    SIGNAL,
    RULES,
    PLAIN
  }

  static final double EVENT = 0.5;

  /** A warning stands for so many steps, and is right if the loss shows something meanwhile. */
  static final int HORIZON = 150;

  /** The same with the other sign. */
  Detector turned() {
    double[][] other =
        Arrays.stream(scores)
            .map(run -> Arrays.stream(run).map(score -> -score).toArray())
            .toArray(double[][]::new);
    return new Detector("-" + name, group, other, fixed);
  }

  /** First step from one to before another whose score is above a threshold; -1 if none. */
  static int first(double[] scores, int from, int to, double threshold) {
    for (int i = Math.max(0, from); i < Math.min(to, scores.length); i++) {
      if (scores[i] > threshold) {
        return i;
      }
    }
    return -1;
  }

  /** Warnings in a run, each standing for {@link #HORIZON} steps. */
  static int warnings(double[] scores, double threshold) {
    int count = 0;
    for (int at = first(scores, 0, scores.length, threshold); at >= 0; ) {
      count++;
      at = first(scores, at + HORIZON, scores.length, threshold);
    }
    return count;
  }

  /** Highest score from one step to before another; NaN if there is none. */
  static double highest(double[] scores, int from, int to) {
    double highest = Double.NaN;
    for (int i = Math.max(0, from); i < Math.min(to, scores.length); i++) {
      if (!Double.isNaN(scores[i]) && !(scores[i] <= highest)) {
        highest = scores[i];
      }
    }
    return highest;
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.OptionalDouble;

/** Compares the loss of each step with those of the {@value #WINDOW} steps before. */
final class LossLevel {

  private static final int WINDOW = 50;

  /** Losses that make a level. */
  static final int LEAST = 5;

  private final double[] losses = new double[WINDOW];
  private final double[] sorted = new double[WINDOW];
  private int count;
  private boolean known;
  private double value;
  private double median;
  private double deviation;

  void reset() {
    count = 0;
    known = false;
  }

  /** Takes a step's loss; one without a logarithm is not compared. */
  void take(Observation observation) {
    OptionalDouble loss = observation.value(Signal.LOSS);
    known = false;
    if (loss.isEmpty() || !(loss.getAsDouble() > 0)) {
      return;
    }
    value = loss.getAsDouble();
    if (count >= LEAST) {
      compare();
    }
    losses[count++ % WINDOW] = value;
  }

  private void compare() {
    known = true;
    int n = Math.min(count, WINDOW);
    System.arraycopy(losses, 0, sorted, 0, n);
    Arrays.sort(sorted, 0, n);
    int half = n / 2;
    median = n % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
    double[] differences = new double[n];
    for (int i = 0; i < n; i++) {
      differences[i] = Math.log(sorted[i] / median);
    }
    deviation = Robust.deviation(differences);
  }

  /** Whether the loss of the last step could be compared. */
  boolean known() {
    return known;
  }

  double value() {
    return value;
  }

  double median() {
    return median;
  }

  /** Of the logarithms of the losses before, about that of the median. */
  double deviation() {
    return deviation;
  }

  /** Logarithm of the loss over the median. */
  double rise() {
    return Math.log(value / median);
  }

  /** Whether the rise is at least so large, and so many deviations. */
  boolean rose(double least, double deviations) {
    return known && rise() >= least && rise() >= deviations * deviation;
  }
}

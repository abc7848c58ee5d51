package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.OptionalDouble;

/** Compares the loss of each step with those of the {@value #WINDOW} steps before. */
final class LossLevel {

  private static final int WINDOW = 50;

  /** A falling loss leaves the median of a long window behind, and rises above that of a short. */
  private static final int SHORT = 20;

  /** Part of the first loss by which rounding may take a loss below zero. */
  private static final double ROUNDING = 1e-6;

  /** Losses that make a level. */
  static final int LEAST = 4;

  private final double[] logarithms = new double[WINDOW];
  private int count;
  private boolean known;
  private double value;
  private double median;
  private double rise;
  private double highestRise;
  private double noise;
  private double[] earlier;
  private double first = Double.NaN;
  private boolean negative;

  /** Forgets the losses, but not what the first was, nor that one was negative. */
  void reset() {
    count = 0;
    known = false;
  }

  /**
   * Takes a step's loss; one without a logarithm is not compared. Once a loss was negative none is:
   * a likelihood of a density has no zero that others could be multiples of.
   *
   * @param swing logarithm of the highest over the lowest loss of a cycle that is known; a rise
   *     within it is none
   */
  void take(Observation observation, double swing) {
    OptionalDouble loss = observation.value(Signal.LOSS);
    known = false;
    if (loss.isEmpty()) {
      return;
    }
    negative |= loss.getAsDouble() < 0 && !(loss.getAsDouble() >= -ROUNDING * first);
    if (negative || !(loss.getAsDouble() > 0)) {
      return;
    }
    value = loss.getAsDouble();
    first = Double.isNaN(first) ? value : first;
    double logarithm = Math.log(value);
    if (count >= LEAST) {
      compare(logarithm, swing);
    }
    logarithms[count++ % WINDOW] = logarithm;
  }

  private void compare(double logarithm, double swing) {
    known = true;
    earlier = before(WINDOW);
    double level = Robust.median(earlier);
    median = Math.exp(level);
    rise = logarithm - level - swing;
    highestRise = Math.max(rise, logarithm - Robust.median(before(SHORT)) - swing);
    noise = Robust.noise(earlier);
  }

  /** The last logarithms, at most so many, in their order. */
  private double[] before(int most) {
    double[] last = new double[Math.min(count, most)];
    Arrays.setAll(last, i -> logarithms[(count - last.length + i) % WINDOW]);
    return last;
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

  /** Of the logarithms of the losses before, about their course. */
  double noise() {
    return noise;
  }

  /** Largest change from one of the losses before to the next, of logarithms about their course. */
  double widest() {
    return Arrays.stream(Robust.changes(earlier)).map(Math::abs).max().orElseThrow();
  }

  /** First loss of the run. */
  double first() {
    return first;
  }

  /** Logarithm of the loss over the median, less the swing of a known cycle. */
  double rise() {
    return rise;
  }

  /** The larger of this and the same over the median of fewer losses. */
  double highestRise() {
    return highestRise;
  }
}

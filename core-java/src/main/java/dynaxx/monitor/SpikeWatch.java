package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Reports a jump of the loss at the step that shows it: a loss that is {@value #FACTOR} times the
 * median of the {@value #WINDOW} before and lies outside their scatter. It is reported once, until
 * the loss has come down or has become the new level.
 */
final class SpikeWatch {

  /** Losses of the window. */
  static final int WINDOW = 50;

  /** Losses that make a level. */
  static final int LEAST = 20;

  private static final double FACTOR = 2;

  /** Deviations of the logarithm. */
  private static final double DEVIATIONS = 3;

  /** Share of the jump's loss below which it is over. */
  private static final double OVER = 0.75;

  private final double[] losses = new double[WINDOW];
  private final double[] sorted = new double[WINDOW];
  private int count;
  private double level;
  private int above;

  void reset() {
    count = 0;
    above = 0;
  }

  /** Takes a step's loss. */
  Optional<Event> add(Observation observation) {
    OptionalDouble loss = observation.value(Signal.LOSS);
    if (loss.isEmpty() || !(loss.getAsDouble() > 0)) {
      return Optional.empty();
    }
    double value = loss.getAsDouble();
    Optional<Event> event = Optional.empty();
    if (above > 0) {
      above = value < OVER * FACTOR * level ? 0 : above - 1;
    } else if (count >= LEAST) {
      event = judge(observation.step(), value);
    }
    losses[count++ % WINDOW] = value;
    return event;
  }

  private Optional<Event> judge(long step, double value) {
    int n = Math.min(count, WINDOW);
    System.arraycopy(losses, 0, sorted, 0, n);
    Arrays.sort(sorted, 0, n);
    double median = middle(n);
    if (!(value > FACTOR * median)) {
      return Optional.empty();
    }
    double deviation = deviation(n, Math.log(median));
    double distance = (Math.log(value) - Math.log(median)) / deviation;
    if (distance < DEVIATIONS) {
      return Optional.empty();
    }
    above = WINDOW;
    level = median;
    Event.Evidence evidence =
        new Event.Evidence(
            value,
            OptionalDouble.of(median * deviation),
            OptionalDouble.of(median),
            OptionalDouble.of(FACTOR * median),
            step);
    return Optional.of(
        new Event(
            step,
            Event.Kind.SPIKE,
            Signal.LOSS,
            0.9,
            evidence,
            String.format(
                Locale.ROOT,
                "loss is %.4g, %.3g times the median of the %d steps before",
                value,
                value / median,
                n)));
  }

  private double middle(int n) {
    int half = n / 2;
    return n % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
  }

  /** Of the logarithms about that of the median. */
  private double deviation(int n, double center) {
    double[] differences = new double[n];
    for (int i = 0; i < n; i++) {
      differences[i] = Math.log(sorted[i]) - center;
    }
    return Robust.deviation(differences);
  }
}

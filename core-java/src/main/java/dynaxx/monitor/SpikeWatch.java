package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Reports a jump of the loss at the step that shows it: a loss that is {@value #FACTOR} times the
 * median before and lies outside the noise. Near zero the losses of single batches have a long
 * tail: a jump of less than a twentieth of the run's first loss must also be half as high again as
 * all changes of the losses before. It is reported once, until the loss has come down or has become
 * the new level.
 */
final class SpikeWatch {

  private static final double FACTOR = 2;
  private static final double DEVIATIONS = 3;

  /** Part of the first loss below which a jump is small. */
  private static final double SMALL = 0.05;

  /** What a small jump must be of the widest change before. */
  private static final double WIDER = 1.5;

  /** Share of the jump's loss below which it is over. */
  private static final double OVER = 0.75;

  /** Steps after which what stays up is the new level. */
  private static final int LONGEST = 50;

  private double told;
  private int above;

  void reset() {
    above = 0;
  }

  /** Takes a step whose loss has been compared with its level. */
  Optional<Event> add(long step, LossLevel level) {
    if (!level.known()) {
      return Optional.empty();
    }
    if (above > 0) {
      above = level.value() < OVER * FACTOR * told ? 0 : above - 1;
      return Optional.empty();
    }
    if (level.rise() < Math.max(Math.log(FACTOR), DEVIATIONS * level.noise()) || usual(level)) {
      return Optional.empty();
    }
    above = LONGEST;
    told = level.median();
    Event.Evidence evidence =
        new Event.Evidence(
            level.value(),
            OptionalDouble.of(level.median() * level.noise()),
            OptionalDouble.of(level.median()),
            OptionalDouble.of(FACTOR * level.median()),
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
                "loss is %.4g, %.3g times the median of the steps before",
                level.value(),
                level.value() / level.median())));
  }

  private static boolean usual(LossLevel level) {
    boolean small = level.value() - level.median() <= SMALL * level.first();
    return small && level.rise() < WIDER * level.widest();
  }
}

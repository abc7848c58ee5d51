package dynaxx.app.scenario;

import dynaxx.monitor.Event;
import dynaxx.spectrum.Signal;
import java.util.Arrays;
import java.util.Locale;

/**
 * What is known to have happened in a scenario.
 *
 * @param from first step at which rules could know; what they report before it is not explained
 * @param to last step that the happening explains; below {@code from} where nothing happens
 * @param visible step at which loss or accuracy shows it, -1 if they do not
 * @param words what happened, and how it became visible
 */
record Truth(long from, long to, long visible, String words) {

  private static final double LOSS_ROSE = 1.1;
  private static final double NEAR = 0.1;

  /** Whether an event belongs to what happened; a cycle always belongs to a cyclic schedule. */
  boolean explains(Event event) {
    return event.step() >= from && event.step() <= to
        || from > to && event.kind() == Event.Kind.CYCLIC;
  }

  static Truth of(Scenario scenario, Series series) {
    long end = series.steps().getLast().step();
    return switch (scenario) {
      case EDGE_OF_STABILITY -> edge(series, end);
      case CATAPULT -> catapult(series, end);
      case GROKKING -> grokking(series, end);
      case RESTART -> disturbed(series, "the optimizer's state was lost", 100);
      case SPIKE -> disturbed(series, "the learning rate was 30 times as high for 3 steps", 100);
      case CYCLIC ->
          new Truth(end + 1, end, -1, "the learning rate went up and down every 100 steps");
    };
  }

  private static Truth edge(Series series, long end) {
    long reached = -1;
    for (var o : series.steps()) {
      double ratio = Series.value(o, Signal.LAMBDA_MAX) * Series.value(o, Signal.LEARNING_RATE) / 2;
      if (ratio >= 1 - NEAR) {
        reached = o.step();
        break;
      }
    }
    double[] ratios = series.sharpness(end / 2);
    long near = Arrays.stream(ratios).filter(r -> Math.abs(r - 1) <= NEAR).count();
    return new Truth(
        reached < 0 ? end + 1 : reached,
        end,
        series.firstRise(),
        String.format(
            Locale.ROOT,
            "sharpness came within 10 %% of 2 / learning rate at step %d; in the second half of the"
                + " run it was %.3f of it on average (%.3f to %.3f), within 10 %% in %.0f %% of"
                + " snapshots; visible: the first rise of the loss",
            reached,
            Series.mean(ratios),
            Arrays.stream(ratios).min().orElse(Double.NaN),
            Arrays.stream(ratios).max().orElse(Double.NaN),
            100.0 * near / ratios.length));
  }

  private static Truth catapult(Series series, long end) {
    double[] ratios = series.sharpness(0);
    double first = Series.value(series.steps().getFirst(), Signal.LOSS);
    double most =
        series.steps().stream().mapToDouble(o -> Series.value(o, Signal.LOSS)).max().orElseThrow();
    return new Truth(
        0,
        end,
        series.first(Signal.LOSS, 0, LOSS_ROSE * first, false),
        String.format(
            Locale.ROOT,
            "sharpness began at %.2f of 2 / learning rate and ended at %.2f; the loss went from"
                + " %.4g up to %.4g and down to %.4g; visible: the loss a tenth above its first"
                + " value",
            ratios[0],
            ratios[ratios.length - 1],
            first,
            most,
            Series.value(series.steps().getLast(), Signal.LOSS)));
  }

  private static Truth grokking(Series series, long end) {
    long memorised = series.first(Signal.LOSS, 0, 0.1, true);
    long understood = series.first(Signal.VALIDATION_ACCURACY, 0, 0.5, false);
    long done = series.first(Signal.VALIDATION_ACCURACY, 0, 0.95, false);
    return new Truth(
        memorised < 0 ? end + 1 : memorised,
        done < 0 ? end : done,
        understood,
        String.format(
            Locale.ROOT,
            "training loss below 0.1 at step %d, validation accuracy 50 %% at step %d and 95 %% at"
                + " step %d; visible: 50 %%",
            memorised,
            understood,
            done));
  }

  private static Truth disturbed(Series series, String what, int explained) {
    int at = Scenario.DISTURBED;
    double before = series.lossBefore(at, 40);
    long visible = series.first(Signal.LOSS, at, 2 * before, false);
    boolean soon = visible >= 0 && visible <= at + explained;
    return new Truth(
        at,
        at + explained,
        soon ? visible : -1,
        "at step "
            + at
            + " "
            + what
            + "; visible: a batch's loss at twice the median of the 40 before");
  }
}

package dynaxx.monitor;

import dynaxx.monitor.Rules.StabilityLimit;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Verdict;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;

/** Raises the learning rate or the momentum on a plateau with a firmly negative lambda_min. */
final class EscapePolicy extends ActingPolicy {

  private static final int WINDOW = 200;
  private static final double RAISE = 1.5;

  /** Part of the mean by which the loss must change over half the window to move. */
  private static final double MOVES = 0.01;

  /**
   * Size of lambda_min against lambda_max above which it is more than what networks usually have.
   */
  private static final double DEEP = 0.05;

  private static final double RESIDUALS = 3;

  /** Part of the stability limit that the sharpness may reach at the raised rate. */
  private static final double STABLE = 0.9;

  private static final double LARGEST_MOMENTUM = 0.99;

  private final StabilityLimit limit;
  private final double[] losses = new double[WINDOW];
  private int seen;
  private double raised = 1;
  private OptionalDouble momentumBefore = OptionalDouble.empty();

  /** With a limit, or with that of gradient descent with the reported momentum if it is null. */
  EscapePolicy(StabilityLimit limit) {
    this.limit = limit;
  }

  @Override
  void own(Situation situation, List<Advice> advice) {
    situation.observation().value(Signal.LOSS).ifPresent(loss -> losses[seen++ % WINDOW] = loss);
    if (seen < WINDOW || !situation.measured() || !settled()) {
      return;
    }
    boolean moves = moves();
    if (moves && raised != 1) {
      change(situation, 1 / raised, "the loss moves again", advice);
      raised = 1;
    } else if (moves && momentumBefore.isPresent()) {
      advice.add(new Advice.Momentum(momentumBefore.getAsDouble(), "the loss moves again"));
      momentumBefore = OptionalDouble.empty();
    } else if (!moves && firmlyNegative(situation)) {
      raise(situation, advice);
    }
  }

  private void raise(Situation situation, List<Advice> advice) {
    String reason = "the loss stands still where lambda_min is firmly negative";
    if (stableAtRaisedRate(situation)) {
      if (change(situation, RAISE, reason, advice)) {
        raised *= RAISE;
      }
    } else if (situation.momentum().isPresent() && momentumBefore.isEmpty()) {
      double momentum = situation.momentum().getAsDouble();
      momentumBefore = situation.momentum();
      double next = Math.min(LARGEST_MOMENTUM, (1 + momentum) / 2);
      advice.add(new Advice.Momentum(next, reason + ", and a higher rate would be unstable"));
    }
  }

  private boolean stableAtRaisedRate(Situation situation) {
    OptionalDouble rate = situation.observation().value(Signal.LEARNING_RATE);
    double momentum = situation.momentum().orElse(0);
    StabilityLimit own =
        limit == null
            ? StabilityLimit.momentum(momentum >= 0 && momentum < 1 ? momentum : 0, 0)
            : limit;
    OptionalDouble sharpness = situation.observation().value(own.signal());
    return rate.isPresent()
        && rate.getAsDouble() > 0
        && sharpness.isPresent()
        && sharpness.getAsDouble() <= STABLE * own.at(RAISE * rate.getAsDouble());
  }

  private static boolean firmlyNegative(Situation situation) {
    Observation now = situation.observation();
    Reading min = now.reading(Signal.LAMBDA_MIN).orElse(null);
    double max = now.value(Signal.LAMBDA_MAX).orElse(Double.NaN);
    return min != null
        && min.value() + RESIDUALS * min.errorOr(0) < 0
        && -min.value() >= DEEP * max
        && now.verdict().map(v -> v instanceof Verdict.Negative).orElse(true);
  }

  /** Whether the loss of the newer half of the window differs from that of the older. */
  private boolean moves() {
    double[] order = new double[WINDOW];
    for (int i = 0; i < WINDOW; i++) {
      order[i] = losses[(seen + i) % WINDOW];
    }
    double[] older = Arrays.copyOf(order, WINDOW / 2);
    double[] newer = Arrays.copyOfRange(order, WINDOW / 2, WINDOW);
    double a = Arrays.stream(older).average().orElseThrow();
    double b = Arrays.stream(newer).average().orElseThrow();
    double squares = 0;
    for (int i = 0; i < older.length; i++) {
      squares += (older[i] - a) * (older[i] - a) + (newer[i] - b) * (newer[i] - b);
    }
    double error = 2 * Math.sqrt(squares) / WINDOW;
    return Math.abs(b - a) > Math.max(MOVES * Math.abs(a), 2 * error);
  }

  @Override
  public void restarted(long step) {
    super.restarted(step);
    seen = 0;
    raised = 1;
    momentumBefore = OptionalDouble.empty();
  }
}

package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * Keeps the learning rate below a fraction of the measured stability limit: a warm-up and a tuner
 * that know the curvature (Gilmer et al., 2021; CDAT, Roulet et al., 2024).
 *
 * <p>A snapshot gives a ceiling: the rate at which the largest ratio to a limit would be the
 * fraction. A rate above it is lowered to it at once; one below it grows by a twentieth each step,
 * up to the ceiling or to what the host would have without this policy. After a jump of the loss or
 * a forecast of one the rate is halved, and the next snapshot says how far it may grow again. A
 * jump also takes the parameters back to the newest checkpoint, which is kept at snapshots where
 * the loss is at its level: a lower rate does not undo what a step too far has done.
 */
final class StabilisePolicy implements Policy {

  /** Part of the limit that the largest ratio may reach without momentum: training at the edge. */
  static final double PLAIN_FRACTION = 1;

  /**
   * The same with momentum: the limit is that of full batches, and trainings with small ones broke
   * far below it.
   */
  static final double FRACTION = 0.5;

  /** Growth of the rate in a step. */
  static final double GROWTH = 1.05;

  /** The smallest factor that one piece of advice has. */
  static final double LARGEST_CUT = 1.0 / 64;

  /** The smallest product of all factors. */
  static final double LEAST = 1.0 / 4096;

  /** Directional ratio, as multiple of the fraction, from which an update is all but skipped. */
  static final double FAR = 8;

  /** Part of the lowered rate that is left of such an update. */
  static final double SKIPPED = 1.0 / 16;

  /** Losses whose median is the level. */
  private static final int WINDOW = 20;

  private static final int LEAST_LOSSES = 5;

  /** Multiple of the level that is a jump. */
  private static final double JUMP = 2;

  /** Part of the first loss below which a rise is noise. */
  private static final double FLOOR = 0.05;

  /** Part of the first loss by which rounding may take a loss below zero. */
  private static final double ROUNDED_LOSS = 1e-6;

  private static final double HALF = 0.5;

  /** Rates that differ by less are the same. */
  private static final double ROUNDING = 1e-9;

  /** Steps after a halving in which the loss has no say. */
  private static final int SETTLING = 5;

  /** Multiple of its level up to which the loss is sound, so that a checkpoint is kept. */
  private static final double SOUND = 1.25;

  /** Times that it goes back in a run. */
  static final int MOST_REVERTS = 10;

  /** Steps without a jump after which the rate grows where no limit is known. */
  private static final int QUIET = 20;

  private static final Signal[] RATIOS = {
    Signal.SHARPNESS_RATIO,
    Signal.DIRECTIONAL_CURVATURE_RATIO,
    Signal.BATCH_SHARPNESS_RATIO,
    Signal.CRITICAL_RATE_RATIO
  };

  private final StabilityLimit limit;
  private final double[] losses = new double[WINDOW];
  private int seen;
  private double firstLoss = Double.NaN;

  /** Whether a loss was below zero: then no loss is a multiple of others. */
  private boolean negative;

  /** Product of all factors advised, without that of a skipped update. */
  private double factor = 1;

  /** Factor of the update before, if that was skipped, and else 1. */
  private double skipped = 1;

  /** Highest rate that the last snapshot allows; NaN if no limit is known. */
  private double ceiling = Double.NaN;

  private int sinceHalved = QUIET;
  private int reverts;
  private boolean goingBack;

  /** With a limit, or with that of gradient descent with the reported momentum if it is null. */
  StabilisePolicy(StabilityLimit limit) {
    this.limit = limit;
  }

  /** The rate that is meant now, and what to advise for it. */
  private static final class RateChange {
    double change = 1;
    double skip = 1;
    String reason = "there is room below the stability limit";
  }

  @Override
  public List<Advice> decide(Situation situation) {
    RateChange plan = new RateChange();
    OptionalDouble reported = situation.observation().value(Signal.LEARNING_RATE);
    double rate = reported.orElse(Double.NaN) / skipped;
    boolean jumped = jumped(situation);
    sinceHalved++;
    if (situation.measured()) {
      measured(situation, rate, plan);
    }
    if (jumped) {
      halve(rate, plan, "the loss has jumped");
    } else if (situation.saw(Event.Kind.INSTABILITY_AHEAD) && sinceHalved > SETTLING) {
      halve(rate, plan, "the loss is likely to double soon");
    } else if (plan.change == 1 && rate > ceiling * (1 + ROUNDING)) {
      lower(ceiling / rate, plan, "the rate is above what the last snapshot allows");
    } else if (plan.change == 1) {
      grow(rate, plan);
    }
    List<Advice> advice = advice(reported, plan);
    if (jumped) {
      goBack(situation, advice);
    } else if (situation.measured() && sound(situation)) {
      advice.add(new Advice.Checkpoint("the loss is at its level"));
    }
    return advice;
  }

  private void goBack(Situation situation, List<Advice> advice) {
    OptionalLong checkpoint = situation.checkpoint();
    if (checkpoint.isPresent() && reverts < MOST_REVERTS) {
      reverts++;
      goingBack = true;
      advice.add(new Advice.Revert(checkpoint.getAsLong(), "the loss has jumped"));
    }
  }

  private boolean sound(Situation situation) {
    double loss = situation.observation().value(Signal.LOSS).orElse(Double.NaN);
    return seen > 0 && loss - level() <= (SOUND - 1) * Math.abs(level());
  }

  private double level() {
    return Robust.median(Arrays.copyOf(losses, Math.min(seen, WINDOW)));
  }

  private List<Advice> advice(OptionalDouble reported, RateChange plan) {
    double next = Math.clamp(factor * plan.change, LEAST, 1);
    double change = next / factor * plan.skip / skipped;
    factor = next;
    skipped = plan.skip;
    List<Advice> advice = new ArrayList<>();
    if (Math.abs(change - 1) > ROUNDING) {
      double value = reported.orElse(Double.NaN) * change;
      advice.add(new Advice.LearningRate(value, change, plan.reason));
    }
    return advice;
  }

  /** Sets the ceiling, and lowers the rate to it. */
  private void measured(Situation situation, double rate, RateChange plan) {
    double fraction = situation.momentum().orElse(0) > 0 ? FRACTION : PLAIN_FRACTION;
    Observation now = situation.observation();
    Signal which = Signal.LAMBDA_MAX;
    double largest = Double.NaN;
    for (Signal signal : RATIOS) {
      double ratio = now.value(signal).orElse(Double.NaN) / skipped;
      if (ratio > 0 && !(ratio <= largest)) {
        largest = ratio;
        which = signal;
      }
    }
    if (Double.isNaN(largest)) {
      largest = ofLimit(situation, rate);
    }
    ceiling = largest > 0 ? rate * fraction / largest : Double.NaN;
    if (largest > fraction) {
      lower(fraction / largest, plan, which + " is " + shown(largest) + " of the stability limit");
    }
    double along = now.value(Signal.DIRECTIONAL_CURVATURE_RATIO).orElse(0) / skipped;
    if (along > FAR * fraction) {
      plan.skip = SKIPPED;
      plan.reason =
          "the curvature along this update is " + shown(along) + " of the stability limit";
    }
  }

  private static String shown(double value) {
    return String.format(Locale.ROOT, "%.3g", value);
  }

  /** Ratio of the limit's signal to the limit at a rate; NaN if either is not known. */
  private double ofLimit(Situation situation, double rate) {
    double momentum = situation.momentum().orElse(0);
    StabilityLimit own =
        limit != null
            ? limit
            : StabilityLimit.momentum(momentum >= 0 && momentum < 1 ? momentum : 0, 0);
    OptionalDouble sharpness = situation.observation().value(own.signal());
    if (sharpness.isEmpty() || !(rate > 0)) {
      return Double.NaN;
    }
    double bound = own.at(rate);
    double value = sharpness.getAsDouble();
    return bound > 0 ? value / bound : value > 0 ? 1 / LARGEST_CUT : Double.NaN;
  }

  private static void lower(double by, RateChange plan, String reason) {
    plan.change = Math.clamp(by, LARGEST_CUT, plan.change);
    plan.reason = reason;
  }

  private void halve(double rate, RateChange plan, String reason) {
    sinceHalved = 0;
    plan.change = Math.min(plan.change, HALF);
    plan.reason = reason;
    ceiling = Double.isNaN(ceiling) ? ceiling : Math.min(ceiling, rate * plan.change);
  }

  private void grow(double rate, RateChange plan) {
    double room = Double.isNaN(ceiling) ? (sinceHalved > QUIET ? GROWTH : 1) : ceiling / rate;
    if (factor < 1 && room > 1 + ROUNDING) {
      plan.change = Math.min(room, GROWTH);
    }
  }

  /** Whether the loss is far above its recent level. */
  private boolean jumped(Situation situation) {
    Reading loss = situation.observation().readings().get(Signal.LOSS);
    if (loss == null) {
      return false;
    }
    boolean finite = loss.finite();
    if (Double.isNaN(firstLoss) && finite) {
      firstLoss = loss.value();
    }
    boolean high = !finite;
    negative |= finite && loss.value() < -ROUNDED_LOSS * Math.abs(firstLoss);
    if (finite && seen >= LEAST_LOSSES && !negative) {
      double level = level();
      high = loss.value() > JUMP * level && loss.value() - level > FLOOR * firstLoss;
    }
    boolean jumped = !finite || high && sinceHalved >= SETTLING;
    if (finite && !jumped) {
      losses[seen++ % WINDOW] = loss.value();
    }
    return jumped;
  }

  /** Where it has gone back by its own advice, the level of the loss is still the one to expect. */
  @Override
  public void restarted(long step) {
    if (!goingBack) {
      seen = 0;
      firstLoss = Double.NaN;
      ceiling = Double.NaN;
    }
    goingBack = false;
    sinceHalved = 0;
  }
}

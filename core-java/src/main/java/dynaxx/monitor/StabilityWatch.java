package dynaxx.monitor;

import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;

/**
 * Compares the sharpness with the largest value at which the optimizer is stable (Cohen et al.,
 * 2021), and tells a stay at the limit from a catapult: sharpness beyond the limit, a rise of the
 * loss, and a flatter place after it (Lewkowycz et al., 2020).
 */
final class StabilityWatch {

  /** Snapshots before the sharpness passed the limit that give the loss's level. */
  private static final int BEFORE = 5;

  /** Rise of the loss, as part of its level, that belongs to a catapult. */
  private static final double RISE = 0.1;

  /** What is left of the largest sharpness when a catapult has landed. */
  private static final double LANDED = 0.8;

  private final CalibratedSettings settings;
  private final Deque<Double> losses = new ArrayDeque<>();
  private int near;
  private int away;
  private boolean atEdge;
  private double peak;
  private double passed;
  private double level;
  private double highestLoss;
  private long beyondSince;
  private long nearSince;

  StabilityWatch(CalibratedSettings settings) {
    this.settings = settings;
  }

  void reset() {
    losses.clear();
    near = 0;
    away = 0;
    atEdge = false;
    peak = 0;
  }

  /** Takes a snapshot's sharpness, with the learning rate and the loss of about then. */
  List<Event> add(long step, Reading sharpness, double learningRate, OptionalDouble loss) {
    double limit = settings.stability().at(learningRate);
    if (!(limit > 0) || !Double.isFinite(limit)) {
      return List.of();
    }
    List<Event> events = new ArrayList<>();
    double ratio = sharpness.value() / limit;
    catapult(step, sharpness, ratio, limit, loss).ifPresent(events::add);
    edge(step, sharpness, ratio, limit).ifPresent(events::add);
    if (loss.isPresent() && peak == 0) {
      losses.addLast(loss.getAsDouble());
      if (losses.size() > BEFORE) {
        losses.removeFirst();
      }
    }
    return events;
  }

  private Optional<Event> edge(long step, Reading sharpness, double ratio, double limit) {
    boolean close = Math.abs(ratio - 1) <= settings.edgeTolerance();
    boolean far = Math.abs(ratio - 1) > 2 * settings.edgeTolerance();
    nearSince = close && near == 0 ? step : nearSince;
    near = close ? near + 1 : 0;
    away = far ? away + 1 : 0;
    if (away >= settings.persistence()) {
      atEdge = false;
    }
    if (atEdge || near < settings.persistence()) {
      return Optional.empty();
    }
    atEdge = true;
    double uncertainty = sharpness.errorOr(0) / limit;
    double confidence = 1 / (1 + uncertainty / settings.edgeTolerance());
    return Optional.of(
        event(
            step,
            Event.Kind.EDGE_OF_STABILITY,
            sharpness,
            limit,
            confidence,
            nearSince,
            String.format(
                Locale.ROOT,
                "sharpness %.4g has been within %.0f %% of the stability limit %.4g for %d"
                    + " snapshots",
                sharpness.value(),
                100 * settings.edgeTolerance(),
                limit,
                near)));
  }

  private Optional<Event> catapult(
      long step, Reading sharpness, double ratio, double limit, OptionalDouble loss) {
    if (loss.isEmpty() || losses.isEmpty() && peak == 0) {
      return Optional.empty();
    }
    if (ratio > 1 + settings.edgeTolerance() && peak == 0) {
      level = Robust.median(losses.stream().mapToDouble(x -> x).toArray());
      highestLoss = Double.NEGATIVE_INFINITY;
      beyondSince = step;
    }
    if (ratio > 1 + settings.edgeTolerance() || peak > 0) {
      passed = sharpness.value() > peak ? limit : passed;
      peak = Math.max(peak, sharpness.value());
      highestLoss = Math.max(highestLoss, loss.getAsDouble());
    }
    if (peak == 0 || ratio >= 1) {
      return Optional.empty();
    }
    boolean rose = highestLoss > level + RISE * Math.abs(level);
    boolean landed = sharpness.value() <= LANDED * peak;
    double highest = peak;
    if (!landed && rose) {
      return Optional.empty();
    }
    peak = 0;
    losses.clear();
    if (!rose) {
      return Optional.empty();
    }
    double confidence = Math.min(1, 0.5 + (highestLoss - level) / Math.abs(level));
    return Optional.of(
        event(
            step,
            Event.Kind.CATAPULT,
            sharpness,
            limit,
            confidence,
            beyondSince,
            String.format(
                Locale.ROOT,
                "sharpness rose to %.4g, beyond the stability limit %.4g, the loss from %.4g to"
                    + " %.4g, and sharpness has fallen to %.4g",
                highest,
                passed,
                level,
                highestLoss,
                sharpness.value())));
  }

  private Event event(
      long step,
      Event.Kind kind,
      Reading sharpness,
      double limit,
      double confidence,
      long since,
      String explanation) {
    Event.Evidence evidence =
        new Event.Evidence(
            sharpness.value(),
            sharpness.error(),
            OptionalDouble.empty(),
            OptionalDouble.of(limit),
            since);
    return new Event(step, kind, settings.stability().signal(), confidence, evidence, explanation);
  }
}

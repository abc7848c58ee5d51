package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Group;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/** What all acting policies do, whatever else they do. */
abstract class ActingPolicy implements Policy {

  static final double HALF = 0.5;

  private static final int BETWEEN_CHANGES = 5;
  private static final int BETWEEN_CHECKPOINTS = 10;
  private static final double LEAST_FACTOR = 1.0 / 16;
  private static final double LARGEST_FACTOR = 4;
  private static final double LARGE_BATCH = 4096;
  private static final int RECENT = 5;
  private static final int MOST_REVERTS = 5;
  private static final double APPROACHES = 0.1;

  private final Deque<Double> depths = new ArrayDeque<>();
  private double factor = 1;
  private int snapshots;
  private int reverts;
  private int lastChange = -BETWEEN_CHANGES;
  private int lastCheckpoint = -BETWEEN_CHECKPOINTS;

  @Override
  public final List<Advice> decide(Situation situation) {
    List<Advice> advice = new ArrayList<>();
    snapshots += situation.measured() ? 1 : 0;
    boolean large =
        situation.observation().value(Signal.BATCH_SIZE).orElse(0) > LARGE_BATCH
            && approachesZero(situation);
    if (situation.saw(Event.Kind.HARMFUL)) {
      goBack(situation, advice);
      return advice;
    }
    if (situation.saw(Event.Kind.TRANSITION)) {
      advice.add(new Advice.Validate("a transition is to be judged"));
    }
    if (large && settled()) {
      change(situation, HALF, "lambda_min approaches zero with a large batch", advice);
    }
    own(situation, advice);
    if (situation.measured() && snapshots - lastCheckpoint >= BETWEEN_CHECKPOINTS) {
      checkpoint("ten snapshots since the last", advice);
    }
    return advice;
  }

  /** What this policy does besides. */
  abstract void own(Situation situation, List<Advice> advice);

  @Override
  public void restarted(long step) {
    depths.clear();
    lastChange = snapshots;
    lastCheckpoint = snapshots - BETWEEN_CHECKPOINTS;
  }

  private void goBack(Situation situation, List<Advice> advice) {
    OptionalLong safe = situation.safeCheckpoint();
    if (safe.isPresent() && reverts < MOST_REVERTS) {
      reverts++;
      advice.add(new Advice.Revert(safe.getAsLong(), "validation is worse than it was then"));
    }
    change(situation, HALF, "the last transition did harm", advice);
  }

  /** Whether the last change of the rate has had time to show. */
  boolean settled() {
    return snapshots - lastChange >= BETWEEN_CHANGES;
  }

  int snapshots() {
    return snapshots;
  }

  /** Advises another rate, as far as the bounds allow; false if they do not. */
  boolean change(Situation situation, double by, String reason, List<Advice> advice) {
    OptionalDouble rate = situation.observation().value(Signal.LEARNING_RATE);
    double next = Math.clamp(factor * by, LEAST_FACTOR, LARGEST_FACTOR);
    if (next == factor) {
      return false;
    }
    double change = next / factor;
    factor = next;
    lastChange = snapshots;
    advice.add(new Advice.LearningRate(rate.orElse(Double.NaN) * change, change, reason));
    return true;
  }

  void checkpoint(String reason, List<Advice> advice) {
    lastCheckpoint = snapshots;
    advice.add(new Advice.Checkpoint(reason));
  }

  /** Whether a sign was noticed that comes before transitions. */
  static boolean forewarned(Situation situation) {
    return situation.events().stream()
        .anyMatch(
            e ->
                e.kind() == Event.Kind.PRECURSOR
                    || e.kind() == Event.Kind.EDGE_OF_STABILITY
                    || e.kind() == Event.Kind.LEVEL_SHIFT
                        && (e.signal().group() == Group.CURVATURE
                            || e.signal().group() == Group.GRADIENT));
  }

  private boolean approachesZero(Situation situation) {
    Reading lambda =
        situation.measured()
            ? situation.observation().reading(Signal.LAMBDA_MIN).orElse(null)
            : null;
    if (lambda == null) {
      return false;
    }
    double size = Math.abs(lambda.value());
    boolean full = depths.size() == RECENT;
    double level = full ? Robust.median(depths.stream().mapToDouble(x -> x).toArray()) : 0;
    depths.addLast(size);
    if (full) {
      depths.removeFirst();
    }
    return full && size <= Math.max(APPROACHES * level, lambda.errorOr(0));
  }
}

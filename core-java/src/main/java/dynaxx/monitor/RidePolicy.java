package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/** Keeps a checkpoint before a transition, and halves the learning rate after the drop. */
final class RidePolicy extends ActingPolicy {

  private static final int WINDOW = 20;
  private static final int PATIENCE = 50;
  private static final double DROPPED = 0.9;

  private final Deque<Double> losses = new ArrayDeque<>();
  private boolean riding;
  private double level;
  private int since;

  @Override
  void own(Situation situation, List<Advice> advice) {
    situation.observation().value(Signal.LOSS).ifPresent(this::follow);
    if (forewarned(situation)) {
      checkpoint("signs of a transition to come", advice);
    }
    if (situation.saw(Event.Kind.TRANSITION)) {
      riding = true;
      level = mean();
      since = snapshots();
      return;
    }
    boolean dropped = losses.size() == WINDOW && mean() < DROPPED * level;
    if (riding && (dropped || situation.saw(Event.Kind.VALIDATED))) {
      riding = false;
      change(situation, HALF, "the transition is over: the loss has dropped or held", advice);
    }
    riding &= snapshots() - since < PATIENCE;
  }

  private void follow(double loss) {
    losses.addLast(loss);
    if (losses.size() > WINDOW) {
      losses.removeFirst();
    }
  }

  private double mean() {
    return losses.stream().mapToDouble(x -> x).average().orElse(Double.NaN);
  }

  @Override
  public void restarted(long step) {
    super.restarted(step);
    losses.clear();
    riding = false;
  }
}

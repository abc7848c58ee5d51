package dynaxx.monitor;

import java.util.OptionalLong;
import java.util.TreeSet;

/** Checkpoints that the host keeps, and which of them lie before the last transition. */
final class CheckpointLedger {

  private static final int MOST = 64;

  private final TreeSet<Long> kept = new TreeSet<>();
  private OptionalLong beforeTransition = OptionalLong.empty();

  void add(long step) {
    kept.add(step);
    if (kept.size() > MOST) {
      kept.pollFirst();
    }
  }

  /** Records a transition that began at a step. */
  void transition(long since) {
    beforeTransition = newest(since - 1);
  }

  /** Training goes on from this step: what was kept later is of another course. */
  void restarted(long step) {
    kept.tailSet(step).clear();
    beforeTransition = OptionalLong.empty();
  }

  /** The newest checkpoint up to a step. */
  OptionalLong newest(long step) {
    Long found = kept.floor(step);
    return found == null ? OptionalLong.empty() : OptionalLong.of(found);
  }

  OptionalLong beforeTransition() {
    return beforeTransition;
  }
}

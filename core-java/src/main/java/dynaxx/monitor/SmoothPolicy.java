package dynaxx.monitor;

import java.util.List;

/** Halves the learning rate before a transition. */
final class SmoothPolicy extends ActingPolicy {
  @Override
  void own(Situation situation, List<Advice> advice) {
    if (forewarned(situation) && settled()) {
      change(situation, HALF, "signs of a transition to come", advice);
    }
  }
}

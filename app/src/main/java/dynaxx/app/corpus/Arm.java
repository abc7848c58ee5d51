package dynaxx.app.corpus;

import dynaxx.monitor.Policy;
import dynaxx.spectrum.Update.StabilityLimit;
import java.util.Locale;
import java.util.Optional;

/** What is done, or not, in a training whose learning rate may be too high. */
enum Arm {
  /** Nothing: what all others are compared with. */
  NONE,
  STABILISE,
  SMOOTH,
  RIDE,
  /** Gradients are made no longer than 1. */
  CLIPPING,
  /** The learning rate rises linearly in the first steps. */
  WARMUP;

  static final double CLIPPED_NORM = 1;
  static final int WARMUP_STEPS = 50;

  /** Fresh, for those that are a policy of the monitor. */
  Optional<Policy> policy(StabilityLimit limit) {
    return switch (this) {
      case STABILISE -> Optional.of(Policy.stabilise(limit));
      case SMOOTH -> Optional.of(Policy.smooth());
      case RIDE -> Optional.of(Policy.ride());
      case NONE, CLIPPING, WARMUP -> Optional.empty();
    };
  }

  /** As it is written in files. */
  @Override
  public String toString() {
    return name().toLowerCase(Locale.ROOT);
  }
}

package dynaxx.monitor;

import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;

/**
 * What a policy decides from.
 *
 * @param observation what the host and a snapshot, if there was one, measured at this step
 * @param momentum of the optimizer, if reported
 * @param measured whether there was a snapshot
 * @param events noticed at this step
 * @param checkpoint step of the newest checkpoint
 * @param safeCheckpoint step of the newest checkpoint from before the last transition; empty
 *     without transition or checkpoint
 */
public record Situation(
    Observation observation,
    OptionalDouble momentum,
    boolean measured,
    List<Event> events,
    OptionalLong checkpoint,
    OptionalLong safeCheckpoint) {

  /** Copies the events. */
  public Situation {
    events = List.copyOf(events);
  }

  boolean saw(EventKind kind) {
    return events.stream().anyMatch(event -> event.kind() == kind);
  }
}

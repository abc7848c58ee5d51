package dynaxx.operator;

import dynaxx.backend.Backend;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Tape;
import java.util.HashMap;
import java.util.Map;

/**
 * Sweeps over tapes at one point that a backend has recorded, one for each tape and number of
 * directions. A recording works on vectors of its own, so this is for vectors small against the
 * memory limit; with longer ones, submitting costs little beside computing.
 */
final class Recordings {

  private final Backend backend;
  private final long mostBytes;
  private final Scope scope;
  private final Map<Key, Recording> recorded = new HashMap<>();

  private record Key(Tape tape, int directions) {}

  /** A sweep over a block of directions, which adds its results to a block of products. */
  interface Sweep {
    void run(Vectors v, Vectors hv);
  }

  private record Recording(Vectors v, Vectors hv, Runnable replay) {}

  /**
   * Holds nothing yet.
   *
   * @param mostBytes memory that the vectors of one recording may take; 0 records nothing
   * @param scope ends with the point
   */
  Recordings(Backend backend, long mostBytes, Scope scope) {
    this.backend = backend;
    this.mostBytes = mostBytes;
    this.scope = scope;
  }

  /**
   * Does a sweep, by a recording if that pays.
   *
   * @param hv receives the sum, or null if there is no result
   */
  void run(Tape tape, Vectors v, Vectors hv, Sweep sweep) {
    long values = (hv == null ? 1 : 2) * v.count() * v.length();
    if (!backend.records() || values * Float.BYTES > mostBytes) {
      sweep.run(v, hv);
      return;
    }
    Recording recording =
        recorded.computeIfAbsent(new Key(tape, v.count()), key -> record(v, hv != null, sweep));
    backend.copy(v.buffer(), recording.v().buffer());
    recording.replay().run();
    if (hv != null) {
      backend.axpby(1, recording.hv().buffer(), 1, hv.buffer());
    }
  }

  private Recording record(Vectors like, boolean product, Sweep sweep) {
    Vectors v = backend.vectors(scope, like.count(), like.length());
    Vectors hv = product ? backend.vectors(scope, like.count(), like.length()) : null;
    Runnable replay =
        backend.recording(
            scope,
            () -> {
              if (product) {
                backend.fill(hv.buffer(), 0);
              }
              sweep.run(v, hv);
            });
    return new Recording(v, hv, replay);
  }
}

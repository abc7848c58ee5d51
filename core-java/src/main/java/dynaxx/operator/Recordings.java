package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.pass.Tape;
import java.util.HashMap;
import java.util.Map;

/**
 * Sweeps over tapes at one point that a device has recorded, one for each tape, number of
 * directions and kind. Recordings work on vectors of their own, which those of as many directions
 * share, since they run one after the other. So this is for vectors small against the memory limit;
 * with longer ones, submitting costs little beside computing.
 */
final class Recordings {

  private final Device device;
  private final long mostBytes;
  private final Scope scope;
  private final Map<Key, Runnable> recorded = new HashMap<>();
  private final Map<Integer, Vectors> inputs = new HashMap<>();
  private final Map<Integer, Vectors> outputs = new HashMap<>();
  private long heldBytes;

  private record Key(Tape tape, int directions, boolean product) {}

  /** A sweep over a block of directions, which adds its results to a block of products. */
  interface Sweep {
    void run(Vectors v, Vectors hv);
  }

  /**
   * Holds nothing yet.
   *
   * @param mostBytes memory that the vectors of all recordings may take; 0 records nothing
   * @param scope ends with the point
   */
  Recordings(Device device, long mostBytes, Scope scope) {
    this.device = device;
    this.mostBytes = mostBytes;
    this.scope = scope;
  }

  /**
   * Does a sweep, by a recording if that pays; for one tape, always the same one with or without a
   * result.
   *
   * @param hv receives the sum, or null if there is no result
   */
  void run(Tape tape, Vectors v, Vectors hv, Sweep sweep) {
    long more = missing(inputs, v) + (hv == null ? 0 : missing(outputs, hv));
    if (!device.records() || heldBytes + more > mostBytes) {
      sweep.run(v, hv);
      return;
    }
    Vectors in = shared(inputs, v);
    Vectors out = hv == null ? null : shared(outputs, hv);
    Runnable replay =
        recorded.computeIfAbsent(
            new Key(tape, v.count(), hv != null), key -> record(in, out, sweep));
    device.algebra().copy(v.buffer(), in.buffer());
    replay.run();
    if (hv != null) {
      device.algebra().axpby(1, out.buffer(), 1, hv.buffer());
    }
  }

  private static long bytes(Vectors like) {
    return like.count() * like.length() * Float.BYTES;
  }

  private static long missing(Map<Integer, Vectors> held, Vectors like) {
    return held.containsKey(like.count()) ? 0 : bytes(like);
  }

  private Vectors shared(Map<Integer, Vectors> held, Vectors like) {
    return held.computeIfAbsent(
        like.count(),
        count -> {
          Vectors made = device.vectors(scope, count, like.length());
          heldBytes += bytes(like);
          return made;
        });
  }

  private Runnable record(Vectors v, Vectors hv, Sweep sweep) {
    return device.recording(
        scope,
        () -> {
          if (hv != null) {
            device.algebra().fill(hv.buffer(), 0);
          }
          sweep.run(v, hv);
        });
  }
}

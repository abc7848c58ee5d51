package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;
import java.util.function.BiConsumer;

/** Vectors of a device as a host's own code takes them: native memory or Java arrays. */
final class HostVectors {

  private HostVectors() {}

  /** Calls a function on segments for each of k vectors. */
  static BiConsumer<Vectors, Vectors> segments(
      Device device, BiConsumer<MemorySegment, MemorySegment> function) {
    Objects.requireNonNull(function, "product");
    return (v, hv) -> {
      for (int i = 0; i < v.count(); i++) {
        call(device, function, v.vector(i), hv.vector(i));
      }
    };
  }

  /** Calls a function on arrays of n values for each of k vectors. */
  static BiConsumer<Vectors, Vectors> product(
      long n, Device device, BiConsumer<float[], float[]> function) {
    return segments(device, arrays(n, "product", function));
  }

  /** Calls a function on segments with the values of one buffer; fills the other. */
  static void call(
      Device device, BiConsumer<MemorySegment, MemorySegment> function, Buffer from, Buffer to) {
    if (from instanceof HostBuffer in && to instanceof HostBuffer out) {
      function.accept(in.segment(), out.segment());
      return;
    }
    try (Scope scope = Scope.open()) {
      HostBuffer in = scope.allocate(from.size());
      HostBuffer out = scope.allocate(to.size());
      device.download(from, in.segment());
      function.accept(in.segment(), out.segment());
      device.algebra().copy(device.upload(scope, out.segment()), to);
    }
  }

  /** A function on arrays as one on segments; the arrays are kept and used at every call. */
  static BiConsumer<MemorySegment, MemorySegment> arrays(
      long n, String name, BiConsumer<float[], float[]> function) {
    Objects.requireNonNull(function, name);
    if (n < 1 || n > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "dimension: found " + n + ", expected from 1 to " + Integer.MAX_VALUE + " for arrays");
    }
    float[] in = new float[(int) n];
    float[] out = new float[(int) n];
    return (from, to) -> {
      synchronized (in) {
        MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, 0, in, 0, in.length);
        function.accept(in, out);
        MemorySegment.copy(out, 0, to, ValueLayout.JAVA_FLOAT, 0, out.length);
      }
    };
  }
}

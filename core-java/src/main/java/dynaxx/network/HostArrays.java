package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.function.IntConsumer;

/** Arrays of a device on the host in float64, whatever the type of their elements. */
final class HostArrays {

  private static final double FLOAT32 = 0x1p-24;
  private static final int PIECE = 1 << 15;

  private HostArrays() {}

  /** The buffer itself if it is the host's, or a copy. */
  static HostBuffer onHost(Device device, Buffer from, long size, Scope scope) {
    if (from instanceof HostBuffer host) {
      return host;
    }
    HostBuffer host = scope.allocate(size);
    device.download(from.slice(0, size), host.segment());
    return host;
  }

  /** The first values of an array. */
  static double[] read(Device device, Buffer from, long size) {
    double[] values = new double[Math.toIntExact(size)];
    if (from instanceof HostBuffer host) {
      add(device, host, values);
      return values;
    }
    try (Scope temporary = Scope.open()) {
      HostBuffer high = temporary.allocate(size);
      device.download(from.slice(0, size), high.segment());
      add(device, high, values);
      if (device.unitRoundoff() < FLOAT32) {
        Buffer rest = device.allocate(temporary, size);
        device.algebra().copy(from.slice(0, size), rest);
        device.algebra().axpby(-1, device.upload(temporary, high.segment()), 1, rest);
        device.download(rest, high.segment());
        add(device, high, values);
      }
    }
    return values;
  }

  private static void add(Device device, HostBuffer from, double[] to) {
    each(device, to.length, i -> to[i] += from.get(i));
  }

  private static void each(Device device, int size, IntConsumer work) {
    device.share(
        (size + PIECE - 1) / PIECE,
        PIECE,
        task -> {
          for (int i = task * PIECE; i < Math.min(size, (task + 1) * PIECE); i++) {
            work.accept(i);
          }
        });
  }

  /** Writes values to the beginning of an array. */
  static void write(Device device, double[] values, Buffer to) {
    if (to instanceof HostBuffer host) {
      put(device, values, host);
      return;
    }
    long size = values.length;
    Buffer target = to.slice(0, size);
    try (Scope temporary = Scope.open()) {
      HostBuffer part = temporary.allocate(size);
      put(device, values, part);
      device.algebra().copy(device.upload(temporary, part.segment()), target);
      if (device.unitRoundoff() < FLOAT32) {
        for (int i = 0; i < values.length; i++) {
          part.set(i, (float) (values[i] - part.get(i)));
        }
        device.algebra().axpby(1, device.upload(temporary, part.segment()), 1, target);
      }
    }
  }

  private static void put(Device device, double[] values, HostBuffer to) {
    each(device, values.length, i -> to.set(i, (float) values[i]));
  }
}

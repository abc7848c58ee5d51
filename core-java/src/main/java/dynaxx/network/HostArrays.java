package dynaxx.network;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;

/** Arrays of a device on the host in float64, whatever the type of their elements. */
final class HostArrays {

  private static final double FLOAT32 = 0x1p-24;

  private HostArrays() {}

  /** The first values of an array. */
  static double[] read(Device device, Buffer from, long size) {
    double[] values = new double[Math.toIntExact(size)];
    if (from instanceof HostBuffer host) {
      add(host, values);
      return values;
    }
    try (Scope temporary = Scope.open()) {
      HostBuffer high = temporary.allocate(size);
      device.download(from.slice(0, size), high.segment());
      add(high, values);
      if (device.unitRoundoff() < FLOAT32) {
        Buffer rest = device.allocate(temporary, size);
        device.algebra().copy(from.slice(0, size), rest);
        device.algebra().axpby(-1, device.upload(temporary, high.segment()), 1, rest);
        device.download(rest, high.segment());
        add(high, values);
      }
    }
    return values;
  }

  private static void add(HostBuffer from, double[] to) {
    for (int i = 0; i < to.length; i++) {
      to[i] += from.get(i);
    }
  }

  /** Writes values to the beginning of an array. */
  static void write(Device device, double[] values, Buffer to) {
    if (to instanceof HostBuffer host) {
      put(values, host);
      return;
    }
    long size = values.length;
    Buffer target = to.slice(0, size);
    try (Scope temporary = Scope.open()) {
      HostBuffer part = temporary.allocate(size);
      put(values, part);
      device.algebra().copy(device.upload(temporary, part.segment()), target);
      if (device.unitRoundoff() < FLOAT32) {
        for (int i = 0; i < values.length; i++) {
          part.set(i, (float) (values[i] - part.get(i)));
        }
        device.algebra().axpby(1, device.upload(temporary, part.segment()), 1, target);
      }
    }
  }

  private static void put(double[] values, HostBuffer to) {
    for (int i = 0; i < values.length; i++) {
      to.set(i, (float) values[i]);
    }
  }
}

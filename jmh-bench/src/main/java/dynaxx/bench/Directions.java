package dynaxx.bench;

import dynaxx.device.Device;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;

/**
 * Probes and room for their products, where a device computes.
 *
 * @param v k Rademacher probes
 * @param products k vectors
 * @param end read to wait for a device that is not done when it returns
 */
record Directions(Vectors v, Vectors products, Scalars end) {

  static Directions of(Device device, Scope scope, int k, long n) {
    Vectors v = device.vectors(scope, k, n);
    device.algebra().rademacher(2, 0, v);
    return new Directions(v, device.vectors(scope, k, n), device.scalars(scope, 1));
  }

  /** Waits for all work. */
  Vectors done() {
    end.read();
    return products;
  }
}

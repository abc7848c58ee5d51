package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;

/**
 * A start vector without a preferred direction, as the probabilistic bounds for Lanczos suppose:
 * independent standard normal values, the same bits on every device.
 */
final class GaussianVector {

  /** Streams from here on are not used by Rademacher probes. */
  private static final long STREAM = 1L << 62;

  private GaussianVector() {}

  /** The vector of a seed and an index; vectors of different indices are independent. */
  static Buffer create(Device device, Scope scope, long n, long seed, int index) {
    Buffer values = device.allocate(scope, n);
    device.algebra().gaussian(seed, STREAM + index, values);
    return values;
  }
}

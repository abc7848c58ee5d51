package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.random.Philox;

/**
 * Independent standard normal values from Philox by the Box-Muller transform (1958): a start vector
 * without a preferred direction, as the probabilistic bounds for Lanczos suppose. Made on the host,
 * so every device gets the same bits.
 */
final class GaussianVector {

  /** Streams from here on are not used by Rademacher probes. */
  private static final long STREAM = 1L << 62;

  private GaussianVector() {}

  /** The vector of a seed and an index; vectors of different indices are independent. */
  static Buffer create(Device device, Scope scope, long n, long seed, int index) {
    HostBuffer values = scope.allocate(n);
    int[] words = new int[4];
    for (long j = 0; j < n; j += 4) {
      Philox.words(seed, STREAM + index, j / 4, words);
      set(values, j, words[0], words[1]);
      set(values, j + 2, words[2], words[3]);
    }
    return device.upload(scope, values.segment());
  }

  private static void set(HostBuffer values, long j, int a, int b) {
    double radius = StrictMath.sqrt(-2 * StrictMath.log(((a & 0xFFFFFFFFL) + 0.5) * 0x1p-32));
    double angle = 2 * Math.PI * ((b & 0xFFFFFFFFL) * 0x1p-32);
    if (j < values.size()) {
      values.set(j, (float) (radius * StrictMath.cos(angle)));
    }
    if (j + 1 < values.size()) {
      values.set(j + 1, (float) (radius * StrictMath.sin(angle)));
    }
  }
}

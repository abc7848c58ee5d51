package dynaxx.device.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Work arrays of one thread, kept from call to call so that kernels allocate nothing in steady
 * state.
 */
final class Scratch {

  /** Elements behind the asked-for length, so that loops may run in whole vectors. */
  static final int PAD = 64;

  private static final int SLOTS = 17;

  private final float[][] floats = new float[SLOTS][0];
  private final double[][] doubles = new double[SLOTS][0];
  private MemorySegment bytes = MemorySegment.NULL;

  /**
   * An array with room for {@code size} values and {@link #PAD} more; what it holds is arbitrary.
   */
  float[] floats(int slot, int size) {
    if (floats[slot].length < size + PAD) {
      floats[slot] = new float[Math.addExact(size, PAD)];
    }
    return floats[slot];
  }

  /** As {@link #floats}, for float64. */
  double[] doubles(int slot, int size) {
    if (doubles[slot].length < size + PAD) {
      doubles[slot] = new double[Math.addExact(size, PAD)];
    }
    return doubles[slot];
  }

  /** Memory beside the heap, aligned to 64 bytes; freed when nobody refers to it any more. */
  MemorySegment bytes(long size) {
    if (bytes.byteSize() < size) {
      bytes = Arena.ofAuto().allocate(size, 64);
    }
    return bytes;
  }
}

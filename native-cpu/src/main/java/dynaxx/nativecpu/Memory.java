package dynaxx.nativecpu;

import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Memory that grows to the largest need; and what C may touch of others', which it cannot check.
 */
final class Memory {

  private MemorySegment segment = MemorySegment.NULL;

  /** Aligned to 64 bytes; what it holds is arbitrary. */
  MemorySegment bytes(long size) {
    if (segment.byteSize() < size) {
      segment = Arena.ofAuto().allocate(size, 64);
    }
    return segment;
  }

  /** Aligned to 64 bytes; what it holds is arbitrary. */
  MemorySegment floats(long size) {
    return bytes(Math.multiplyExact(size, Float.BYTES));
  }

  /** A buffer's values from {@code offset} on, if there are {@code reach} of them. */
  static MemorySegment of(String name, Buffer buffer, long offset, long reach) {
    MemorySegment all = ((HostBuffer) buffer).segment();
    long size = all.byteSize() / Float.BYTES;
    if (offset < 0 || reach < 0 || offset > size - reach) {
      throw new IndexOutOfBoundsException(
          String.format(
              "%s: found %d elements from %d on, expected some of %d", name, reach, offset, size));
    }
    return all.asSlice(offset * Float.BYTES);
  }

  /** As {@link #of(String, Buffer, long, long)}, for some runs of {@code each} values. */
  static MemorySegment of(String name, Strided runs, int count, long each) {
    return of(name, runs.buffer(), runs.offset(), sum(each, steps(runs.stride(), count)));
  }

  /**
   * From the first of some runs to the last; negative if nothing is as large, or a step is back.
   */
  static long steps(long stride, int count) {
    boolean fits = stride >= 0 && Math.multiplyHigh(stride, count - 1L) == 0;
    return fits ? stride * (count - 1) : Long.MIN_VALUE;
  }

  /** A sum that is negative if one of its terms is, or if it is too large. */
  static long sum(long... terms) {
    long sum = 0;
    for (long term : terms) {
      sum = term < 0 || sum < 0 ? Long.MIN_VALUE : sum + term;
    }
    return sum;
  }
}

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
    if (offset < 0 || reach < 0 || offset + reach > size) {
      throw new IndexOutOfBoundsException(
          String.format(
              "%s: found elements %d to %d, expected some of %d",
              name, offset, offset + reach, size));
    }
    return all.asSlice(offset * Float.BYTES);
  }

  /** As {@link #of(String, Buffer, long, long)}, for some runs of {@code each} values. */
  static MemorySegment of(String name, Strided runs, int count, long each) {
    return of(name, runs.buffer(), runs.offset(), runs.stride() * (count - 1) + each);
  }
}

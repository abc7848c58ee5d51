package dynaxx.memory;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** float32 values in memory that Java can read and write. */
public final class HostBuffer implements Buffer {

  /** Stands for the worker threads of a device; never started. */
  private static final Thread ANY_OTHER = Thread.ofPlatform().unstarted(() -> {});

  private final MemorySegment segment;

  private HostBuffer(MemorySegment segment) {
    this.segment = segment;
  }

  /**
   * Wraps memory that you own; nothing is copied. The segment must not come from a confined Arena.
   * Accesses after its owner has closed it throw.
   *
   * @param segment native-order float32 values, 4-byte aligned, a whole number of them
   * @return a buffer over the segment
   * @throws IllegalArgumentException if the byte size is not a multiple of 4, the segment is not
   *     aligned to 4 bytes, it is a heap segment, or it belongs to a confined arena, so that worker
   *     threads cannot read it
   */
  public static HostBuffer of(MemorySegment segment) {
    Objects.requireNonNull(segment, "segment");
    if (!segment.isNative()) {
      throw new IllegalArgumentException(
          "segment: found heap memory, expected off-heap (native) memory");
    }
    if (!segment.isAccessibleBy(ANY_OTHER)) {
      throw new IllegalArgumentException(
          "segment: found memory of a confined Arena, expected memory that worker threads may"
              + " access (Arena.ofShared, Arena.ofAuto or Arena.global)");
    }
    if (segment.byteSize() % Float.BYTES != 0 || segment.address() % Float.BYTES != 0) {
      throw new IllegalArgumentException(
          "segment: found "
              + segment.byteSize()
              + " bytes at address "
              + segment.address()
              + ", expected a whole number of float32 values aligned to 4 bytes");
    }
    return new HostBuffer(segment);
  }

  /**
   * The memory itself.
   *
   * @return native-order float32 values
   */
  public MemorySegment segment() {
    return segment;
  }

  @Override
  public long size() {
    return segment.byteSize() / Float.BYTES;
  }

  @Override
  public HostBuffer slice(long offset, long size) {
    Objects.checkFromIndexSize(offset, size, size());
    return new HostBuffer(segment.asSlice(offset * Float.BYTES, size * Float.BYTES));
  }

  /**
   * Reads one value.
   *
   * @param index position
   * @return the value
   */
  public float get(long index) {
    return segment.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  /**
   * Writes one value.
   *
   * @param index position
   * @param value the value
   */
  public void set(long index, float value) {
    segment.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  /**
   * Copies an array into the beginning of this buffer.
   *
   * @param values at most {@link #size()} values
   * @return this
   */
  public HostBuffer put(float... values) {
    MemorySegment.copy(values, 0, segment, ValueLayout.JAVA_FLOAT, 0, values.length);
    return this;
  }

  /**
   * Copies the values to a new array.
   *
   * @return {@link #size()} values
   * @throws ArithmeticException if they do not fit in an array
   */
  public float[] toArray() {
    return segment.toArray(ValueLayout.JAVA_FLOAT);
  }

  @Override
  public String toString() {
    return "HostBuffer[" + size() + " float32]";
  }
}

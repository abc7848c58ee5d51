package dynaxx.device.cpu;

import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Moves runs of float32 between off-heap memory and work arrays. */
final class Host {

  private Host() {}

  static MemorySegment segment(Buffer buffer) {
    return ((HostBuffer) buffer).segment();
  }

  /** Copies {@code size} values from element {@code offset} on to the beginning of an array. */
  static void load(MemorySegment from, long offset, float[] to, int size) {
    MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, to, 0, size);
  }

  static void load(MemorySegment from, long offset, float[] to, int at, int size) {
    MemorySegment.copy(from, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, to, at, size);
  }

  static void store(float[] from, MemorySegment to, long offset, int size) {
    MemorySegment.copy(from, 0, to, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, size);
  }

  static void store(float[] from, int at, MemorySegment to, long offset, int size) {
    MemorySegment.copy(from, at, to, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, size);
  }

  static float get(MemorySegment from, long index) {
    return from.getAtIndex(ValueLayout.JAVA_FLOAT, index);
  }

  static void set(MemorySegment to, long index, float value) {
    to.setAtIndex(ValueLayout.JAVA_FLOAT, index, value);
  }

  /** Where run i starts. */
  static long start(Strided runs, int i) {
    return runs.offset() + i * runs.stride();
  }

  /** Number of pieces of at most {@code chunk} that make up {@code size}. */
  static int pieces(long size, long chunk) {
    return Math.toIntExact((size + chunk - 1) / chunk);
  }
}

package dynaxx.device.cpu;

import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Objects;

/** float64 values in host memory, owned by a scope. Kernels read and write whole runs of them. */
final class Float64Buffer implements Buffer {

  private final MemorySegment segment;

  private Float64Buffer(MemorySegment segment) {
    this.segment = segment;
  }

  /** Zeroed memory; twice as many float32 values take the same room. */
  static Float64Buffer allocate(Scope scope, long size) {
    return new Float64Buffer(scope.allocate(Math.multiplyExact(size, 2L)).segment());
  }

  static Float64Buffer of(Buffer buffer) {
    if (buffer instanceof Float64Buffer own) {
      return own;
    }
    throw new IllegalArgumentException(
        "buffer: found " + buffer + ", expected memory of the float64 backend");
  }

  MemorySegment segment() {
    return segment;
  }

  @Override
  public long size() {
    return segment.byteSize() / Double.BYTES;
  }

  @Override
  public Float64Buffer slice(long offset, long size) {
    Objects.checkFromIndexSize(offset, size, size());
    return new Float64Buffer(segment.asSlice(offset * Double.BYTES, size * Double.BYTES));
  }

  double[] read(long at, long size) {
    double[] values = new double[Math.toIntExact(size)];
    MemorySegment.copy(
        segment, ValueLayout.JAVA_DOUBLE, at * Double.BYTES, values, 0, values.length);
    return values;
  }

  void write(long at, double[] values) {
    MemorySegment.copy(
        values, 0, segment, ValueLayout.JAVA_DOUBLE, at * Double.BYTES, values.length);
  }

  @Override
  public String toString() {
    return "Float64Buffer[" + size() + " float64]";
  }
}

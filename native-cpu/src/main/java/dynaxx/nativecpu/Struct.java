package dynaxx.nativecpu;

import dynaxx.device.cpu.ImageGrid;
import dynaxx.kernel.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** A struct of C, written field by field; every field has eight bytes. */
final class Struct {

  private final MemorySegment segment;
  private int at;

  Struct(int fields) {
    segment = Arena.ofAuto().allocate((long) fields * Long.BYTES, Long.BYTES);
  }

  MemorySegment segment() {
    return segment;
  }

  /** Goes to a field. */
  Struct at(int field) {
    at = field;
    return this;
  }

  /** Writes the next fields. */
  Struct put(long... values) {
    for (long value : values) {
      segment.setAtIndex(ValueLayout.JAVA_LONG, at++, value);
    }
    return this;
  }

  /** Writes the next field. */
  Struct put(double value) {
    segment.setAtIndex(ValueLayout.JAVA_DOUBLE, at++, value);
    return this;
  }

  /** Writes a {@code family}, except for where it starts. */
  Struct put(Matrix x) {
    return put(x.ld(), x.transposed() ? 1 : 0, x.stride0(), x.stride1(), x.stride2());
  }

  /**
   * Writes a {@code grid}.
   *
   * @param g of one image, or of some side by side
   * @param own columns of an image
   * @param step from one image to the next
   * @param cuts that are read
   */
  Struct put(ImageGrid g, int own, int step, long cuts) {
    put(g.channels(), g.height(), g.width(), g.strideY(), g.strideX(), g.top(), g.left());
    return put(g.rows(), g.pitch(), own, step, cuts);
  }
}

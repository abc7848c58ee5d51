package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * Copies of an array's values in host memory. What the engine allocates on the way, as it does for
 * arrays on a GPU, is freed at once and not with the array's manager.
 */
final class HostCopies {

  private HostCopies() {}

  private static void with(NDArray array, Consumer<NDArray> use) {
    try (NDManager temporary = array.getManager().newSubManager()) {
      NDArray same = array.stopGradient();
      same.attach(temporary);
      use.accept(same);
    }
  }

  /** The values, from where the engine has them. */
  static void copy(NDArray from, MemorySegment to) {
    with(
        from,
        array -> {
          MemorySegment values = MemorySegment.ofBuffer(array.toByteBuffer(true));
          MemorySegment.copy(values, 0, to, 0, to.byteSize());
        });
  }

  static float[] floats(NDArray array) {
    float[] values = new float[Math.toIntExact(array.size())];
    with(array, a -> System.arraycopy(a.toFloatArray(), 0, values, 0, values.length));
    return values;
  }

  /** The only value. */
  static double scalar(NDArray array) {
    return floats(array)[0];
  }
}

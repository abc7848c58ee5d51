package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDScope;
import java.lang.reflect.Field;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/**
 * Keeps the memory of arrays that are closed while a graph is recorded. DJL's PyTorch engine makes
 * the number in {@code x.mul(2f)} an array over a Java buffer and closes it at once, though the
 * recorded graph still reads that memory. Without this, the garbage collector frees it, and
 * products become wrong.
 */
final class Retained {

  private final List<Object> buffers = new ArrayList<>();

  /** Work that makes arrays. */
  interface Recording<T> {
    T run();
  }

  /** Runs the work; the memory of its arrays lives as long as this. */
  <T> T record(Recording<T> work) {
    try (NDScope scope = new NDScope()) {
      field(NDScope.class, "resources").set(scope, new Arrays());
      return work.run();
    } catch (ReflectiveOperationException e) {
      throw unknown(e);
    }
  }

  private static Field field(Class<?> type, String name) throws NoSuchFieldException {
    Field field = type.getDeclaredField(name);
    field.setAccessible(true);
    return field;
  }

  private static IllegalStateException unknown(ReflectiveOperationException e) {
    return new IllegalStateException(
        "DJL: found a version whose arrays are laid out in another way, expected 0.36", e);
  }

  /** What a scope of DJL puts new arrays into; the scope closes none of them. */
  private final class Arrays extends IdentityHashMap<NDArray, NDArray> {

    private static final long serialVersionUID = 1L;

    @Override
    public NDArray put(NDArray array, NDArray same) {
      if (array.getClass().getName().equals("ai.djl.pytorch.engine.PtNDArray")) {
        try {
          Object buffer = field(array.getClass(), "dataRef").get(array);
          if (buffer != null) {
            buffers.add(buffer);
          }
        } catch (ReflectiveOperationException e) {
          throw unknown(e);
        }
      }
      return null;
    }
  }
}

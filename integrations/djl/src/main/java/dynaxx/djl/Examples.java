package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.List;

/** Copies of DJL's arrays of examples in host memory. */
final class Examples {

  private Examples() {}

  /** Inputs of each example one after the other. */
  static HostBuffer copy(NDList data, List<int[]> shapes, Scope scope) {
    if (data.size() != shapes.size()) {
      throw new IllegalArgumentException(
          "data: found " + data.size() + " arrays, expected " + shapes.size());
    }
    int count = Math.toIntExact(data.head().size(0));
    int all = shapes.stream().mapToInt(s -> Math.toIntExact(Shape.of(s).size())).sum();
    HostBuffer copy = scope.allocate((long) count * all);
    int first = 0;
    for (int i = 0; i < shapes.size(); i++) {
      int size = Math.toIntExact(Shape.of(shapes.get(i)).size());
      Shape.requireSize("data " + i, data.get(i).size(), (long) count * size);
      float[] values = floats(data.get(i));
      for (int e = 0; e < count; e++) {
        for (int j = 0; j < size; j++) {
          copy.set((long) e * all + first + j, values[e * size + j]);
        }
      }
      first += size;
    }
    return copy;
  }

  /** Labels as they are. */
  static HostBuffer copy(NDList labels, Scope scope) {
    if (labels.size() != 1) {
      throw new IllegalArgumentException(
          "labels: found " + labels.size() + " arrays, expected one");
    }
    float[] values = floats(labels.head());
    return scope.allocate(values.length).put(values);
  }

  private static float[] floats(NDArray array) {
    try (NDArray floats = array.toType(DataType.FLOAT32, true)) {
      return HostCopies.floats(floats);
    }
  }
}

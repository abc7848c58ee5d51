package dynaxx.djl;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import dynaxx.layer.Shape;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.util.List;
import java.util.stream.IntStream;

/** Copies of DJL's arrays of examples in host memory. */
final class Examples {

  private Examples() {}

  /** Inputs of each example one after the other. */
  static HostBuffer copy(NDList data, List<int[]> shapes, Scope scope) {
    if (data.size() != shapes.size()) {
      throw new IllegalArgumentException(
          "data: found " + data.size() + " arrays, expected " + shapes.size());
    }
    int count = data.head().isScalar() ? 0 : Math.toIntExact(data.head().size(0));
    int all = shapes.stream().mapToInt(s -> Math.toIntExact(Shape.of(s).size())).sum();
    HostBuffer copy = scope.allocate((long) count * all);
    int first = 0;
    for (int i = 0; i < shapes.size(); i++) {
      int size = Math.toIntExact(Shape.of(shapes.get(i)).size());
      requireShape(i, data.get(i), count, shapes.get(i));
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

  private static void requireShape(int i, NDArray array, int count, int... dims) {
    ai.djl.ndarray.types.Shape own =
        new ai.djl.ndarray.types.Shape(IntStream.of(dims).asLongStream().toArray());
    ai.djl.ndarray.types.Shape expected = new ai.djl.ndarray.types.Shape(count).addAll(own);
    if (!array.getShape().equals(expected)) {
      throw new IllegalArgumentException(
          "data " + i + ": found shape " + array.getShape() + ", expected " + expected);
    }
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

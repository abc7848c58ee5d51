package dynaxx.onnx;

import dynaxx.layer.Shape;
import java.util.Arrays;
import java.util.stream.LongStream;

/** Arithmetic of extents. */
final class Dims {

  private Dims() {}

  static long size(long[] dims) {
    long size = 1;
    for (long dim : dims) {
      size = Math.multiplyExact(size, dim);
    }
    return size;
  }

  static long[] of(Shape shape) {
    return shape.dims().stream().mapToLong(Integer::longValue).toArray();
  }

  static Shape shape(long[] dims) {
    return new Shape(Arrays.stream(dims).mapToObj(Math::toIntExact).toList());
  }

  static long[] strides(long[] dims) {
    long[] strides = new long[dims.length];
    long stride = 1;
    for (int a = dims.length - 1; a >= 0; a--) {
      strides[a] = stride;
      stride = Math.multiplyExact(stride, dims[a]);
    }
    return strides;
  }

  static long[] with(long[] dims, int axis, long extent) {
    long[] copy = dims.clone();
    copy[axis] = extent;
    return copy;
  }

  static long[] without(long[] dims, int axis) {
    return LongStream.concat(
            Arrays.stream(dims, 0, axis), Arrays.stream(dims, axis + 1, dims.length))
        .toArray();
  }

  static long[] inserted(long[] dims, int axis, long extent) {
    return LongStream.concat(
            LongStream.concat(Arrays.stream(dims, 0, axis), LongStream.of(extent)),
            Arrays.stream(dims, axis, dims.length))
        .toArray();
  }

  static long[] permuted(long[] dims, int[] order) {
    return Arrays.stream(order).mapToLong(axis -> dims[axis]).toArray();
  }

  /** The extents with as many leading ones as bring them to a rank. */
  static long[] padded(long[] dims, int rank) {
    long[] padded = new long[rank];
    Arrays.fill(padded, 0, rank - dims.length, 1);
    System.arraycopy(dims, 0, padded, rank - dims.length, dims.length);
    return padded;
  }

  /** Extents that two shapes repeat to. */
  static long[] common(long[] a, long[] b) {
    int rank = Math.max(a.length, b.length);
    long[] left = padded(a, rank);
    long[] right = padded(b, rank);
    for (int i = 0; i < rank; i++) {
      if (left[i] != right[i] && left[i] != 1 && right[i] != 1) {
        throw new IllegalArgumentException(
            "found shapes "
                + Arrays.toString(a)
                + " and "
                + Arrays.toString(b)
                + ", expected equal extents or 1");
      }
      left[i] = left[i] == 1 ? right[i] : left[i];
    }
    return left;
  }

  static boolean isIdentity(int[] order) {
    for (int i = 0; i < order.length; i++) {
      if (order[i] != i) {
        return false;
      }
    }
    return true;
  }
}

package dynaxx.onnx;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import java.util.function.LongBinaryOperator;

/** Arithmetic on constants, as ONNX defines it: float32, or whole numbers. */
final class Folding {

  /** Products of two numbers that one matrix product of constants may take. */
  private static final long MOST_PRODUCTS = 1L << 28;

  private Folding() {}

  /** What two numbers have in common. */
  @FunctionalInterface
  interface Relation {
    boolean holds(double a, double b);
  }

  static Tensor unary(Tensor x, DoubleUnaryOperator f) {
    if (x.isFloat()) {
      float[] values = new float[x.stored()];
      for (int i = 0; i < values.length; i++) {
        values[i] = (float) f.applyAsDouble(x.number(i));
      }
      return Tensor.of(x.dims(), values);
    }
    long[] values = new long[x.stored()];
    Arrays.setAll(values, i -> (long) f.applyAsDouble(x.whole(i)));
    return Tensor.of(x.dims(), values, wholeType(x));
  }

  /** How many values a combination of two tensors has to hold. */
  private static int count(Tensor a, Tensor b) {
    return a.filled() && b.filled() ? 1 : Math.max(a.count(), b.count());
  }

  private static int wholeType(Tensor x) {
    return x.isTruth() ? StoredTensor.INT64 : x.type();
  }

  /** The result is of the base's type, whatever that of the exponent. */
  static Tensor power(Tensor a, Tensor b) {
    if (a.isFloat()) {
      return arithmetic(a, b.toFloats(), Math::pow, null);
    }
    long[] to = Dims.common(a.dims(), b.dims());
    Tensor left = a.broadcast(to);
    Tensor right = b.broadcast(to);
    long[] values = new long[count(left, right)];
    for (int i = 0; i < values.length; i++) {
      double power = Math.pow(left.whole(i), right.number(i));
      if (!(Math.abs(power) <= 0x1p53)) {
        throw new OnnxException(
            "power of whole numbers: found " + power + ", expected a result of at most 2^53");
      }
      values[i] = (long) power;
    }
    return Tensor.of(to, values, wholeType(a));
  }

  static Tensor arithmetic(Tensor a, Tensor b, DoubleBinaryOperator f, LongBinaryOperator g) {
    long[] to = Dims.common(a.dims(), b.dims());
    Tensor left = a.broadcast(to);
    Tensor right = b.broadcast(to);
    int count = count(left, right);
    if (a.isFloat() || b.isFloat()) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = (float) f.applyAsDouble(left.number(i), right.number(i));
      }
      return Tensor.of(to, values);
    }
    long[] values = new long[count];
    Arrays.setAll(values, i -> g.applyAsLong(left.whole(i), right.whole(i)));
    return Tensor.of(to, values, wholeType(a));
  }

  static Tensor compare(Tensor a, Tensor b, Relation relation) {
    long[] to = Dims.common(a.dims(), b.dims());
    Tensor left = a.broadcast(to);
    Tensor right = b.broadcast(to);
    boolean wholes = !a.isFloat() && !b.isFloat();
    long[] values = new long[count(left, right)];
    Arrays.setAll(
        values,
        i -> {
          double x = wholes ? left.whole(i) : left.number(i);
          double y = wholes ? right.whole(i) : right.number(i);
          return relation.holds(x, y) ? 1 : 0;
        });
    return Tensor.of(to, values, true);
  }

  static Tensor choose(Tensor mask, Tensor a, Tensor b) {
    long[] to = Dims.common(Dims.common(mask.dims(), a.dims()), b.dims());
    Tensor which = mask.broadcast(to);
    Tensor left = a.broadcast(to);
    Tensor right = b.broadcast(to);
    int count = which.filled() ? count(left, right) : Math.max(which.count(), count(left, right));
    if (a.isFloat() || b.isFloat()) {
      float[] values = new float[count];
      for (int i = 0; i < count; i++) {
        values[i] = which.whole(i) != 0 ? left.number(i) : right.number(i);
      }
      return Tensor.of(to, values);
    }
    long[] values = new long[count];
    Arrays.setAll(values, i -> which.whole(i) != 0 ? left.whole(i) : right.whole(i));
    return Tensor.of(to, values, a.type());
  }

  static Tensor join(List<Tensor> parts, int axis, long[] to) {
    Tensor first = parts.getFirst();
    boolean floats = parts.stream().allMatch(Tensor::isFloat);
    int count = Tensor.of(to, new long[] {0}, false).count();
    float[] numbers = floats ? new float[count] : null;
    long[] wholes = floats ? null : new long[count];
    long inner = Dims.size(Arrays.copyOfRange(to, axis + 1, to.length));
    long outer = count == 0 ? 0 : count / (inner * to[axis]);
    int at = 0;
    for (int o = 0; o < outer; o++) {
      for (Tensor part : parts) {
        int block = (int) (part.dims()[axis] * inner);
        for (int i = 0; i < block; i++) {
          if (floats) {
            numbers[at++] = part.number(o * block + i);
          } else {
            wholes[at++] = part.whole(o * block + i);
          }
        }
      }
    }
    return floats ? Tensor.of(to, numbers) : Tensor.of(to, wholes, first.type());
  }

  /** Combines all positions of an axis, which stays with extent 1. */
  static Tensor reduce(Tensor x, int axis, Reduction how) {
    long extent = x.dims()[axis];
    long[] to = Dims.with(x.dims(), axis, 1);
    if (x.filled()) {
      return x.isFloat()
          ? Tensor.of(to, (float) how.repeated(x.number(0), extent))
          : Tensor.of(to, new long[] {how.repeated(x.whole(0), extent)}, wholeType(x));
    }
    int inner = Math.toIntExact(Dims.strides(x.dims())[axis]);
    int block = Math.toIntExact(inner * extent);
    float[] floats = new float[x.isFloat() ? x.stored() / Math.toIntExact(extent) : 0];
    long[] wholes = new long[x.isFloat() ? 0 : x.stored() / Math.toIntExact(extent)];
    for (int i = 0; i < Math.max(floats.length, wholes.length); i++) {
      int first = i / inner * block + i % inner;
      double number = x.number(first);
      long whole = x.isFloat() ? 0 : x.whole(first);
      for (int at = first + inner; at < first + block; at += inner) {
        if (x.isFloat()) {
          number = how.of(number, x.number(at));
        } else {
          whole = how.of(whole, x.whole(at));
        }
      }
      if (x.isFloat()) {
        floats[i] = (float) number;
      } else {
        wholes[i] = whole;
      }
    }
    return x.isFloat() ? Tensor.of(to, floats) : Tensor.of(to, wholes, wholeType(x));
  }

  /** Running sums along an axis. */
  static Tensor sums(Tensor x, int axis, boolean exclusive, boolean reverse) {
    long[] dims = x.dims();
    int count = x.count();
    int extent = Math.toIntExact(dims[axis]);
    int inner = Math.toIntExact(Dims.strides(dims)[axis]);
    float[] floats = x.isFloat() ? new float[count] : null;
    long[] wholes = x.isFloat() ? null : new long[count];
    for (int line = 0; line < count / Math.max(extent, 1); line++) {
      int start = line / inner * inner * extent + line % inner;
      double sum = 0;
      for (int i = 0; i < extent; i++) {
        int at = start + (reverse ? extent - 1 - i : i) * inner;
        double before = sum;
        sum += x.isFloat() ? x.number(at) : x.whole(at);
        if (floats != null) {
          floats[at] = (float) (exclusive ? before : sum);
        } else {
          wholes[at] = (long) (exclusive ? before : sum);
        }
      }
    }
    return floats != null ? Tensor.of(dims, floats) : Tensor.of(dims, wholes, wholeType(x));
  }

  /** Keeps the triangle at and above a diagonal of the last two axes, or at and below it. */
  static Tensor triangle(Tensor x, long diagonal, boolean upper) {
    long[] dims = x.dims();
    int cols = Math.toIntExact(dims[dims.length - 1]);
    int rows = Math.toIntExact(dims[dims.length - 2]);
    int count = x.count();
    float[] floats = x.isFloat() ? new float[count] : null;
    long[] wholes = x.isFloat() ? null : new long[count];
    for (int i = 0; i < count; i++) {
      long above = i % cols - (long) (i / cols % rows);
      boolean kept = upper ? above >= diagonal : above <= diagonal;
      if (kept && floats != null) {
        floats[i] = x.number(i);
      } else if (kept) {
        wholes[i] = x.whole(i);
      }
    }
    return floats != null ? Tensor.of(dims, floats) : Tensor.of(dims, wholes, x.type());
  }

  /** Whether a product is small enough to be computed while a model is read. */
  static boolean multiplies(Tensor a, Tensor b) {
    double steps = (double) a.dims()[0] * a.dims()[1] * b.dims()[1];
    return Math.max(steps, (double) a.dims()[0] * b.dims()[1]) <= MOST_PRODUCTS;
  }

  /** Matrix product of two constants of two axes. */
  static Tensor product(Tensor a, Tensor b) {
    int rows = Math.toIntExact(a.dims()[0]);
    int depth = Math.toIntExact(a.dims()[1]);
    int cols = Math.toIntExact(b.dims()[1]);
    Tensor size = Tensor.of(new long[] {rows, cols}, 0f);
    float[] values = new float[size.count()];
    for (int i = 0; i < rows; i++) {
      for (int j = 0; j < cols; j++) {
        double sum = 0;
        for (int k = 0; k < depth; k++) {
          sum += (double) a.number(i * depth + k) * b.number(k * cols + j);
        }
        values[i * cols + j] = (float) sum;
      }
    }
    return Tensor.of(size.dims(), values);
  }
}

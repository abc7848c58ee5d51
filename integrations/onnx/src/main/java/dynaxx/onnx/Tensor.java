package dynaxx.onnx;

import java.util.Arrays;
import java.util.function.IntUnaryOperator;

/**
 * A constant: float32 values, or whole numbers that may stand for truth values. An array of one
 * value stands for a tensor of any size that is filled with it.
 */
final class Tensor implements Body {

  /** Values of a tensor that folding may make: 64 MiB of floats. */
  static final long LARGEST = 1L << 24;

  private final long[] dims;
  private final float[] floats;
  private final long[] wholes;
  private final int type;
  private Boolean same;

  private Tensor(long[] dims, float[] floats, long[] wholes, int type) {
    this.dims = dims;
    this.floats = floats;
    this.wholes = wholes;
    this.type = type;
  }

  static Tensor of(long[] dims, float... values) {
    return new Tensor(dims.clone(), values, null, StoredTensor.FLOAT);
  }

  static Tensor of(long[] dims, long[] values, boolean truth) {
    return new Tensor(dims.clone(), null, values, truth ? StoredTensor.BOOL : StoredTensor.INT64);
  }

  /**
   * Whole numbers of a type.
   *
   * @throws OnnxException if one is outside it: extents may stand for open ones, which must not
   *     wrap around
   */
  static Tensor of(long[] dims, long[] values, int type) {
    long least = StoredTensor.least(type);
    long most = StoredTensor.most(type);
    for (long value : values) {
      if (value < least || value > most) {
        throw new OnnxException(
            "constant: found the number "
                + value
                + ", expected one from "
                + least
                + " to "
                + most
                + " for type "
                + StoredTensor.typeName(type));
      }
    }
    return new Tensor(dims.clone(), null, values, type);
  }

  static Tensor wholes(long... values) {
    return of(new long[] {values.length}, values, false);
  }

  static Tensor scalar(float value) {
    return of(new long[0], value);
  }

  /** Checks extents that a file states, and gives their product. */
  static long size(String label, long[] dims) {
    long size = 1;
    for (long dim : dims) {
      if (dim < 0 || dim > 0 && size > Integer.MAX_VALUE / dim) {
        throw new OnnxException(
            label
                + ": found extents "
                + Arrays.toString(dims)
                + ", expected none below 0 and fewer than 2^31 values");
      }
      size *= dim;
    }
    return size;
  }

  @Override
  public long[] dims() {
    return dims;
  }

  int rank() {
    return dims.length;
  }

  long size() {
    return Dims.size(dims);
  }

  boolean isFloat() {
    return floats != null;
  }

  boolean isTruth() {
    return type == StoredTensor.BOOL;
  }

  /** Number of the element type; float for all kinds of floats. */
  int type() {
    return type;
  }

  /** Whether one array element stands for all. */
  boolean filled() {
    return stored() == 1;
  }

  /** Values that are held in memory. */
  int stored() {
    return floats != null ? floats.length : wholes.length;
  }

  float number(int i) {
    int at = filled() ? 0 : i;
    return floats != null ? floats[at] : wholes[at];
  }

  long whole(int i) {
    int at = filled() ? 0 : i;
    return floats != null ? (long) floats[at] : wholes[at];
  }

  /** All values as whole numbers. */
  long[] wholes() {
    long[] values = new long[count()];
    Arrays.setAll(values, this::whole);
    return values;
  }

  /** All values as floats. */
  float[] floats() {
    float[] values = new float[count()];
    for (int i = 0; i < values.length; i++) {
      values[i] = number(i);
    }
    return values;
  }

  /** Number of values, if it may be made. */
  int count() {
    long size = size();
    if (size > LARGEST && size > stored()) {
      throw new OnnxException(
          "constant: found a shape of "
              + Arrays.toString(dims)
              + ", expected at most "
              + LARGEST
              + " values");
    }
    return (int) size;
  }

  /** Whether all values are one value. */
  boolean allSame() {
    if (same == null) {
      same = findSame();
    }
    return same;
  }

  private boolean findSame() {
    for (int i = 1; i < stored(); i++) {
      if (number(i) != number(0)) {
        return false;
      }
    }
    return stored() > 0;
  }

  boolean allZero() {
    return stored() > 0 && allSame() && number(0) == 0;
  }

  /** A tensor of the same kind that takes its values from places of this one. */
  private Tensor elements(long[] to, IntUnaryOperator from) {
    if (filled()) {
      return new Tensor(to, floats, wholes, type);
    }
    Tensor result = new Tensor(to, floats, wholes, type);
    long size = result.size();
    if (size > LARGEST && size > stored()) {
      throw new OnnxException(
          "constant: found a shape of "
              + Arrays.toString(to)
              + ", expected at most "
              + LARGEST
              + " values");
    }
    if (floats != null) {
      float[] values = new float[(int) size];
      for (int i = 0; i < values.length; i++) {
        values[i] = floats[from.applyAsInt(i)];
      }
      return new Tensor(to, values, null, type);
    }
    long[] values = new long[(int) size];
    Arrays.setAll(values, i -> wholes[from.applyAsInt(i)]);
    return new Tensor(to, null, values, type);
  }

  /** Elements {@code offset + sum of index times stride}. */
  Tensor strided(long offset, long[] to, long[] strides) {
    long[] outer = filled() ? null : Dims.strides(to);
    return elements(
        to,
        i -> {
          long at = offset;
          long rest = i;
          for (int a = 0; a < to.length; a++) {
            at += rest / outer[a] * strides[a];
            rest %= outer[a];
          }
          return (int) at;
        });
  }

  @Override
  public Tensor permute(int[] order) {
    long[] strides = filled() ? new long[order.length] : Dims.strides(dims);
    return Dims.isIdentity(order)
        ? this
        : strided(0, Dims.permuted(dims, order), Dims.permuted(strides, order));
  }

  @Override
  public Tensor slice(int axis, long start, long count, long step) {
    if (filled()) {
      return elements(Dims.with(dims, axis, count), null);
    }
    long[] strides = Dims.strides(dims);
    long offset = start * strides[axis];
    long[] stepped = Dims.with(strides, axis, strides[axis] * step);
    return strided(offset, Dims.with(dims, axis, count), stepped);
  }

  @Override
  public Tensor reshape(long[] to) {
    return Arrays.equals(to, dims) ? this : new Tensor(to.clone(), floats, wholes, type);
  }

  @Override
  public Tensor gather(int axis, int[] indices) {
    long[] to = Dims.with(dims, axis, indices.length);
    if (filled()) {
      return elements(to, null);
    }
    long inner = Dims.strides(dims)[axis];
    long block = inner * dims[axis];
    return elements(
        to,
        i -> {
          long within = i % (inner * indices.length);
          long before = i / (inner * indices.length);
          return (int) (before * block + indices[(int) (within / inner)] * inner + within % inner);
        });
  }

  @Override
  public Tensor expand(long[] to) {
    if (Arrays.equals(to, dims)) {
      return this;
    }
    if (filled()) {
      return elements(to.clone(), null);
    }
    long[] strides = Dims.strides(dims);
    for (int a = 0; a < to.length; a++) {
      strides[a] = dims[a] == 1 ? 0 : strides[a];
    }
    return strided(0, to.clone(), strides);
  }

  @Override
  public boolean uniform(int axis) {
    if (dims[axis] == 1 || filled()) {
      return true;
    }
    if (stored() == 0) {
      return true;
    }
    int inner = Math.toIntExact(Dims.strides(dims)[axis]);
    int extent = Math.toIntExact(dims[axis]);
    for (int i = 0; i < stored(); i++) {
      int position = i / inner % extent;
      if (number(i) != number(i - position * inner)) {
        return false;
      }
    }
    return true;
  }

  /** Repeats to a shape of as many axes or more. */
  Tensor broadcast(long[] to) {
    return reshape(Dims.padded(dims, to.length)).expand(to);
  }

  /** The values as whole numbers of a type, cut towards zero. */
  Tensor toWholes(int to) {
    if (floats == null) {
      return of(dims, wholes, to);
    }
    long[] values = new long[floats.length];
    for (int i = 0; i < values.length; i++) {
      if (!(Math.abs(floats[i]) < 0x1p63f)) {
        throw new OnnxException(
            "constant: found the number " + floats[i] + ", expected one that an integer can hold");
      }
      values[i] = (long) floats[i];
    }
    return of(dims, values, to);
  }

  /** Whether a float holds each of the whole numbers. */
  boolean exactAsFloats() {
    for (int i = 0; i < stored(); i++) {
      if (Math.abs((double) whole(i)) > 1 << 24) {
        return false;
      }
    }
    return true;
  }

  /** The values as floats. */
  Tensor toFloats() {
    if (floats != null) {
      return this;
    }
    float[] values = new float[wholes.length];
    for (int i = 0; i < values.length; i++) {
      values[i] = wholes[i];
    }
    return new Tensor(dims, values, null, StoredTensor.FLOAT);
  }

  /** Whether each value is not zero. */
  Tensor toTruth() {
    long[] values = new long[stored()];
    Arrays.setAll(values, i -> number(i) != 0 ? 1 : 0);
    return new Tensor(dims, null, values, StoredTensor.BOOL);
  }

  @Override
  public String toString() {
    return "constant of shape " + Arrays.toString(dims);
  }
}

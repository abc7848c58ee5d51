package dynaxx.network.op;

import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.IntStream;

/**
 * What an op computes with besides its inputs: a parameter, part of one, or a constant. Element
 * (i0, i1, ...) is number {@code offset + i0 stride0 + i1 stride1 + ...} of the parameter's or the
 * constant's values. Ops state which layouts they take.
 */
public sealed interface Operand {

  /**
   * Its extents.
   *
   * @return the shape as the op sees it
   */
  Shape shape();

  /**
   * Where it starts.
   *
   * @return number of the first element
   */
  long offset();

  /**
   * Distance of neighbours.
   *
   * @return for each axis the values from one position to the next
   */
  List<Long> strides();

  /**
   * The same values in another layout.
   *
   * @param shape extents
   * @param strides one for each axis
   * @return the operand
   */
  Operand as(Shape shape, List<Long> strides);

  /**
   * A whole parameter.
   *
   * @param parameter the parameter, or null
   * @return the operand in the parameter's shape, or null for null
   */
  static View of(Parameter parameter) {
    return parameter == null
        ? null
        : new View(parameter, 0, parameter.shape(), rowMajorStrides(parameter.shape()));
  }

  /**
   * A constant.
   *
   * @param shape its extents
   * @param values row-major; copied
   * @return the operand
   * @throws IllegalArgumentException if there are not as many values as the shape has
   */
  static Fixed of(Shape shape, float... values) {
    Shape.requireSize("values", values.length, shape.size());
    return new Fixed(shape, rowMajorStrides(shape), values.clone());
  }

  /**
   * Strides of values that lie in reading order.
   *
   * @param shape extents
   * @return one for each axis
   */
  static List<Long> rowMajorStrides(Shape shape) {
    return IntStream.range(0, shape.rank()).mapToObj(shape::stride).toList();
  }

  /**
   * Whether its values lie together in reading order.
   *
   * @return true for a whole parameter
   */
  default boolean rowMajor() {
    return IntStream.range(0, shape().rank())
        .allMatch(a -> shape().dim(a) == 1 || strides().get(a) == shape().stride(a));
  }

  /**
   * The transpose of a matrix, without moving anything.
   *
   * @return the operand with its two axes exchanged
   */
  default Operand t() {
    if (shape().rank() != 2) {
      throw new IllegalArgumentException("transpose: " + this + ", expected two axes");
    }
    return as(Shape.of(shape().dim(1), shape().dim(0)), strides().reversed());
  }

  /**
   * A vector or an array as a matrix: the axes after the first count together.
   *
   * @return the operand with two axes
   * @throws IllegalArgumentException if it has other than two axes and is not in reading order
   */
  default Operand matrix() {
    if (shape().rank() == 2) {
      return this;
    }
    if (shape().rank() == 0 || !rowMajor()) {
      throw new IllegalArgumentException(
          "matrix: " + this + ", expected two axes, or values in reading order");
    }
    int rows = shape().dim(0);
    Shape matrix = Shape.of(rows, Math.toIntExact(shape().size() / rows));
    return as(matrix, rowMajorStrides(matrix));
  }

  /**
   * Where an element is.
   *
   * @param index one position for each axis
   * @return its number among the parameter's or the constant's values
   */
  default long position(int... index) {
    long at = offset();
    for (int a = 0; a < index.length; a++) {
      at += index[a] * strides().get(a);
    }
    return at;
  }

  /**
   * The parts of parameters that an op uses; whole parameters if it does not say.
   *
   * @param op the op
   * @return none for an op without parameters
   */
  static List<View> trained(Op op) {
    List<Operand> operands = new ArrayList<>();
    switch (op) {
      case Linear o -> Collections.addAll(operands, o.weight(), o.bias());
      case Conv o -> Collections.addAll(operands, o.weight(), o.bias());
      case TokenEmbedding o -> operands.add(o.table());
      default -> op.parameters().forEach(p -> operands.add(of(p)));
    }
    return operands.stream().filter(View.class::isInstance).map(View.class::cast).toList();
  }

  /**
   * Elements of a parameter, each once.
   *
   * @param parameter that holds them
   * @param offset number of the first
   * @param shape extents
   * @param strides values from one position of an axis to the next
   */
  record View(Parameter parameter, long offset, Shape shape, List<Long> strides)
      implements Operand {

    /**
     * Checks that its elements are distinct and lie within the parameter.
     *
     * @param parameter that holds them
     * @param offset number of the first
     * @param shape extents
     * @param strides values from one position of an axis to the next
     * @throws IllegalArgumentException if they are not or do not
     */
    public View {
      strides = List.copyOf(strides);
      boolean fits = offset >= 0 && strides.size() == shape.rank();
      long reach = 1;
      for (int a : fits ? ascending(shape, strides) : new int[0]) {
        fits &= strides.get(a) >= reach;
        reach += (shape.dim(a) - 1) * strides.get(a);
      }
      if (!fits || offset + reach > parameter.size()) {
        throw new IllegalArgumentException(
            "view of parameter '%s': found offset %d, shape %s, strides %s, expected distinct"
                    .formatted(parameter.name(), offset, shape, strides)
                + " elements of "
                + parameter.shape());
      }
    }

    /** Axes of more than one position by their strides. */
    private static int[] ascending(Shape shape, List<Long> strides) {
      return IntStream.range(0, shape.rank())
          .filter(a -> shape.dim(a) > 1)
          .boxed()
          .sorted(Comparator.comparing(strides::get))
          .mapToInt(Integer::intValue)
          .toArray();
    }

    @Override
    public View as(Shape to, List<Long> strides) {
      return new View(parameter, offset, to, strides);
    }

    /**
     * Whether two views may have an element in common. Rows or columns of one matrix are told
     * apart, other views by their first and last elements.
     *
     * @param other another view
     * @return false if they have none for sure
     */
    public boolean overlaps(View other) {
      if (!parameter.equals(other.parameter)) {
        return false;
      }
      Lines own = Lines.of(this);
      Lines others = Lines.of(other);
      if (own.count() > 1 && others.count() > 1 && own.step() == others.step()) {
        return own.meets(others);
      }
      return meet(offset, own.end(), other.offset, others.end());
    }

    private static boolean meet(long from, long end, long otherFrom, long otherEnd) {
      return from < otherEnd && otherFrom < end;
    }

    /** Runs of values, one every step. */
    private record Lines(long offset, long length, long count, long step) {

      static Lines of(View v) {
        int[] axes = ascending(v.shape, v.strides);
        long length = 1;
        for (int i = 0; i < axes.length - 1; i++) {
          length += (v.shape.dim(axes[i]) - 1) * v.strides.get(axes[i]);
        }
        if (axes.length == 0) {
          return new Lines(v.offset, 1, 1, 1);
        }
        int last = axes[axes.length - 1];
        return new Lines(v.offset, length, v.shape.dim(last), v.strides.get(last));
      }

      long end() {
        return offset + (count - 1) * step + length;
      }

      /** The same step on both sides; a line that goes over a multiple of it meets everything. */
      boolean meets(Lines other) {
        long column = offset % step;
        long otherColumn = other.offset % step;
        boolean apart =
            column + length <= step
                && otherColumn + other.length <= step
                && !meet(column, column + length, otherColumn, otherColumn + other.length);
        return !apart && meet(offset, end(), other.offset, other.end());
      }
    }

    @Override
    public String toString() {
      boolean whole = rowMajor() && shape.equals(parameter.shape());
      return (whole ? "parameter '" : "view of parameter '")
          + parameter.name()
          + "' has shape "
          + shape;
    }
  }

  /** A constant array. */
  final class Fixed implements Operand {
    private final Shape shape;
    private final List<Long> strides;
    private final float[] values;

    private Fixed(Shape shape, List<Long> strides, float[] values) {
      this.shape = shape;
      this.strides = strides;
      this.values = values;
    }

    @Override
    public Shape shape() {
      return shape;
    }

    @Override
    public long offset() {
      return 0;
    }

    @Override
    public List<Long> strides() {
      return strides;
    }

    @Override
    public Fixed as(Shape to, List<Long> strides) {
      return new Fixed(to, List.copyOf(strides), values);
    }

    /**
     * An element.
     *
     * @param index one position for each axis
     * @return its value
     */
    public float value(int... index) {
      return values[Math.toIntExact(position(index))];
    }

    float[] values() {
      return values;
    }

    @Override
    public String toString() {
      return "constant has shape " + shape;
    }
  }
}

package dynaxx.layer;

import java.util.Arrays;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * Extents of a dense row-major array, without the leading axis of examples.
 *
 * @param dims extents, each at least 1; none for a scalar
 */
public record Shape(List<Integer> dims) {

  /**
   * Checks and copies the extents.
   *
   * @param dims extents
   * @throws IllegalArgumentException if one is below 1
   */
  public Shape {
    dims = List.copyOf(dims);
    for (int dim : dims) {
      if (dim < 1) {
        throw new IllegalArgumentException(
            "shape: found " + dims + ", expected every extent to be at least 1");
      }
    }
  }

  /**
   * A shape from its extents.
   *
   * @param dims extents
   * @return the shape
   */
  public static Shape of(int... dims) {
    return new Shape(Arrays.stream(dims).boxed().toList());
  }

  /**
   * Number of axes.
   *
   * @return the rank
   */
  public int rank() {
    return dims.size();
  }

  /**
   * One extent; negative positions count from the end.
   *
   * @param axis position
   * @return the extent
   */
  public int dim(int axis) {
    return dims.get(axis < 0 ? axis + dims.size() : axis);
  }

  /**
   * Number of values.
   *
   * @return the product of the extents
   */
  public long size() {
    long size = 1;
    for (int dim : dims) {
      size = Math.multiplyExact(size, dim);
    }
    return size;
  }

  /**
   * Number of rows when all axes but the last are taken together.
   *
   * @return {@code size() / dim(-1)}
   */
  public long rows() {
    return rank() == 0 ? 1 : size() / dim(-1);
  }

  /**
   * This shape with another last extent.
   *
   * @param last new extent
   * @return the shape
   */
  public Shape withLast(int last) {
    Integer[] copy = dims.toArray(Integer[]::new);
    copy[copy.length - 1] = last;
    return new Shape(List.of(copy));
  }

  /**
   * This shape with another extent of one axis.
   *
   * @param axis counted from 0
   * @param extent at least 1
   * @return a new shape
   */
  public Shape with(int axis, int extent) {
    Integer[] copy = dims.toArray(Integer[]::new);
    copy[axis] = extent;
    return new Shape(List.of(copy));
  }

  /**
   * All axes except the last two.
   *
   * @return a new shape
   */
  public Shape leading() {
    return new Shape(dims.subList(0, rank() - 2));
  }

  /**
   * This shape with two more axes.
   *
   * @param rows extent of the last axis but one
   * @param cols extent of the last axis
   * @return a new shape
   */
  public Shape followedBy(int rows, int cols) {
    return new Shape(
        IntStream.concat(dims.stream().mapToInt(i -> i), IntStream.of(rows, cols))
            .boxed()
            .toList());
  }

  /**
   * Elements from one position of an axis to the next, row-major.
   *
   * @param axis counted from 0
   * @return the stride
   */
  public long stride(int axis) {
    long stride = 1;
    for (int a = axis + 1; a < rank(); a++) {
      stride = Math.multiplyExact(stride, dims.get(a));
    }
    return stride;
  }

  @Override
  public String toString() {
    return dims.stream().map(String::valueOf).collect(Collectors.joining(" x ", "[", "]"));
  }

  /**
   * Refuses a wrong number of values.
   *
   * @param argument its name, for the message
   * @param found how many there are
   * @param expected how many there should be
   * @throws IllegalArgumentException if the numbers differ
   */
  public static void requireSize(String argument, long found, long expected) {
    if (found != expected) {
      throw new IllegalArgumentException(
          argument + ": found " + found + " values, expected " + expected);
    }
  }
}

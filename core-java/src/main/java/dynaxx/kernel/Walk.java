package dynaxx.kernel;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/**
 * A walk over two arrays at once. At index (i_0, i_1, ..) it is at element {@code fromOffset + sum
 * of i_a fromStride_a} of a source and at element {@code toOffset + sum of i_a toStride_a} of a
 * destination. Two indices meet at one element of the destination only if they differ in axes whose
 * {@code toStride} is 0 and in no others; likewise for the source.
 *
 * @param axes extents and strides, in any order
 * @param fromOffset where the walk begins in the source
 * @param toOffset where it begins in the destination
 */
public record Walk(List<Axis> axes, long fromOffset, long toOffset) {

  /**
   * One axis.
   *
   * @param extent number of steps, at least 1
   * @param fromStride elements from one step to the next in the source; 0 repeats, a negative one
   *     goes backwards
   * @param toStride the same in the destination; 0 sums
   */
  public record Axis(long extent, long fromStride, long toStride) {}

  /**
   * Copies the axes.
   *
   * @param axes extents and strides
   * @param fromOffset where the walk begins in the source
   * @param toOffset where it begins in the destination
   */
  public Walk {
    axes = List.copyOf(axes);
  }

  /**
   * The walk of the transposed linear map: source and destination change places.
   *
   * @return the same walk seen from the other side
   */
  public Walk transposed() {
    List<Axis> swapped =
        axes.stream().map(a -> new Axis(a.extent(), a.toStride(), a.fromStride())).toList();
    return new Walk(swapped, toOffset, fromOffset);
  }

  /**
   * The same walk in each of several arrays that lie one after the other.
   *
   * @param count how many
   * @param fromStride from one source to the next
   * @param toStride from one destination to the next
   * @return a walk with one more axis
   */
  public Walk repeated(long count, long fromStride, long toStride) {
    List<Axis> more = new ArrayList<>(axes);
    more.addFirst(new Axis(count, fromStride, toStride));
    return new Walk(more, fromOffset, toOffset);
  }

  /**
   * Number of different elements of the destination.
   *
   * @return the product of the extents that move there
   */
  public long reached() {
    return steps(axes.stream().filter(a -> a.toStride() != 0).toList());
  }

  /**
   * The axes that move in the destination, ready for loops: the slowest there first, without those
   * of a single step, and neighbours that go on in both arrays taken together.
   *
   * @return a list of its own
   */
  public List<Axis> kept() {
    return merged(a -> a.toStride() != 0, Axis::toStride);
  }

  /**
   * The axes that are summed, ready for loops as {@link #kept}, the slowest in the source first.
   *
   * @return a list of its own
   */
  public List<Axis> summed() {
    return merged(a -> a.toStride() == 0, Axis::fromStride);
  }

  private List<Axis> merged(Predicate<Axis> wanted, ToLongFunction<Axis> stride) {
    Comparator<Axis> bySpeed = Comparator.comparingLong(a -> Math.abs(stride.applyAsLong(a)));
    List<Axis> merged = new ArrayList<>();
    axes.stream()
        .filter(a -> a.extent() > 1)
        .filter(wanted)
        .sorted(bySpeed.reversed())
        .forEach(a -> append(merged, a));
    return merged;
  }

  private static void append(List<Axis> merged, Axis axis) {
    Axis outer = merged.isEmpty() ? null : merged.getLast();
    if (outer != null
        && outer.fromStride() == axis.fromStride() * axis.extent()
        && outer.toStride() == axis.toStride() * axis.extent()) {
      merged.removeLast();
      long extent = Math.multiplyExact(outer.extent(), axis.extent());
      axis = new Axis(extent, axis.fromStride(), axis.toStride());
    }
    merged.add(axis);
  }

  /**
   * Steps of a walk along all of some axes.
   *
   * @param axes any axes
   * @return the product of their extents
   */
  public static long steps(List<Axis> axes) {
    return axes.stream().mapToLong(Axis::extent).reduce(1, Math::multiplyExact);
  }
}

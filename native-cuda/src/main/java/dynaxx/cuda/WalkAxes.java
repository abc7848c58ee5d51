package dynaxx.cuda;

import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import java.util.ArrayList;
import java.util.List;

/**
 * The axes of a {@link Walk} as the kernels take them: those that move in the destination in its
 * order, those that are summed in the order of the source, the fastest last; axes that go on in
 * both arrays are taken together.
 *
 * @param kept axes that move in the destination
 * @param summed axes that do not
 */
record WalkAxes(List<Axis> kept, List<Axis> summed) {

  static WalkAxes of(Walk walk) {
    return new WalkAxes(walk.kept(), walk.summed());
  }

  int count() {
    return kept.size() + summed.size();
  }

  /** Elements of the destination. */
  long outputs() {
    return Walk.steps(kept);
  }

  /** Elements of the source that each of them is a sum of. */
  long terms() {
    return Walk.steps(summed);
  }

  /** The fastest axis of the destination; a single step if there is none. */
  Axis inner() {
    return kept.isEmpty() ? new Axis(1, 1, 1) : kept.getLast();
  }

  /** Whether neighbouring elements are neighbours on both sides, in runs of that many or more. */
  boolean contiguous(int pack) {
    Axis inner = inner();
    boolean beside = inner.fromStride() == 1 && inner.toStride() == 1;
    return pack > 1 && summed.isEmpty() && beside && inner.extent() % pack == 0;
  }

  /** The same with steps of that many elements along the fastest axis. */
  WalkAxes packed(int pack) {
    List<Axis> axes = new ArrayList<>(kept);
    axes.removeLast();
    axes.add(new Axis(inner().extent() / pack, pack, pack));
    return new WalkAxes(axes, summed);
  }

  /** Whether an element's terms lie side by side, and those of its neighbours do not. */
  boolean sumsAlong() {
    boolean apart = kept.isEmpty() || inner().fromStride() != 1;
    return !summed.isEmpty() && summed.getLast().fromStride() == 1 && apart;
  }

  /**
   * The axis that a copy should follow in the source while the fastest one is followed in the
   * destination, or -1 if that is the same or not worth while.
   *
   * @param least extent of both that is worth while
   */
  int crossing(int least) {
    Axis inner = inner();
    if (!summed.isEmpty() || inner.toStride() != 1 || inner.fromStride() == 1) {
      return -1;
    }
    for (int a = 0; a < kept.size() - 1; a++) {
      Axis axis = kept.get(a);
      if (axis.fromStride() == 1 && Math.min(axis.extent(), inner.extent()) >= least) {
        return a;
      }
    }
    return -1;
  }

  /** All axes except the fastest one, and the fastest one. */
  WalkAxes without(int crossing) {
    List<Axis> axes = new ArrayList<>(kept);
    axes.removeLast();
    axes.remove(crossing);
    return new WalkAxes(axes, summed);
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import java.util.List;

/**
 * A {@link Walk} made ready for loops: axes in the order of the destination, those that are summed
 * in the order of the source, and neighbours that go on in both arrays taken together. An element
 * of the destination sums its terms in an order that depends on strides only.
 *
 * @param rows axes that move in the destination, except the fastest
 * @param inner the fastest axis of the destination
 * @param sums axes that are summed, except the fastest
 * @param run the fastest axis of the sums
 * @param from where the walk begins in the source
 * @param to where it begins in the destination
 */
record WalkPlan(List<Axis> rows, Axis inner, List<Axis> sums, Axis run, long from, long to) {

  private static final Axis NONE = new Axis(1, 1, 1);

  static WalkPlan of(Walk walk) {
    List<Axis> kept = walk.kept();
    List<Axis> summed = walk.summed();
    Axis inner = kept.isEmpty() ? NONE : kept.removeLast();
    Axis run = summed.isEmpty() ? NONE : summed.removeLast();
    return new WalkPlan(kept, inner, summed, run, walk.fromOffset(), walk.toOffset());
  }

  long rowCount() {
    return Walk.steps(rows);
  }

  /** Runs that an element of the destination is a sum of. */
  long runCount() {
    return Walk.steps(sums);
  }

  /** Elements of the source that an element of the destination is a sum of. */
  long terms() {
    return Math.multiplyExact(runCount(), run.extent());
  }

  /** Whether an element's terms lie side by side, and neighbours' terms do not. */
  boolean sumsAlong() {
    boolean apart = inner.extent() == 1 || inner.fromStride() != 1;
    return run.extent() > 1 && run.fromStride() == 1 && apart;
  }

  /** Where a row begins in the source. */
  long source(long row) {
    long at = from;
    for (int a = rows.size() - 1; a >= 0; a--) {
      at += row % rows.get(a).extent() * rows.get(a).fromStride();
      row /= rows.get(a).extent();
    }
    return at;
  }

  /** Where a row begins in the destination. */
  long target(long row) {
    long at = to;
    for (int a = rows.size() - 1; a >= 0; a--) {
      at += row % rows.get(a).extent() * rows.get(a).toStride();
      row /= rows.get(a).extent();
    }
    return at;
  }

  /** How far a run is from the first one. */
  long runShift(long index) {
    long shift = 0;
    for (int a = sums.size() - 1; a >= 0; a--) {
      shift += index % sums.get(a).extent() * sums.get(a).fromStride();
      index /= sums.get(a).extent();
    }
    return shift;
  }
}

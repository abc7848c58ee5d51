package dynaxx.network.pass;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.TreeSet;

/**
 * Assigns arrays that live over intervals of time to as little memory as a greedy best fit needs;
 * arrays that are alive at the same time never share a slot.
 */
final class SlotPlan {

  private static final class Slot {
    final int index;
    long size;

    Slot(int index, long size) {
      this.index = index;
      this.size = size;
    }
  }

  private record Interval(int id, int start, int end, long size) {}

  private final List<Interval> intervals = new ArrayList<>();
  private final List<Slot> slots = new ArrayList<>();

  /** Registers an array alive from start to end, both included; returns its id. */
  int add(int start, int end, long size) {
    intervals.add(new Interval(intervals.size(), start, end, size));
    return intervals.size() - 1;
  }

  /** Slot of each array by id. */
  int[] assign() {
    int[] slotOf = new int[intervals.size()];
    List<Interval> byStart = new ArrayList<>(intervals);
    byStart.sort(Comparator.comparingInt(Interval::start).thenComparingInt(Interval::id));
    List<Interval> alive = new ArrayList<>();
    TreeSet<Slot> free =
        new TreeSet<>(Comparator.<Slot>comparingLong(s -> s.size).thenComparingInt(s -> s.index));
    for (Interval interval : byStart) {
      alive.removeIf(old -> old.end() < interval.start() && free.add(slots.get(slotOf[old.id()])));
      slotOf[interval.id()] = take(free, interval.size()).index;
      alive.add(interval);
    }
    return slotOf;
  }

  private Slot take(TreeSet<Slot> free, long size) {
    Slot fit = free.ceiling(new Slot(-1, size));
    if (fit == null) {
      fit = free.pollLast();
    } else {
      free.remove(fit);
    }
    if (fit == null) {
      fit = new Slot(slots.size(), size);
      slots.add(fit);
    }
    fit.size = Math.max(fit.size, size);
    return fit;
  }

  /** Size of each slot, after {@link #assign}. */
  long[] sizes() {
    return slots.stream().mapToLong(s -> s.size).toArray();
  }
}

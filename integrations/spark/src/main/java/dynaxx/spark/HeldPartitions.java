package dynaxx.spark;

import java.util.Iterator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Predicate;

/**
 * The partitions that this executor holds, of all operators, from one job to the next. What is
 * missing, since the executor is new or another one held the partition, is read again.
 */
final class HeldPartitions {

  private record Key(long operator, int partition) {}

  private static final Map<Key, HeldPartition> HELD = new ConcurrentHashMap<>();

  private HeldPartitions() {}

  static HeldPartition get(
      Problem problem, int partition, long point, Iterator<Examples> data, int threads) {
    Key key = new Key(problem.operator(), partition);
    HeldPartition held =
        HELD.compute(
            key, (same, there) -> (there == null ? new HeldPartition() : there).asked(point));
    try {
      return held.read(problem, data, threads);
    } catch (RuntimeException | Error e) {
      HELD.remove(key, held);
      held.close();
      throw e;
    }
  }

  /** Frees the partitions that were not asked for at the last point: others hold them by now. */
  static void closeUnused(long operator, long point) {
    close(operator, held -> held.unusedSince(point - 1));
  }

  static void close(long operator) {
    close(operator, held -> true);
  }

  /** How many partitions are held, of all operators. */
  static int size() {
    return HELD.size();
  }

  private static void close(long operator, Predicate<HeldPartition> which) {
    for (Key key : HELD.keySet()) {
      if (key.operator == operator) {
        HELD.computeIfPresent(key, (same, held) -> closed(held, which) ? null : held);
      }
    }
  }

  private static boolean closed(HeldPartition held, Predicate<HeldPartition> which) {
    boolean close = which.test(held);
    if (close) {
      held.close();
    }
    return close;
  }
}

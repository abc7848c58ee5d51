package dynaxx.spark;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/** What the partitions gave when they were read first, and what executors compute with. */
final class Census {

  private static final Logger LOG = System.getLogger("dynaxx.spark");

  private final long[] counts;
  private final long[] checksums;
  private final long examples;
  private final Set<String> devices = new TreeSet<>();

  /**
   * Counts.
   *
   * @param parts of all partitions, in order
   * @throws IllegalArgumentException if there are no examples
   */
  Census(List<Part> parts) {
    counts = parts.stream().mapToLong(part -> part.examples).toArray();
    checksums = parts.stream().mapToLong(part -> part.checksum).toArray();
    examples = parts.stream().mapToLong(part -> part.examples).sum();
    if (examples == 0) {
      throw new IllegalArgumentException("data: found no examples, expected at least one");
    }
  }

  /** Examples of all partitions. */
  long examples() {
    return examples;
  }

  /**
   * Compares with what came first.
   *
   * @param parts of all partitions
   * @throws IllegalStateException if a partition has other examples
   */
  void check(List<Part> parts) {
    for (Part part : parts) {
      long count = counts[part.partition];
      long checksum = checksums[part.partition];
      if (part.examples != count || part.checksum != checksum) {
        throw new IllegalStateException(
            String.format(
                "data: partition %d was read again and gave %d examples with the checksum %08x,"
                    + " expected the %d with %08x that it gave first; sort or persist the RDD",
                part.partition, part.examples, part.checksum, count, checksum));
      }
      note(part.device);
    }
  }

  private void note(String device) {
    if (device != null && devices.add(device) && devices.size() > 1) {
      LOG.log(
          Level.WARNING,
          "executors compute in different ways, so the last bits depend on where a partition is: "
              + devices);
    }
  }
}

package dynaxx.spark;

import java.util.List;
import org.apache.spark.Partitioner;
import org.apache.spark.ShuffleDependency;
import org.apache.spark.api.java.JavaPairRDD;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.rdd.RDD;
import scala.Tuple2;

/**
 * Adds up what partitions give. Spark's {@code treeAggregate} merges in the order in which results
 * arrive, which changes the last bits; here groups of neighbouring partitions are summed on
 * executors, in order, and the sums of the groups on the driver, in order.
 */
final class PartitionSums {

  /** Up to this many go to the driver at once. */
  private static final int FEW = 4;

  private PartitionSums() {}

  /** Neighbours to the same reducer. */
  private static final class Groups extends Partitioner {

    private static final long serialVersionUID = 1L;

    private final int size;
    private final int count;

    Groups(int partitions) {
      size = (int) Math.ceil(Math.sqrt(partitions));
      count = Math.ceilDiv(partitions, size);
    }

    @Override
    public int numPartitions() {
      return count;
    }

    @Override
    public int getPartition(Object partition) {
      return (Integer) partition / size;
    }
  }

  /** The sum, if each part holds a few numbers only. */
  static OrderedSum ofScalars(JavaRDD<Part> parts) {
    return OrderedSum.of(parts.collect().iterator());
  }

  /** The sum, if parts hold vectors. */
  static OrderedSum ofVectors(JavaRDD<Part> parts) {
    if (parts.getNumPartitions() <= FEW) {
      return OrderedSum.of(parts.collect().iterator());
    }
    JavaPairRDD<Integer, Part> groups =
        parts
            .mapToPair(part -> new Tuple2<>(part.partition, part))
            .repartitionAndSortWithinPartitions(new Groups(parts.getNumPartitions()));
    try {
      return groups
          .values()
          .mapPartitions(group -> List.of(OrderedSum.of(group)).iterator())
          .collect()
          .stream()
          .reduce(OrderedSum::add)
          .orElseThrow();
    } finally {
      deleteFiles(groups.rdd());
    }
  }

  /** Spark would delete the files of the shuffle when the driver's collector finds time. */
  private static void deleteFiles(RDD<?> groups) {
    int shuffle = ((ShuffleDependency<?, ?, ?>) groups.dependencies().head()).shuffleId();
    if (groups.context().cleaner().isDefined()) {
      groups.context().cleaner().get().doCleanupShuffle(shuffle, false);
    }
  }
}

package dynaxx.spark;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import org.apache.spark.SparkEnv;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.rdd.RDD;
import org.apache.spark.storage.BlockManagerId;
import scala.Tuple2;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;

/**
 * Frees what executors hold of an operator: all of them, since a task that was given up or moved
 * leaves its partition where no task of the data goes any more.
 */
final class Release {

  private static final Logger LOG = System.getLogger("dynaxx.spark");

  /** A task goes elsewhere if its executor has been busy for a while. */
  private static final int TRIES = 3;

  private Release() {}

  static void everywhere(JavaSparkContext spark, long operator) {
    Set<String> left = executors();
    for (int i = 0; i < TRIES && !left.isEmpty(); i++) {
      left.removeAll(free(spark, operator, left));
      left.retainAll(executors());
    }
    if (!left.isEmpty()) {
      LOG.log(Level.WARNING, "spark hessian: memory is kept until they end by busy " + left);
    }
  }

  private static Set<String> executors() {
    return CollectionConverters.asJava(
            SparkEnv.get().blockManager().master().getMemoryStatus().keySet())
        .stream()
        .filter(id -> !id.isDriver())
        .map(Release::place)
        .collect(Collectors.toSet());
  }

  /** Runs a task for each executor, and tells which executors did one. */
  private static Set<String> free(JavaSparkContext spark, long operator, Set<String> executors) {
    List<Tuple2<Long, Seq<String>>> tasks =
        executors.stream().map(place -> new Tuple2<>(operator, seq(List.of(place)))).toList();
    RDD<Long> placed = spark.sc().makeRDD(seq(tasks), ClassTag$.MODULE$.apply(Long.class));
    return new HashSet<>(placed.toJavaRDD().map(Release::freed).collect());
  }

  private static String freed(long operator) {
    HeldPartitions.close(operator);
    return place();
  }

  private static <T> Seq<T> seq(List<T> list) {
    return CollectionConverters.asScala(list).toSeq();
  }

  /** This executor, as Spark names a preferred place. */
  static String place() {
    return place(SparkEnv.get().blockManager().blockManagerId());
  }

  private static String place(BlockManagerId executor) {
    return "executor_" + executor.host() + "_" + executor.executorId();
  }
}

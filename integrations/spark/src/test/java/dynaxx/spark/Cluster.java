package dynaxx.spark;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;

/**
 * A Spark master, its workers, and an executor process for each worker, from the jars of the class
 * path: they are laid out in SPARK_HOME as in a distribution, since workers start executors there.
 */
final class Cluster implements AutoCloseable {

  private final JavaSparkContext spark;
  private final AtomicInteger lost = new AtomicInteger();

  private Cluster(SparkConf conf) {
    spark = new JavaSparkContext(conf);
    spark
        .sc()
        .addSparkListener(
            new SparkListener() {
              @Override
              public void onExecutorRemoved(SparkListenerExecutorRemoved removed) {
                lost.incrementAndGet();
              }
            });
  }

  /** Executors are processes with one core each. */
  static Cluster of(int executors) {
    layOut();
    return new Cluster(conf("local-cluster[" + executors + ",1,1024]")).await(executors);
  }

  /** Everything in this process. */
  static Cluster local(String serializer) {
    return new Cluster(conf("local[2]").set("spark.serializer", serializer));
  }

  private static SparkConf conf(String master) {
    return new SparkConf()
        .setMaster(master)
        .setAppName("dynaxx")
        .set("spark.ui.enabled", "false")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.locality.wait", "30s")
        .set("spark.executorEnv.JAVA_HOME", System.getProperty("java.home"))
        .set("spark.executor.extraClassPath", folders());
  }

  private static Stream<String> classPath() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator));
  }

  private static String folders() {
    return classPath()
        .filter(entry -> !entry.endsWith(".jar"))
        .collect(Collectors.joining(File.pathSeparator));
  }

  private static void layOut() {
    try {
      Path jars = Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
      Files.writeString(jars.resolveSibling("RELEASE"), "laid out by a test\n");
      for (Path jar : classPath().filter(e -> e.endsWith(".jar")).map(Path::of).toList()) {
        Path link = jars.resolve(jar.getFileName());
        Files.deleteIfExists(link);
        Files.createSymbolicLink(link, jar.toAbsolutePath());
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Waits for executors, so that partitions are spread over all of them. */
  private Cluster await(int executors) {
    for (int i = 0; i < 600 && executors() < executors; i++) {
      pause();
    }
    if (executors() < executors) {
      throw new IllegalStateException("found " + executors() + " executors after a minute");
    }
    return this;
  }

  static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Executors that are there, without the driver. */
  int executors() {
    return spark.sc().statusTracker().getExecutorInfos().length - 1;
  }

  /** Executors that have gone. */
  int lost() {
    return lost.get();
  }

  JavaSparkContext spark() {
    return spark;
  }

  /** An RDD whose partitions hold these blocks of examples. */
  JavaRDD<Examples> rdd(List<List<Examples>> partitions) {
    return spark.parallelize(partitions, partitions.size()).flatMap(List::iterator);
  }

  /** Runs an action in every executor, as each of many tasks lasts a moment. */
  void onExecutors(org.apache.spark.api.java.function.VoidFunction<Integer> action) {
    List<Integer> tasks = IntStream.range(0, 16).boxed().toList();
    spark
        .parallelize(tasks, tasks.size())
        .foreach(
            i -> {
              action.call(i);
              Thread.sleep(20);
            });
  }

  @Override
  public void close() {
    spark.close();
  }
}

package dynaxx.spark;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntSupplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.apache.spark.SparkConf;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.scheduler.SparkListener;
import org.apache.spark.scheduler.SparkListenerExecutorRemoved;
import scala.collection.immutable.Map$;
import scala.jdk.javaapi.CollectionConverters;

/**
 * A Spark master, its workers, and an executor process for each worker, from the jars of the class
 * path: they are laid out in SPARK_HOME as in a distribution, since workers start executors there.
 */
final class Cluster {

  private static final int MOST_EXECUTORS = 4;

  private static Cluster shared;

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

  /** The same for all tests, up to the end of this process: to start one takes a while. */
  static synchronized Cluster of(int executors) {
    if (shared == null) {
      layOut();
      shared = new Cluster(conf("local-cluster[" + MOST_EXECUTORS + ",1,1024]"));
      shared.awaitExecutors(MOST_EXECUTORS);
    }
    return shared.resize(executors);
  }

  /** Two executors with the JVM's and Spark's usual settings, to measure times. */
  static synchronized Cluster fast() {
    if (shared != null) {
      shared.spark.close();
    }
    layOut();
    shared = new Cluster(conf("local-cluster[2,1,1024]").remove("spark.executor.extraJavaOptions"));
    shared.awaitExecutors(2);
    return shared;
  }

  private static SparkConf conf(String master) {
    return new SparkConf()
        .setMaster(master)
        .setAppName("dynaxx")
        .set("spark.ui.enabled", "false")
        .set("spark.driver.host", "127.0.0.1")
        .set("spark.driver.bindAddress", "127.0.0.1")
        .set("spark.executorEnv.JAVA_HOME", System.getProperty("java.home"))
        .set(
            "spark.executor.extraJavaOptions",
            "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC -Ddynaxx.simd=off")
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

  /** Ends executors or starts others, and waits until there are as many as wanted. */
  Cluster resize(int wanted) {
    List<String> there = executors();
    if (there.size() > wanted) {
      List<String> surplus = there.subList(wanted, there.size());
      spark.sc().killExecutors(CollectionConverters.asScala(surplus).toSeq());
    }
    spark.sc().requestTotalExecutors(wanted, 0, Map$.MODULE$.empty());
    awaitExecutors(wanted);
    return this;
  }

  private void awaitExecutors(int wanted) {
    await("executors", wanted, () -> executors().size());
  }

  /** Waits until listeners have heard of all that was done. */
  void await() {
    try {
      spark.sc().listenerBus().waitUntilEmpty();
    } catch (TimeoutException e) {
      throw new IllegalStateException(e);
    }
  }

  static void await(String what, int expected, IntSupplier found) {
    for (int i = 0; i < 1200 && found.getAsInt() != expected; i++) {
      pause();
    }
    assertEquals(expected, found.getAsInt(), what);
  }

  static void pause() {
    try {
      Thread.sleep(100);
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The executors that are there. */
  private List<String> executors() {
    return CollectionConverters.asJava(spark.sc().getExecutorIds());
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
}

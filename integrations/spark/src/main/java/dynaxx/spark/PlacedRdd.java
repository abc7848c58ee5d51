package dynaxx.spark;

import org.apache.spark.Partition;
import org.apache.spark.TaskContext;
import org.apache.spark.rdd.RDD;
import scala.collection.AbstractIterator;
import scala.collection.Iterator;
import scala.collection.immutable.Seq;
import scala.jdk.javaapi.CollectionConverters;
import scala.reflect.ClassTag$;

/**
 * The examples, whose partitions are sent where they are held already, and read only when a task
 * asks for them.
 */
final class PlacedRdd extends RDD<Examples> {

  private static final long serialVersionUID = 1L;

  private final RDD<Examples> data;

  /** Of each partition, or null; known to the driver only. */
  private final transient String[] places;

  PlacedRdd(RDD<Examples> data) {
    super(data, ClassTag$.MODULE$.apply(Examples.class));
    this.data = data;
    this.places = new String[data.getNumPartitions()];
  }

  void place(int partition, String place) {
    places[partition] = place;
  }

  @Override
  public Partition[] getPartitions() {
    return data.partitions();
  }

  @Override
  public Seq<String> getPreferredLocations(Partition split) {
    String place = places[split.index()];
    if (place == null) {
      return data.preferredLocations(split);
    }
    return CollectionConverters.asScala(java.util.List.of(place)).toSeq();
  }

  @Override
  public Iterator<Examples> compute(Partition split, TaskContext context) {
    return new AbstractIterator<>() {
      private Iterator<Examples> source;

      private Iterator<Examples> source() {
        if (source == null) {
          source = data.iterator(split, context);
        }
        return source;
      }

      @Override
      public boolean hasNext() {
        return source().hasNext();
      }

      @Override
      public Examples next() {
        return source().next();
      }
    };
  }
}

package dynaxx.spark;

import dynaxx.operator.NonFiniteException;
import java.io.Serializable;
import java.util.Iterator;
import java.util.List;
import org.apache.spark.TaskContext;
import org.apache.spark.api.java.function.Function2;
import org.apache.spark.broadcast.Broadcast;

/** What an executor does for one partition. */
record Job(
    Kind kind,
    Problem problem,
    long point,
    Broadcast<float[]> parameters,
    Broadcast<float[][]> directions)
    implements Function2<Integer, Iterator<Examples>, Iterator<Part>>, Serializable {

  enum Kind {
    GRADIENT,
    PRODUCTS,
    FORMS,
    FORMS64
  }

  boolean givesVectors() {
    return kind == Kind.GRADIENT || kind == Kind.PRODUCTS;
  }

  @Override
  public Iterator<Part> call(Integer partition, Iterator<Examples> data) {
    if (kind == Kind.GRADIENT) {
      HeldPartitions.closeUnused(problem.operator(), point);
    }
    return List.of(answer(partition, data)).iterator();
  }

  /** Spark would try a task four times that fails; what fails each time is an answer. */
  private Part answer(int partition, Iterator<Examples> data) {
    String name = "partition " + partition;
    Part part = new Part(partition, Release.place(), 0, 0, null);
    try {
      HeldPartition held =
          HeldPartitions.get(problem, partition, point, data, TaskContext.get().cpus());
      part = new Part(partition, Release.place(), held.examples(), held.checksum(), held.device());
      if (held.examples() > 0) {
        held.answer(part, kind, point, parameters::value, () -> directions.value());
      }
    } catch (NonFiniteException e) {
      part.refusal = e.in(name);
    } catch (IllegalArgumentException e) {
      part.refusal = new IllegalArgumentException(name + ": " + e.getMessage(), e);
    }
    return part;
  }
}

package dynaxx.spark;

import java.io.Serializable;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/**
 * The sum of what neighbouring partitions give, each as often as it has examples, in float64 and in
 * the order of the partitions: the same bits wherever and in whatever order the parts were made.
 */
final class OrderedSum implements Serializable {

  private static final long serialVersionUID = 1L;

  private final ArrayList<Part> parts = new ArrayList<>();
  private double[] scalars = {};
  private double[][] vectors = {};

  /** Sums parts that come in the order of their partitions, and lets go of their vectors. */
  static OrderedSum of(Iterator<Part> parts) {
    OrderedSum sum = new OrderedSum();
    while (parts.hasNext()) {
      sum.add(parts.next());
    }
    return sum;
  }

  private void add(Part part) {
    if (!parts.isEmpty() && parts.getLast().partition >= part.partition) {
      throw new IllegalStateException(
          "partition " + part.partition + " came after " + parts.getLast().partition);
    }
    if (part.refusal == null && part.examples > 0) {
      allocate(part.scalars.length, part.vectors.length);
      for (int i = 0; i < scalars.length; i++) {
        scalars[i] += part.examples * part.scalars[i];
      }
      for (int i = 0; i < vectors.length; i++) {
        addTo(i, part.examples, part.vectors[i]);
      }
    }
    part.vectors = new float[0][];
    parts.add(part);
  }

  private void allocate(int scalarCount, int vectorCount) {
    if (scalars.length == 0) {
      scalars = new double[scalarCount];
    }
    if (vectors.length == 0) {
      vectors = new double[vectorCount][];
    }
  }

  private void addTo(int i, double factor, float[] values) {
    if (vectors[i] == null) {
      vectors[i] = new double[values.length];
    }
    double[] to = vectors[i];
    for (int j = 0; j < values.length; j++) {
      to[j] += factor * values[j];
    }
  }

  /** Adds the sum over the partitions that follow. */
  OrderedSum add(OrderedSum later) {
    allocate(later.scalars.length, later.vectors.length);
    for (int i = 0; i < later.scalars.length; i++) {
      scalars[i] += later.scalars[i];
    }
    for (int i = 0; i < later.vectors.length; i++) {
      if (vectors[i] == null) {
        vectors[i] = later.vectors[i];
        continue;
      }
      for (int j = 0; j < vectors[i].length; j++) {
        vectors[i][j] += later.vectors[i][j];
      }
    }
    parts.addAll(later.parts);
    return this;
  }

  /** All partitions in order, without their vectors. */
  List<Part> parts() {
    return parts;
  }

  /** A scalar's mean over the examples. */
  double scalar(int i, long examples) {
    return scalars[i] / examples;
  }

  int scalarCount() {
    return scalars.length;
  }

  /** A vector's mean over the examples, rounded to float32 once. */
  float[] vector(int i, long examples) {
    float[] mean = new float[vectors[i].length];
    for (int j = 0; j < mean.length; j++) {
      mean[j] = (float) (vectors[i][j] / examples);
    }
    return mean;
  }
}

package dynaxx.spark;

import java.io.Serializable;

/** What one partition gives for one job. */
final class Part implements Serializable {

  private static final long serialVersionUID = 1L;

  final int partition;

  /** Where it is held, as Spark names a preferred place. */
  final String place;

  final long examples;

  /** Of the data, to notice an RDD that does not give the same examples again. */
  final long checksum;

  /** What computes there; null if it holds no examples. */
  final String device;

  /** A user's mistake or a value that is not finite; the other results are missing then. */
  RuntimeException refusal;

  /** Numbers that are averaged over the examples: the loss, or quadratic forms. */
  double[] scalars = {};

  /** Vectors that are averaged over the examples: the gradient, or products. */
  float[][] vectors = {};

  Part(int partition, String place, long examples, long checksum, String device) {
    this.partition = partition;
    this.place = place;
    this.examples = examples;
    this.checksum = checksum;
    this.device = device;
  }
}

package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Random;

/** Plain double-precision helpers for tests. */
public final class Numbers {

  private Numbers() {}

  public static double[] uniform(int n, long seed) {
    return new Random(seed).doubles(n, 0, 1).map(u -> 2 * Math.sqrt(3) * (u - 0.5)).toArray();
  }

  /** Rounds values to float32 and lays them out as k vectors. */
  public static Vectors vectors(Scope scope, int k, double[] values) {
    Vectors vectors = scope.vectors(k, values.length / k);
    HostBuffer buffer = (HostBuffer) vectors.buffer();
    for (int i = 0; i < values.length; i++) {
      buffer.set(i, (float) values[i]);
    }
    return vectors;
  }

  public static double[] doubles(Buffer buffer) {
    float[] values = ((HostBuffer) buffer).toArray();
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  public static double dot(double[] a, double[] b) {
    double sum = 0;
    for (int i = 0; i < a.length; i++) {
      sum += a[i] * b[i];
    }
    return sum;
  }

  public static double norm(double[] a) {
    return Math.sqrt(dot(a, a));
  }

  /**
   * Relative difference in the Euclidean norm; an expected zero vector must be zero up to the
   * tolerance.
   */
  public static double relativeDifference(double[] expected, float[] found) {
    assertEquals(expected.length, found.length, "length");
    double difference = 0;
    for (int i = 0; i < expected.length; i++) {
      difference += (expected[i] - found[i]) * (expected[i] - found[i]);
    }
    double norm = norm(expected);
    return Math.sqrt(difference) / (norm == 0 ? 1 : norm);
  }

  public static void assertClose(String what, double[] expected, float[] found, double tolerance) {
    double difference = relativeDifference(expected, found);
    assertTrue(difference <= tolerance, () -> what + ": relative difference " + difference);
  }
}

package dynaxx.testing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Arrays;
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

  /** As {@link #vectors(Scope, int, double[])}, where a device computes. */
  public static Vectors vectors(Device device, Scope scope, int k, double[] values) {
    HostBuffer host = (HostBuffer) vectors(scope, k, values).buffer();
    return Vectors.of(device.upload(scope, host.segment()), k, values.length / k);
  }

  /** Values of a device, rounded to float32. */
  public static float[] floats(Device device, Buffer buffer) {
    try (Scope scope = Scope.open()) {
      HostBuffer host = scope.allocate(buffer.size());
      device.download(buffer, host.segment());
      return host.toArray();
    }
  }

  public static double[] doubles(Buffer buffer) {
    float[] values = ((HostBuffer) buffer).toArray();
    double[] doubles = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      doubles[i] = values[i];
    }
    return doubles;
  }

  /**
   * All digits of values on a device, of float64 too: what a download has rounded away is
   * downloaded next. Exact down to the smallest float32.
   */
  public static double[] doubles(Device device, Scope scope, Buffer buffer) {
    HostBuffer part = scope.allocate(buffer.size());
    device.download(buffer, part.segment());
    double[] sum = doubles(part);
    Buffer rest = device.allocate(scope, buffer.size());
    device.algebra().copy(buffer, rest);
    for (int i = 1; i < parts(device); i++) {
      device.algebra().axpby(-1, device.upload(scope, part.segment()), 1, rest);
      device.download(rest, part.segment());
      for (int j = 0; j < sum.length; j++) {
        // infinity leaves a rest that is NaN, and -0 one that would make it 0
        if (Float.isFinite(part.get(j)) && part.get(j) != 0) {
          sum[j] += part.get(j);
        }
      }
    }
    return sum;
  }

  /** Sends values to a device, to a float64 one with all their digits. */
  public static Buffer upload(Device device, Scope scope, double[] values) {
    Buffer buffer = device.allocate(scope, values.length);
    double[] rest = values.clone();
    for (int i = 0; i < parts(device); i++) {
      HostBuffer part = scope.allocate(values.length);
      for (int j = 0; j < rest.length; j++) {
        part.set(j, (float) rest[j]);
        rest[j] -= part.get(j);
      }
      device.algebra().axpby(1, device.upload(scope, part.segment()), 1, buffer);
    }
    return buffer;
  }

  /** Number of float32 values that hold one value of a device. */
  private static int parts(Device device) {
    return device.unitRoundoff() < 0x1p-24 ? 3 : 1;
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
    double[] wide = new double[found.length];
    Arrays.setAll(wide, i -> found[i]);
    return relativeDifference(expected, wide);
  }

  /** As above, for values in double precision. */
  public static double relativeDifference(double[] expected, double[] found) {
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

package dynaxx.kernel;

import java.util.Arrays;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.stream.Stream;

/**
 * Seeded test data. A block of directions holds for direction i the same values, whichever others
 * are in it.
 */
final class Data {

  private Data() {}

  static float[] normal(long seed, long n) {
    SplittableRandom random = new SplittableRandom(seed * 7919 + 17);
    float[] values = new float[(int) n];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) random.nextGaussian();
    }
    return values;
  }

  static float[] block(long seed, int first, int k, long n) {
    float[] values = new float[(int) (k * n)];
    for (int i = 0; i < k; i++) {
      System.arraycopy(normal(seed * 1000 + first + i, n), 0, values, (int) (i * n), (int) n);
    }
    return values;
  }

  static float[] whole(long seed, int n, int bound) {
    Random random = new Random(seed);
    float[] values = new float[n];
    for (int i = 0; i < n; i++) {
      values[i] = random.nextInt(bound);
    }
    return values;
  }

  static float[] nan(long n) {
    float[] values = new float[(int) n];
    Arrays.fill(values, Float.NaN);
    return values;
  }

  static double[] widen(float[] values) {
    double[] wide = new double[values.length];
    for (int i = 0; i < values.length; i++) {
      wide[i] = values[i];
    }
    return wide;
  }

  static float[] narrow(double[] values) {
    float[] narrow = new float[values.length];
    for (int i = 0; i < values.length; i++) {
      narrow[i] = (float) values[i];
    }
    return narrow;
  }

  static double[] join(double[]... parts) {
    return Stream.of(parts).flatMapToDouble(Arrays::stream).toArray();
  }

  /** Direction by direction: part of the first, of the second, of the third array. */
  static double[] directions(int k, double[]... arrays) {
    double[][] parts = new double[k * arrays.length][];
    for (int i = 0; i < parts.length; i++) {
      double[] of = arrays[i % arrays.length];
      int n = of.length / k;
      int q = i / arrays.length;
      parts[i] = Arrays.copyOfRange(of, q * n, (q + 1) * n);
    }
    return join(parts);
  }

  /** Part i of an array that consists of parts of length n. */
  static float[] part(float[] values, int i, int n) {
    return Arrays.copyOfRange(values, i * n, (i + 1) * n);
  }

  /** The initial values of an output in double precision: 0 unless it is added to. */
  static double[] base(float[] initial, boolean add) {
    return add ? widen(initial) : new double[initial.length];
  }
}

package dynaxx.onnx;

import java.util.Arrays;

/** Growing arrays of the numbers of one field. */
final class Numbers {

  private float[] floats;
  private long[] wholes;
  private double[] doubles;
  private int floatCount;
  private int wholeCount;
  private int doubleCount;

  void add(float value) {
    floats = floats == null ? new float[4] : floats;
    floats = floatCount == floats.length ? Arrays.copyOf(floats, 2 * floatCount) : floats;
    floats[floatCount++] = value;
  }

  void add(long value) {
    wholes = wholes == null ? new long[4] : wholes;
    wholes = wholeCount == wholes.length ? Arrays.copyOf(wholes, 2 * wholeCount) : wholes;
    wholes[wholeCount++] = value;
  }

  void add(double value) {
    doubles = doubles == null ? new double[4] : doubles;
    doubles = doubleCount == doubles.length ? Arrays.copyOf(doubles, 2 * doubleCount) : doubles;
    doubles[doubleCount++] = value;
  }

  /** The floats, or null if there were none. */
  float[] floats() {
    return floats == null ? null : Arrays.copyOf(floats, floatCount);
  }

  /** The whole numbers, or null if there were none. */
  long[] wholes() {
    return wholes == null ? null : Arrays.copyOf(wholes, wholeCount);
  }

  /** The doubles, or null if there were none. */
  double[] doubles() {
    return doubles == null ? null : Arrays.copyOf(doubles, doubleCount);
  }
}

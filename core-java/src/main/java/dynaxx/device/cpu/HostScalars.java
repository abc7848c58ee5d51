package dynaxx.device.cpu;

import dynaxx.kernel.Scalars;
import java.util.Arrays;

/**
 * Accumulators in a Java array; kernels of this device have ended when they return, so reading
 * waits for nothing.
 */
final class HostScalars implements Scalars {

  private final double[] values;

  HostScalars(int size) {
    values = new double[size];
  }

  void add(int index, double value) {
    values[index] += value;
  }

  @Override
  public int size() {
    return values.length;
  }

  @Override
  public void clear() {
    Arrays.fill(values, 0);
  }

  @Override
  public double[] read() {
    return values.clone();
  }
}

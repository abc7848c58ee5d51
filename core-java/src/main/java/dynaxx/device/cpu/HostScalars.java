package dynaxx.device.cpu;

import dynaxx.kernel.Scalars;
import java.util.Arrays;

/**
 * Accumulators in a Java array; kernels of this device have ended when they return, so reading
 * waits for nothing.
 */
final class HostScalars implements Scalars {

  private final double[] values;
  private final int first;
  private final int size;

  HostScalars(int size) {
    this(new double[size], 0, size);
  }

  private HostScalars(double[] values, int first, int size) {
    this.values = values;
    this.first = first;
    this.size = size;
  }

  void add(int index, double value) {
    values[first + index] += value;
  }

  @Override
  public int size() {
    return size;
  }

  @Override
  public Scalars part(int from, int count) {
    return new HostScalars(values, first + from, count);
  }

  @Override
  public void clear() {
    Arrays.fill(values, first, first + size, 0);
  }

  @Override
  public double[] read() {
    return Arrays.copyOfRange(values, first, first + size);
  }
}

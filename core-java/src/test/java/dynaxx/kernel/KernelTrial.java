package dynaxx.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dynaxx.device.Algebra;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.testing.Numbers;
import java.util.ArrayList;
import java.util.List;

/**
 * One device and the memory of one case: sends arrays, fetches results, and checks at the end that
 * no kernel has touched an input.
 */
final class KernelTrial implements AutoCloseable {

  private final Device device;
  private final Scope scope = Scope.open();
  private final List<Buffer> inputs = new ArrayList<>();
  private final List<double[]> originals = new ArrayList<>();

  KernelTrial(Device device) {
    this.device = device;
  }

  Kernels kernels() {
    return device.kernels();
  }

  Algebra algebra() {
    return device.algebra();
  }

  /** An input; no kernel may change it. */
  Buffer in(float... values) {
    Buffer buffer = inOut(values);
    inputs.add(buffer);
    originals.add(Data.widen(values));
    return buffer;
  }

  /**
   * An input as a kernel of this device would have left it: what float32 cannot hold is there too
   * if the device is a float64 one.
   */
  Buffer made(double... values) {
    float[] high = Data.narrow(values);
    double[] low = new double[values.length];
    for (int j = 0; j < low.length; j++) {
      low[j] = values[j] - high[j];
    }
    Buffer buffer = inOut(high);
    device.algebra().axpby(1, inOut(Data.narrow(low)), 1, buffer);
    inputs.add(buffer);
    originals.add(get(buffer));
    return buffer;
  }

  /** Values that a kernel reads and changes. */
  Buffer inOut(float... values) {
    Buffer buffer = device.allocate(scope, values.length);
    HostBuffer host = scope.allocate(values.length).put(values);
    device.algebra().copy(device.upload(scope, host.segment()), buffer);
    return buffer;
  }

  /** An output that a kernel must not read: NaN everywhere. */
  Buffer out(long size) {
    Buffer buffer = device.allocate(scope, size);
    device.algebra().fill(buffer, Float.NaN);
    return buffer;
  }

  /** An output that is added to if initial values are given, and else must not be read. */
  Buffer out(float[] initial, boolean add) {
    return add ? inOut(initial) : out(initial.length);
  }

  Scalars scalars(double... initial) {
    return device.scalars(scope, initial.length);
  }

  double[] get(Buffer buffer) {
    return Numbers.doubles(device, scope, buffer);
  }

  @Override
  public void close() {
    for (int i = 0; i < inputs.size(); i++) {
      assertArrayEquals(originals.get(i), get(inputs.get(i)), "an input was changed");
    }
    scope.close();
  }
}

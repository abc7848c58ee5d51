package dynaxx.device.cpu;

import dynaxx.device.Availability;
import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;

/** The device that is always there. */
public final class CpuDeviceProvider implements DeviceProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CpuDeviceProvider() {}

  @Override
  public String name() {
    return "cpu";
  }

  @Override
  public int priority() {
    return 0;
  }

  @Override
  public Availability availability() {
    return new Availability.Available(Simd.kernels().description());
  }

  @Override
  public Device open(int threads) {
    return new CpuDevice(threads, Simd.kernels());
  }
}

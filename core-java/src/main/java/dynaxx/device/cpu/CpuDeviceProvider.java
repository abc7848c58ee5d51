package dynaxx.device.cpu;

import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;
import java.util.Optional;

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
  public Optional<String> unavailable() {
    return Natives.unavailable();
  }

  @Override
  public Device open(int threads) {
    return new CpuDevice(threads, Simd.kernels(), Natives.choose());
  }
}

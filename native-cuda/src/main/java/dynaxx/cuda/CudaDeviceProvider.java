package dynaxx.cuda;

import dynaxx.cuda.internal.Session;
import dynaxx.device.Availability;
import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;

/** Finds NVIDIA GPUs. */
public final class CudaDeviceProvider implements DeviceProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CudaDeviceProvider() {}

  @Override
  public String name() {
    return "cuda";
  }

  @Override
  public int priority() {
    return 10;
  }

  @Override
  public Availability availability() {
    try (CudaDevice device = CudaDevice.open(CudaSettings.ofProperties())) {
      return new Availability.Available(device.description());
    } catch (RuntimeException | LinkageError e) {
      return new Availability.Unavailable(e.getMessage());
    }
  }

  @Override
  public Device open(int threads) {
    return CudaDevice.open(CudaSettings.ofProperties());
  }

  static Session session(CudaSettings settings) {
    Launcher.requireImage();
    return new Session(
        settings.device(), settings.context(), settings.stream(), settings.memoryLimit());
  }
}

package dynaxx.cuda;

import dynaxx.device.Device;
import dynaxx.device.DeviceProvider;
import java.util.Objects;
import java.util.Optional;

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
  public Optional<String> unavailable() {
    try {
      CudaDevice.open(CudaSettings.ofProperties()).close();
      return Optional.empty();
    } catch (RuntimeException | LinkageError e) {
      return Optional.of(Objects.requireNonNullElseGet(e.getMessage(), e::toString));
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

package dynaxx.cuda;

import dynaxx.backend.Availability;
import dynaxx.backend.Backend;
import dynaxx.backend.BackendProvider;
import dynaxx.cuda.internal.Session;

/** Finds NVIDIA GPUs. */
public final class CudaBackendProvider implements BackendProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CudaBackendProvider() {}

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
    try (CudaBackend backend = CudaBackend.open(CudaSettings.ofProperties())) {
      return new Availability.Available(backend.description());
    } catch (RuntimeException | LinkageError e) {
      return new Availability.Unavailable(e.getMessage());
    }
  }

  @Override
  public Backend open(int threads) {
    return CudaBackend.open(CudaSettings.ofProperties());
  }

  static Session session(CudaSettings settings) {
    Kernels.requireImage();
    return new Session(
        settings.device(), settings.context(), settings.stream(), settings.memoryLimit());
  }
}

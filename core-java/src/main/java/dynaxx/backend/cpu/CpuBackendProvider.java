package dynaxx.backend.cpu;

import dynaxx.backend.Availability;
import dynaxx.backend.Backend;
import dynaxx.backend.BackendProvider;

/** The backend that is always there. */
public final class CpuBackendProvider implements BackendProvider {

  /** For {@link java.util.ServiceLoader}. */
  public CpuBackendProvider() {}

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
  public Backend open(int threads) {
    return new CpuBackend(threads, Simd.kernels());
  }
}

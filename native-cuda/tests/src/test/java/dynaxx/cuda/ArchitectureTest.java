package dynaxx.cuda;

import dynaxx.testing.Architecture;
import dynaxx.testing.Architecture.Known;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  @Test
  void packagesHaveNoCycles() {
    Architecture.of(
            CudaDevice.class, new Known("dynaxx.cuda.internal.*", "dynaxx.cuda.CudaException"))
        .assertNoCycles("dynaxx.");
  }
}

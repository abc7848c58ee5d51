package dynaxx.cuda;

import dynaxx.testing.Architecture;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  @Test
  void packagesHaveNoCycles() {
    Architecture.of(CudaDevice.class).assertNoCycles("dynaxx.");
  }
}

package dynaxx.app;

import dynaxx.testing.Architecture;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  @Test
  void packagesHaveNoCycles() {
    Architecture.of(Main.class).assertNoCycles("dynaxx.");
  }
}

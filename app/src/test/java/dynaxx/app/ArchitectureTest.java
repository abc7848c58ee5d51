package dynaxx.app;

import dynaxx.testing.Architecture;
import dynaxx.testing.Architecture.Known;
import org.junit.jupiter.api.Test;

class ArchitectureTest {

  @Test
  void packagesHaveNoCycles() {
    Architecture.of(Main.class, new Known("dynaxx.app.[a-z]+.*", "dynaxx.app.UserException"))
        .assertNoCycles("dynaxx.");
  }
}

package dynaxx;

import dynaxx.memory.Scope;
import dynaxx.testing.Approved;
import dynaxx.testing.Architecture;
import dynaxx.testing.Architecture.Known;
import org.junit.jupiter.api.Test;

/** What knows what in this module, and what others see of it. */
class ArchitectureTest {

  /** Each package and all that it may know. */
  private static final String ARROWS =
      """
      memory       ->
      dense        ->
      backend      -> memory
      backend.cpu  -> memory backend
      network      -> memory backend
      operator     -> memory dense backend network
      spectrum     -> memory dense backend network operator
      monitor      -> memory operator spectrum
      """;

  private final Architecture architecture =
      Architecture.of(
          Scope.class, new Known("dynaxx.monitor.ThresholdBootstrap", "dynaxx.backend.Philox"));

  @Test
  void packagesKnowOnlyWhatTheTableAllows() {
    architecture.assertArrows("dynaxx.", ARROWS);
  }

  @Test
  void packagesHaveNoCycles() {
    Architecture.of(Scope.class).assertNoCycles("dynaxx.");
  }

  /** A new public type is a decision, not an accident. */
  @Test
  void publicTypesAreThoseApproved() {
    Approved.assertApproved("public-types.txt", Architecture.publicTypes(Scope.class));
  }
}

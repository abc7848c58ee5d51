package dynaxx;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.memory.Scope;
import dynaxx.testing.Approved;
import dynaxx.testing.Architecture;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What knows what in this module, and what others see of it. */
class ArchitectureTest {

  /** Each package and all that it may know. */
  private static final String ARROWS =
      """
      memory       ->
      dense        ->
      random       ->
      layer        ->
      kernel       -> memory layer
      device       -> memory kernel
      device.cpu   -> memory random layer kernel device
      network.op   -> memory random layer kernel device
      network      -> memory random layer kernel device network.op
      network.pass -> memory layer kernel device network network.op
      model        -> memory layer kernel network network.op
      operator     -> memory layer dense device network network.pass
      spectrum     -> memory random layer dense device network network.pass operator
      cost         -> network network.pass model spectrum
      monitor      -> memory random device operator spectrum cost
      """;

  private static final int MOST_TYPES = 100;
  private static final int MOST_TOP_LEVEL = 65;

  private final Architecture architecture = Architecture.of(Scope.class);

  @Test
  void packagesKnowOnlyWhatTheTableAllows() {
    architecture.assertArrows("dynaxx.", ARROWS);
  }

  @Test
  void packagesHaveNoCycles() {
    architecture.assertNoCycles("dynaxx.");
  }

  /** A new public type is a decision, not an accident. */
  @Test
  void publicTypesAreThoseApproved() {
    Approved.assertApproved("public-types.txt", Architecture.publicTypes(Scope.class));
  }

  /** A newcomer can read the API in an hour; one type more is one less elsewhere. */
  @Test
  void publicTypesAreFew() {
    List<String> types = Architecture.publicTypes(Scope.class).lines().skip(1).toList();
    long nested = types.stream().filter(type -> type.matches(".*\\.[A-Z]\\w*\\..*")).count();
    assertTrue(types.size() <= MOST_TYPES, "public types: found " + types.size());
    assertTrue(
        types.size() - nested <= MOST_TOP_LEVEL, "top-level: found " + (types.size() - nested));
  }
}

package dynaxx.operator;

import dynaxx.backend.Backend;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;

/** Vectors of one length that an operator keeps between products; grows to the largest count. */
final class Workspace {

  private final Backend backend;
  private final long length;
  private final Scope owner;
  private Scope scope;
  private Vectors block;

  Workspace(Backend backend, long length, Scope owner) {
    this.backend = backend;
    this.length = length;
    this.owner = owner;
  }

  /** Vectors that hold what the last user left in them; zero when first allocated. */
  Vectors vectors(int count) {
    if (block == null || block.count() < count) {
      block = null;
      if (scope != null) {
        scope.close();
      }
      scope = owner.child();
      block = backend.vectors(scope, count, length);
    }
    return block.subset(0, count);
  }
}

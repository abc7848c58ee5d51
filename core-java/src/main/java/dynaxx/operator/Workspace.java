package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;

/** Vectors of one length that an operator keeps between products; grows to the largest count. */
final class Workspace {

  private final Device device;
  private final long length;
  private final Scope owner;
  private Scope scope;
  private Vectors block;

  Workspace(Device device, long length, Scope owner) {
    this.device = device;
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
      block = device.vectors(scope, count, length);
    }
    return block.subset(0, count);
  }
}

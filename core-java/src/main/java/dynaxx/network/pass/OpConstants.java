package dynaxx.network.pass;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.network.Network;

/** The fixed values of a network's ops on a device, placed once for any number of tapes. */
public final class OpConstants {

  private final Buffer[][] values;

  /**
   * Places them.
   *
   * @param network the network
   * @param device where to compute
   * @param scope owns their memory
   */
  public OpConstants(Network network, Device device, Scope scope) {
    values = new Buffer[network.steps().size()][];
    for (int i = 1; i < values.length; i++) {
      values[i] =
          network.steps().get(i).op().constants(network.inputShapes(i)).stream()
              .map(fixed -> device.upload(scope, scope.allocate(fixed.length).put(fixed).segment()))
              .toArray(Buffer[]::new);
    }
  }

  Buffer get(int node, int i) {
    return values[node][i];
  }
}

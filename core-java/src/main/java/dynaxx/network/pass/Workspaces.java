package dynaxx.network.pass;

import dynaxx.network.Network;
import dynaxx.network.op.Op;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/** What the ops of a network need beside values, adjoints and tangents, for one example. */
final class Workspaces {

  private Workspaces() {}

  static Op.Workspace of(Network network, int node) {
    return network.steps().get(node).op().workspace(network.inputShapes(node));
  }

  /** What all ops keep from the forward pass on. */
  static long savedFloats(Network network) {
    return IntStream.range(1, network.steps().size())
        .mapToObj(i -> of(network, i).saved())
        .flatMap(List::stream)
        .mapToLong(Long::longValue)
        .sum();
  }

  /** Largest need of any op for each scratch array. */
  static long[] scratchSizes(Network network) {
    long[] sizes = new long[0];
    for (int i = 1; i < network.steps().size(); i++) {
      List<Long> needs = of(network, i).scratch();
      sizes = Arrays.copyOf(sizes, Math.max(sizes.length, needs.size()));
      for (int j = 0; j < needs.size(); j++) {
        sizes[j] = Math.max(sizes[j], needs.get(j));
      }
    }
    return sizes;
  }
}

package dynaxx.network.pass;

import dynaxx.layer.Initializer;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Loss;
import dynaxx.network.op.PositionEmbedding;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;

/**
 * Sums and differences between any nodes: residual streams that branch, meet again and are used in
 * between, where adjoints must not share an array although the op passes them on.
 */
final class ResidualGraphs {

  private static final int COUNT = 24;
  private static final int NODES = 9;
  private static final int WIDTH = 3;

  private ResidualGraphs() {}

  static List<OpPassesTest.Case> cases() {
    List<OpPassesTest.Case> cases = new ArrayList<>();
    for (int seed = 0; seed < COUNT; seed++) {
      cases.add(random(seed));
    }
    return cases;
  }

  private static OpPassesTest.Case random(int seed) {
    Random random = new Random(seed);
    NetworkBuilder g = NetworkBuilder.of(Shape.of(WIDTH));
    List<Node> nodes = new ArrayList<>(List.of(shifted(g, "shift", g.input())));
    Set<Node> unused = new LinkedHashSet<>(nodes);
    for (int i = 0; i < NODES; i++) {
      Node a = nodes.get(random.nextInt(nodes.size()));
      Node b = nodes.get(nodes.size() - 1 - random.nextInt(Math.min(3, nodes.size())));
      int op = random.nextInt(6);
      unused.remove(b);
      if (op < 3) {
        unused.remove(a);
      }
      nodes.add(
          switch (op) {
            case 0, 1 -> g.add(a, b);
            case 2 -> g.subtract(a, b);
            case 3 -> g.tanh(b);
            case 4 -> g.linear(b, WIDTH, "linear" + i, Initializer.deviation(0.5), null);
            default -> shifted(g, "shift" + i, b);
          });
      unused.add(nodes.getLast());
    }
    Node sum = nodes.get(random.nextInt(nodes.size()));
    for (Node node : unused) {
      sum = g.add(node, sum);
    }
    return new OpPassesTest.Case(
        "residual graph " + seed, g.build(g.tanh(sum)), Loss.meanSquaredError());
  }

  private static Node shifted(NetworkBuilder g, String name, Node x) {
    return g.add(new PositionEmbedding(g.parameter(name, Initializer.deviation(0.5), WIDTH)), x);
  }
}

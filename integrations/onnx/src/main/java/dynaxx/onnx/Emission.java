package dynaxx.onnx;

import dynaxx.network.Gather;
import dynaxx.network.Network;
import dynaxx.network.Network.Node;
import dynaxx.network.Parameter;
import dynaxx.network.ParameterValue;
import dynaxx.network.Reshape;
import dynaxx.network.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Turns expressions into the nodes of a network. */
final class Emission {

  private final Network.Builder g;
  private final Map<Expr, Node> nodes = new IdentityHashMap<>();
  private final Map<String, Node> flat = new HashMap<>();

  Emission(Network.Builder g) {
    this.g = g;
  }

  /** Names of the parameters that an output depends on. */
  static Set<String> parameters(Expr output) {
    Set<String> used = new LinkedHashSet<>();
    for (Expr e : Sorting.expressions(output)) {
      if (e.leaf != null) {
        used.add(e.leaf.parameter().name());
      } else if (e.op != null) {
        e.op.parameters().forEach(p -> used.add(p.name()));
      }
    }
    return used;
  }

  Network network(Expr output) {
    Node last = g.input();
    for (Expr e : Sorting.expressions(output)) {
      last = node(e);
      nodes.put(e, last);
    }
    return g.build(last);
  }

  private Node node(Expr e) {
    if (e.leaf != null) {
      return leaf(e.leaf, e.shape);
    }
    return e.op == null
        ? g.input()
        : g.add(e.op, e.inputs.stream().map(nodes::get).toArray(Node[]::new));
  }

  private Node leaf(Weight.View view, Shape shape) {
    Parameter parameter = view.parameter();
    if (view.whole()) {
      return g.add(new ParameterValue(parameter, shape));
    }
    Shape all = Shape.of(Math.toIntExact(parameter.size()));
    Node values =
        flat.computeIfAbsent(parameter.name(), name -> g.add(new ParameterValue(parameter, all)));
    Node picked = g.add(new Gather(0, positions(view)), values);
    return picked.shape().equals(shape) ? picked : g.add(new Reshape(shape), picked);
  }

  private static List<Integer> positions(Weight.View view) {
    long[] outer = Dims.strides(view.dims());
    int size = Math.toIntExact(Dims.size(view.dims()));
    List<Integer> positions = new ArrayList<>(size);
    for (int i = 0; i < size; i++) {
      long at = view.offset();
      long rest = i;
      for (int a = 0; a < outer.length; a++) {
        at += rest / outer[a] * view.strides()[a];
        rest %= outer[a];
      }
      positions.add(Math.toIntExact(at));
    }
    return positions;
  }
}

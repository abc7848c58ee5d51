package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Node;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Orders in which everything comes after what it needs; without recursion, as graphs are deep. */
final class Sorting {

  private Sorting() {}

  /** The nodes that an output needs, each after those that it needs itself. */
  static List<Node> nodes(ModelFile.Graph graph, String output, Set<String> given) {
    Map<String, Node> makers = new HashMap<>();
    for (Node node : graph.nodes()) {
      for (String name : node.outputs()) {
        if (!name.isEmpty() && (makers.putIfAbsent(name, node) != null || given.contains(name))) {
          throw new OnnxException(
              "node " + node.label() + ": found a second value '" + name + "', expected one");
        }
      }
    }
    List<Node> order = new ArrayList<>();
    Map<Node, Boolean> done = new IdentityHashMap<>();
    Deque<Node> open = new ArrayDeque<>();
    if (makers.containsKey(output)) {
      open.push(makers.get(output));
    }
    while (!open.isEmpty()) {
      Node node = open.peek();
      if (Boolean.TRUE.equals(done.get(node))) {
        open.pop();
      } else if (done.put(node, false) == null) {
        push(node, makers, given, done, open);
      } else {
        done.put(node, true);
        order.add(node);
        open.pop();
      }
    }
    return order;
  }

  private static void push(
      Node node,
      Map<String, Node> makers,
      Set<String> given,
      Map<Node, Boolean> done,
      Deque<Node> open) {
    for (String name : node.inputs()) {
      if (name.isEmpty() || given.contains(name)) {
        continue;
      }
      Node maker = makers.get(name);
      if (maker == null) {
        throw new OnnxException(
            "node "
                + node.label()
                + " ("
                + node.op()
                + "): found no value '"
                + name
                + "', expected an input, an initializer or another node's output");
      }
      Boolean state = done.get(maker);
      if (Boolean.FALSE.equals(state)) {
        throw new OnnxException(
            "node "
                + node.label()
                + " ("
                + node.op()
                + "): found a cycle through '"
                + name
                + "', expected none");
      }
      if (state == null) {
        open.push(maker);
      }
    }
  }

  /** The expressions that an output needs, each after those that it needs itself. */
  static List<Expr> expressions(Expr output) {
    List<Expr> order = new ArrayList<>();
    Map<Expr, Boolean> done = new IdentityHashMap<>();
    Deque<Expr> open = new ArrayDeque<>();
    open.push(output);
    while (!open.isEmpty()) {
      Expr e = open.peek();
      if (Boolean.TRUE.equals(done.get(e))) {
        open.pop();
      } else if (done.put(e, false) == null) {
        List<Expr> inputs = new ArrayList<>(e.inputs);
        Collections.reverse(inputs);
        inputs.stream().filter(i -> done.get(i) == null).forEach(open::push);
      } else {
        done.put(e, true);
        order.add(e);
        open.pop();
      }
    }
    return order;
  }
}

package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Attribute;
import dynaxx.onnx.ModelFile.Node;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Orders in which everything comes after what it needs; without recursion, as graphs are deep. */
final class Sorting {

  private Sorting() {}

  /** The nodes that some outputs need, each after those that it needs itself. */
  static List<Node> nodes(List<Node> nodes, List<String> outputs, Naming given) {
    Map<String, Node> makers = new HashMap<>();
    for (Node node : nodes) {
      for (String name : node.outputs()) {
        if (!name.isEmpty() && (makers.putIfAbsent(name, node) != null || given.own(name))) {
          throw new OnnxException(
              "node " + node.label() + ": found a second value '" + name + "', expected one");
        }
      }
    }
    List<Node> order = new ArrayList<>();
    Map<Node, Boolean> done = new IdentityHashMap<>();
    Deque<Node> open = new ArrayDeque<>();
    for (String output : outputs) {
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
    }
    return order;
  }

  private static void push(
      Node node,
      Map<String, Node> makers,
      Naming given,
      Map<Node, Boolean> done,
      Deque<Node> open) {
    for (String name : node.inputs()) {
      if (name.isEmpty() || given.own(name)) {
        continue;
      }
      Node maker = makers.get(name);
      if (maker == null && given.has(name)) {
        continue;
      }
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
      push(node, name, maker, done, open);
    }
    for (String name : captured(node)) {
      Node maker = given.own(name) ? null : makers.get(name);
      if (maker != null) {
        push(node, name, maker, done, open);
      }
    }
  }

  private static void push(
      Node node, String name, Node maker, Map<Node, Boolean> done, Deque<Node> open) {
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

  /** Names that the graphs within a node take from around it. */
  static Set<String> captured(Node node) {
    Set<String> names = new LinkedHashSet<>();
    for (Attribute attribute : node.attributes().values()) {
      if (attribute.graph() != null) {
        names.addAll(captured(attribute.graph()));
      }
    }
    return names;
  }

  private static Set<String> captured(ModelFile.Graph graph) {
    Set<String> used = new LinkedHashSet<>();
    Set<String> made = new LinkedHashSet<>();
    graph.inputs().forEach(i -> made.add(i.name()));
    graph.initializers().forEach(t -> made.add(t.name()));
    for (Node node : graph.nodes()) {
      used.addAll(node.inputs());
      used.addAll(captured(node));
      made.addAll(node.outputs());
    }
    graph.outputs().forEach(o -> used.add(o.name()));
    used.removeAll(made);
    return used;
  }

  /** The expressions that an output needs, each after those that it needs itself. */
  static List<Expr> expressions(Expr output) {
    return expressions(output, e -> e.inputs);
  }

  /** The same, where some expressions are said to need fewer inputs than they have. */
  static List<Expr> expressions(Expr output, Function<Expr, List<Expr>> needs) {
    List<Expr> order = new ArrayList<>();
    Map<Expr, Boolean> done = new IdentityHashMap<>();
    Deque<Expr> open = new ArrayDeque<>();
    open.push(output);
    while (!open.isEmpty()) {
      Expr e = open.peek();
      if (Boolean.TRUE.equals(done.get(e))) {
        open.pop();
      } else if (done.put(e, false) == null) {
        List<Expr> inputs = new ArrayList<>(needs.apply(e));
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

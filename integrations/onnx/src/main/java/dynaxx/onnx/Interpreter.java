package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Attribute;
import dynaxx.onnx.ModelFile.Function;
import dynaxx.onnx.ModelFile.Graph;
import dynaxx.onnx.ModelFile.Node;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Runs graphs node by node: branches by a constant condition, loops and functions unrolled. */
final class Interpreter {

  /** Values of all constants that a graph may compute: 256 MiB of floats. */
  private static final long MOST_FOLDED = 1L << 26;

  /** Nodes that are run in all, those of loops each time. */
  private static final int MOST_RUN = 2_000_000;

  private static final int MOST_DEPTH = 64;

  private final Examples examples;
  private final boolean fused;
  private final List<Function> functions;
  private long folded;
  private int run;

  Interpreter(Examples examples, boolean fused, List<Function> functions) {
    this.examples = examples;
    this.fused = fused;
    this.functions = functions;
  }

  Examples examples() {
    return examples;
  }

  boolean fused() {
    return fused;
  }

  /** Runs what some outputs need; their values are in the naming then, unless unsupported. */
  void run(List<Node> nodes, List<String> outputs, Naming names) {
    if (names.depth() > MOST_DEPTH) {
      throw new OnnxException(
          "found more than " + MOST_DEPTH + " graphs or functions within each other");
    }
    for (Node stated : Sorting.nodes(nodes, outputs, names)) {
      Node node = names.resolved(stated);
      run++;
      if (run > MOST_RUN) {
        throw new OnnxException(
            "node " + label(node) + ": found more than " + MOST_RUN + " nodes when unrolled");
      }
      List<Value> inputs = inputs(node, names);
      List<Value> found = apply(node, inputs, names);
      countFolded(node, inputs, found);
      for (int i = 0; i < Math.min(found.size(), node.outputs().size()); i++) {
        if (!node.outputs().get(i).isEmpty() && found.get(i) != null) {
          names.put(node.outputs().get(i), found.get(i));
        }
      }
    }
  }

  /** Runs a graph within a node on some inputs. */
  List<Value> body(Graph graph, List<Value> inputs, Naming around) {
    Naming names = around.inner();
    for (StoredTensor stored : graph.initializers()) {
      names.put(stored.name(), Value.shared(stored.tensor()));
    }
    for (int i = 0; i < Math.min(inputs.size(), graph.inputs().size()); i++) {
      names.put(graph.inputs().get(i).name(), inputs.get(i));
    }
    List<String> outputs = graph.outputs().stream().map(ModelFile.Info::name).toList();
    run(graph.nodes(), outputs, names);
    return outputs.stream().map(name -> result(name, names)).toList();
  }

  private static Value result(String name, Naming names) {
    Value found = names.get(name);
    if (found == null) {
      throw new OnnxException("found no value for the output '" + name + "' of a graph");
    }
    return found;
  }

  private static String label(Node node) {
    return node.label() + " (" + node.op() + ")";
  }

  private void countFolded(Node node, List<Value> inputs, List<Value> outputs) {
    for (Value v : outputs) {
      boolean made =
          v != null
              && v.body() instanceof Tensor
              && inputs.stream().noneMatch(i -> i != null && i.body() == v.body());
      folded += made ? ((Tensor) v.body()).stored() : 0;
    }
    if (folded > MOST_FOLDED) {
      throw new OnnxException(
          "node "
              + label(node)
              + ": found "
              + folded
              + " values of computed constants, expected at most "
              + MOST_FOLDED);
    }
  }

  private static List<Value> inputs(Node node, Naming names) {
    List<Value> inputs = new ArrayList<>();
    for (String name : node.inputs()) {
      Value value = name.isEmpty() ? null : names.get(name);
      if (value == null && !name.isEmpty()) {
        throw new OnnxException(
            "node "
                + label(node)
                + ": found an input '"
                + name
                + "' that is an unsupported output of another node");
      }
      inputs.add(value);
    }
    return inputs;
  }

  private Function function(Node node) {
    return functions.stream()
        .filter(f -> f.name().equals(node.op()) && f.domain().equals(node.domain()))
        .filter(f -> f.overload().equals(node.overload()))
        .findFirst()
        .orElse(null);
  }

  private List<Value> apply(Node node, List<Value> inputs, Naming names) {
    Function function = function(node);
    Operator operator =
        node.domain().equals(ModelFile.STANDARD) ? Operators.ALL.get(node.op()) : null;
    if (function == null && operator == null) {
      throw unknown(node);
    }
    try {
      if (function != null) {
        return call(function, node, inputs, names);
      }
      Call call = new Call(node, inputs, names.opset(), this, names);
      List<Value> outputs = operator.apply(call);
      outputs.stream()
          .filter(Objects::nonNull)
          .filter(v -> !(v.body() instanceof Sequence))
          .forEach(v -> Examples.requireRank(v.rank()));
      return outputs;
    } catch (Draft.Refold e) {
      throw e;
    } catch (OnnxException
        | IllegalArgumentException
        | ArithmeticException
        | IndexOutOfBoundsException
        | NegativeArraySizeException e) {
      throw new OnnxException("node " + label(node) + ": " + e.getMessage());
    } catch (RuntimeException e) {
      throw new OnnxException(
          "node " + label(node) + ": found values that it does not expect (" + e + ")", e);
    } catch (StackOverflowError e) {
      throw new OnnxException("node " + label(node) + ": found values nested too deeply");
    }
  }

  private static OnnxException unknown(Node node) {
    String reason = node.domain().isEmpty() ? Operators.REFUSED.get(node.op()) : null;
    if (reason != null) {
      return new OnnxException("node " + label(node) + ": " + reason);
    }
    String domain = node.domain().isEmpty() ? "" : " of domain " + node.domain();
    return new OnnxException(
        "node "
            + node.label()
            + ": found operator "
            + node.op()
            + domain
            + ", expected one of "
            + String.join(", ", Operators.ALL.keySet()));
  }

  private List<Value> call(Function f, Node node, List<Value> inputs, Naming names) {
    Map<String, Attribute> bound = new HashMap<>(f.defaults());
    bound.putAll(node.attributes());
    Map<String, Long> opsets = new HashMap<>(names.opsets());
    opsets.putAll(f.opsets());
    Naming own = names.function(opsets, bound);
    for (int i = 0; i < Math.min(inputs.size(), f.inputs().size()); i++) {
      if (inputs.get(i) != null) {
        own.put(f.inputs().get(i), inputs.get(i));
      }
    }
    List<String> wanted = f.outputs().stream().limit(node.outputs().size()).toList();
    run(withoutMissing(f, own), wanted, own);
    List<Value> outputs = new ArrayList<>();
    wanted.forEach(name -> outputs.add(own.get(name)));
    return outputs;
  }

  /** The nodes of a function; an input that the caller leaves out is one that a node lacks. */
  private static List<Node> withoutMissing(Function f, Naming own) {
    List<String> missing = f.inputs().stream().filter(name -> !own.has(name)).toList();
    if (missing.isEmpty()) {
      return f.nodes();
    }
    return f.nodes().stream()
        .map(
            n ->
                new Node(
                    n.name(),
                    n.op(),
                    n.domain(),
                    n.overload(),
                    n.inputs().stream().map(i -> missing.contains(i) ? "" : i).toList(),
                    n.outputs(),
                    n.attributes()))
        .toList();
  }
}

package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Attribute;
import java.util.HashMap;
import java.util.Map;

/**
 * Values by name while a graph is run. A graph within a node sees the values of the graph around
 * it; a function sees its own only.
 */
final class Naming {

  private final Map<String, Value> values = new HashMap<>();
  private final Naming around;
  private final Map<String, Long> opsets;
  private final Map<String, Attribute> bound;
  private final int depth;

  private Naming(Naming around, Map<String, Long> opsets, Map<String, Attribute> bound, int depth) {
    this.around = around;
    this.opsets = opsets;
    this.bound = bound;
    this.depth = depth;
  }

  static Naming of(Map<String, Long> opsets) {
    return new Naming(null, opsets, Map.of(), 0);
  }

  /** For a graph within a node. */
  Naming inner() {
    return new Naming(this, opsets, bound, depth + 1);
  }

  /** For a function's body, with the values of its attributes. */
  Naming function(Map<String, Long> own, Map<String, Attribute> attributes) {
    return new Naming(null, own, attributes, depth + 1);
  }

  int depth() {
    return depth;
  }

  long opset() {
    return opsets.getOrDefault(ModelFile.STANDARD, 0L);
  }

  Map<String, Long> opsets() {
    return opsets;
  }

  void put(String name, Value value) {
    values.put(name, value);
  }

  /** The value, or null if there is none of this name. */
  Value get(String name) {
    Value found = values.get(name);
    return found == null && around != null ? around.get(name) : found;
  }

  boolean has(String name) {
    return values.containsKey(name) || around != null && around.has(name);
  }

  /** Whether this graph itself, not one around it, has the name. */
  boolean own(String name) {
    return values.containsKey(name);
  }

  /** The node with the attributes of the function that it is part of. */
  ModelFile.Node resolved(ModelFile.Node node) {
    if (node.attributes().values().stream().allMatch(a -> a.reference() == null)) {
      return node;
    }
    Map<String, Attribute> attributes = new HashMap<>();
    node.attributes()
        .forEach(
            (name, a) -> {
              Attribute found = a.reference() == null ? a : bound.get(a.reference());
              if (found != null) {
                attributes.put(name, found.named(name));
              }
            });
    return new ModelFile.Node(
        node.name(),
        node.op(),
        node.domain(),
        node.overload(),
        node.inputs(),
        node.outputs(),
        attributes);
  }
}

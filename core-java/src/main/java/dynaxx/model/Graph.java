package dynaxx.model;

import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder.Node;
import dynaxx.network.Network;
import dynaxx.network.op.Op;
import dynaxx.network.op.Step;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** Collects parameters and ops; both keep the order in which they are added. */
final class Graph {
  private final List<Step> steps = new ArrayList<>();
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final Node input;
  private long parameterCount;

  Graph(Shape shape) {
    steps.add(new Step(null, new int[0], shape, false, null));
    input = new Node(this, 0, shape);
  }

  /**
   * The network's input.
   *
   * @return the node of the data
   */
  Node input() {
    return input;
  }

  /**
   * Declares a parameter; it follows the earlier ones in the parameter vector.
   *
   * @param name unique
   * @param initializer how it starts
   * @param dims extents
   * @return the parameter, to be handed to one or more ops
   * @throws IllegalArgumentException if the name is taken
   */
  Parameter parameter(String name, Initializer initializer, int... dims) {
    Parameter parameter = new Parameter(name, Shape.of(dims), parameterCount, initializer);
    if (parameters.putIfAbsent(name, parameter) != null) {
      throw new IllegalArgumentException(
          "name: found a second parameter '" + name + "', expected unique names");
    }
    parameterCount += parameter.size();
    return parameter;
  }

  /**
   * Adds an op.
   *
   * @param op the operation
   * @param inputs what it works on
   * @return its output
   * @throws IllegalArgumentException if shapes do not fit, or a node or a parameter belongs to
   *     another network
   */
  Node add(Op op, Node... inputs) {
    int[] indices = new int[inputs.length];
    List<Shape> shapes = new ArrayList<>();
    boolean active = !op.parameters().isEmpty();
    for (int i = 0; i < inputs.length; i++) {
      if (inputs[i].owner() != this) {
        throw new IllegalArgumentException(
            op.name() + ": input " + i + " belongs to another network");
      }
      indices[i] = inputs[i].index();
      shapes.add(inputs[i].shape());
      active |= steps.get(indices[i]).active();
    }
    for (Parameter parameter : op.parameters()) {
      if (parameters.get(parameter.name()) != parameter) {
        throw new IllegalArgumentException(
            op.name() + ": parameter '" + parameter.name() + "' was not declared in this network");
      }
    }
    if (op.takesData() && indices[0] != 0) {
      throw new IllegalArgumentException(
          op.name() + ": input 0 is another op's output, expected the network's input");
    }
    Shape shape = op.outputShape(shapes);
    steps.add(new Step(op, indices, shape, active, null));
    return new Node(this, steps.size() - 1, shape);
  }

  /**
   * Ends the network.
   *
   * @param output its last node
   * @return the network
   * @throws IllegalArgumentException if a node or a parameter does not reach the output
   */
  Network build(Node output) {
    if (output.owner() != this || output.index() != steps.size() - 1) {
      throw new IllegalArgumentException("output: expected the node that was added last");
    }
    List<Step> built = new ArrayList<>(steps);
    boolean[] consumed = new boolean[steps.size()];
    consumed[output.index()] = true;
    Set<String> used = new HashSet<>();
    for (int i = steps.size() - 1; i > 0; i--) {
      Step step = steps.get(i);
      if (!consumed[i]) {
        throw new IllegalArgumentException(
            step.op().name() + ": node " + i + " does not reach the output");
      }
      step.op().parameters().forEach(p -> used.add(p.name()));
      boolean[] adds = new boolean[step.inputs().length];
      for (int j = 0; j < adds.length; j++) {
        adds[j] = consumed[step.inputs()[j]];
        consumed[step.inputs()[j]] = true;
      }
      built.set(i, new Step(step.op(), step.inputs(), step.shape(), step.active(), adds));
    }
    for (String name : parameters.keySet()) {
      if (!used.contains(name)) {
        throw new IllegalArgumentException("parameter '" + name + "' is not used by any op");
      }
    }
    if (parameters.isEmpty()) {
      throw new IllegalArgumentException("network: found no parameters, expected at least one");
    }
    return Network.of(built, List.copyOf(parameters.values()));
  }
}

package dynaxx.network;

import dynaxx.kernel.Philox;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.Op.Statistic;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A directed acyclic graph of {@link Op}s with one input and one output, and the layout of its
 * parameters in one contiguous vector. Immutable; holds no values.
 */
public final class Network {

  /** First of the Philox streams that starting values are drawn from, one for each parameter. */
  private static final long STREAM = 1L << 61;

  /**
   * A value of the graph: the input is node 0, every op makes one more.
   *
   * @param op what computes it; null for the input
   * @param inputs positions of what it is computed from
   * @param shape without the axis of examples
   * @param active whether it depends on parameters
   * @param adds for each input, whether other ops after this one add to its adjoint
   */
  public record Step(Op op, int[] inputs, Shape shape, boolean active, boolean[] adds) {}

  private final List<Step> steps;
  private final Map<String, List<Layer>> layers;
  private final Map<String, Parameter> parameters;
  private final long parameterCount;

  private Network(List<Step> steps, Map<String, Parameter> parameters, long parameterCount) {
    this.steps = List.copyOf(steps);
    this.layers = layers(steps);
    this.parameters = parameters;
    this.parameterCount = parameterCount;
  }

  /**
   * Begins a network.
   *
   * @param input shape of one example
   * @return a builder
   */
  public static Builder builder(Shape input) {
    return new Builder(input);
  }

  /**
   * Shape of one example.
   *
   * @return the input's shape
   */
  public Shape inputShape() {
    return steps.getFirst().shape();
  }

  /**
   * Shape of one example's predictions.
   *
   * @return the output's shape
   */
  public Shape outputShape() {
    return steps.getLast().shape();
  }

  /**
   * The parameters in the order of the parameter vector.
   *
   * @return all of them
   */
  public List<Parameter> parameters() {
    return List.copyOf(parameters.values());
  }

  /**
   * One parameter.
   *
   * @param name as given to the builder
   * @return the parameter
   * @throws IllegalArgumentException if there is none of that name
   */
  public Parameter parameter(String name) {
    Parameter found = parameters.get(name);
    if (found == null) {
      throw new IllegalArgumentException(
          "name: found '" + name + "', expected one of " + parameters.keySet());
    }
    return found;
  }

  /**
   * The part of a parameter vector, a gradient or a direction that belongs to one parameter.
   *
   * @param vector {@link #parameterCount} values
   * @param name as given to the builder
   * @return a view in the parameter's shape, row-major
   */
  public Buffer view(Buffer vector, String name) {
    Parameter parameter = parameter(name);
    return vector.slice(parameter.offset(), parameter.size());
  }

  /**
   * Number of parameters.
   *
   * @return n
   */
  public long parameterCount() {
    return parameterCount;
  }

  /**
   * Fills a parameter vector with starting values; the same seed gives the same bits.
   *
   * @param vector {@link #parameterCount} values
   * @param seed any number
   */
  public void initialize(HostBuffer vector, long seed) {
    Shape.requireSize("vector", vector.size(), parameterCount);
    int[] words = new int[4];
    long stream = STREAM;
    for (Parameter p : parameters.values()) {
      for (long i = 0; i < p.size(); i++) {
        if (i % 4 == 0) {
          Philox.words(seed, stream, i / 4, words);
        }
        float unit = (words[(int) (i % 4)] >> 8) * 0x1p-23f;
        vector.set(
            p.offset() + i, Math.fma(unit, p.initializer().halfWidth(), p.initializer().center()));
      }
      stream++;
    }
  }

  /**
   * Ops that share one mean of a {@link Statistic}.
   *
   * @param nodes their positions in {@link #steps}
   * @param values how many means they give
   * @param terms for one example, the number of terms that each value is a mean of
   */
  public record Layer(List<Integer> nodes, int values, long terms) {}

  /**
   * The layers that a statistic is measured in. Layers of rectifiers ({@code active_fraction}) are
   * ReLU, leaky ReLU, and clipping between zero and an upper limit, of values that depend on
   * parameters; every position of a unit counts, in an image or a sequence.
   *
   * @param statistic its name
   * @return in order; empty if no op has this statistic
   */
  public List<Layer> layers(String statistic) {
    return layers.getOrDefault(statistic, List.of());
  }

  /**
   * Names of the statistics that its ops have.
   *
   * @return in the order of the ops
   */
  public Set<String> statistics() {
    return Collections.unmodifiableSet(layers.keySet());
  }

  private static Map<String, List<Layer>> layers(List<Step> steps) {
    Map<Object, List<Integer>> nodes = new LinkedHashMap<>();
    Map<Object, Statistic> found = new LinkedHashMap<>();
    List<Set<Parameter>> behind = new ArrayList<>();
    for (int node = 0; node < steps.size(); node++) {
      Step step = steps.get(node);
      Set<Parameter> nearest = new HashSet<>();
      if (step.op() != null) {
        nearest.addAll(step.op().parameters());
      }
      if (nearest.isEmpty()) {
        Arrays.stream(step.inputs()).mapToObj(behind::get).forEach(nearest::addAll);
      }
      behind.add(nearest);
      for (Statistic statistic : statistics(steps, step)) {
        Op before = steps.get(step.inputs()[0]).op();
        List<?> place =
            List.of(
                statistic.name(), statistic.values(), before == null ? "" : before.name(), nearest);
        nodes.computeIfAbsent(place, key -> new ArrayList<>()).add(node);
        found.merge(place, statistic, (all, one) -> all);
      }
    }
    Map<String, List<Layer>> layers = new LinkedHashMap<>();
    nodes.forEach(
        (place, at) -> {
          Statistic statistic = found.get(place);
          long terms = at.stream().mapToLong(i -> terms(steps, steps.get(i), statistic)).sum();
          layers
              .computeIfAbsent(statistic.name(), key -> new ArrayList<>())
              .add(new Layer(List.copyOf(at), statistic.values(), terms));
        });
    return layers;
  }

  private static List<Statistic> statistics(List<Step> steps, Step step) {
    return step.op() == null
        ? List.of()
        : step.op().statistics(inputShapes(steps, step)).stream()
            .filter(s -> step.active() || !s.needsAdjoints())
            .toList();
  }

  private static long terms(List<Step> steps, Step step, Statistic like) {
    return statistics(steps, step).stream()
        .filter(s -> s.name().equals(like.name()))
        .mapToLong(Statistic::terms)
        .sum();
  }

  private static List<Shape> inputShapes(List<Step> steps, Step step) {
    return Arrays.stream(step.inputs()).mapToObj(i -> steps.get(i).shape()).toList();
  }

  /**
   * Shapes of a node's inputs.
   *
   * @param node its position in {@link #steps}
   * @return without the axis of examples
   */
  public List<Shape> inputShapes(int node) {
    return inputShapes(steps, steps.get(node));
  }

  /**
   * Whether an example's predictions depend on the other examples of the batch, as with batch
   * normalisation in training.
   *
   * @return true if a batch cannot be cut and there are no gradients of single examples
   */
  public boolean couplesExamples() {
    return steps.stream().anyMatch(step -> step.op() != null && step.op().couplesExamples());
  }

  /**
   * Refuses what needs gradients of single examples.
   *
   * @param what needs them, for the message
   * @throws IllegalArgumentException if an op couples the examples of a batch
   */
  public void requireSeparateExamples(String what) {
    for (Step step : steps) {
      if (step.op() != null && step.op().couplesExamples()) {
        throw new IllegalArgumentException(
            what
                + ": needs gradients of single examples, and "
                + step.op().name()
                + " over the whole batch couples the examples; give it running statistics");
      }
    }
  }

  /**
   * Its values in the order in which they are computed.
   *
   * @return the input first, the output last
   */
  public List<Step> steps() {
    return steps;
  }

  @Override
  public String toString() {
    return "Network["
        + inputShape()
        + " -> "
        + outputShape()
        + ", "
        + parameterCount
        + " parameters]";
  }

  /** A value of a network under construction. */
  public static final class Node {
    private final Builder owner;
    private final int index;
    private final Shape shape;

    private Node(Builder owner, int index, Shape shape) {
      this.owner = owner;
      this.index = index;
      this.shape = shape;
    }

    /**
     * Its shape, without the axis of examples.
     *
     * @return the shape
     */
    public Shape shape() {
      return shape;
    }
  }

  /** Collects parameters and ops; both keep the order in which they are added. */
  public static final class Builder {
    private final List<Step> steps = new ArrayList<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private final Node input;
    private long parameterCount;

    private Builder(Shape shape) {
      steps.add(new Step(null, new int[0], shape, false, null));
      input = new Node(this, 0, shape);
    }

    /**
     * The network's input.
     *
     * @return the node of the data
     */
    public Node input() {
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
    public Parameter parameter(String name, Initializer initializer, int... dims) {
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
    public Node add(Op op, Node... inputs) {
      int[] indices = new int[inputs.length];
      List<Shape> shapes = new ArrayList<>();
      boolean active = !op.parameters().isEmpty();
      for (int i = 0; i < inputs.length; i++) {
        if (inputs[i].owner != this) {
          throw new IllegalArgumentException(
              op.name() + ": input " + i + " belongs to another network");
        }
        indices[i] = inputs[i].index;
        shapes.add(inputs[i].shape);
        active |= steps.get(indices[i]).active();
      }
      for (Parameter parameter : op.parameters()) {
        if (parameters.get(parameter.name()) != parameter) {
          throw new IllegalArgumentException(
              op.name()
                  + ": parameter '"
                  + parameter.name()
                  + "' was not declared in this network");
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
    public Network build(Node output) {
      if (output.owner != this || output.index != steps.size() - 1) {
        throw new IllegalArgumentException("output: expected the node that was added last");
      }
      List<Step> built = new ArrayList<>(steps);
      boolean[] consumed = new boolean[steps.size()];
      consumed[output.index] = true;
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
      return new Network(built, new LinkedHashMap<>(parameters), parameterCount);
    }
  }
}

package dynaxx.network;

import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.network.op.StatisticLayer;
import dynaxx.network.op.Step;
import dynaxx.random.Philox;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * A directed acyclic graph of operations with one input and one output, and the layout of its
 * parameters in one contiguous vector. Immutable; holds no values.
 */
public final class Network {

  /** First of the Philox streams that starting values are drawn from, one for each parameter. */
  private static final long STREAM = 1L << 61;

  private final List<Step> steps;
  private final Map<String, List<StatisticLayer>> layers;
  private final Map<String, Parameter> parameters = new LinkedHashMap<>();
  private final long parameterCount;

  private Network(List<Step> steps, List<Parameter> parameters) {
    this.steps = List.copyOf(steps);
    this.layers = StatisticLayer.of(this.steps);
    this.parameterCount = parameters.stream().mapToLong(Parameter::size).sum();
    parameters.forEach(parameter -> this.parameters.put(parameter.name(), parameter));
  }

  /**
   * A network of these steps. The types of a graph are not exported; {@code
   * dynaxx.model.NetworkBuilder} makes networks.
   *
   * @param steps the input and all ops, in order
   * @param parameters in the order of the parameter vector
   * @return the network
   */
  @SuppressWarnings("exports")
  public static Network of(List<Step> steps, List<Parameter> parameters) {
    return new Network(steps, parameters);
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
   * The layers that a statistic is measured in. Layers of rectifiers ({@code active_fraction}) are
   * ReLU, leaky ReLU, and clipping between zero and an upper limit, of values that depend on
   * parameters; every position of a unit counts, in an image or a sequence.
   *
   * @param statistic its name
   * @return in order; empty if no op has this statistic
   */
  @SuppressWarnings("exports")
  public List<StatisticLayer> layers(String statistic) {
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

  /**
   * Shapes of a node's inputs.
   *
   * @param node its position in {@link #steps}
   * @return without the axis of examples
   */
  public List<Shape> inputShapes(int node) {
    return Arrays.stream(steps.get(node).inputs()).mapToObj(i -> steps.get(i).shape()).toList();
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
  @SuppressWarnings("exports")
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
}

package dynaxx.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Block;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import ai.djl.training.loss.Loss;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The loss of a block over fixed examples, computed by the engine at any parameters. */
final class Objective {

  /** A GPU may add in another order. */
  private static final double MOST_DIFFERENCE = 1e-5;

  private final Block block;
  private final Loss loss;
  private final NDList data;
  private final NDList labels;
  private final BatchNormMode mode;
  private final Map<String, Parameter> trained;
  private final long size;
  private final double value;

  Objective(Block block, Loss loss, NDList data, NDList labels, BatchNormMode mode) {
    this.block = block;
    this.loss = loss;
    this.data = data;
    this.labels = labels;
    this.mode = mode;
    this.trained = trained(block);
    this.size = size(trained);
    this.value = evaluate();
  }

  /** Values of all parameters with a gradient. */
  static long size(Block block) {
    return size(trained(block));
  }

  private static long size(Map<String, Parameter> parameters) {
    return parameters.values().stream().mapToLong(p -> p.getArray().size()).sum();
  }

  /** The loss at the parameters' own values. */
  double value() {
    return value;
  }

  /** Once more, at the same parameters. */
  double evaluate() {
    try (NDManager temporary = manager().newSubManager();
        GradientMode _ = GradientMode.on(temporary.getEngine())) {
      NDList own = views(temporary, arrays());
      return HostCopies.scalar(at(temporary, own));
    }
  }

  private NDList arrays() {
    return new NDList(parameters().stream().map(Parameter::getArray).toList());
  }

  /**
   * Refuses random numbers: the engine's training mode, which batch statistics come with, turns
   * dropout on.
   *
   * @param again the loss, computed another time
   */
  void requireSame(double again) {
    if (Math.abs(again - value) > MOST_DIFFERENCE * Math.abs(value)) {
      throw new IllegalArgumentException(
          "block: found the losses "
              + value
              + " and "
              + again
              + " for the same parameters, expected a block without random numbers; batch"
              + " statistics turn dropout on, which a DjlNetwork leaves out");
    }
  }

  /** Parameters with a gradient, in the order of the block, each once. */
  static Map<String, Parameter> trained(Block block) {
    Map<String, Parameter> found = new LinkedHashMap<>();
    Map<Parameter, String> names = new IdentityHashMap<>();
    block
        .getParameters()
        .forEach(
            pair -> {
              Parameter p = pair.getValue();
              if (!p.isInitialized()) {
                throw new IllegalArgumentException(
                    "block: parameter '"
                        + pair.getKey()
                        + "' has no values yet, expected an initialized block");
              }
              if (p.requiresGradient() && names.putIfAbsent(p, pair.getKey()) == null) {
                requireFloats(pair.getKey(), p);
                found.put(pair.getKey(), p);
              }
            });
    if (found.isEmpty()) {
      throw new IllegalArgumentException(
          "block: found no parameters with a gradient, expected at least one");
    }
    return found;
  }

  private static void requireFloats(String name, Parameter p) {
    DataType type = p.getArray().getDataType();
    if (type != DataType.FLOAT32) {
      throw new IllegalArgumentException(
          "parameter '" + name + "': found type " + type + ", expected FLOAT32");
    }
  }

  List<Parameter> parameters() {
    return List.copyOf(trained.values());
  }

  NDManager manager() {
    return parameters().getFirst().getArray().getManager();
  }

  /** Values of all parameters together. */
  long size() {
    return size;
  }

  /** The loss with these arrays in place of the parameters; all arrays belong to the manager. */
  NDArray at(NDManager manager, List<? extends NDArray> leaves) {
    Map<Parameter, NDArray> values = new IdentityHashMap<>();
    List<Parameter> parameters = parameters();
    for (int i = 0; i < leaves.size(); i++) {
      values.put(parameters.get(i), leaves.get(i));
    }
    Store store = new Store(manager, values);
    NDList inputs = views(manager, data);
    NDList predictions = block.forward(store, inputs, mode == BatchNormMode.BATCH);
    store.requireAsked(trained);
    NDArray value = loss.evaluate(views(manager, labels), predictions);
    return value.getShape().dimension() == 0 ? value : value.sum();
  }

  private static NDList views(NDManager manager, NDList arrays) {
    NDList views = new NDList(arrays.size());
    for (NDArray array : arrays) {
      NDArray view = array.stopGradient();
      view.attach(manager);
      views.add(view.toDevice(manager.getDevice(), false));
    }
    return views;
  }

  /** Gives blocks other arrays than their own; what is not trained is copied, as it may change. */
  private static final class Store extends ParameterStore {
    private final Map<Parameter, NDArray> values;
    private final Set<Parameter> asked = Collections.newSetFromMap(new IdentityHashMap<>());

    Store(NDManager manager, Map<Parameter, NDArray> values) {
      super(manager, false);
      this.values = values;
    }

    @Override
    public NDArray getValue(Parameter parameter, Device device, boolean training) {
      asked.add(parameter);
      return parameter == null ? null : values.computeIfAbsent(parameter, this::copy);
    }

    /** A block that takes a parameter from elsewhere would compute with a constant. */
    void requireAsked(Map<String, Parameter> trained) {
      trained.forEach(
          (name, parameter) -> {
            if (!asked.contains(parameter)) {
              throw new IllegalArgumentException(
                  "block: parameter '"
                      + name
                      + "' is not taken from the parameter store, expected one that is, or a frozen"
                      + " one");
            }
          });
    }

    private NDArray copy(Parameter parameter) {
      NDArray copy = parameter.getArray().duplicate();
      copy.attach(getManager());
      return copy;
    }
  }
}

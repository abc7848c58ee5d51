package dynaxx.djl;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.LambdaBlock;
import ai.djl.nn.Parameter;
import ai.djl.nn.SequentialBlock;
import ai.djl.training.ParameterStore;
import dynaxx.layer.Initializer;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Network;
import dynaxx.network.op.Slice;
import java.util.IdentityHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Runs a block's forward pass on arrays that record what is done with them, and makes a network of
 * the record. No engine computes anything.
 */
final class Trace {

  /** Stand for the number of examples; large primes, so that no other extent is like them. */
  private static final long EXAMPLES = 1_000_003;

  private static final long OTHER_EXAMPLES = 1_000_033;

  private static final Set<String> ADAPTERS =
      Set.of("ai.djl.ndarray.NDArrayAdapter", "ai.djl.ndarray.BaseNDManager");

  private final BatchNormMode mode;
  private final TraceManager manager;
  private final NetworkBuilder builder;
  private final NDList inputs;
  private final Map<Parameter, TracedArray> known = new IdentityHashMap<>();
  private final Set<Parameter> fixed = new LinkedHashSet<>();
  private final Store store;
  private String path = "";

  private Trace(Block block, BatchNormMode mode, List<int[]> shapes, long examples) {
    this.mode = mode;
    this.manager = new TraceManager(examples);
    this.store = new Store();
    this.builder = NetworkBuilder.of(inputShape(shapes));
    this.inputs = inputs(shapes);
    Objective.trained(block)
        .forEach(
            (name, p) -> {
              int[] dims = Axes.dims(p.getArray().getShape());
              dynaxx.layer.Parameter own = builder.parameter(name, Initializer.ZEROS, dims);
              known.put(p, TracedArray.parameter(manager, own));
            });
  }

  /**
   * What a block has become.
   *
   * @param network its parameters have the block's names and order
   * @param fixed parameters of the block whose values are constants of the network
   */
  record Result(Network network, List<Parameter> fixed) {}

  /**
   * Traces a block.
   *
   * @param shapes of its inputs, without the axis of examples
   * @throws UnsupportedBlockException if it does something that dynaxx does not know
   */
  static Result of(Block block, BatchNormMode mode, List<int[]> shapes) {
    Trace trace = new Trace(block, mode, shapes, EXAMPLES);
    Trace other = new Trace(block, mode, shapes, OTHER_EXAMPLES);
    try {
      Term output = trace.output(trace.forward("", block, trace.inputs));
      other.forward("", block, other.inputs);
      if (!trace.manager.numbers().equals(other.manager.numbers())) {
        throw new Refusal("computes with the number of examples, or with random numbers");
      }
      return new Result(trace.builder.build(output.node(trace.builder)), List.copyOf(trace.fixed));
    } catch (RuntimeException e) {
      throw trace.unsupported(block, e);
    }
  }

  /** All inputs one after the other in one axis. */
  private static Shape inputShape(List<int[]> shapes) {
    return Shape.of(shapes.stream().mapToInt(Trace::size).sum());
  }

  private static int size(int... dims) {
    return Math.toIntExact(Shape.of(dims).size());
  }

  private NDList inputs(List<int[]> shapes) {
    Shape all = inputShape(shapes);
    Term data = new Term(all, (g, none) -> g.input());
    NDList list = new NDList();
    int first = 0;
    for (int[] dims : shapes) {
      int end = first + size(dims);
      boolean whole = end - first == all.size();
      Term part = whole ? data : Term.of(Slice.of(0, first, end), data);
      list.add(TracedArray.input(manager, dims, first, part.reshape(dims)));
      first = end;
    }
    return list;
  }

  /** Follows sequences itself, to be able to name the part that cannot be traced. */
  private NDList forward(String name, Block block, NDList arguments) {
    path = name;
    if (block.getClass() != SequentialBlock.class
        || ((SequentialBlock) block).isReturnIntermediate()) {
      return block.forward(store, arguments, mode == BatchNormMode.BATCH);
    }
    NDList current = arguments;
    for (var child : block.getChildren()) {
      String inner = name.isEmpty() ? child.getKey() : name + "/" + child.getKey();
      current = forward(inner, child.getValue(), current);
    }
    path = name;
    return current;
  }

  private Term output(NDList results) {
    if (results.size() != 1 || !TracedArray.of(results.head()).each()) {
      throw new Refusal(
          "gives "
              + results.size()
              + " arrays "
              + results
              + ", expected one with a row for each"
              + " example");
    }
    return TracedArray.of(results.head()).term();
  }

  private UnsupportedBlockException unsupported(Block root, RuntimeException e) {
    String what = e instanceof Refusal ? e.getMessage() : described(e);
    return new UnsupportedBlockException(
        "block "
            + (path.isEmpty() ? "" : "'" + path + "' ")
            + "("
            + culprit(root, e)
            + "): "
            + what
            + "; DjlHessian measures any block through its engine",
        e);
  }

  /** An operation that arrays of a trace do not have names itself by where it was thrown. */
  private static String described(RuntimeException e) {
    List<StackTraceElement> frames = List.of(e.getStackTrace());
    boolean adapter =
        e instanceof UnsupportedOperationException
            && !frames.isEmpty()
            && ADAPTERS.contains(frames.getFirst().getClassName());
    int named = adapter && frames.getFirst().getMethodName().startsWith("getAlternative") ? 1 : 0;
    return adapter
        ? "calls " + frames.get(named).getMethodName() + ", which dynaxx does not know"
        : "found " + e.getMessage();
  }

  /** The innermost block in which it happened. */
  private String culprit(Block root, RuntimeException e) {
    if (at(root) instanceof LambdaBlock lambda) {
      return "LambdaBlock " + lambda.getName();
    }
    ClassLoader loader = root.getClass().getClassLoader();
    for (StackTraceElement frame : e.getStackTrace()) {
      try {
        Class<?> type = Class.forName(frame.getClassName(), false, loader);
        if (Block.class.isAssignableFrom(type)) {
          return type.getSimpleName();
        }
      } catch (ClassNotFoundException | LinkageError ignored) {
        continue; // a frame of another loader is no block's
      }
    }
    return root.getClass().getSimpleName();
  }

  /** The block that the path leads to. */
  private Block at(Block root) {
    Block found = root;
    for (String part : path.isEmpty() ? new String[0] : path.split("/")) {
      found = found.getChildren().get(part);
    }
    return found;
  }

  /** Gives blocks traced parameters; those without a gradient are constants. */
  private final class Store extends ParameterStore {

    Store() {
      super(manager, false);
    }

    @Override
    public NDArray getValue(Parameter parameter, Device device, boolean training) {
      return parameter == null ? null : known.computeIfAbsent(parameter, this::constant);
    }

    private TracedArray constant(Parameter parameter) {
      if (parameter.requiresGradient()) {
        throw new Refusal("trains '" + parameter.getName() + "', which its root does not list");
      }
      fixed.add(parameter);
      NDArray array = parameter.getArray();
      return TracedArray.constant(
          manager, array.getShape(), array.getDataType(), HostCopies.floats(array));
    }
  }
}

package dynaxx.onnx;

import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Network;
import dynaxx.onnx.ModelFile.Graph;
import dynaxx.onnx.ModelFile.Info;
import dynaxx.onnx.ModelFile.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;

/** Makes a network of a graph. */
final class Importer {

  static final int FIRST_OPSET = 11;
  static final int LAST_OPSET = 21;

  /** Values of all constants that a graph may compute: 256 MiB of floats. */
  private static final long MOST_FOLDED = 1L << 26;

  private final ModelFile file;
  private final Graph graph;
  private final OnnxOptions options;
  private final Map<String, Tensor> initializers = new LinkedHashMap<>();
  private final Info input;
  private final String output;

  /** What a graph has become. */
  record Result(
      Network network,
      Map<String, Tensor> initializers,
      String input,
      String output,
      boolean tokens,
      long examples,
      boolean softmaxLeftOut) {}

  Importer(ModelFile file, OnnxOptions options) {
    this.file = file;
    this.graph = file.graph();
    this.options = options;
    requireOpset();
    for (StoredTensor stored : graph.initializers()) {
      if (initializers.putIfAbsent(stored.name(), stored.tensor()) != null) {
        throw new OnnxException(
            "initializer '" + stored.name() + "': found a second one of this name, expected one");
      }
    }
    this.input = onlyInput();
    this.output = outputName();
  }

  private void requireOpset() {
    long opset = file.opset();
    if (opset < FIRST_OPSET || opset > LAST_OPSET) {
      throw new OnnxException(
          "model: found operator set "
              + opset
              + ", expected one from "
              + FIRST_OPSET
              + " to "
              + LAST_OPSET);
    }
  }

  private Info onlyInput() {
    List<Info> found =
        graph.inputs().stream().filter(i -> !initializers.containsKey(i.name())).toList();
    if (found.size() != 1) {
      throw new OnnxException(
          "model: found "
              + found.size()
              + " inputs "
              + found.stream().map(Info::name).toList()
              + ", expected one");
    }
    return found.getFirst();
  }

  private String outputName() {
    List<String> names = graph.outputs().stream().map(Info::name).toList();
    if (options.output().isPresent()) {
      String wanted = options.output().get();
      if (!names.contains(wanted)) {
        throw new OnnxException("output: found '" + wanted + "', expected one of " + names);
      }
      return wanted;
    }
    if (names.size() != 1) {
      throw new OnnxException(
          "model: found " + names.size() + " outputs " + names + ", expected one to be named");
    }
    return names.getFirst();
  }

  /**
   * Reads with all candidates as parameters, and again with those alone that reach the output and
   * are used as a constant nowhere, until that is all of them.
   */
  Result read() {
    Set<String> declared = candidates();
    while (!declared.isEmpty()) {
      Pass pass = new Pass(declared);
      Expr found = pass.run();
      Set<String> kept = new LinkedHashSet<>(declared);
      if (found != null) {
        kept.retainAll(Emission.parameters(found));
      }
      kept.removeAll(pass.draft.fixed());
      if (found != null && kept.size() == declared.size()) {
        return pass.result(found);
      }
      declared = kept;
    }
    throw new OnnxException(
        "model: found no parameter that reaches the output differentiably, expected at least one"
            + options.parameters().map(p -> " that matches '" + p + "'").orElse(""));
  }

  private Set<String> candidates() {
    Set<String> names = new LinkedHashSet<>();
    initializers.forEach(
        (name, t) -> {
          boolean wanted = options.parameters().map(p -> p.matcher(name).matches()).orElse(true);
          if (wanted && t.isFloat() && t.size() > 0 && allFinite(t)) {
            names.add(name);
          }
        });
    return names;
  }

  private static boolean allFinite(Tensor t) {
    for (int i = 0; i < t.stored(); i++) {
      if (!Float.isFinite(t.number(i))) {
        return false;
      }
    }
    return true;
  }

  /** Extents of the input, that of the examples first. */
  private long[] inputDims() {
    String label = "input '" + input.name() + "'";
    long[] stated =
        input.dims() == null
            ? null
            : input.dims().stream().mapToLong(d -> d < 1 ? -1 : d).toArray();
    if (stated != null && stated.length == 0) {
      throw new OnnxException(label + ": found a scalar, expected an axis of examples");
    }
    long[] given = options.inputShape().map(Dims::of).orElse(null);
    if (given == null && (stated == null || Arrays.stream(stated).skip(1).anyMatch(d -> d < 0))) {
      throw new OnnxException(
          label
              + ": found open extents "
              + (stated == null ? "" : Arrays.toString(stated))
              + ", expected the shape of one example: OnnxOptions.withInputShape states it");
    }
    long examples = stated == null || stated[0] < 0 ? Examples.OPEN : stated[0];
    if (given == null) {
      return Dims.with(stated, 0, examples);
    }
    boolean fits = stated == null || stated.length == given.length + 1;
    for (int a = 0; fits && stated != null && a < given.length; a++) {
      fits = stated[a + 1] < 0 || stated[a + 1] == given[a];
    }
    if (!fits) {
      throw new OnnxException(
          label
              + ": found examples of shape "
              + options.inputShape().get()
              + ", expected "
              + Arrays.toString(Arrays.copyOfRange(stated, 1, stated.length))
              + " (-1 is open)");
    }
    return LongStream.concat(LongStream.of(examples), Arrays.stream(given)).toArray();
  }

  /** One reading of the graph. */
  private final class Pass {

    private final NetworkBuilder g;
    private final Draft draft;
    private final Examples examples;
    private final Map<String, Value> values = new HashMap<>();
    private final boolean tokens;
    private boolean softmaxLeftOut;
    private long folded;

    Pass(Set<String> declared) {
      long[] dims = inputDims();
      tokens = StoredTensor.isWhole(input.type());
      requireInputType();
      Examples.requireRank(dims.length);
      long[] example = Arrays.copyOfRange(dims, 1, dims.length);
      Tensor.size("input '" + input.name() + "'", example);
      Shape shape = tokens ? Shape.of(Math.toIntExact(Dims.size(example))) : Dims.shape(example);
      g = NetworkBuilder.of(shape);
      draft = new Draft(shape, initializers);
      examples = new Examples(draft, dims[0]);
      Body body = tokens ? new Positions(positions(example)) : draft.input();
      values.put(input.name(), Value.batched(body, 0, dims[0]));
      initializers.forEach((name, t) -> values.put(name, initial(name, t, declared)));
    }

    private void requireInputType() {
      if (!tokens && !StoredTensor.isFloat(input.type())) {
        throw new OnnxException(
            "input '"
                + input.name()
                + "': found values of type "
                + StoredTensor.typeName(input.type())
                + ", expected floats or integers");
      }
    }

    private Tensor positions(long[] dims) {
      Tensor range = Tensor.of(dims, new long[] {0}, false);
      long[] at = new long[range.count()];
      Arrays.setAll(at, i -> i);
      return Tensor.of(dims, at, false);
    }

    private Value initial(String name, Tensor t, Set<String> declared) {
      Examples.requireRank(t.rank());
      if (!declared.contains(name)) {
        return Value.shared(t);
      }
      int[] dims = Arrays.stream(t.dims()).mapToInt(Math::toIntExact).toArray();
      Parameter parameter = g.parameter(name, Initializer.ZEROS, dims);
      return Value.shared(Weight.View.of(draft, parameter, t.dims()));
    }

    /** The output, or null if it has to be read again with other parameters. */
    Expr run() {
      try {
        for (Node node : Sorting.nodes(graph, output, values.keySet())) {
          List<Value> inputs = inputs(node);
          List<Value> outputs = apply(node, inputs);
          countFolded(node, inputs, outputs);
          for (int i = 0; i < Math.min(outputs.size(), node.outputs().size()); i++) {
            values.put(node.outputs().get(i), outputs.get(i));
          }
        }
      } catch (Draft.Refold e) {
        return null;
      }
      Expr found = predictions();
      if (options.logits()) {
        Expr logits = FinalSoftmax.without(found, "output '" + output + "'");
        softmaxLeftOut = logits != found;
        found = logits;
      }
      return options.fused() ? Fusion.of(found) : found;
    }

    private void countFolded(Node node, List<Value> inputs, List<Value> outputs) {
      for (Value v : outputs) {
        boolean passedOn = inputs.stream().anyMatch(i -> i != null && i.body() == v.body());
        folded += v.body() instanceof Tensor t && !passedOn ? t.stored() : 0;
      }
      if (folded > MOST_FOLDED) {
        throw new OnnxException(
            "node "
                + node.label()
                + " ("
                + node.op()
                + "): found "
                + folded
                + " values of computed constants, expected at most "
                + MOST_FOLDED);
      }
    }

    private List<Value> inputs(Node node) {
      List<Value> inputs = new ArrayList<>();
      for (String name : node.inputs()) {
        Value value = name.isEmpty() ? null : values.get(name);
        if (value == null && !name.isEmpty()) {
          throw new OnnxException(
              "node "
                  + node.label()
                  + " ("
                  + node.op()
                  + "): found an input '"
                  + name
                  + "' that is an unsupported output of another node");
        }
        inputs.add(value);
      }
      return inputs;
    }

    private List<Value> apply(Node node, List<Value> inputs) {
      Operator operator =
          node.domain().equals(ModelFile.STANDARD) ? Operators.ALL.get(node.op()) : null;
      if (operator == null) {
        String domain = node.domain().isEmpty() ? "" : " of domain " + node.domain();
        throw new OnnxException(
            "node "
                + node.label()
                + ": found operator "
                + node.op()
                + domain
                + ", expected one of "
                + String.join(", ", Operators.ALL.keySet()));
      }
      try {
        Call call = new Call(node, inputs, file.opset(), examples, options.fused());
        List<Value> outputs = operator.apply(call);
        outputs.stream().filter(Objects::nonNull).forEach(v -> Examples.requireRank(v.rank()));
        return outputs;
      } catch (OnnxException
          | IllegalArgumentException
          | ArithmeticException
          | IndexOutOfBoundsException
          | NegativeArraySizeException e) {
        throw new OnnxException("node " + node.label() + " (" + node.op() + "): " + e.getMessage());
      } catch (StackOverflowError e) {
        throw new OnnxException(
            "node " + node.label() + " (" + node.op() + "): found values nested too deeply");
      }
    }

    private Expr predictions() {
      Value found = values.get(output);
      if (found == null) {
        throw new OnnxException("output '" + output + "': found no node that makes it");
      }
      if (found.batch() != 0 || !(found.body() instanceof Expr e)) {
        throw new OnnxException(
            "output '"
                + output
                + "': found shape "
                + examples.text(found.dims())
                + (found.batch() > 0 ? " with examples along axis " + found.batch() : "")
                + ", expected predictions with examples along axis 0");
      }
      return e;
    }

    Result result(Expr found) {
      return new Result(
          new Emission(g).network(found),
          initializers,
          input.name(),
          output,
          tokens,
          examples.count(),
          softmaxLeftOut);
    }
  }
}

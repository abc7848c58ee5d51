package dynaxx.onnx;

import dynaxx.layer.Initializer;
import dynaxx.layer.Parameter;
import dynaxx.layer.Shape;
import dynaxx.model.NetworkBuilder;
import dynaxx.network.Network;
import dynaxx.network.op.Add;
import dynaxx.onnx.ModelFile.Graph;
import dynaxx.onnx.ModelFile.Info;
import dynaxx.onnx.ModelFile.Node;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.stream.IntStream;

/** Makes a network of a graph. */
final class Importer {

  static final int FIRST_OPSET = 7;
  static final int LAST_OPSET = 28;

  private final ModelFile file;
  private final Graph graph;
  private final OnnxOptions options;
  private final Map<String, Tensor> initializers = new LinkedHashMap<>();
  private final Map<String, Tensor> constantNodes = new LinkedHashMap<>();
  private final List<OnnxOptions.Output> outputs;
  private final Inputs inputs;

  /** What a graph has become. */
  record Result(
      Network network,
      Map<String, Tensor> initializers,
      Inputs inputs,
      String output,
      List<Shape> shapes,
      String leftOut,
      List<String> notes) {}

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
    this.outputs = outputs();
    List<Info> infos = inputs(graph, initializers.keySet());
    this.inputs = new Inputs(infos, needed(infos), options);
  }

  /** Names that the output depends on. */
  private Set<String> needed(List<Info> infos) {
    Naming given = Naming.of(file.opsets());
    Value any = Value.shared(Tensor.scalar(0));
    infos.forEach(i -> given.put(i.name(), any));
    initializers.keySet().forEach(name -> given.put(name, any));
    Set<String> names = new LinkedHashSet<>(outputNames());
    for (Node node : Sorting.nodes(graph.nodes(), outputNames(), given)) {
      names.addAll(node.inputs());
      names.addAll(Sorting.captured(node));
    }
    new Origins(graph).requireWhole(names);
    names.retainAll(infos.stream().map(Info::name).toList());
    return names;
  }

  /** Inputs that no initializer gives. */
  static List<Info> inputs(Graph graph, Set<String> initializers) {
    return graph.inputs().stream().filter(i -> !initializers.contains(i.name())).toList();
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

  private List<OnnxOptions.Output> outputs() {
    if (options.outputs().isEmpty()) {
      String name = outputName(options.output().orElse(""));
      return List.of(new OnnxOptions.Output(name, options.logits(), false, OptionalInt.empty()));
    }
    return options.outputs().stream()
        .map(
            o ->
                new OnnxOptions.Output(
                    outputName(o.name()), o.logits(), o.sigmoid(), o.classAxis()))
        .toList();
  }

  private List<String> outputNames() {
    return outputs.stream().map(OnnxOptions.Output::name).distinct().toList();
  }

  private String outputName(String wanted) {
    List<String> names = graph.outputs().stream().map(Info::name).toList();
    if (!wanted.isEmpty()) {
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
   * are used as a constant nowhere, until that is all of them. If no initializer is left, weights
   * in Constant nodes are tried, which is where some exporters put them.
   */
  Result read() {
    Set<String> wholly = new LinkedHashSet<>();
    Result found = read(candidates(initializers), wholly);
    if (found == null) {
      findConstantNodes();
      found = read(candidates(constantNodes), wholly);
    }
    if (found != null) {
      return found;
    }
    String pattern = options.parameters().map(p -> " that matches '" + p + "'").orElse("");
    throw new OnnxException(
        "model: found no parameter that reaches the output differentiably, expected at least one"
            + " initializer or weight in a Constant node"
            + pattern
            + (wholly.isEmpty() ? "" : "; " + wholly + " decide shapes, places or settings"));
  }

  private Result read(Set<String> candidates, Set<String> fixed) {
    Set<String> declared = candidates;
    while (!declared.isEmpty()) {
      Pass pass = new Pass(declared);
      Expr found = pass.run();
      Set<String> kept = new LinkedHashSet<>(declared);
      if (found != null) {
        kept.retainAll(Emission.differentiable(found));
      }
      kept.removeAll(pass.draft.fixed());
      fixed.addAll(pass.draft.fixed());
      if (found != null && kept.size() == declared.size()) {
        return pass.result(found);
      }
      declared = kept;
    }
    return null;
  }

  /**
   * An output whatever it is, all inputs being parameters or constants.
   *
   * @param values those that the file fixes, or null
   * @param network that computes them, or null
   * @param parameters values of its parameters by name
   * @param dims extents
   */
  record Evaluation(Tensor values, Network network, Map<String, Tensor> parameters, long[] dims) {}

  /** The output as it is; see {@link Conformance}. */
  Evaluation evaluate() {
    Set<String> declared = candidates(initializers);
    while (true) {
      Pass pass = new Pass(declared);
      Body found = pass.evaluate();
      Set<String> kept = new LinkedHashSet<>(declared);
      kept.removeAll(pass.draft.fixed());
      Tensor values = found == null ? null : pass.draft.values(found);
      if (values != null && kept.size() == declared.size()) {
        return new Evaluation(values, null, Map.of(), found.dims());
      }
      if (found != null) {
        kept.retainAll(Emission.parameters(pass.draft.numbers(found)));
        if (kept.size() == declared.size()) {
          return pass.evaluation(pass.draft.numbers(found));
        }
      }
      declared = kept;
    }
  }

  private void findConstantNodes() {
    for (Node node : graph.nodes()) {
      boolean constant =
          node.op().equals("Constant")
              && node.domain().equals(ModelFile.STANDARD)
              && node.outputs().size() == 1;
      ModelFile.Attribute value = constant ? node.attributes().get("value") : null;
      StoredTensor stored = value == null ? null : value.tensor();
      if (stored != null && StoredTensor.isFloat(stored.type()) && stored.dims().length > 0) {
        Tensor t = stored.tensor();
        String name = node.outputs().getFirst();
        if (t.size() > 1 || !Origins.isMadeUp(name)) {
          constantNodes.put(name, t);
        }
      }
    }
  }

  private Set<String> candidates(Map<String, Tensor> tensors) {
    Set<String> names = new LinkedHashSet<>();
    Origins origins = new Origins(graph);
    tensors.forEach(
        (name, t) -> {
          boolean wanted =
              options
                  .parameters()
                  .map(p -> p.matcher(name).matches())
                  .orElse(constantNodes.containsKey(name) || origins.mayBeParameter(name, t));
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

  /** One reading of the graph. */
  private final class Pass {

    private final NetworkBuilder g;
    private final Draft draft;
    private final Examples examples;
    private final Map<String, Tensor> tensors = new LinkedHashMap<>(initializers);
    private final Naming names = Naming.of(file.opsets());
    private final List<Node> nodes;
    private final List<Shape> shapes = new ArrayList<>();
    private final Set<String> leftOut = new LinkedHashSet<>();

    Pass(Set<String> declared) {
      Set<String> lifted = new HashSet<>(declared);
      lifted.retainAll(constantNodes.keySet());
      constantNodes.forEach(
          (name, t) -> {
            if (lifted.contains(name)) {
              tensors.put(name, t);
            }
          });
      nodes =
          lifted.isEmpty()
              ? graph.nodes()
              : graph.nodes().stream()
                  .filter(n -> n.outputs().stream().noneMatch(lifted::contains))
                  .toList();
      g = NetworkBuilder.of(inputs.networkInput());
      draft = new Draft(inputs.networkInput(), tensors, inputs.tokens(), options.padding());
      examples = new Examples(draft, inputs.count());
      inputs.values(draft).forEach(names::put);
      new LinkedHashMap<>(tensors)
          .forEach((name, t) -> names.put(name, initial(name, t, declared)));
    }

    private Value initial(String name, Tensor t, Set<String> declared) {
      Examples.requireRank(t.rank());
      if (!declared.contains(name)) {
        return Value.shared(t);
      }
      Tensor own = repeated(name, t);
      int[] dims = Arrays.stream(own.dims()).mapToInt(Math::toIntExact).toArray();
      Parameter parameter = g.parameter(name, Initializer.ZEROS, dims);
      Weight.View view = Weight.View.of(draft, parameter, own.dims());
      if (own != t) {
        tensors.put(name, own);
      }
      return Value.shared(own == t ? view : view.expand(t.dims()));
    }

    /** A parameter that the exporter has repeated for every example, once. */
    private Tensor repeated(String name, Tensor t) {
      boolean fixed = inputs.tracked() && inputs.count() != Examples.OPEN;
      int axis = -1;
      for (int a = 0; fixed && a < t.rank(); a++) {
        axis = axis < 0 && t.dims()[a] == inputs.count() && t.uniform(a) ? a : axis;
      }
      return axis >= 0 && new Origins(graph).computed(name) ? t.slice(axis, 0, 1, 1) : t;
    }

    /** The output, or null if it has to be read again with other parameters. */
    Expr run() {
      if (!interpreted()) {
        return null;
      }
      List<Expr> found = new ArrayList<>();
      for (OnnxOptions.Output output : outputs) {
        Expr e = classesLast(predictions(found(output.name()), output.name()), output);
        Expr before = without(e, output);
        shapes.add(before.shape);
        found.add(outputs.size() == 1 ? before : before.reshape(new long[] {before.shape.size()}));
      }
      Expr all = draft.concat(found, 0);
      return options.fused() ? Fusion.of(all) : all;
    }

    private Expr classesLast(Expr e, OnnxOptions.Output output) {
      int rank = e.shape.rank();
      int axis = output.classAxis().orElse(rank) - 1;
      if (rank > 0 && (axis < 0 || axis >= rank)) {
        throw new OnnxException(
            "output '"
                + output.name()
                + "': found axis "
                + (axis + 1)
                + " for the classes, expected one from 1 to "
                + rank);
      }
      int[] order = IntStream.range(0, rank).filter(a -> a != axis).toArray();
      return rank == 0
          ? e
          : e.permute(IntStream.concat(IntStream.of(order), IntStream.of(axis)).toArray());
    }

    /** Without what the loss does itself. */
    private Expr without(Expr e, OnnxOptions.Output output) {
      Expr before = e;
      if (output.logits()) {
        before = FinalSoftmax.without(e, "output '" + output.name() + "'");
      } else if (output.sigmoid()) {
        before = FinalSoftmax.withoutSigmoid(e);
      }
      if (before != e) {
        leftOut.add(output.logits() ? "softmax" : "sigmoid");
      }
      return before;
    }

    private boolean interpreted() {
      try {
        new Interpreter(examples, options.fused(), file.functions())
            .run(nodes, outputNames(), names);
        return true;
      } catch (Draft.Refold e) {
        return false;
      }
    }

    private Value found(String output) {
      Value found = names.get(output);
      if (found == null) {
        throw new OnnxException(
            "output '"
                + output
                + "': found no node that makes it, or an unsupported output of one");
      }
      return found;
    }

    /** The output whatever it is, or null if it has to be read again with other parameters. */
    Body evaluate() {
      if (!interpreted()) {
        return null;
      }
      Value value = found(outputs.getFirst().name());
      return value.body() instanceof Expr e && options.fused() ? Fusion.of(e) : value.body();
    }

    Evaluation evaluation(Expr found) {
      Expr last = found;
      Map<String, Tensor> parameters = new LinkedHashMap<>(tensors);
      if (Emission.parameters(found).isEmpty()) {
        // a network has parameters: one that adds nothing
        Parameter none = g.parameter("", Initializer.ZEROS, 1);
        Expr zero = draft.leaf(Weight.View.of(draft, none, new long[] {1}));
        parameters.put("", Tensor.of(new long[] {1}, 0f));
        last = draft.binary(new Add(), found, zero).reshape(found.dims());
      }
      return new Evaluation(null, new Emission(g).network(last), parameters, found.dims());
    }

    private Expr predictions(Value found, String output) {
      boolean computed = found.body() instanceof Expr;
      boolean one = !inputs.tracked() && found.isShared();
      if (!computed || !one && (found.isShared() || found.merged() > 1)) {
        throw new OnnxException(
            "output '"
                + output
                + "': found shape "
                + (found.body() instanceof Sequence ? "of a sequence" : examples.text(found.dims()))
                + (found.batch() > 0 ? " with examples along axis " + found.batch() : "")
                + ", expected predictions for each example");
      }
      Expr e = (Expr) found.body();
      long[] dims = e.dims();
      boolean axis =
          one
              && dims.length > 0
              && dims[0] == 1
              && inputs.data().stream().anyMatch(p -> p.axis() >= 0);
      return axis ? e.reshape(Dims.without(dims, 0)) : e;
    }

    private List<String> notes(Expr found) {
      List<String> notes = new ArrayList<>(draft.notes());
      notes.addAll(new Origins(graph).notes(Emission.parameters(found)));
      return notes;
    }

    Result result(Expr found) {
      return new Result(
          new Emission(g).network(found),
          tensors,
          inputs,
          String.join(", ", outputNames()),
          List.copyOf(shapes),
          String.join(" and ", leftOut),
          notes(found));
    }
  }
}

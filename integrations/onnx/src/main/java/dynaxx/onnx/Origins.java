package dynaxx.onnx;

import dynaxx.onnx.ModelFile.Graph;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * Which initializers come from a module's parameters. PyTorch's newer exporter notes it; it also
 * puts numbers such as the 0.5 of a GELU among the initializers, which are no parameters.
 */
final class Origins {

  /** Note of a value: PARAMETER, BUFFER or CONSTANT_TENSOR. */
  static final String KIND = "pkg.torch.export.graph_signature.InputSpec.kind";

  /** Note of a value that an optimiser has computed: names of what it was computed from. */
  static final String FOLDED = "pkg.onnxscript.optimizer.folded_from";

  private static final String PARAMETER = "PARAMETER";
  private static final String SIGNATURE = "pkg.torch.export.ExportedProgram.graph_signature";
  private static final Pattern TARGET = Pattern.compile("PARAMETER target='([^']+)'");

  /** What exporters call numbers that they make up themselves. */
  private static final Pattern MADE_UP =
      Pattern.compile("(?i).*(const|helper).*|val_[0-9]+|scalar_tensor.*|_to_copy.*|_inlfunc.*");

  private final Map<String, String> kinds;
  private final Set<String> targets = new HashSet<>();
  private final Set<String> names;
  private final boolean complete;

  Origins(Graph graph) {
    kinds = graph.origins();
    boolean all = kinds.containsValue(PARAMETER);
    Matcher found = TARGET.matcher(graph.notes().getOrDefault(SIGNATURE, ""));
    while (found.find()) {
      targets.add(found.group(1));
    }
    names = graph.initializers().stream().map(StoredTensor::name).collect(Collectors.toSet());
    complete = all && names.containsAll(targets);
  }

  /** Whether an initializer may be a parameter. */
  boolean mayBeParameter(String name, Tensor values) {
    String note = kinds.get(name);
    if (note != null) {
      return note.equals(PARAMETER)
          || targets.stream().anyMatch(target -> note.contains("'" + target + "'"));
    }
    if (complete) {
      return false;
    }
    // where a parameter is missing, an optimiser may have put it into another initializer
    boolean noted = kinds.containsValue(PARAMETER);
    return values.size() > 1 || !noted && !isMadeUp(name);
  }

  /** Refuses values that share a parameter: derivatives by one would lack the other's part. */
  void requireWhole(Set<String> used) {
    for (String target : targets) {
      List<String> of =
          used.stream().filter(names::contains).filter(name -> isOf(name, target)).toList();
      if (of.size() > 1) {
        throw new OnnxException(
            "initializers "
                + of
                + ": found values that the exporter computed from the one parameter '"
                + target
                + "', expected it in one place only; export the model with optimize=False or an"
                + " open number of examples");
      }
    }
  }

  /** Whether the exporter has computed an initializer from a parameter. */
  boolean computed(String name) {
    return targets.stream().anyMatch(t -> isOf(name, t) && !name.equals(t));
  }

  /** Sentences on initializers that stand for several parameters. */
  List<String> notes(Collection<String> parameters) {
    List<String> notes = new ArrayList<>();
    for (String name : parameters) {
      List<String> of = targets.stream().filter(t -> isOf(name, t)).sorted().toList();
      if (of.size() > 1) {
        notes.add("'" + name + "' counts as one parameter; the exporter computed it from " + of);
      }
    }
    return notes;
  }

  private boolean isOf(String name, String target) {
    String note = kinds.getOrDefault(name, "");
    return name.equals(target) || note.contains("'" + target + "'");
  }

  /** Whether a name looks like one that an exporter gives to numbers. */
  static boolean isMadeUp(String name) {
    return MADE_UP.matcher(name).matches();
  }
}

package dynaxx.app;

import dynaxx.app.ProbeVectors.Influences;
import dynaxx.app.data.ArrayFile;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.IntStream;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;

/** Which of the examples change the loss on others most. */
final class InfluenceOptions {

  @Option(
      names = "--influence",
      paramLabel = "[NAME=]FILE",
      description =
          "List the examples of --inputs whose removal from the training set would change the loss"
              + " on the examples of this file most (influence functions, with the matrix of"
              + " --operator and --damping); for each input of the model as --inputs.")
  private List<String> inputs = List.of();

  @Option(
      names = "--influence-targets",
      paramLabel = "FILE",
      description = "The targets of --influence; as --targets.")
  private List<Path> targets = List.of();

  @Option(
      names = "--top",
      paramLabel = "K",
      description = "How many examples --influence lists. Default: 10.")
  private Integer top;

  private static final int USUAL = 10;

  boolean isGiven() {
    return !inputs.isEmpty();
  }

  List<String> inputs() {
    return inputs;
  }

  List<Path> targets() {
    return targets;
  }

  /** Before anything is read. */
  void check(CommandSpec spec, int losses, int matrices) {
    Bounds.check(spec, "--top", top, 1, Integer.MAX_VALUE);
    if (inputs.isEmpty() != targets.isEmpty()) {
      throw bad(
          spec, "--influence and --influence-targets: found one of them, expected both or none");
    }
    if (top != null && !isGiven()) {
      throw bad(spec, "--top: found it without --influence, expected both or none");
    }
    if (isGiven() && targets.size() != losses) {
      throw bad(
          spec,
          "--influence-targets: found "
              + targets.size()
              + ", expected as many as --targets: "
              + losses);
    }
    if (isGiven() && matrices != 1) {
      throw bad(spec, "--influence: found " + matrices + " matrices in --operator, expected one");
    }
  }

  private static ParameterException bad(CommandSpec spec, String message) {
    return new ParameterException(spec.commandLine(), message);
  }

  /**
   * The examples with the largest changes.
   *
   * @param numbers of the examples in their file
   */
  List<String> lines(Influences found, int[] numbers, String matrix, double damping) {
    double[] changes = found.changes();
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%-13sloss %.7g on %s, gradient norm %.5g",
            "influence", found.loss(), String.join(", ", inputs), found.gradientNorm()));
    lines.add(
        text(
            "%-13swith %s + %.4g, residual %.1e of that gradient%s; holds to first order near a"
                + " minimum of the training loss, whose gradient norm is %.2g here",
            "",
            matrix,
            damping,
            found.residual(),
            ProbeVectors.missed(found.residual()),
            found.trainingNorm()));
    lines.add("change of that loss if one of the " + changes.length + " examples were left out");
    int width = Integer.toString(numbers[numbers.length - 1]).length();
    for (int i : order(changes)) {
      lines.add(text("  example %" + width + "d  %+.4e", numbers[i], changes[i]));
    }
    return lines;
  }

  /** The examples with the largest changes, of those as many as were asked for. */
  private List<Integer> order(double[] changes) {
    return IntStream.range(0, changes.length)
        .boxed()
        .sorted((a, b) -> Double.compare(Math.abs(changes[b]), Math.abs(changes[a])))
        .limit(top == null ? USUAL : top)
        .toList();
  }

  /** The same for --json. */
  Map<String, Object> json(Influences found, int[] numbers, String matrix, double damping) {
    double[] changes = found.changes();
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("matrix", matrix);
    json.put("damping", damping);
    json.put("residual", found.residual());
    json.put("loss", found.loss());
    json.put("gradient_norm", found.gradientNorm());
    json.put("training_gradient_norm", found.trainingNorm());
    json.put(
        "largest",
        order(changes).stream()
            .map(i -> Map.of("example", numbers[i], "change", changes[i]))
            .toList());
    return json;
  }

  /** All changes in the order of the examples, as a vector. */
  static void write(Path file, Influences found) throws java.io.IOException {
    try (Scope scope = Scope.open()) {
      HostBuffer values = scope.allocate(found.changes().length);
      for (int i = 0; i < found.changes().length; i++) {
        values.set(i, (float) found.changes()[i]);
      }
      ArrayFile.write(file, List.of(values.size()), values);
    }
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}

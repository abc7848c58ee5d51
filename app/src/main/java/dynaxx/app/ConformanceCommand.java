package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.onnx.Conformance;
import dynaxx.onnx.Conformance.Outcome;
import dynaxx.onnx.Conformance.Verdict;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Runs tests of the ONNX project's layout and says which operators agree. */
@Command(
    name = "conformance",
    description =
        "Runs a folder of tests laid out as the ONNX project's backend tests: which outputs agree,"
            + " which are refused and why, which are wrong.",
    mixinStandardHelpOptions = true)
final class ConformanceCommand implements Callable<Integer> {

  @Spec private CommandSpec spec;

  @Parameters(
      paramLabel = "DIR",
      description = "Folder with a folder for each test: model.onnx and test_data_set_0.")
  private Path folder;

  @Option(
      names = "--derivatives",
      description =
          "Also compare gradients and Hessians with differences of the outputs, all inputs of"
              + " floats being parameters.")
  private boolean derivatives;

  @Option(names = "--all", description = "Print every test, not only those that are wrong.")
  private boolean all;

  @Override
  public Integer call() throws IOException {
    if (!Files.isDirectory(folder)) {
      throw new UserException(folder + ": found no folder, expected one with tests");
    }
    List<Outcome> outcomes = Conformance.run(folder, derivatives);
    if (outcomes.isEmpty()) {
      throw new UserException(
          folder + ": found no test, expected folders with model.onnx and test_data_set_0");
    }
    PrintWriter out = spec.commandLine().getOut();
    table(out, outcomes);
    reasons(out, outcomes);
    for (Outcome o : outcomes) {
      if (all || o.verdict() == Verdict.WRONG) {
        String reason =
            o.reason().isEmpty() ? "" : ": " + o.reason().lines().findFirst().orElse("");
        out.println(label(o.verdict()) + "  " + o.name() + reason);
      }
    }
    summary(out, outcomes);
    out.flush();
    return count(outcomes, Verdict.WRONG) > 0 ? 1 : 0;
  }

  private static String label(Verdict verdict) {
    return verdict.name().toLowerCase(Locale.ROOT);
  }

  private static long count(List<Outcome> outcomes, Verdict verdict) {
    return outcomes.stream().filter(o -> o.verdict() == verdict).count();
  }

  private static void table(PrintWriter out, List<Outcome> outcomes) {
    Map<String, List<Outcome>> operators =
        outcomes.stream()
            .collect(Collectors.groupingBy(Outcome::operator, TreeMap::new, Collectors.toList()));
    int width = operators.keySet().stream().mapToInt(String::length).max().orElse(8);
    String row = "%-" + width + "s %7s %8s %6s%n";
    out.printf(row, "operator", "agrees", "refused", "wrong");
    operators.forEach(
        (name, tests) ->
            out.printf(
                row,
                name,
                count(tests, Verdict.AGREES),
                count(tests, Verdict.REFUSED),
                count(tests, Verdict.WRONG)));
    out.println();
  }

  /** Without the names of nodes, so that equal reasons count together. */
  private static String kind(Outcome o) {
    return o.reason()
        .lines()
        .findFirst()
        .orElse("")
        .replaceAll("(node )('[^']*'|making \\[[^]]*\\])( \\([^)]*\\))?: ", "")
        .replaceAll(", expected one of .*", "")
        .replaceAll("(input|output|tensor) '[^']*'", "$1");
  }

  private static void reasons(PrintWriter out, List<Outcome> outcomes) {
    Map<String, Long> reasons =
        outcomes.stream()
            .filter(o -> o.verdict() == Verdict.REFUSED)
            .collect(
                Collectors.groupingBy(
                    ConformanceCommand::kind, LinkedHashMap::new, Collectors.counting()));
    reasons.entrySet().stream()
        .sorted(Map.Entry.<String, Long>comparingByValue(Comparator.reverseOrder()))
        .forEach(e -> out.printf("%5d refused: %s%n", e.getValue(), e.getKey()));
    out.println();
  }

  private void summary(PrintWriter out, List<Outcome> outcomes) {
    List<Outcome> floats = outcomes.stream().filter(Outcome::floats).toList();
    out.printf(
        Locale.ROOT,
        "%d tests: %d agree, %d refused, %d wrong; of the %d from floats to floats %d agree%n",
        outcomes.size(),
        count(outcomes, Verdict.AGREES),
        count(outcomes, Verdict.REFUSED),
        count(outcomes, Verdict.WRONG),
        floats.size(),
        count(floats, Verdict.AGREES));
    outcomes.stream()
        .max(Comparator.comparingDouble(Outcome::seconds))
        .ifPresent(o -> out.printf(Locale.ROOT, "slowest: %s, %.1f s%n", o.name(), o.seconds()));
    outcomes.stream()
        .filter(o -> o.derivatives().isPresent())
        .max(Comparator.comparingDouble(o -> o.derivatives().getAsDouble()))
        .ifPresent(
            o ->
                out.printf(
                    Locale.ROOT,
                    "derivatives of %d tests checked; worst: %s, %.1e of what is allowed%n",
                    outcomes.stream().filter(p -> p.derivatives().isPresent()).count(),
                    o.name(),
                    o.derivatives().getAsDouble()));
  }
}

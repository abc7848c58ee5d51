package dynaxx.app;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.app.run.StepRow;
import dynaxx.app.run.StepRow.Column;
import dynaxx.spectrum.Signal;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** docs/metrics.md says what the descriptors say, and its examples compile. */
class MetricsPageTest {

  private static final Path PAGE = Path.of("..", "docs", "metrics.md");
  private static final String BEGIN = "<!-- signals: begin -->\n";
  private static final String END = "<!-- signals: end -->\n";
  private static final String REWRITE =
      "mvn -pl core-java,integrations/onnx,native-cuda,app -Dcuda=off test -Ddocs=write"
          + " -Dtest=MetricsPageTest -Dsurefire.failIfNoSpecifiedTests=false";
  private static final int SINK_LINES = 5;

  @TempDir private Path classes;

  private static String table() {
    StringBuilder table = new StringBuilder();
    table.append(
        "| column | unit | uncertainty | measured by | meaning |\n|---|---|---|---|---|\n");
    row(table, Column.STEP);
    row(table, Column.EPOCH);
    for (Signal signal : Signal.values()) {
      String columns =
          signal.columns(0).stream().map(c -> "`" + c + "`").collect(Collectors.joining(", "))
              + (signal.perLayer() ? ", `" + signal.column(1) + "`, ..." : "");
      String parts =
          signal.perLayer()
              ? " The mean over the layers, and each layer; no columns in a network without."
              : "";
      table.append(
          "| %s | %s | %s | %s | %s%s |\n"
              .formatted(
                  columns,
                  signal.unit(),
                  signal.uncertainty().orElse(""),
                  signal.ofSnapshot() ? "snapshot" : "host",
                  signal.documentation(),
                  parts));
    }
    row(table, Column.STEP_SECONDS);
    row(table, Column.SNAPSHOT_SECONDS);
    row(table, Column.EVENT);
    return table.toString();
  }

  private static void row(StringBuilder table, Column column) {
    table.append(
        "| `%s` | %s | | host | %s |\n"
            .formatted(column.column(), column.unit(), column.documentation()));
  }

  @Test
  void theTableIsWhatTheDescriptorsSay() throws IOException {
    String page = Files.readString(PAGE);
    int begin = page.indexOf(BEGIN) + BEGIN.length();
    int end = page.indexOf(END);
    assertTrue(begin >= BEGIN.length() && end >= begin, "the markers are missing from " + PAGE);
    if ("write".equals(System.getProperty("docs"))) {
      Files.writeString(PAGE, page.substring(0, begin) + table() + page.substring(end));
    } else {
      assertEquals(
          table(), page.substring(begin, end), PAGE + " is out of date; rewrite it: " + REWRITE);
    }
  }

  @Test
  void theTableHasEveryColumnOfAFile() {
    Map<Signal, Integer> layers = new EnumMap<>(Signal.class);
    for (Signal signal : Signal.values()) {
      layers.put(signal, 1);
    }
    String table = table();
    for (String column : StepRow.format(layers).header().split(",")) {
      assertTrue(table.contains("`" + column + "`"), column);
    }
  }

  @Test
  void theExamplesCompileAndASinkIsShort() throws IOException {
    List<String> examples = JavaExample.of(PAGE);
    assertEquals(3, examples.size(), "examples");
    List<String> problems = new ArrayList<>();
    for (String example : examples) {
      problems.add(
          JavaExample.problems(
              """
              import dynaxx.monitor.*;
              import dynaxx.network.*;
              import dynaxx.spectrum.*;
              import java.nio.file.Path;

              class Example {
                static void run(Network network) throws Exception {
              %s
                }
              }
              """
                  .formatted(example),
              classes));
    }
    assertEquals(List.of("", "", ""), problems);
    assertTrue(examples.getLast().lines().count() <= SINK_LINES, examples.getLast());
  }
}

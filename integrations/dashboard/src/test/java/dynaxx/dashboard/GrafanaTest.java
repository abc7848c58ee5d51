package dynaxx.dashboard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.spectrum.Signal;
import io.micrometer.prometheusmetrics.PrometheusConfig;
import io.micrometer.prometheusmetrics.PrometheusMeterRegistry;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** docs/grafana.json has a panel for each of ours; -Ddocs=write writes it. */
class GrafanaTest {

  private static final Path FILE = Path.of("..", "..", "docs", "grafana.json");
  private static final int WIDTH = 12;
  private static final int HEIGHT = 8;
  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private static String metric(Panels.Line line) {
    return line.id().equals(RunData.SHARE) ? "dynaxx_monitor_share_ratio" : "dynaxx_" + line.id();
  }

  private static JsonNode dashboard() {
    ObjectNode board = JSON.createObjectNode();
    board.put("title", "dynaxx").put("uid", "dynaxx").put("schemaVersion", 39).put("refresh", "5s");
    board.putObject("time").put("from", "now-30m").put("to", "now");
    ArrayNode variables = board.putObject("templating").putArray("list");
    variables
        .addObject()
        .put("name", "source")
        .put("type", "datasource")
        .put("query", "prometheus");
    ArrayNode panels = board.putArray("panels");
    int count = 0;
    for (Panels.Panel each : Panels.all()) {
      if (each.part().isPresent()) {
        continue;
      }
      ObjectNode panel = panel(panels, count++, each.title(), each.help());
      ObjectNode custom = panel.putObject("fieldConfig").putObject("defaults");
      custom.put("unit", each.scale() == Signal.Scale.FRACTION ? "percentunit" : "short");
      if (each.scale() == Signal.Scale.LOGARITHMIC || each.scale() == Signal.Scale.SIGNED) {
        ObjectNode scale = custom.putObject("custom").putObject("scaleDistribution");
        scale.put("type", each.scale() == Signal.Scale.SIGNED ? "symlog" : "log").put("log", 10);
        if (each.scale() == Signal.Scale.SIGNED) {
          scale.put("linearThreshold", 0.001);
        }
      }
      ArrayNode targets = panel.putArray("targets");
      for (Panels.Line line : each.lines()) {
        if (!line.dashed()) {
          target(targets, metric(line), line.title() + " {{run}}");
        }
      }
    }
    ObjectNode events = panel(panels, count, "Events in five minutes", "By kind.");
    target(events.putArray("targets"), "increase(dynaxx_events_total[5m])", "{{kind}} {{run}}");
    return board;
  }

  private static ObjectNode panel(ArrayNode panels, int index, String title, String help) {
    ObjectNode panel = panels.addObject();
    panel
        .put("id", index + 1)
        .put("type", "timeseries")
        .put("title", title)
        .put("description", help);
    panel.putObject("datasource").put("type", "prometheus").put("uid", "${source}");
    panel
        .putObject("gridPos")
        .put("h", HEIGHT)
        .put("w", WIDTH)
        .put("x", index % 2 * WIDTH)
        .put("y", index / 2 * HEIGHT);
    return panel;
  }

  private static void target(ArrayNode targets, String expression, String legend) {
    targets
        .addObject()
        .put("refId", String.valueOf((char) ('A' + targets.size() - 1)))
        .put("expr", expression)
        .put("legendFormat", legend);
  }

  @Test
  void theFileIsWhatThePanelsSay() throws IOException {
    String expected = JSON.writeValueAsString(dashboard()) + "\n";
    if ("write".equals(System.getProperty("docs"))) {
      Files.writeString(FILE, expected);
    }
    assertEquals(expected, Files.readString(FILE), FILE + " is out of date; run with -Ddocs=write");
  }

  /**
   * What Grafana's import needs of the classic JSON model: an id that is not taken, a version that
   * says how to bring it up to date, a source that the importer chooses, and panels that do not
   * overlap on the grid of 24 columns.
   */
  @Test
  void theFileCanBeImported() throws IOException {
    JsonNode board = JSON.readTree(Files.readString(FILE));
    assertFalse(board.has("id") || board.has("__inputs"), "it is nobody's yet and asks nothing");
    assertTrue(board.get("uid").asText().matches("[a-zA-Z0-9_-]{1,40}"));
    assertTrue(board.get("schemaVersion").isInt() && board.get("schemaVersion").asInt() >= 36);
    assertFalse(board.get("title").asText().isBlank());
    Set<String> sources = new HashSet<>();
    for (JsonNode variable : board.get("templating").get("list")) {
      assertEquals("datasource", variable.get("type").asText());
      assertEquals("prometheus", variable.get("query").asText());
      sources.add("${" + variable.get("name").asText() + "}");
    }
    Set<Integer> ids = new HashSet<>();
    Set<List<Integer>> cells = new HashSet<>();
    for (JsonNode panel : board.get("panels")) {
      String title = panel.get("title").asText();
      assertFalse(title.isBlank());
      assertTrue(ids.add(panel.get("id").asInt()), title);
      assertEquals("timeseries", panel.get("type").asText(), title);
      assertEquals("prometheus", panel.get("datasource").get("type").asText(), title);
      assertTrue(sources.contains(panel.get("datasource").get("uid").asText()), title);
      JsonNode at = panel.get("gridPos");
      assertTrue(at.get("x").asInt() + at.get("w").asInt() <= 24, title);
      for (int x = 0; x < at.get("w").asInt(); x++) {
        for (int y = 0; y < at.get("h").asInt(); y++) {
          assertTrue(cells.add(List.of(at.get("x").asInt() + x, at.get("y").asInt() + y)), title);
        }
      }
      Set<String> references = new HashSet<>();
      for (JsonNode target : panel.get("targets")) {
        assertTrue(references.add(target.get("refId").asText()), title);
        assertFalse(target.get("expr").asText().isBlank(), title);
      }
      assertFalse(references.isEmpty(), title);
    }
  }

  /** No panel asks for a name that the endpoint does not have. */
  @Test
  void everyNameIsOneThatIsScraped() throws IOException {
    PrometheusMeterRegistry registry = new PrometheusMeterRegistry(PrometheusConfig.DEFAULT);
    MeterSink sink = new MeterSink(registry);
    Observation all = Observation.at(1);
    for (Signal signal : Signal.values()) {
      all = all.with(signal, 1);
    }
    sink.accept(new MonitorRecord.Step(all));
    sink.accept(Runs.event(1, "x"));
    String scraped = registry.scrape();
    List<String> names = new ArrayList<>();
    JSON.readTree(Files.readString(FILE))
        .findValuesAsText("expr")
        .forEach(
            e ->
                Pattern.compile("dynaxx_\\w+")
                    .matcher(e)
                    .results()
                    .forEach(found -> names.add(found.group())));
    assertTrue(names.size() > Signal.values().length, "found " + names);
    for (String name : names) {
      assertTrue(Pattern.compile("(?m)^" + name + "[ {]").matcher(scraped).find(), name);
    }
  }
}

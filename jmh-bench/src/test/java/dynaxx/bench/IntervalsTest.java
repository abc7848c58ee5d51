package dynaxx.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.Work;
import dynaxx.spectrum.ProbeSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class IntervalsTest {

  private static final ObjectMapper JSON = new ObjectMapper();

  @TempDir private Path folder;

  private static String result(String name, String scale, int batch, Work work, String unit) {
    return String.format(
        Locale.ROOT,
        "{\"benchmark\": \"dynaxx.bench.%s\", \"params\": {\"network\": \"%s\", \"batch\": \"%d\"},"
            + " \"primaryMetric\": {\"score\": %.9g, \"scoreUnit\": \"%s\"}}",
        name,
        scale,
        batch,
        1e3 * (1e-11 * work.flop() + 1e-10 * work.bytes()),
        unit);
  }

  /** Results of a machine with 100 GFLOP/s and 10 GB/s. */
  private static String results(String unit) {
    List<String> all = new ArrayList<>();
    for (String scale : List.of("1M", "10M")) {
      TransformerCost cost = new TransformerCost(Workload.scale(scale).orElseThrow());
      ProbeSettings article = ProbeSettings.article();
      Work snapshot = cost.snapshot(article, 16, cost.plan(16, 64L << 30));
      all.add(result("TrainingStepBenchmark.adamW", scale, 16, cost.step(16), unit));
      all.add(result("SnapshotBenchmark.gradient", scale, 16, cost.gradient(16), unit));
      all.add(result("SnapshotBenchmark.article", scale, 16, snapshot, unit));
      all.add(result("SnapshotBenchmark.certified", scale, 16, snapshot, unit));
    }
    all.add(result("SnapshotBenchmark.article", "quick", 16, new Work(1, 1, 1), unit));
    return all.toString();
  }

  private JsonNode run(String results) throws IOException {
    Path in = folder.resolve("results.json");
    Path out = folder.resolve("intervals.json");
    Files.writeString(in, results);
    Intervals.main(new String[] {"cpu", out.toString(), in.toString()});
    return JSON.readTree(out.toFile());
  }

  @Test
  void theTableFollowsFromTheResults() throws IOException {
    JsonNode root = run(results("ms/op"));
    assertEquals(1e-11, root.get("seconds_per_flop").asDouble(), 1e-14);
    assertEquals(1e-10, root.get("seconds_per_byte").asDouble(), 1e-13);
    assertEquals(15, root.get("rows").size());
    for (JsonNode row : root.get("rows")) {
      boolean known =
          List.of("1M", "10M").contains(row.get("scale").asText())
              && row.get("batch").asInt() == 16;
      String basis = row.get("basis").asText();
      assertEquals(known, basis.equals("measured"), row.toString());
      boolean beyond = row.get("scale").asText().matches("1B|350M|100M");
      assertTrue(!beyond || basis.startsWith("extrapolated x "), row.toString());
      double ratio = row.get("snapshotSeconds").asDouble() / row.get("stepSeconds").asDouble();
      assertEquals(99 * ratio, row.get("intervals").get(0).asDouble(), 1);
      assertEquals(9 * ratio, row.get("intervals").get(3).asDouble(), 1);
    }
  }

  @Test
  void aTableHasTheArticlesStepsBesideIt() {
    Intervals.Row row =
        new Intervals.Row("350M", 64, "cpu", 1, 40, List.of(1L, 2L, 3L, 4000L), 1 << 30, "b", 0);
    String table = Intervals.table(List.of(row));
    assertTrue(table.contains("| 350M | 64 | cpu | 1.00 s | 40.0 s | 1 | 2 | 3 | 4,000 | 50 |"));
    long columns = table.lines().findFirst().get().chars().filter(c -> c == '|').count();
    assertTrue(table.lines().allMatch(l -> l.chars().filter(c -> c == '|').count() == columns));
  }

  @Test
  void anotherUnitIsRefused() {
    assertThrows(IllegalArgumentException.class, () -> run(results("s/op")));
    assertThrows(IllegalArgumentException.class, () -> Intervals.main(new String[] {"cpu"}));
  }
}

package dynaxx.bench;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import dynaxx.cost.ArticleSchedule;
import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Basis;
import dynaxx.cost.CostModel.Timing;
import dynaxx.cost.SnapshotPlan;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.Work;
import dynaxx.network.pass.BatchPlan;
import dynaxx.spectrum.ProbeSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Reads results of {@link TrainingStepBenchmark} and {@link SnapshotBenchmark}, fits the cost model
 * to them, and says for each size of a transformer how often a budget allows a snapshot.
 */
public final class Intervals {

  private static final List<String> SCALES = List.of("1M", "10M", "100M", "350M", "1B");
  private static final List<Integer> BATCHES = List.of(16, 64, 256);
  private static final List<Double> BUDGETS = List.of(0.01, 0.02, 0.05, 0.10);

  /** What a snapshot of the table may take of the memory: as much as a small server has. */
  private static final long MEMORY = 64L << 30;

  private static final ObjectMapper JSON =
      new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

  private final String device;

  /** By name; a later file replaces what an earlier one says. */
  private final Map<String, Timing> timings = new LinkedHashMap<>();

  /** Measured seconds by scale and batch, of a step and of a snapshot. */
  private final Map<String, Map<String, Double>> measured = new TreeMap<>();

  /** A line of the table. */
  record Row(
      String scale,
      int batch,
      String device,
      double stepSeconds,
      double snapshotSeconds,
      List<Long> intervals,
      double memoryBytes,
      String basis,
      double relativeError) {}

  private Intervals(String device) {
    this.device = device;
  }

  /**
   * Runs.
   *
   * @param args the device, the file to write, and result files of JMH; the table is printed
   * @throws IOException if a file cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    if (args.length < 3) {
      throw new IllegalArgumentException(
          "arguments: found " + args.length + ", expected DEVICE OUT.json RESULTS.json...");
    }
    Intervals intervals = new Intervals(args[0]);
    List<String> files = List.of(args).subList(2, args.length);
    for (String file : files) {
      intervals.read(JSON.readTree(Path.of(file).toFile()));
    }
    List<Row> rows = intervals.rows();
    Path out = Path.of(args[1]);
    Path part = out.resolveSibling("." + out.getFileName() + ".tmp");
    Map<String, Object> root = new LinkedHashMap<>();
    root.put("files", files.stream().map(f -> Path.of(f).getFileName().toString()).toList());
    CostModel model = CostModel.fit(List.copyOf(intervals.timings.values()));
    root.put("seconds_per_flop", model.perFlop());
    root.put("seconds_per_byte", model.perByte());
    root.put("seconds_per_launch", model.perLaunch());
    root.put("relative_error", model.relativeError());
    root.put("budgets", BUDGETS);
    root.put("rows", rows);
    Files.write(part, JSON.writeValueAsBytes(root));
    Files.move(part, out, StandardCopyOption.REPLACE_EXISTING, StandardCopyOption.ATOMIC_MOVE);
    System.out.print(table(rows));
  }

  /** Takes what it knows the work of. */
  void read(JsonNode results) {
    for (JsonNode result : results) {
      String name = result.path("benchmark").asText().replaceFirst(".*\\.", "");
      String scale = result.path("params").path("network").asText();
      if (Workload.scale(scale).isEmpty()) {
        continue;
      }
      if (!result.path("primaryMetric").path("scoreUnit").asText().equals("ms/op")) {
        throw new IllegalArgumentException(
            "results: found unit "
                + result.path("primaryMetric").path("scoreUnit")
                + " of "
                + name
                + ", expected ms/op");
      }
      int batch = result.path("params").path("batch").asInt();
      double seconds = result.path("primaryMetric").path("score").asDouble() / 1e3;
      TransformerCost cost = new TransformerCost(Workload.scale(scale).get());
      Work work =
          switch (name) {
            case "adamW" -> cost.step(batch);
            case "gradient" -> cost.gradient(batch);
            case "article" -> snapshot(cost, ProbeSettings.article(), batch);
            case "cheap" -> snapshot(cost, ProbeSettings.cheap(), batch);
            default -> null;
          };
      if (work != null) {
        String key = name + " " + scale + " " + batch;
        timings.put(key, new Timing(key, cost.shape().parameters(), work, seconds));
        measured.computeIfAbsent(scale + " " + batch, any -> new TreeMap<>()).put(name, seconds);
      }
    }
  }

  private static Work snapshot(TransformerCost cost, ProbeSettings settings, int batch) {
    return cost.snapshot(settings, batch, cost.plan(batch, MEMORY));
  }

  /** The sizes and batches that were measured, and those of the table. */
  List<Row> rows() {
    CostModel model = CostModel.fit(List.copyOf(timings.values()));
    List<Row> rows = new ArrayList<>();
    for (String scale : SCALES) {
      TransformerCost cost = new TransformerCost(Workload.scale(scale).orElseThrow());
      List<Integer> batches = new ArrayList<>(BATCHES);
      measured.keySet().stream()
          .filter(key -> key.startsWith(scale + " "))
          .map(key -> Integer.valueOf(key.split(" ")[1]))
          .filter(batch -> !batches.contains(batch))
          .forEach(batches::add);
      batches.stream().sorted().forEach(batch -> rows.add(row(scale, cost, batch, model)));
    }
    return rows;
  }

  private Row row(String scale, TransformerCost cost, int batch, CostModel model) {
    ProbeSettings article = ProbeSettings.article();
    BatchPlan plan = cost.plan(batch, MEMORY);
    Map<String, Double> known = measured.getOrDefault(scale + " " + batch, Map.of());
    boolean both = known.containsKey("adamW") && known.containsKey("article");
    double step = both ? known.get("adamW") : model.seconds(cost.step(batch));
    Work work = cost.snapshot(article, batch, plan);
    double snapshot = both ? known.get("article") : model.seconds(work);
    Basis basis = model.basis(cost.shape().parameters(), work);
    String words =
        both
            ? "measured"
            : basis.kind() == Basis.Kind.INTERPOLATED
                ? "interpolated"
                : String.format(Locale.ROOT, "extrapolated x %.2g", basis.factor());
    return new Row(
        scale,
        batch,
        device,
        step,
        snapshot,
        BUDGETS.stream().map(b -> SnapshotPlan.interval(snapshot, step, b)).toList(),
        cost.memory(article, batch, plan),
        words,
        both ? 0 : model.relativeError());
  }

  static String table(List<Row> rows) {
    StringBuilder text = new StringBuilder("| parameters | batch | device | step | snapshot |");
    BUDGETS.forEach(b -> text.append(String.format(Locale.ROOT, " %.0f %% |", 100 * b)));
    text.append(" article | memory | basis |\n").append("|---".repeat(12)).append("|\n");
    for (Row row : rows) {
      long parameters = Workload.scale(row.scale()).orElseThrow().parameters();
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %d | %s | %s | %s |",
              row.scale(),
              row.batch(),
              row.device(),
              seconds(row.stepSeconds()),
              seconds(row.snapshotSeconds())));
      row.intervals().forEach(i -> text.append(String.format(Locale.ROOT, " %,d |", i)));
      text.append(
          String.format(
              Locale.ROOT,
              " %.0f | %.3g GiB | %s |%n",
              ArticleSchedule.interval(parameters, row.batch()),
              row.memoryBytes() / (1 << 30),
              row.basis()));
    }
    return text.toString();
  }

  private static String seconds(double value) {
    return String.format(Locale.ROOT, value < 1000 ? "%.3g s" : "%,.0f s", value);
  }
}

package dynaxx.app;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;

/** The rows of a run's metrics.csv as text, by column: a new signal adds one and changes none. */
final class MetricsRows {

  private static final Set<String> TIMES = Set.of("step_seconds", "snapshot_seconds");

  private MetricsRows() {}

  static List<Map<String, String>> of(Path folder) throws IOException {
    List<String> lines = Files.readAllLines(folder.resolve("metrics.csv"));
    String[] names = lines.getFirst().split(",");
    List<Map<String, String>> rows = new ArrayList<>();
    for (String line : lines.subList(1, lines.size())) {
      String[] fields = line.split(",", -1);
      if (fields.length != names.length) {
        throw new AssertionError(line + ": found " + fields.length + " fields: " + names.length);
      }
      Map<String, String> row = new LinkedHashMap<>();
      for (int i = 0; i < names.length; i++) {
        row.put(names[i], fields[i]);
      }
      rows.add(row);
    }
    return rows;
  }

  /** The lines without what differs from run to run. */
  static List<String> withoutTimes(Path folder) throws IOException {
    return of(folder).stream()
        .map(
            row ->
                row.entrySet().stream()
                    .filter(field -> !TIMES.contains(field.getKey()))
                    .map(Map.Entry::getValue)
                    .collect(Collectors.joining(",")))
        .toList();
  }
}

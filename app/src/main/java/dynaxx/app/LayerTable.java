package dynaxx.app;

import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.SequencedMap;

/**
 * Tensors, the sharpest first, as a table for people and as CSV.
 *
 * @param tensors by name, each with its columns
 */
record LayerTable(SequencedMap<String, SequencedMap<String, Reading>> tensors) {

  private static final String SHARPNESS = "lambda_max";

  private List<Map.Entry<String, SequencedMap<String, Reading>>> sorted() {
    return tensors.entrySet().stream()
        .sorted(Comparator.comparingDouble(e -> -e.getValue().get(SHARPNESS).value()))
        .toList();
  }

  List<String> lines() {
    int width = tensors.keySet().stream().mapToInt(String::length).max().orElse(0);
    String name = "%-" + Math.max(width, "tensor".length()) + "s";
    String rest = " %9s %10s %19s %9s %9s %19s %19s %19s";
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            name + rest,
            "tensor",
            "size",
            "lambda_max",
            "trace",
            "gradient",
            "variance",
            "loss at int8",
            "loss at int4",
            "half pruned"));
    for (Map.Entry<String, SequencedMap<String, Reading>> tensor : sorted()) {
      Map<String, Reading> c = tensor.getValue();
      lines.add(
          text(
              name + rest,
              tensor.getKey(),
              text("%,.0f", c.get("parameters").value()),
              text("%.3g", c.get(SHARPNESS).value()),
              withError("%.3g +- %.1g", c.get("trace")),
              text("%.2g", c.get("gradient_norm").value()),
              c.containsKey("gradient_variance")
                  ? text("%.2g", c.get("gradient_variance").value())
                  : "",
              withError("%+.2g +- %.1g", c.get("int8_loss")),
              withError("%+.2g +- %.1g", c.get("int4_loss")),
              withError("%+.2g +- %.1g", c.get("half_pruned_loss"))));
    }
    return lines;
  }

  private static String withError(String format, Reading reading) {
    return text(format, reading.value(), reading.error().orElseThrow());
  }

  String csv() {
    StringBuilder csv = new StringBuilder("tensor");
    tensors
        .firstEntry()
        .getValue()
        .forEach(
            (column, reading) -> {
              csv.append(',').append(column);
              csv.append(reading.error().isPresent() ? "," + column + "_error" : "");
            });
    csv.append('\n');
    for (Map.Entry<String, SequencedMap<String, Reading>> tensor : sorted()) {
      csv.append(quoted(tensor.getKey()));
      for (Reading reading : tensor.getValue().values()) {
        csv.append(',').append(reading.value());
        reading.error().ifPresent(error -> csv.append(',').append(error));
      }
      csv.append('\n');
    }
    return csv.toString();
  }

  private static String quoted(String name) {
    boolean plain = name.matches("[^,\"\r\n]*");
    return plain ? name : '"' + name.replace("\"", "\"\"") + '"';
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}

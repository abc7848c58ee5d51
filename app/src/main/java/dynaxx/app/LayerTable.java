package dynaxx.app;

import dynaxx.spectrum.LayerCurvature;
import dynaxx.spectrum.LayerCurvature.LossChange;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** Tensors, the sharpest first, as a table for people and as CSV. */
final class LayerTable {

  private static final String HEADER =
      "tensor,parameters,lambda_max,lambda_max_residual,trace,trace_error,gradient_norm,"
          + "gradient_variance,int8_loss,int8_gradient_part,int8_error,int4_loss,"
          + "int4_gradient_part,int4_error,pruned_half_loss,pruned_half_gradient_part,"
          + "pruned_half_error";

  private LayerTable() {}

  private static List<LayerCurvature> sorted(List<LayerCurvature> layers) {
    return layers.stream().sorted(Comparator.comparingDouble(l -> -l.lambdaMax().value())).toList();
  }

  static List<String> lines(List<LayerCurvature> layers) {
    int width = layers.stream().mapToInt(l -> l.name().length()).max().orElse(0);
    width = Math.max(width, "tensor".length());
    List<String> lines = new ArrayList<>();
    lines.add(
        text(
            "%-" + width + "s %9s %10s %19s %9s %9s %19s %19s %19s",
            "tensor",
            "size",
            "lambda_max",
            "trace",
            "gradient",
            "variance",
            "loss at int8",
            "loss at int4",
            "half pruned"));
    for (LayerCurvature l : sorted(layers)) {
      lines.add(
          text(
              "%-" + width + "s %,9d %10.3g %19s %9.2g %9s %19s %19s %19s",
              l.name(),
              l.size(),
              l.lambdaMax().value(),
              text("%.3g +- %.1g", l.trace().value(), l.trace().standardError()),
              l.gradientNorm(),
              l.gradientVariance().isPresent()
                  ? text("%.2g", l.gradientVariance().getAsDouble())
                  : "",
              change(l.int8()),
              change(l.int4()),
              change(l.pruned())));
    }
    return lines;
  }

  private static String change(LossChange change) {
    return text("%+.2g +- %.1g", change.total(), change.error());
  }

  static String csv(List<LayerCurvature> layers) {
    StringBuilder csv = new StringBuilder(HEADER).append('\n');
    for (LayerCurvature l : sorted(layers)) {
      csv.append(quoted(l.name())).append(',').append(l.size());
      add(csv, l.lambdaMax().value());
      csv.append(',').append(optional(l.lambdaMax().residual()));
      add(csv, l.trace().value(), l.trace().standardError(), l.gradientNorm());
      csv.append(',').append(optional(l.gradientVariance()));
      for (LossChange change : List.of(l.int8(), l.int4(), l.pruned())) {
        add(csv, change.total(), change.gradientPart(), change.error());
      }
      csv.append('\n');
    }
    return csv.toString();
  }

  private static void add(StringBuilder csv, double... values) {
    for (double value : values) {
      csv.append(',').append(value);
    }
  }

  private static String optional(OptionalDouble value) {
    return value.isPresent() ? String.valueOf(value.getAsDouble()) : "";
  }

  private static String quoted(String name) {
    boolean plain = name.matches("[^,\"\r\n]*");
    return plain ? name : '"' + name.replace("\"", "\"\"") + '"';
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }
}

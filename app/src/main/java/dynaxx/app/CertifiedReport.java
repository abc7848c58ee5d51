package dynaxx.app;

import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.NoiseScale;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Snapshot.SubsetSpread;
import dynaxx.spectrum.Spectrum;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** What a certified snapshot says, in words and as values for {@code run.json}. */
final class CertifiedReport {

  private static final double CONFIDENCE = 0.95;

  private CertifiedReport() {}

  static List<String> lines(Snapshot s) {
    Spectrum found = s.spectrum();
    SubsetSpread spread = s.subset().orElseThrow();
    double half = found.trace().halfWidth(CONFIDENCE);
    List<String> lines = new ArrayList<>();
    lines.add(extreme("lambda_min", found.min(), "at least") + "; " + found.verdict());
    lines.add(moved(spread, spread.min(), found.min().value()));
    lines.add(extreme("lambda_max", found.max(), "at most"));
    lines.add(moved(spread, spread.max(), found.max().value()));
    lines.add(
        text(
            "%-12s%.4g, from %.4g to %.4g with 95 %%",
            "trace",
            found.trace().value(),
            found.trace().value() - half,
            found.trace().value() + half));
    lines.add(over(spread, spread.trace()));
    lines.add(text("%-12s%s", "noise scale", s.noiseScale().orElseThrow()));
    lines.add(
        text(
            "%-12s%d products and %d forms, in all the work of %.0f gradients; %.1f s",
            "cost",
            found.cost().products(),
            found.cost().forms(),
            s.gradientEquivalents(),
            s.seconds()));
    return lines;
  }

  private static String extreme(String name, ExtremeEigenvalue found, String side) {
    return text(
        "%-12s%.4g, residual %.0e%s, %s %.4g with 99 %%",
        name,
        found.value(),
        found.residual().orElseThrow(),
        found.converged() ? "" : " (not converged)",
        side,
        found.bound().orElseThrow());
  }

  private static String moved(SubsetSpread spread, Estimate found, double whole) {
    return over(spread, found) + text(", %+.2g off the whole", found.value() - whole);
  }

  private static String over(SubsetSpread spread, Estimate found) {
    return text(
        "%-12sover %d parts of %d images: mean %.4g, deviation %.2g%s",
        "",
        found.samples().length,
        spread.examples(),
        found.value(),
        found.standardDeviation(),
        spread.converged() ? "" : " (not all converged)");
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }

  static Map<String, Object> json(Snapshot s) {
    Spectrum found = s.spectrum();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("lambda_min", json(found.min()));
    values.put("lambda_max", json(found.max()));
    values.put("verdict", found.verdict().toString());
    double half = found.trace().halfWidth(CONFIDENCE);
    values.put("trace", found.trace().value());
    values.put("trace_95", List.of(found.trace().value() - half, found.trace().value() + half));
    s.subset().ifPresent(spread -> values.put("parts", json(spread)));
    s.noiseScale().ifPresent(scale -> values.put("noise_scale", json(scale)));
    values.put("products", found.cost().products());
    values.put("gradient_equivalents", s.gradientEquivalents());
    values.put("seconds", s.seconds());
    return values;
  }

  private static Map<String, Object> json(ExtremeEigenvalue found) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("value", found.value());
    found.residual().ifPresent(residual -> values.put("residual", residual));
    found.bound().ifPresent(bound -> values.put("bound_99", bound));
    values.put("converged", found.converged());
    return values;
  }

  private static Map<String, Object> json(SubsetSpread spread) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("examples", spread.examples());
    values.put("lambda_min", spread.min().samples());
    values.put("lambda_max", spread.max().samples());
    values.put("trace", spread.trace().samples());
    return values;
  }

  private static Map<String, Object> json(NoiseScale scale) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("trace_sigma", scale.traceSigma());
    values.put("squared_gradient", scale.squaredGradient());
    scale.simple().ifPresent(simple -> values.put("simple", simple));
    scale.simpleError().ifPresent(error -> values.put("simple_error", error));
    return values;
  }
}

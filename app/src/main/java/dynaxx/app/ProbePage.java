package dynaxx.app;

import dynaxx.app.ProbeRun.Found;
import dynaxx.app.plot.SpectrumPlot;
import dynaxx.onnx.OnnxModel;
import dynaxx.spectrum.Estimate;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.SpectralDensity;
import dynaxx.spectrum.Spectrum;
import dynaxx.spectrum.Verdict;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * What the probe found, as one HTML file without a script: what it means in a sentence each, the
 * spectrum, the traces by tensor as bars, and all that was printed.
 */
final class ProbePage {

  private static final double CONFIDENCE = 0.95;
  private static final int MOST_TENSORS = 200;

  private static final String STYLE =
      """
      :root{color-scheme:light dark;--page:#f4f5f7;--card:#fff;--ink:#16191f;--soft:#4b5363;--line:#dfe3e9;--bar:#1d4ed8;--neg:#b3261e}
      @media(prefers-color-scheme:dark){:root{--page:#0d1015;--card:#151a21;--ink:#eceff4;--soft:#b4bccb;--line:#262d38;--bar:#7aa5ff;--neg:#ff8a80}}
      body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}
      main{max-width:940px;margin:0 auto;padding:28px 20px 40px}
      h1{font-size:22px;margin:0 0 2px}h2{font-size:16px;margin:0 0 10px}.soft{color:var(--soft);margin:0 0 18px}
      section{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px 18px;margin:0 0 16px}
      section p{margin:0 0 8px}section p:last-child{margin:0}
      .picture{background:#fff;border-radius:8px;overflow:auto}.picture svg{display:block;max-width:100%;height:auto}
      table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:13.5px}
      td,th{padding:3px 8px 3px 0;text-align:left;overflow-wrap:anywhere}.n{text-align:right;white-space:nowrap}
      td svg{display:block;width:100%;height:14px;min-width:90px}.bar{fill:var(--bar)}.neg{fill:var(--neg)}.err{stroke:var(--ink);stroke-width:1}
      pre{overflow:auto;font-size:12.5px;margin:0}
      """;

  private final ProbeRun run;
  private final Found found;
  private final StringBuilder out = new StringBuilder();

  private ProbePage(ProbeRun run, Found found) {
    this.run = run;
    this.found = found;
  }

  static String of(ProbeRun run, Found found, OnnxModel model, String file, List<String> notes) {
    List<String> header = ProbeReport.header(run, model, file, notes);
    return new ProbePage(run, found).page(header, file);
  }

  private String page(List<String> header, String file) {
    out.append("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n")
        .append("<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none';")
        .append(" style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n")
        .append("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>")
        .append(escaped(file))
        .append(" · dynaxx probe</title><style>\n")
        .append(STYLE)
        .append("</style></head><body><main>\n<h1>Curvature of ")
        .append(escaped(file))
        .append("</h1>\n<p class=\"soft\">")
        .append(escaped(header.getFirst().substring(file.length() + 2)))
        .append("</p>\n");
    section("What it says", () -> sentences().forEach(this::paragraph));
    found.density().ifPresent(d -> section("Spectrum of the Hessian", () -> spectrum(file, d)));
    section("Traces by tensor", this::tensors);
    List<String> lines = new ArrayList<>(header);
    lines.addAll(ProbeReport.lines(run, found));
    section(
        "All numbers",
        () -> out.append("<pre>").append(escaped(String.join("\n", lines))).append("</pre>"));
    return out.append("</main></body></html>\n").toString();
  }

  private void section(String title, Runnable body) {
    out.append("<section><h2>").append(escaped(title)).append("</h2>\n");
    body.run();
    out.append("</section>\n");
  }

  private void paragraph(String text) {
    out.append("<p>").append(escaped(text)).append("</p>\n");
  }

  private List<String> sentences() {
    Spectrum spectrum = found.spectrum();
    List<String> all = new ArrayList<>();
    all.add(verdict(spectrum.verdict()));
    all.add(extreme("The smallest eigenvalue", spectrum.min(), "no eigenvalue is below"));
    all.add(extreme("The largest eigenvalue", spectrum.max(), "no eigenvalue is above"));
    Estimate trace = spectrum.trace();
    double half = trace.halfWidth(CONFIDENCE);
    all.add(
        text(
            "The trace, the sum of all eigenvalues, lies between %.4g and %.4g with 95 %%"
                + " confidence (%.4g from %d samples).",
            trace.value() - half, trace.value() + half, trace.value(), trace.samples().length));
    found
        .density()
        .ifPresent(
            d ->
                all.add(
                    text(
                        "Between %.1f and %.1f %% of the eigenvalues are negative, as far as the"
                            + " start vectors show.",
                        100 * d.leastMassBelow(0), 100 * d.mostMassBelow(0))));
    found
        .examples()
        .ifPresent(
            e ->
                all.add(
                    "Noise scale: " + e.noiseScale() + "; " + e.noiseScale().batchAdvice() + "."));
    return all;
  }

  private static String verdict(Verdict verdict) {
    return switch (verdict) {
      case Verdict.Negative v ->
          text(
              "The loss has a direction of negative curvature at this point: an eigenvalue of at"
                  + " most %.4g%s. So it is no minimum.",
              v.upperBound(), v.certified() ? ", certified in float64" : "");
      case Verdict.NegativeWithinNoise v ->
          text(
              "The smallest eigenvalue found is negative (%.2g), but by less than the rounding of"
                  + " the products (%.1e): its sign is not known.",
              v.value(), v.noiseFloor());
      case Verdict.NotNegativeAt v ->
          text(
              "No eigenvalue lies below %.2g, with a probability of %.3g %%: as far as that, the"
                  + " point is a minimum or a flat one.",
              -v.epsilon(), 100 * v.probability());
      case Verdict.Undecided v ->
          "Whether there is negative curvature is undecided: Lanczos has not converged far enough.";
    };
  }

  private static String extreme(String name, ExtremeEigenvalue value, String side) {
    String converged =
        value.residual().isEmpty()
            ? " (of a stored vector: nothing says how far away the eigenvalue is)"
            : value.converged() ? "" : " (Lanczos has not converged; it may lie beyond)";
    String bound =
        value.bound().isPresent()
            ? text("; %s %.5g with 99 %% confidence", side, value.bound().getAsDouble())
            : "";
    return text("%s found is %.6g%s%s.", name, value.value(), converged, bound);
  }

  private void spectrum(String file, SpectralDensity density) {
    String svg = SpectrumPlot.of(file, density).svg();
    out.append("<div class=\"picture\">")
        .append(svg.substring(svg.indexOf("<svg")))
        .append("</div>\n");
  }

  private void tensors() {
    List<Map.Entry<String, Estimate>> all = new ArrayList<>(found.layers().layers().entrySet());
    all.sort(Comparator.comparingDouble(e -> -Math.abs(e.getValue().value())));
    double most = all.isEmpty() ? 1 : Math.abs(all.getFirst().getValue().value());
    out.append("<table><thead><tr><th>tensor</th><th class=\"n\">trace</th>")
        .append(
            "<th class=\"n\">standard error</th><th"
                + " style=\"width:45%\"></th></tr></thead><tbody>\n");
    for (Map.Entry<String, Estimate> each : all.subList(0, Math.min(MOST_TENSORS, all.size()))) {
      double value = each.getValue().value();
      double length = most == 0 ? 0 : 100 * Math.abs(value) / most;
      double error = most == 0 ? 0 : 100 * each.getValue().standardError() / most;
      out.append(
          text(
              "<tr><td>%s</td><td class=\"n\">%.4g</td><td class=\"n\">%.2g</td><td><svg"
                  + " viewBox=\"0 0 130 14\" preserveAspectRatio=\"none\" aria-hidden=\"true\">"
                  + "<rect class=\"%s\" y=\"2\" height=\"10\" width=\"%.2f\"/><path class=\"err\""
                  + " d=\"M%.2f 7H%.2f\"/></svg></td></tr>%n",
              escaped(each.getKey()),
              value,
              each.getValue().standardError(),
              value < 0 ? "neg" : "bar",
              length,
              Math.max(0, length - error),
              Math.min(130, length + error)));
    }
    out.append("</tbody></table>\n");
    if (all.size() > MOST_TENSORS) {
      paragraph(text("The largest %d of %d tensors.", MOST_TENSORS, all.size()));
    }
  }

  private static String text(String format, Object... arguments) {
    return String.format(Locale.ROOT, format, arguments);
  }

  private static String escaped(String text) {
    return text.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;");
  }
}

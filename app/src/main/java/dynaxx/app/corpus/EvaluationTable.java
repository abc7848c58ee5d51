package dynaxx.app.corpus;

import dynaxx.app.corpus.Statistics.Figure;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** A report for people, in Markdown, and for programs, in JSON. */
public final class EvaluationTable {

  private static final String HEAD =
      """
      | detector | threshold | AUROC | divergences told | spikes told | lead, steps | false alarms | faults told |
      |---|---|---|---|---|---|---|---|
      """;

  private EvaluationTable() {}

  /** The report as JSON; what is not known is NaN, as text. */
  public static String json(Evaluation.Report report) throws IOException {
    return Corpus.JSON.writeValueAsString(report) + "\n";
  }

  /** The report in Markdown. */
  public static String markdown(Evaluation.Report report) {
    StringBuilder text = new StringBuilder();
    text.append(
        String.format(
            Locale.ROOT,
            "Half to %s: %d quiet runs with %,d steps, %d divergences and %d spikes that came by"
                + " themselves, %d injected faults that the loss shows. Thresholds are those of at"
                + " most one false alarm in 1,000 quiet steps on the half to tune on; 95 %%"
                + " intervals are from resampled runs.%n%n",
            report.half(),
            report.quietRuns(),
            report.quietSteps(),
            report.divergences(),
            report.spikes(),
            report.faults()));
    text.append(HEAD);
    report.rows().forEach(row -> text.append(line(row)));
    text.append(reliability(report.reliability()));
    text.append(forecast(report.forecast()));
    return text.toString();
  }

  private static String line(Evaluation.Row row) {
    return String.format(
        Locale.ROOT,
        "| %s%s | %.4g | %s | %s | %s | %s | %s | %s |%n",
        row.detector(),
        row.allowed() ? "" : " (too many false alarms)",
        row.threshold(),
        figure(row.auroc(), "%.2f", 1),
        figure(row.divergences(), "%.0f %%", 100),
        figure(row.spikes(), "%.0f %%", 100),
        figure(row.lead(), "%.0f", 1),
        figure(row.falseAlarms(), "%.2f", 1),
        figure(row.faults(), "%.0f %%", 100));
  }

  private static String figure(Figure figure, String format, double scale) {
    if (!Double.isFinite(figure.value())) {
      return "";
    }
    String range = format.replace(" %%", "");
    return String.format(
        Locale.ROOT,
        format + " (" + range + " to " + range + ")",
        scale * figure.value(),
        scale * figure.low(),
        scale * figure.high());
  }

  private static String forecast(List<Reliability.Forecast> bins) {
    StringBuilder text =
        new StringBuilder(
            "\n| forecast probability | steps | followed by a doubled loss within "
                + Reliability.HORIZON
                + " steps |\n|---|---|---|\n");
    for (Reliability.Forecast bin : bins) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %.3f | %,d | %s |%n",
              bin.forecast(),
              bin.steps(),
              figure(bin.seen(), "%.1f %%", 100)));
    }
    return text.toString();
  }

  private static String reliability(List<Reliability.Bin> bins) {
    StringBuilder text =
        new StringBuilder(
            "\n| event of the calibrated rules | events | mean confidence | followed by a doubled"
                + " loss |\n|---|---|---|---|\n");
    for (Reliability.Bin bin : bins) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %d | %.2f | %.0f %% |%n",
              bin.kind(),
              bin.events(),
              bin.confidence(),
              100 * bin.right()));
    }
    return text.toString();
  }
}

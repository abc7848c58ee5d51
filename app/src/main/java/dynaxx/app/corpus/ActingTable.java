package dynaxx.app.corpus;

import dynaxx.app.corpus.ActingReport.Reverted;
import dynaxx.app.corpus.ActingReport.Row;
import dynaxx.app.corpus.Statistics.Figure;
import java.io.IOException;
import java.util.List;
import java.util.Locale;
import java.util.function.Function;

/** What acting gives, in Markdown for people and in JSON for programs. */
public final class ActingTable {

  private ActingTable() {}

  /** The report as JSON; what is not known is NaN, as text. */
  public static String json(ActingReport report) throws IOException {
    return Corpus.JSON.writeValueAsString(report) + "\n";
  }

  /** The report in Markdown: a table for each question, with a column for each learning rate. */
  public static String markdown(ActingReport report) {
    StringBuilder text = new StringBuilder();
    text.append("Learning rates are multiples of the stability limit at the beginning.\n\n");
    table(
        text,
        report,
        "Diverged, of all",
        row -> String.format(Locale.ROOT, "%d of %d", row.diverged(), row.runs()));
    table(
        text,
        report,
        "Of those that diverge without anything, these do not",
        row -> String.format(Locale.ROOT, "%d of %d", row.rescued(), row.divergedWithout()));
    table(
        text,
        report,
        "Final validation loss, % of that before the training",
        row -> percent(row.loss()));
    table(text, report, "Final validation accuracy, %", row -> percent(row.accuracy()));
    table(
        text,
        report,
        "Final loss less that without anything, points (95 % interval); negative is better",
        row -> points(row.lossDifference()));
    table(
        text,
        report,
        "The same at equal work, measuring charged",
        row -> points(row.lossAtEqualWork()));
    table(
        text,
        report,
        "Final accuracy less that without anything, points (95 % interval); positive is better",
        row -> points(row.accuracyDifference()));
    table(
        text,
        report,
        "The same at equal work, measuring charged",
        row -> points(row.accuracyAtEqualWork()));
    table(
        text,
        report,
        "Work, as part of a training without anything that does not break off",
        row -> String.format(Locale.ROOT, "%.2f", row.work()));
    if (!report.reversals().isEmpty()) {
      reversals(text, report.reversals());
    }
    return text.toString();
  }

  private static void table(
      StringBuilder text, ActingReport report, String title, Function<Row, String> cell) {
    text.append("**").append(title).append("**\n\n| |");
    for (double ratio : Acting.RATIOS) {
      text.append(String.format(Locale.ROOT, " %s x |", shown(ratio)));
    }
    text.append(" all |\n|---|").append("---|".repeat(Acting.RATIOS.length + 1)).append('\n');
    int columns = Acting.RATIOS.length + 1;
    for (int i = 0; i < report.rows().size(); i++) {
      Row row = report.rows().get(i);
      text.append(i % columns == 0 ? "| " + row.arm() + " | " : " ").append(cell.apply(row));
      text.append(i % columns == columns - 1 ? " |\n" : " |");
    }
    text.append('\n');
  }

  private static String shown(double ratio) {
    return ratio == Math.rint(ratio) ? Long.toString((long) ratio) : Double.toString(ratio);
  }

  private static String percent(double part) {
    return Double.isNaN(part) ? "" : String.format(Locale.ROOT, "%.1f", 100 * part);
  }

  private static String points(Figure figure) {
    return Double.isNaN(figure.value())
        ? ""
        : String.format(
            Locale.ROOT,
            "%.1f (%.1f to %.1f)",
            100 * figure.value(),
            100 * figure.low(),
            100 * figure.high());
  }

  private static void reversals(StringBuilder text, List<Reverted> all) {
    text.append("**Going back to the checkpoint before a fault, with half the learning rate**\n\n")
        .append("| fault | trainings | harmed when decided | better, % | better of the harmed, %")
        .append(" | final loss less that of going on, % of that at the checkpoint |\n")
        .append("|---|---|---|---|---|---|\n");
    for (Reverted row : all) {
      text.append(
          String.format(
              Locale.ROOT,
              "| %s | %d | %d | %s | %s | %s |%n",
              row.fault(),
              row.runs(),
              row.harmed(),
              points(row.better()),
              points(row.betterOfHarmed()),
              points(row.difference())));
    }
  }
}

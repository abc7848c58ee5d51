package dynaxx.app.corpus;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

class EvaluationTest {

  private static final double NONE = Double.NaN;

  @Test
  void aWarningStandsForAHorizon() {
    double[] scores = new double[400];
    assertEquals(0, Detector.warnings(scores, 0.5));
    scores[10] = 1;
    scores[100] = 1;
    assertEquals(1, Detector.warnings(scores, 0.5));
    scores[160] = 1;
    assertEquals(2, Detector.warnings(scores, 0.5));
    Arrays.fill(scores, 1);
    assertEquals(3, Detector.warnings(scores, 0.5));
    assertEquals(10, Detector.first(scores, 10, 400, 0.5));
    assertEquals(-1, Detector.first(new double[] {NONE, 0.5}, 0, 2, 0.5));
    assertEquals(3, Detector.highest(new double[] {NONE, 3, 1, NONE, 7}, 0, 4));
  }

  @Test
  void scoresAreComparedWithWhatWasBefore() {
    double[] values = {1, NONE, 2, 3, NONE, 10, 4};
    double[] rise = Detectors.rise(values, 3);
    assertTrue(Double.isNaN(rise[3]));
    // 10 over the median of 1, 2, 3; 4 over that of 2, 3, 10.
    assertEquals(8, rise[5]);
    assertEquals(1, rise[6]);
    double[] z = Detectors.deviations(new double[] {1, 2, 3, 4, 5, 6});
    assertTrue(Double.isNaN(z[4]));
    // Mean 3, standard deviation of the sample sqrt(2.5).
    assertEquals(3 / Math.sqrt(2.5), z[5], 1e-12);
    assertEquals(6.0 / 3, Detectors.overMedian(new double[] {1, 2, 3, 4, 5, 6})[5]);
  }

  /** Sharpness 1 in quiet runs; 5 at the 60 steps before the loss doubles in the others. */
  private static List<Pack.Run> runs() {
    List<Pack.Run> runs = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      double[] losses = new double[300];
      double[] sharpness = new double[30];
      Arrays.fill(losses, 1);
      Arrays.fill(losses, 0, 5, 2);
      Arrays.fill(sharpness, 1);
      boolean breaks = i % 4 >= 2;
      boolean told = i % 8 < 4;
      for (int s = 200; s < 300 && breaks; s++) {
        losses[s] = i % 4 == 2 || s < 210 ? 4 : 1;
      }
      for (int s = 14; s < 20 && breaks && told; s++) {
        sharpness[s] = 5;
      }
      runs.add(Runs.of(i, Fault.NONE, -1, losses, sharpness));
    }
    return runs;
  }

  private static Evaluation.Row row(Evaluation.Report report, String name) {
    return report.rows().stream()
        .filter(row -> row.detector().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Seeds 100 to 139: each half has ten runs of each kind, half of them told. */
  @Test
  void knownAnswers() {
    Evaluation.Report report = Evaluation.of(runs(), Evaluation.Half.REPORT);
    assertEquals(10, report.quietRuns());
    assertEquals(3000, report.quietSteps());
    // Odd numbers: 1 and 3 modulo 4, so only spikes break.
    assertEquals(0, report.divergences());
    assertEquals(10, report.spikes());
    Evaluation.Row sharpness = row(report, "lambda_max");
    assertEquals(0.5, sharpness.spikes().value());
    assertEquals(60, sharpness.lead().value());
    assertEquals(0, sharpness.falseAlarms().value());
    // Five of ten are above all quiet windows, five are equal to them.
    assertEquals(0.75, sharpness.auroc().value(), 1e-12);
    assertTrue(sharpness.allowed());
    Evaluation.Row twice = row(report, "loss above twice its median");
    assertEquals(0, twice.spikes().value());
    assertTrue(Double.isNaN(twice.lead().value()));
    Evaluation.Row ratio = row(report, "sharpness / limit");
    assertEquals(0.5, ratio.spikes().value());
    Evaluation.Report tuned = Evaluation.of(runs(), Evaluation.Half.TUNE);
    assertEquals(10, tuned.divergences());
    assertEquals(0.5, row(tuned, "lambda_max").divergences().value());
  }

  @Test
  void faultsAreToldSoonOrNot() {
    List<Pack.Run> runs = runs();
    for (int i = 40; i < 60; i++) {
      double[] losses = new double[300];
      Arrays.fill(losses, 1);
      Arrays.fill(losses, 0, 5, 2);
      Arrays.fill(losses, 150, 160, 3);
      double[] sharpness = new double[30];
      Arrays.fill(sharpness, 1);
      runs.add(Runs.of(i, Fault.BATCH, 149, losses, sharpness));
    }
    Evaluation.Report report = Evaluation.of(runs, Evaluation.Half.REPORT);
    assertEquals(10, report.faults());
    assertEquals(1, row(report, "loss above twice its median").faults().value());
    assertEquals(0, row(report, "lambda_max").faults().value());
  }

  @Test
  void aLowSignalThatWarnsIsTurned() {
    List<Pack.Run> runs =
        runs().stream()
            .map(
                run ->
                    new Pack.Run(
                        run.facts(),
                        run.observations().stream()
                            .map(
                                o ->
                                    o.value(Signal.LAMBDA_MAX).isEmpty()
                                        ? o
                                        : o.with(
                                            Signal.LAMBDA_MAX,
                                            10 - o.value(Signal.LAMBDA_MAX).getAsDouble()))
                            .toList()))
            .toList();
    Evaluation.Report report = Evaluation.of(runs, Evaluation.Half.REPORT);
    assertEquals(0.5, row(report, "-lambda_max").spikes().value());
  }

  @Test
  void tablesHaveAllRows() throws Exception {
    Evaluation.Report report = Evaluation.of(runs(), Evaluation.Half.REPORT);
    String markdown = EvaluationTable.markdown(report);
    assertTrue(markdown.contains("10 quiet runs with 3,000 steps, 0 divergences and 10 spikes"));
    assertTrue(markdown.contains("| lambda_max | 1.000 |"), markdown);
    assertFalse(markdown.contains("NaN"), markdown);
    var json = Corpus.JSON.readTree(EvaluationTable.json(report));
    assertEquals(report.rows().size(), json.get("rows").size());
    assertEquals(3000, json.get("quiet_steps").asInt());
  }
}

package dynaxx.app;

import dynaxx.app.run.StepRow;
import dynaxx.app.terminal.LanczosProgress;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.network.Network;
import dynaxx.spectrum.GradientStatistics;
import dynaxx.spectrum.Lanczos.ExtremeEigenvalue;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.Spectrum;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;

/**
 * What a run prints: one line for each snapshot, and below them a progress bar if there is a
 * terminal.
 */
final class DemoReport implements AutoCloseable {

  /** A Ritz value whose residual is a larger part of it than this has not converged. */
  private static final double CONVERGED = 0.1;

  private final PrintWriter out;
  private final ProgressLine progress = ProgressLine.open();
  private final int steps;
  private boolean training;
  private boolean unconverged;

  DemoReport(int steps, PrintWriter out) {
    this.steps = steps;
    this.out = out;
    progress.stage("first measurements");
  }

  /** The same settings, under which it is shown how far Lanczos is. */
  ProbeSettings certifying(ProbeSettings settings) {
    return settings
        .lanczos()
        .map(
            lanczos ->
                settings.withLanczos(
                    lanczos.withListener(new LanczosProgress(progress, "certifying"))))
        .orElse(settings);
  }

  void header(Arch arch, Network network, Arch.Data data, DemoRun.Settings plan, Device device) {
    line(
        "%s, %,d parameters, on %s: %,d training and %,d validation %s",
        arch.title,
        network.parameterCount(),
        data.name(),
        data.train().count(),
        data.validation().count(),
        data.noun());
    line("Backend %s: %s", device.name(), device.description());
    line(
        "Curvature of the loss over %,d fixed training %s: Lanczos %d steps, trace from %d probes",
        plan.subset(), data.noun(), plan.lanczos(), plan.probes());
  }

  /** What a budget leaves of the preset's measurement. */
  void planned(DemoRun.Settings plan, Preset.Measurement usual, double budget) {
    line(
        "Planned for %.3g %% of %,d steps; without a budget over %,d, Lanczos %d steps, %d probes."
            + " Values over fewer examples differ more from those over all.",
        100 * budget, plan.steps(), usual.subset(), usual.lanczos(), usual.probes());
  }

  void columns() {
    line("");
    line(
        "%6s %8s %7s  %20s %20s %18s %9s %6s %7s",
        "step",
        "loss",
        "val.acc",
        "lambda_min (resid.)",
        "lambda_max (resid.)",
        "trace +- s.e.",
        "grad.var",
        "sparse",
        "seconds");
  }

  void page(String words) {
    line("%s", words);
  }

  void step(StepRow row) {
    if (row.step() == steps) {
      progress.stage("last measurements");
    } else {
      training(row.step());
    }
    if (row.snapshot() == null) {
      return;
    }
    Snapshot s = row.snapshot();
    Spectrum found = s.spectrum();
    Trainer.Validation v = row.validation();
    line(
        "%6d %8.4f %7s  %20s %20s %18s %9.3g %6d %7.2f",
        row.step(),
        row.training().loss(),
        v == null ? "" : String.format(Locale.ROOT, "%.2f %%", 100 * v.accuracy()),
        extreme(found.min()),
        extreme(found.max()),
        String.format(
            Locale.ROOT, "%.4g +- %.2g", found.trace().value(), found.trace().standardError()),
        s.gradients().map(GradientStatistics::variance).orElse(Double.NaN),
        (int)
            s.reading(Signal.ATTENTION_HEADS_SPARSE)
                .map(Signal.Reading::value)
                .orElse(0.0)
                .doubleValue(),
        s.seconds());
  }

  private void training(int step) {
    if (!training) {
      training = true;
      progress.stage("training", "step", steps);
      progress.from(step);
    }
    progress.to(step);
  }

  private String extreme(ExtremeEigenvalue found) {
    if (found.residual().isEmpty()) {
      // A Rayleigh quotient of a stored vector: nothing says how far away the eigenvalue is.
      return String.format(Locale.ROOT, "%.4g (stored)", found.value());
    }
    double residual = found.residual().getAsDouble();
    boolean converged = residual <= CONVERGED * Math.abs(found.value());
    unconverged |= !converged;
    String mark = converged ? "" : "~";
    return String.format(Locale.ROOT, "%s%.4g (%.0e)", mark, found.value(), residual);
  }

  void event(Event event) {
    line(
        "%6d %s %s (%.3f): %s",
        event.step(),
        event.kind(),
        event.signal().column(),
        event.confidence(),
        event.explanation());
  }

  void advice(long step, Advice.LearningRate advice) {
    line("%6d learning rate times %.3g: %s", step, advice.factor(), advice.reason());
  }

  void reverted(long step, long to) {
    line("%6d back to the checkpoint of step %d", step, to);
  }

  void resumed(int step) {
    line("Resumed from the checkpoint of step %d", step);
  }

  void missingRows(long count) {
    if (count > 0) {
      line("Going on without %d rows that metrics.csv no longer has", count);
    }
  }

  void usage(PhaseMonitor.Usage usage, double budget) {
    line(
        "Measuring took %.2f %% of the time (budget %.3g %%): %d full snapshots, %d with fewer"
            + " Lanczos steps, %d from stored vectors",
        100 * usage.share(), 100 * budget, usage.full(), usage.fewerSteps(), usage.cheap());
    if (usage.snapshots() == 0) {
      line("So few steps have not covered one snapshot; give more --steps or a larger --budget");
    }
  }

  void certified(int step, Snapshot certified) {
    line("");
    line("Certified at step %d:", step);
    CertifiedReport.lines(certified).forEach(text -> line("  %s", text));
  }

  void notCertified(String reason) {
    line("");
    line("The last parameters could not be certified: %s", reason);
  }

  void summary(Trainer.Validation last, int snapshots, double seconds, Path folder) {
    line("");
    if (unconverged) {
      line(
          "~ not converged: the residual is above 10 %% of the value, so the eigenvalue may lie far"
              + " beyond it");
    }
    line(
        "Validation accuracy %.2f %% after %.1f s with %d snapshots. Wrote %s",
        100 * last.accuracy(), seconds, snapshots, folder.resolve("metrics.csv"));
  }

  void interrupted(Path folder) {
    line("");
    line("Interrupted. %s is complete up to the last step.", folder.resolve("metrics.csv"));
  }

  private synchronized void line(String format, Object... arguments) {
    String text = String.format(Locale.ROOT, format, arguments);
    progress.aside(
        () -> {
          out.println(text);
          out.flush();
        });
  }

  @Override
  public void close() {
    progress.close();
  }
}

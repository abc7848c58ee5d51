package dynaxx.app.scenario;

import dynaxx.app.run.RunFolder;
import dynaxx.app.run.StepRow;
import dynaxx.app.terminal.ProgressLine;
import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Trainer;
import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.monitor.Event;
import dynaxx.monitor.MetricsFormat;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Rules;
import dynaxx.monitor.StepReport;
import dynaxx.network.Batch;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.Collectors;

/** Trains a scenario under the monitor and says what both rule sets make of it. */
public final class ScenarioRun {

  private static final int PROBES = 4;
  private static final int SHOWN = 6;

  private final Scenario scenario;
  private final Setup setup;
  private final long seed;
  private final Series series = new Series();
  private final PrintWriter out;
  private final ProgressLine progress;

  /**
   * A run.
   *
   * @param seed fixes all random choices
   * @param out for the results
   * @param progress shows how far the training is
   */
  public ScenarioRun(Scenario scenario, long seed, PrintWriter out, ProgressLine progress) {
    this.scenario = scenario;
    this.setup = scenario.setup(seed);
    this.seed = seed;
    this.out = out;
    this.progress = progress;
  }

  /** Format of metrics.csv. */
  public MetricsFormat format() {
    return StepRow.format(CurvatureProbe.layers(setup.network()));
  }

  /** Trains, writes metrics.csv, and prints. */
  public void run(Device device, RunFolder folder) {
    long start = System.nanoTime();
    line(
        "%s: %s, %,d examples, batches of %d",
        scenario, setup.network(), setup.training().count(), setup.batch());
    train(device, folder);
    double seconds = (System.nanoTime() - start) / 1e9;
    Truth truth = Truth.of(scenario, series);
    line("%d steps, a snapshot every %d, %.0f s", setup.steps(), setup.every(), seconds);
    line("Known: %s", truth.words());
    if (truth.visible() >= 0) {
      line("Visible at step %d", truth.visible());
    }
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("seconds", seconds);
    results.put("known", truth.words());
    results.put("visible", truth.visible());
    results.put("calibrated", tell("calibrated", series.replay(calibrated()), truth));
    results.put("article", tell("article", series.replay(Rules.article()), truth));
    folder.finish("completed", results);
    line("Wrote %s", folder.path().resolve("metrics.csv"));
  }

  private Rules calibrated() {
    return Rules.calibration().stability(setup.limit()).build();
  }

  private void train(Device device, RunFolder folder) {
    try (Scope scope = Scope.open();
        Trainer trainer =
            new Trainer(
                setup.network(),
                setup.loss(),
                setup.training(),
                setup.batch(),
                setup.optimizer(),
                device,
                seed)) {
      Batch measured =
          ExampleBatch.subset(
              scope, setup.network(), setup.loss(), setup.training(), setup.subset(), seed);
      try (CurvatureProbe probe =
              new CurvatureProbe(setup.network(), setup.loss(), measured, device);
          PhaseMonitor monitor =
              PhaseMonitor.of(probe, trainer.parameters())
                  .every(setup.every())
                  .settings(
                      ProbeSettings.article()
                          .withLanczos(Lanczos.fixed(setup.lanczos()))
                          .withProbes(PROBES)
                          .withSeed(seed))
                  .rules(calibrated())
                  .sink(series::add)
                  .build()) {
        progress.stage("training", "step", setup.steps());
        for (int step = 0; step < setup.steps(); step++) {
          step(trainer, monitor, folder, step);
          progress.to(step + 1);
        }
        progress.end();
      }
    }
  }

  private void step(Trainer trainer, PhaseMonitor monitor, RunFolder folder, int step) {
    boolean restart = step == setup.restart();
    if (restart) {
      trainer.optimizer().reset();
      monitor.restarted(step);
    }
    Trainer.Validation validation =
        step % setup.every() == 0 ? trainer.validate(setup.validation()) : null;
    long begin = System.nanoTime();
    Trainer.Step trained = trainer.evaluate();
    double rate = setup.rates().applyAsDouble(step);
    StepReport report =
        StepReport.at(step)
            .loss(trained.loss())
            .gradientNorm(trained.gradientNorm())
            .learningRate(rate)
            .batchSize(setup.batch())
            .update(() -> trainer.coming(rate));
    PhaseMonitor.Outcome outcome =
        monitor.afterStep(
            validation == null
                ? report
                : report.validation(validation.loss(), validation.accuracy()));
    trainer.update(rate);
    List<Event> events = new ArrayList<>(outcome.events());
    if (step == setup.steps() - 1) {
      events.addAll(monitor.finish());
    }
    String kinds =
        (restart ? "RESTART " : "")
            + events.stream().map(e -> e.kind().name()).collect(Collectors.joining(" "));
    folder.append(
        new StepRow(
            step,
            (double) step * setup.batch() / setup.training().count(),
            trained,
            validation,
            rate,
            setup.batch(),
            outcome.snapshot().orElse(null),
            (System.nanoTime() - begin) / 1e9,
            kinds.strip()));
  }

  /** Prints what a rule set reported, and returns it for run.json. */
  private Map<String, Object> tell(String name, List<Event> all, Truth truth) {
    List<Event> events = all.stream().filter(e -> e.kind() != Event.Kind.RESTART).toList();
    List<Event> explained = events.stream().filter(truth::explains).toList();
    Map<Event.Kind, Long> counts = new EnumMap<>(Event.Kind.class);
    events.forEach(e -> counts.merge(e.kind(), 1L, Long::sum));
    line("");
    line(
        "%s rules: %s",
        name,
        counts.isEmpty()
            ? "nothing"
            : counts.entrySet().stream()
                .map(c -> c.getValue() + " " + c.getKey())
                .collect(Collectors.joining(", ")));
    events.stream()
        .limit(SHOWN)
        .forEach(e -> line("  %6d %s %s", e.step(), e.kind(), e.explanation()));
    if (events.size() > SHOWN) {
      line("  and %d more", events.size() - SHOWN);
    }
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("counts", counts);
    results.put("false_events", events.size() - explained.size());
    line("  not explained by what is known: %d", events.size() - explained.size());
    if (!explained.isEmpty() && truth.visible() >= 0) {
      long lead = truth.visible() - explained.getFirst().step();
      results.put("lead_steps", lead);
      line(
          "  first explained event at step %d: %d steps %s it was visible",
          explained.getFirst().step(), Math.abs(lead), lead >= 0 ? "before" : "after");
    }
    return results;
  }

  private void line(String format, Object... arguments) {
    out.println(String.format(Locale.ROOT, format, arguments));
    out.flush();
  }

  /** Settings for run.json. */
  public Map<String, Object> describe() {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("scenario", scenario.toString());
    values.put("steps", setup.steps());
    values.put("every", setup.every());
    values.put("batch_size", setup.batch());
    values.put("optimizer", setup.optimizer().name());
    values.put("momentum", setup.optimizer().momentum());
    values.put("subset", setup.subset());
    values.put("lanczos", setup.lanczos());
    values.put("seed", seed);
    return values;
  }
}

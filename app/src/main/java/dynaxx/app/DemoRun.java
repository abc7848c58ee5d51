package dynaxx.app;

import dynaxx.app.run.RunFolder;
import dynaxx.app.run.StepRow;
import dynaxx.app.train.Trainer;
import dynaxx.app.train.WarmupCosine;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import java.util.LinkedHashMap;
import java.util.Map;

/** One run: trains, measures when the plan says so, and records every step. */
record DemoRun(
    Plan plan,
    Preset.Training training,
    Trainer trainer,
    Arch.Data data,
    CurvatureProbe probe,
    RunFolder folder,
    DemoReport report) {

  /** Steps, what lies between snapshots and validations, and the size of a measurement. */
  record Plan(
      int steps,
      int every,
      int validateEvery,
      int lanczos,
      int probes,
      int subset,
      boolean certify,
      long seed) {

    ProbeSettings settings() {
      return ProbeSettings.article()
          .withLanczos(Lanczos.fixed(lanczos))
          .withProbes(probes)
          .withSeed(seed);
    }
  }

  void run() {
    Thread hook = new Thread(this::interrupted, "dynaxx-interrupt");
    Runtime.getRuntime().addShutdownHook(hook);
    try {
      train();
    } catch (RuntimeException | Error e) {
      folder.finish("failed", Map.of("reason", String.valueOf(e.getMessage())));
      throw e;
    } finally {
      remove(hook);
    }
  }

  private void train() {
    long start = System.nanoTime();
    int snapshots = 0;
    Trainer.Validation last = null;
    for (int step = 0; step <= plan.steps(); step++) {
      StepRow row = step(step);
      folder.append(row);
      report.step(row);
      last = row.validation() == null ? last : row.validation();
      snapshots += row.snapshot() == null ? 0 : 1;
    }
    Snapshot certified = plan.certify() ? certify() : null;
    double seconds = (System.nanoTime() - start) / 1e9;
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("seconds", seconds);
    results.put("snapshots", snapshots);
    results.put("validation_loss", last.loss());
    results.put("validation_accuracy", last.accuracy());
    if (certified != null) {
      results.put("certified", CertifiedReport.json(certified));
    }
    folder.finish("completed", results);
    report.summary(last, snapshots, seconds, folder.path());
  }

  /** The training is done and recorded: what goes wrong here is said and costs nothing else. */
  private Snapshot certify() {
    ProbeSettings settings = ProbeSettings.certified().withSeed(plan.seed());
    try {
      Snapshot certified = probe.measure(trainer.parameters(), settings);
      report.certified(plan.steps(), certified);
      return certified;
    } catch (NonFiniteException | IllegalArgumentException | OutOfMemoryError e) {
      report.notCertified(e.getMessage());
      return null;
    }
  }

  private StepRow step(int step) {
    boolean end = step == plan.steps();
    boolean measure = end || step % plan.every() == 0;
    boolean validate = measure || step % plan.validateEvery() == 0;
    Snapshot snapshot = measure ? probe.measure(trainer.parameters(), plan.settings()) : null;
    Trainer.Validation validation = validate ? trainer.validate(data.validation()) : null;
    WarmupCosine schedule = training.schedule(plan.steps());
    long begin = System.nanoTime();
    Trainer.Step trained = trainer.evaluate();
    if (!end) {
      trainer.update(schedule.at(step));
    }
    double seconds = (System.nanoTime() - begin) / 1e9;
    return new StepRow(
        step,
        (double) step * training.batch() / data.train().count(),
        trained,
        validation,
        end ? null : schedule.at(step),
        training.batch(),
        snapshot,
        seconds);
  }

  private void interrupted() {
    if (folder.finish("interrupted", Map.of())) {
      report.interrupted(folder.path());
    }
  }

  private static void remove(Thread hook) {
    try {
      Runtime.getRuntime().removeShutdownHook(hook);
    } catch (IllegalStateException e) {
      // The JVM is shutting down already, and the hook has run or will.
    }
  }
}

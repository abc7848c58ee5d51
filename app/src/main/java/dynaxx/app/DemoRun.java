package dynaxx.app;

import dynaxx.app.io.UserException;
import dynaxx.app.run.Checkpoints;
import dynaxx.app.run.RunFolder;
import dynaxx.app.run.RunReader;
import dynaxx.app.run.StepRow;
import dynaxx.app.train.Checkpoint;
import dynaxx.app.train.LearningRates;
import dynaxx.app.train.Trainer;
import dynaxx.memory.HostBuffer;
import dynaxx.monitor.Advice;
import dynaxx.monitor.Event;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.MonitorSink;
import dynaxx.monitor.Observation;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Policy;
import dynaxx.monitor.Rules;
import dynaxx.monitor.StepReport;
import dynaxx.monitor.TrainingControl;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** One run: trains, lets the monitor look on or act, and records every step. */
final class DemoRun implements TrainingControl, AutoCloseable {

  private final Parts parts;
  private final Settings plan;
  private final Trainer trainer;
  private final DemoReport report;
  private final LearningRates rates;
  private final Path journalFile;
  private final MonitorSink journal;
  private final PhaseMonitor monitor;
  private final List<String> pending = new ArrayList<>();
  private final long began = System.nanoTime();
  private double rateFactor = 1;
  private double earlierSeconds;
  private int snapshots;
  private Trainer.Validation last;

  /**
   * Steps, what lies between snapshots and validations, and the size of a measurement; a sparing
   * one measures of an update what costs no more than a form.
   */
  record Settings(
      int steps,
      int every,
      int validateEvery,
      int lanczos,
      int probes,
      int subset,
      boolean sparing,
      boolean certify,
      long seed) {

    ProbeSettings settings() {
      ProbeSettings all =
          ProbeSettings.article()
              .withLanczos(Lanczos.fixed(lanczos))
              .withProbes(probes)
              .withSeed(seed);
      return sparing ? all.withUpdateSignals(Signal.DIRECTIONAL_CURVATURE_RATIO) : all;
    }
  }

  /** What a run works with; closed by others. */
  record Parts(
      Settings plan,
      Preset.Training training,
      TrainingOptions options,
      Policy policy,
      Trainer trainer,
      Arch.Data data,
      CurvatureProbe probe,
      RunFolder folder,
      Checkpoints checkpoints,
      List<MonitorSink> sinks) {}

  private DemoRun(Parts parts, DemoReport report, MonitorSink journal, Path journalFile) {
    this.parts = parts;
    this.plan = parts.plan();
    this.trainer = parts.trainer();
    this.report = report;
    this.rates = parts.options().rates(parts.training(), plan.steps());
    this.journal = journal;
    this.journalFile = journalFile;
    Rules rules =
        Rules.calibration().stability(parts.options().stability(parts.training())).build();
    PhaseMonitor.Builder builder =
        PhaseMonitor.of(parts.probe(), trainer.parameters())
            .settings(plan.settings())
            .rules(rules)
            .policy(parts.policy())
            .steps(plan.steps())
            .control(this)
            .sink(journal);
    parts.sinks().forEach(builder::sink);
    Double budget = parts.options().budget();
    this.monitor = (budget == null ? builder.every(plan.every()) : builder.budget(budget)).build();
  }

  /** A run from the beginning, or from a checkpoint that the trainer has loaded. */
  static DemoRun start(Parts parts, DemoReport report, Checkpoint.Run from) throws IOException {
    Path file = parts.folder().path().resolve("monitor.jsonl");
    var records = from == null ? null : RunReader.journalUpTo(file, from.journalBytes());
    if (from != null) {
      report.missingRows(parts.folder().keepRows(steps(records)));
    }
    DemoRun run = new DemoRun(parts, report, MonitorSink.jsonLines(file), file);
    if (from != null) {
      records.forEach(run::recall);
      parts.sinks().forEach(sink -> records.forEach(sink::accept));
      run.rateFactor = from.rateFactor();
      run.earlierSeconds = from.seconds();
      parts.checkpoints().sweep();
      report.resumed(parts.trainer().steps());
    } else if (parts.options().checkpointEvery() > 0) {
      run.keep();
    }
    return run;
  }

  /** Every step has a record and a row. */
  private static long[] steps(List<MonitorRecord> records) {
    return records.stream()
        .filter(MonitorRecord.Step.class::isInstance)
        .mapToLong(MonitorRecord::step)
        .toArray();
  }

  private void recall(MonitorRecord record) {
    monitor.recall(record);
    switch (record) {
      case MonitorRecord.Step step -> {
        pending.clear();
        snapshots += step.effort().isPresent() ? 1 : 0;
      }
      case MonitorRecord.Notice notice -> {
        if (notice.kind() == MonitorRecord.Notice.Kind.RESTART) {
          pending.add(Event.Kind.RESTART.name());
        }
      }
      case MonitorRecord.Validation validation -> {}
    }
  }

  void run() {
    parts.folder().whenInterrupted(() -> report.interrupted(parts.folder().path()));
    boolean done = false;
    while (!done) {
      done = step(trainer.steps());
    }
    Snapshot certified = plan.certify() ? certify() : null;
    double seconds = seconds();
    Map<String, Object> results = new LinkedHashMap<>();
    results.put("seconds", seconds);
    results.put("snapshots", snapshots);
    results.put("validation_loss", last.loss());
    results.put("validation_accuracy", last.accuracy());
    results.put("parameters_sha256", hash(trainer.parameters()));
    results.put("monitor", describe(monitor.usage()));
    if (certified != null) {
      results.put("certified", CertifiedReport.json(certified));
    }
    parts.folder().finish("completed", results);
    Double budget = parts.options().budget();
    report.summary(last, snapshots, seconds, parts.folder().path());
    if (budget != null) {
      report.usage(monitor.usage(), budget);
    }
  }

  /** What the run took, with the parts before it was interrupted. */
  private double seconds() {
    return earlierSeconds + (System.nanoTime() - began) / 1e9;
  }

  private Map<String, Object> describe(PhaseMonitor.Usage usage) {
    Map<String, Object> values = new LinkedHashMap<>();
    if (earlierSeconds > 0) {
      values.put("times_are", "of the part after the last resumption");
    }
    values.put("share", usage.share());
    values.put("training_seconds", usage.hostSeconds());
    values.put("monitor_seconds", usage.ownSeconds());
    values.put("full_snapshots", usage.full());
    values.put("snapshots_with_fewer_steps", usage.fewerSteps());
    values.put("cheap_snapshots", usage.cheap());
    return values;
  }

  private static String hash(HostBuffer parameters) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      digest.update(parameters.segment().asByteBuffer());
      return HexFormat.of().formatHex(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }

  /** The training is done and recorded: what goes wrong here is said and costs nothing else. */
  private Snapshot certify() {
    ProbeSettings settings = report.certifying(ProbeSettings.certified().withSeed(plan.seed()));
    try {
      Snapshot certified = parts.probe().measure(trainer.parameters(), settings);
      report.certified(plan.steps(), certified);
      return certified;
    } catch (NonFiniteException | IllegalArgumentException | OutOfMemoryError e) {
      report.notCertified(e.getMessage());
      return null;
    }
  }

  /** One step; true if it was the last. */
  private boolean step(int step) {
    boolean end = step == plan.steps();
    epochs(step);
    boolean fixed = parts.options().budget() == null;
    if (end && fixed) {
      monitor.measureNext();
    }
    boolean validate = end || step % plan.validateEvery() == 0 || fixed && step % plan.every() == 0;
    Trainer.Validation validation = validate ? validateNow() : null;
    long begin = System.nanoTime();
    Trainer.Step trained = trainer.evaluate();
    double seconds = (System.nanoTime() - begin) / 1e9;
    PhaseMonitor.Outcome outcome = monitor.afterStep(report(step, end, trained, validation));
    boolean reverted = outcome.advises(Advice.Revert.class);
    notice(outcome.events());
    describe(step, outcome.advice());
    boolean done = end && !reverted;
    if (done) {
      notice(monitor.finish());
    }
    begin = System.nanoTime();
    Double rate = end || reverted ? null : rates.at(step) * rateFactor;
    if (rate != null) {
      trainer.update(rate);
    }
    seconds += (System.nanoTime() - begin) / 1e9;
    record(step, trained, validation, rate, seconds, outcome);
    if (!done) {
      checkpoint(step, outcome);
    }
    return done;
  }

  private StepReport report(
      int step, boolean end, Trainer.Step trained, Trainer.Validation validation) {
    StepReport told =
        StepReport.at(step)
            .loss(trained.loss())
            .gradientNorm(trained.gradientNorm())
            .batchSize(parts.training().batch())
            .momentum(trainer.optimizer().momentum())
            .update(() -> trainer.coming(rates.at(step) * rateFactor));
    if (!end) {
      told = told.learningRate(rates.at(step) * rateFactor);
    }
    return validation == null ? told : told.validation(validation.loss(), validation.accuracy());
  }

  private void epochs(int step) {
    int examples = parts.data().train().count();
    long batch = parts.training().batch();
    if (step > 0 && step * batch / examples > (step - 1) * batch / examples) {
      monitor.epochEnded(step);
    }
  }

  private void notice(List<Event> events) {
    events.forEach(event -> pending.add(event.kind().name()));
    events.forEach(report::event);
  }

  private void describe(int step, List<Advice> advice) {
    for (Advice part : advice) {
      if (part instanceof Advice.LearningRate rate) {
        report.advice(step, rate);
      }
    }
  }

  private void record(
      int step,
      Trainer.Step trained,
      Trainer.Validation validation,
      Double rate,
      double seconds,
      PhaseMonitor.Outcome outcome) {
    Snapshot snapshot = outcome.snapshot().orElse(null);
    String kinds = String.join(" ", pending);
    pending.clear();
    if (outcome.advises(Advice.Revert.class)) {
      // The restart belongs to the next row.
      pending.add(Event.Kind.RESTART.name());
    }
    StepRow row =
        new StepRow(
            step,
            (double) step * parts.training().batch() / parts.data().train().count(),
            trained,
            validation,
            rate,
            parts.training().batch(),
            snapshot,
            seconds,
            kinds);
    parts.folder().append(row);
    report.step(row);
    snapshots += snapshot == null ? 0 : 1;
  }

  /** After the update, so that what is kept is where the next step begins. */
  private void checkpoint(int step, PhaseMonitor.Outcome outcome) {
    boolean advised = outcome.advises(Advice.Checkpoint.class);
    boolean reverted = outcome.advises(Advice.Revert.class);
    int every = parts.options().checkpointEvery();
    boolean due = every > 0 && (step + 1) % every == 0;
    if (due && !advised && !reverted) {
      monitor.checkpointed(step);
    }
    // After a revert, what a resumed run finds has to know of it.
    if (due || advised || reverted) {
      keep();
    }
  }

  private void keep() {
    try {
      journal.flush();
      if (parts.folder().force()) {
        parts
            .checkpoints()
            .write(trainer, new Checkpoint.Run(rateFactor, Files.size(journalFile), seconds()));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(parts.folder().path() + ": " + e.getMessage(), e);
    }
  }

  private Trainer.Validation validateNow() {
    last = trainer.validate(parts.data().validation());
    return last;
  }

  @Override
  public void learningRate(double value, double factor) {
    rateFactor *= factor;
  }

  @Override
  public void momentum(double value) {
    trainer.optimizer().setMomentum(value);
  }

  /** What is kept is where the next step begins, so it is kept after the update. */
  @Override
  public void checkpoint(long step) {}

  @Override
  public Observation validate(long step) {
    Trainer.Validation found = validateNow();
    return Observation.at(step)
        .with(Signal.VALIDATION_LOSS, found.loss())
        .with(Signal.VALIDATION_ACCURACY, found.accuracy());
  }

  /** The learning rate stays as advised: going back to the old one would repeat the harm. */
  @Override
  public long revert(long step) {
    Checkpoint.Run found = parts.checkpoints().load(trainer, step + 1);
    if (found == null) {
      throw new UserException(
          "--policy: found no checkpoint up to step " + step + " to go back to");
    }
    try {
      parts.checkpoints().forgetAfter(trainer.steps());
    } catch (IOException e) {
      throw new UncheckedIOException(parts.folder().path() + ": " + e.getMessage(), e);
    }
    report.reverted(step, trainer.steps());
    return trainer.steps();
  }

  @Override
  public void close() {
    monitor.close();
  }
}

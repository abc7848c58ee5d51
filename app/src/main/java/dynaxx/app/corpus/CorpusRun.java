package dynaxx.app.corpus;

import dynaxx.app.train.ExampleBatch;
import dynaxx.app.train.Examples;
import dynaxx.app.train.Trainer;
import dynaxx.app.train.TrainerSource;
import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.layer.RunningStatistics;
import dynaxx.memory.Scope;
import dynaxx.monitor.MonitorRecord;
import dynaxx.monitor.Observation;
import dynaxx.monitor.PhaseMonitor;
import dynaxx.monitor.Rules;
import dynaxx.monitor.StepReport;
import dynaxx.network.Batch;
import dynaxx.network.Network;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.Lanczos;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Makes one run, on one thread, so that its bits do not depend on what runs beside it. */
final class CorpusRun {

  private static final int SUBSET = 128;
  private static final int LANCZOS_STEPS = 16;
  private static final int PROBES = 4;
  private static final int VALIDATE_EVERY = 20;

  private final Specification run;
  private final Family.Task task;
  private final DisturbedExamples examples;
  private final List<Observation> observations = new ArrayList<>();

  /**
   * What is known of a run when it is over.
   *
   * @param specification what it was to be
   * @param sharpness at the beginning; the preconditioned one for Adam
   * @param stableRate learning rate whose limit that is
   * @param steps that it had; fewer than planned if the loss was not finite
   * @param outcome what happened
   */
  record Facts(
      Specification specification,
      double sharpness,
      double stableRate,
      int steps,
      Outcome outcome) {}

  /** A finished run. */
  record Result(Facts facts, List<Observation> observations, Map<Signal, Integer> layers) {}

  private CorpusRun(Specification run) {
    this.run = run;
    this.task = run.family().task(run);
    this.examples = new DisturbedExamples(task, run);
  }

  static Result make(Specification run) {
    return new CorpusRun(run).make();
  }

  private Result make() {
    try (Device device = Devices.cpu(1);
        Scope scope = Scope.open()) {
      int count = task.training().count();
      int size = run.examples() == run.batch() ? count : Math.min(SUBSET, count);
      Batch subset =
          ExampleBatch.subset(
              scope, task.network(), task.loss(), task.training(), size, run.seed());
      StableRate stable = StableRate.measure(run, task, subset, device);
      train(device, subset, run.ratio() * stable.rate());
      double[] losses =
          observations.stream().mapToDouble(o -> o.readings().get(Signal.LOSS).value()).toArray();
      Outcome outcome = Outcome.of(losses, run.fault().injected() ? run.faultAt() : 0);
      Facts facts = new Facts(run, stable.sharpness(), stable.rate(), observations.size(), outcome);
      return new Result(facts, observations, CurvatureProbe.layers(task.network()));
    }
  }

  static Trainer trainer(Specification run, Family.Task task, Examples data, Device device) {
    int batch = Math.min(run.batch(), data.count());
    return new Trainer(
        task.network(), task.loss(), data, batch, run.optimizer().fresh(), device, run.seed());
  }

  static ProbeSettings settings(Specification run) {
    return ProbeSettings.article()
        .withLanczos(Lanczos.fixed(LANCZOS_STEPS))
        .withProbes(PROBES)
        .withSeed(run.seed());
  }

  private void train(Device device, Batch subset, double meant) {
    try (Trainer trainer = trainer(run, task, examples, device);
        CurvatureProbe probe = new CurvatureProbe(task.network(), task.loss(), subset, device)) {
      TrainerSource source = new TrainerSource(trainer, probe);
      try (PhaseMonitor monitor =
          PhaseMonitor.of(source)
              .every(run.every())
              .settings(settings(run))
              .rules(Rules.calibration().stability(run.optimizer().limit()).build())
              .sink(this::keep)
              .build()) {
        int healthy = run.fault() == Fault.FROZEN_STATISTICS ? run.faultAt() : run.steps();
        if (steps(trainer, monitor, 0, healthy, meant) && healthy < run.steps()) {
          frozen(trainer, monitor, source, device, subset, meant);
        }
        monitor.finish();
      }
    }
  }

  private void frozen(
      Trainer trainer,
      PhaseMonitor monitor,
      TrainerSource source,
      Device device,
      Batch subset,
      double meant) {
    Map<String, RunningStatistics> statistics =
        FrozenStatistics.of(task, trainer.parameters(), device, run.seed());
    Network network = Family.cnn(run.variant()).batchNorm(statistics::get).build();
    trainer.replaceNetwork(network);
    try (CurvatureProbe probe = new CurvatureProbe(network, task.loss(), subset, device)) {
      source.use(probe);
      steps(trainer, monitor, run.faultAt(), run.steps(), meant);
    }
  }

  private void keep(MonitorRecord record) {
    if (record instanceof MonitorRecord.Step step) {
      observations.add(step.observation());
    }
  }

  /** False if the loss was not finite and there is nothing more to train. */
  private boolean steps(Trainer trainer, PhaseMonitor monitor, int from, int to, double meant) {
    for (int step = from; step < to; step++) {
      if (!step(trainer, monitor, step, run.rate(meant, step))) {
        return false;
      }
    }
    return true;
  }

  private boolean step(Trainer trainer, PhaseMonitor monitor, int step, double rate) {
    examples.at(step);
    boolean overflow = run.fault() == Fault.LOSS_SCALE && step == run.faultAt();
    StepReport report =
        StepReport.at(step)
            .learningRate(rate)
            .batchSize(Math.min(run.batch(), task.training().count()))
            .momentum(trainer.optimizer().momentum());
    if (step % VALIDATE_EVERY == 0) {
      Trainer.Validation found = trainer.validate(task.validation());
      report = report.validation(found.loss(), found.accuracy());
    }
    try {
      Trainer.Step trained = trainer.evaluate();
      monitor.afterStep(
          report
              .loss(trained.loss())
              .update(() -> trainer.coming(rate))
              .gradientNorm(overflow ? Double.NaN : trained.gradientNorm()));
    } catch (NonFiniteException e) {
      monitor.afterStep(report.loss(Double.NaN).gradientNorm(Double.NaN));
      return false;
    }
    if (overflow) {
      trainer.skip();
    } else {
      trainer.update(rate);
    }
    return true;
  }
}

package dynaxx.monitor;

import dynaxx.monitor.PhaseMonitor.Effort;
import dynaxx.monitor.PhaseMonitor.Outcome;
import dynaxx.monitor.PhaseMonitor.Usage;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import dynaxx.spectrum.Snapshot;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/** The run that a monitor watches: what is due, what was told, what came of it. */
final class Watch {

  /** Reports that wait for a snapshot beside the training at most; then the host waits, too. */
  private static final int MOST_HELD = 100_000;

  private static final List<Signal> VALIDATION =
      List.of(Signal.VALIDATION_LOSS, Signal.VALIDATION_ACCURACY);

  private final Pacer pacer;
  private final Judge judge;
  private final Measurement measurement;
  private final Optional<Background> background;
  private final Optional<Actor> actor;
  private final Recorder recorder;
  private final LongSupplier nanoTime;
  private final Deque<Told> held = new ArrayDeque<>();
  private Optional<Observation> found = Optional.empty();
  private long leftAt = -1;
  private long lastStep;
  private long lastHeld;
  private boolean finished;

  /** What the host told while a snapshot was being made, in order. */
  private sealed interface Told {
    record Step(StepReport report) implements Told {}

    record Notice(long step, MonitorRecord.Notice.Kind kind) implements Told {}

    record Validation(MonitorRecord.Validation record) implements Told {}
  }

  /** What came of the reports that a call has judged: mostly its own, with none or several. */
  private static final class Harvest {
    final List<Event> events = new ArrayList<>();
    final List<Advice> advice = new ArrayList<>();
    Optional<Snapshot> snapshot = Optional.empty();
    OptionalLong snapshotStep = OptionalLong.empty();

    boolean advises(Class<? extends Advice> kind) {
      return advice.stream().anyMatch(kind::isInstance);
    }
  }

  Watch(
      Pacer pacer,
      Judge judge,
      Measurement measurement,
      Optional<Background> background,
      Optional<TrainingControl> control,
      Recorder recorder,
      LongSupplier nanoTime) {
    this.pacer = pacer;
    this.judge = judge;
    this.measurement = measurement;
    this.background = background;
    this.actor =
        control.map(
            c ->
                new Actor(
                    c,
                    step -> notice(step, MonitorRecord.Notice.Kind.CHECKPOINT),
                    this::validated,
                    step -> notice(step, MonitorRecord.Notice.Kind.RESTART)));
    this.recorder = recorder;
    this.nanoTime = nanoTime;
  }

  Outcome afterStep(StepReport report) {
    long entered = nanoTime.getAsLong();
    spent(report.seconds().orElse(leftAt < 0 ? 0 : (entered - leftAt) / 1e9));
    Harvest harvest = new Harvest();
    take(report, harvest);
    leftAt = nanoTime.getAsLong();
    pacer.ownSpent((leftAt - entered) / 1e9);
    actor.ifPresent(a -> a.act(report.observation(), harvest.advice));
    return new Outcome(
        harvest.events, harvest.advice, harvest.snapshot, harvest.snapshotStep, usage().share());
  }

  private void spent(double hostSeconds) {
    pacer.hostSpent(hostSeconds);
    pacer.stepRan(hostSeconds, measuring());
  }

  /** Whether a snapshot beside the training was begun and not yet taken. */
  private boolean measuring() {
    return background.map(Background::busy).orElse(false);
  }

  private void take(StepReport report, Harvest harvest) {
    if (measuring()) {
      hold(report);
      if (background.get().done() || held.size() >= MOST_HELD) {
        land(harvest);
      }
      return;
    }
    Observation host = report.observation();
    Optional<Pacer.Choice> plan =
        pacer.decide(host.step(), host.value(Signal.BATCH_SIZE).orElse(0));
    if (plan.isPresent() && background.isPresent()) {
      hold(report);
      background
          .get()
          .begin(host, report.comingUpdate(), plan.get(), pacer.affordsFull(), nanoTime);
      pacer.looked(host.step());
      return;
    }
    Observation all = withFound(host);
    Measurement.Result result =
        plan.isEmpty()
            ? Measurement.Result.none(all)
            : measurement.measure(
                all,
                report.comingUpdate(),
                plan.get(),
                pacer::affordsFull,
                (effort, snapshot, seconds) -> {
                  pacer.looked(host.step());
                  pacer.measured(effort, snapshot, seconds);
                });
    judge(report, result, harvest);
  }

  private void hold(StepReport report) {
    if (!held.isEmpty() && report.step() <= lastHeld) {
      throw new IllegalArgumentException(
          "step: found " + report.step() + ", expected a step after " + lastHeld);
    }
    lastHeld = report.step();
    held.addLast(new Told.Step(report));
  }

  /** Takes the snapshot that was made beside the training, and judges all that waited for it. */
  private void land(Harvest harvest) {
    Measurement.Result result = background.get().take(pacer.stolen(), pacer::measured);
    boolean first = true;
    while (!held.isEmpty()) {
      switch (held.removeFirst()) {
        case Told.Step(StepReport report) -> {
          Observation host = first ? result.observation() : report.observation();
          Observation all = withFound(host);
          judge(report, first ? result.at(all) : Measurement.Result.none(all), harvest);
          first = false;
        }
        case Told.Notice(long step, MonitorRecord.Notice.Kind kind) ->
            harvest.events.addAll(noticed(step, kind));
        case Told.Validation(MonitorRecord.Validation record) -> take(record);
      }
    }
  }

  private void judge(StepReport report, Measurement.Result result, Harvest harvest) {
    Judge.Judgement judgement =
        judge(result.observation(), report.momentum(), result.effort(), result.events());
    harvest.events.addAll(judgement.events());
    judgement.advice().stream()
        // Of several reports at once each may ask for the same; it can be done only once.
        .filter(a -> !onlyNow(a) || !harvest.advises(a.getClass()))
        .forEach(harvest.advice::add);
    if (result.snapshot().isPresent()) {
      harvest.snapshot = result.snapshot();
      harvest.snapshotStep = OptionalLong.of(report.step());
    }
    recorder.tell(
        new MonitorRecord.Step(
            result.observation(),
            report.momentum(),
            result.effort(),
            judgement.events(),
            judgement.advice(),
            pacer.usage(0).share()));
  }

  /** Advice that is of the moment at which it is done. */
  private static boolean onlyNow(Advice advice) {
    return advice instanceof Advice.Checkpoint || advice instanceof Advice.Validate;
  }

  /** The same in the life of a run as when it is recalled. */
  private Judge.Judgement judge(
      Observation observation,
      OptionalDouble momentum,
      Optional<Effort> effort,
      List<Event> before) {
    lastStep = observation.step();
    Judge.Judgement judgement = judge.judge(observation, momentum, effort.isPresent(), before);
    // What a cheap snapshot seems to show is looked at in full.
    if (effort.filter(e -> e == Effort.CHEAP).isPresent() && !judgement.events().isEmpty()) {
      pacer.hurry();
    }
    return judgement;
  }

  private Observation withFound(Observation host) {
    Observation all = host;
    for (Signal signal : VALIDATION) {
      Reading reading = found.map(Observation::readings).orElse(Map.of()).get(signal);
      if (reading != null && all.value(signal).isEmpty()) {
        all = all.with(signal, reading);
      }
    }
    found = Optional.empty();
    return all;
  }

  void measureNext() {
    pacer.demandNext();
  }

  List<Event> finish() {
    if (finished) {
      return List.of();
    }
    finished = true;
    return notice(lastStep, MonitorRecord.Notice.Kind.FINISH);
  }

  /** Takes what the host tells; what ends a course waits for a snapshot beside it. */
  List<Event> notice(long step, MonitorRecord.Notice.Kind kind) {
    long entered = nanoTime.getAsLong();
    boolean end = kind == MonitorRecord.Notice.Kind.FINISH;
    Harvest harvest = new Harvest();
    if (measuring() && !end && kind != MonitorRecord.Notice.Kind.RESTART) {
      held.addLast(new Told.Notice(step, kind));
    } else {
      settle(harvest);
      harvest.events.addAll(noticed(end ? lastStep : step, kind));
    }
    took(nanoTime.getAsLong() - entered);
    return List.copyOf(harvest.events);
  }

  private void settle(Harvest harvest) {
    if (measuring()) {
      land(harvest);
    }
  }

  private List<Event> noticed(long step, MonitorRecord.Notice.Kind kind) {
    List<Event> events = apply(step, kind);
    recorder.tell(new MonitorRecord.Notice(step, kind, events));
    return events;
  }

  private List<Event> apply(long step, MonitorRecord.Notice.Kind kind) {
    lastStep = step;
    if (kind == MonitorRecord.Notice.Kind.RESTART) {
      pacer.restarted(step);
      measurement.restarted();
      background.ifPresent(Background::restarted);
      found = Optional.empty();
    }
    return judge.notice(step, kind);
  }

  /** Takes what a validation on advice has found. */
  private void validated(Observation result) {
    MonitorRecord.Validation record = new MonitorRecord.Validation(result);
    if (measuring()) {
      held.addLast(new Told.Validation(record));
    } else {
      take(record);
    }
  }

  private void take(MonitorRecord.Validation record) {
    found = Optional.of(record.found());
    recorder.tell(record);
  }

  /** Counts a time between two reports as the monitor's instead of the host's. */
  private void took(long nanos) {
    pacer.ownSpent(nanos / 1e9);
    leftAt += leftAt < 0 ? 0 : nanos;
  }

  void recall(MonitorRecord record) {
    switch (record) {
      case MonitorRecord.Notice notice -> apply(notice.step(), notice.kind());
      case MonitorRecord.Validation validation -> found = Optional.of(validation.found());
      case MonitorRecord.Step step -> {
        found = Optional.empty();
        pacer.passed(step.step());
        step.effort().ifPresent(effort -> pacer.recalled(step.step(), effort));
        judge(step.observation(), step.momentum(), step.effort(), List.of());
        pacer.forgetStored();
      }
    }
  }

  Usage usage() {
    return pacer.usage(recorder.lost());
  }

  void close() {
    settle(new Harvest());
    background.ifPresent(Background::close);
    recorder.close();
  }
}

package dynaxx.monitor;

import dynaxx.memory.Buffer;
import dynaxx.operator.NonFiniteException;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.function.LongSupplier;

/**
 * Watches a training: decides when to measure, says what happened, and advises. The host reports
 * every step and stays in charge:
 *
 * <pre>{@code
 * PhaseMonitor monitor = PhaseMonitor.of(probe, parameters).budget(0.05).sink(csv).build();
 * ...
 * Advice advice = monitor.afterStep(StepReport.at(step).loss(loss).learningRate(rate));
 * }</pre>
 *
 * <p>Snapshots describe the parameters at the time of the report, so report before the update where
 * loss and gradient norm should be of the same parameters. Nothing of the host is changed except
 * through a {@link TrainingControl}, if there is one. One monitor watches one run, on one thread.
 */
public final class PhaseMonitor implements AutoCloseable {

  private static final System.Logger LOG = System.getLogger(PhaseMonitor.class.getName());
  private static final int CHECKPOINTS = 64;

  private final SnapshotSource source;
  private final Pacer pacer;
  private final Rules rules;
  private final Policy policy;
  private final Optional<TrainingControl> control;
  private final List<MonitorSink> sinks;
  private final LongSupplier nanoTime;
  private final ValidationWatch validation = new ValidationWatch();
  private final Suspicion suspicion = new Suspicion();
  private final TreeSet<Long> checkpoints = new TreeSet<>();
  private OptionalLong safe = OptionalLong.empty();
  private Optional<TrainingControl.Validation> found = Optional.empty();
  private List<Event> events = List.of();
  private Optional<Snapshot> snapshot = Optional.empty();
  private long left = -1;
  private long lastStep;
  private boolean finished;

  private PhaseMonitor(Builder builder) {
    this.source = builder.source;
    Schedule schedule =
        builder.schedule != null
            ? builder.schedule
            : new Schedule.Article(source.parameterCount(), builder.steps);
    this.pacer = new Pacer(schedule, builder.budget, builder.settings, builder.steps);
    this.rules = builder.rules;
    this.policy = builder.policy;
    this.control = Optional.ofNullable(builder.control);
    this.sinks = List.copyOf(builder.sinks);
    this.nanoTime = builder.nanoTime;
  }

  /**
   * Begins with a network whose parameters lie in host memory.
   *
   * @param probe over a fixed subset; not closed by the monitor
   * @param parameters n values, read at each snapshot
   * @return a builder
   */
  public static Builder of(CurvatureProbe probe, Buffer parameters) {
    return of(SnapshotSource.of(probe, parameters));
  }

  /**
   * Begins with any source of snapshots.
   *
   * @param source measures the model as it is at the moment
   * @return a builder
   */
  public static Builder of(SnapshotSource source) {
    return new Builder(source);
  }

  /**
   * Takes a report, measures if a snapshot is due, and says what to do.
   *
   * @param report of a step later than all before
   * @return advice; done already if there is a {@link TrainingControl}
   * @throws IllegalArgumentException if the step is not later than the one before
   */
  public Advice afterStep(StepReport report) {
    long entered = nanoTime.getAsLong();
    pacer.hostSpent(report.seconds().orElse(left < 0 ? 0 : (entered - left) / 1e9));
    Observation host = withFound(report.observation());
    snapshot = Optional.empty();
    Measured measured = measure(host);
    MonitorRecord.Step record =
        judge(measured.observation(), report.momentum(), measured.effort(), measured.events());
    hurryAfter(record);
    tell(record);
    left = nanoTime.getAsLong();
    pacer.ownSpent((left - entered) / 1e9);
    List<Event> noticed = events;
    control.ifPresent(
        c -> record.advice().parts().forEach(part -> act(c, report.observation(), part)));
    events = noticed;
    return record.advice();
  }

  /** What a cheap snapshot seems to show is looked at in full. */
  private void hurryAfter(MonitorRecord.Step record) {
    if (record.effort().filter(e -> e == Effort.CHEAP).isPresent() && !record.events().isEmpty()) {
      pacer.hurry();
    }
  }

  private record Measured(Observation observation, Optional<Effort> effort, List<Event> events) {}

  private Observation withFound(Observation host) {
    Observation all = host;
    if (found.isPresent()) {
      OptionalDouble loss = found.get().loss();
      OptionalDouble accuracy = found.get().accuracy();
      found = Optional.empty();
      if (loss.isPresent() && all.value(Signal.VALIDATION_LOSS).isEmpty()) {
        all = all.with(Signal.VALIDATION_LOSS, loss.getAsDouble());
      }
      if (accuracy.isPresent() && all.value(Signal.VALIDATION_ACCURACY).isEmpty()) {
        all = all.with(Signal.VALIDATION_ACCURACY, accuracy.getAsDouble());
      }
    }
    return all;
  }

  private Measured measure(Observation host) {
    double batch = host.value(Signal.BATCH_SIZE).orElse(0);
    Optional<Pacer.Plan> plan = pacer.decide(host.step(), batch);
    if (plan.isEmpty()) {
      return new Measured(host, Optional.empty(), List.of());
    }
    try {
      Observation observation = measure(host, plan.get());
      Effort effort = plan.get().effort();
      if (effort == Effort.CHEAP && suspicion.about(observation) && pacer.affordsFull()) {
        effort = Effort.FULL;
        observation = measure(host, pacer.full());
      }
      suspicion.remember(observation);
      return new Measured(observation, Optional.of(effort), List.of());
    } catch (NonFiniteException e) {
      // The host's training goes on or fails by itself; that it cannot be measured is an event.
      LOG.log(System.Logger.Level.WARNING, "step {0}: {1}", host.step(), e.getMessage());
      return new Measured(host, Optional.empty(), List.of(notFinite(host.step(), e)));
    }
  }

  private Observation measure(Observation host, Pacer.Plan plan) {
    long begin = nanoTime.getAsLong();
    Snapshot measured = source.measure(plan.settings());
    Observation observation = source.alsoMeasure(host.with(measured));
    double seconds = (nanoTime.getAsLong() - begin) / 1e9;
    pacer.measured(host.step(), plan.effort(), measured, seconds);
    snapshot = Optional.of(measured);
    return observation;
  }

  private static Event notFinite(long step, NonFiniteException e) {
    Event.Evidence evidence =
        new Event.Evidence(
            Double.NaN,
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            OptionalDouble.empty(),
            step);
    return new Event(
        step,
        EventKind.NOT_FINITE,
        Signal.LAMBDA_MAX,
        1,
        evidence,
        "nothing could be measured: " + e.getMessage());
  }

  private MonitorRecord.Step judge(
      Observation observation,
      OptionalDouble momentum,
      Optional<Effort> effort,
      List<Event> before) {
    lastStep = observation.step();
    List<Event> noticed = new ArrayList<>(before);
    noticed.addAll(rules.observe(observation));
    for (Event event : noticed) {
      if (event.kind() == EventKind.TRANSITION) {
        safe = checkpointUpTo(event.evidence().since() - 1);
      }
    }
    validation.add(observation, noticed).ifPresent(noticed::add);
    OptionalLong newest = checkpointUpTo(observation.step());
    List<Advice> parts =
        policy.decide(
            new Situation(observation, momentum, effort.isPresent(), noticed, newest, safe));
    events = List.copyOf(noticed);
    return new MonitorRecord.Step(
        observation, momentum, effort, noticed, Advice.of(parts), pacer.usage().share());
  }

  private OptionalLong checkpointUpTo(long step) {
    Long kept = checkpoints.floor(step);
    return kept == null ? OptionalLong.empty() : OptionalLong.of(kept);
  }

  private void act(TrainingControl c, Observation observation, Advice part) {
    switch (part) {
      case Advice.LearningRate a -> c.learningRate(a.value(), a.factor());
      case Advice.Momentum a -> c.momentum(a.value());
      case Advice.Checkpoint a -> {
        c.checkpoint(observation.step());
        checkpointed(observation.step());
      }
      case Advice.Validate a -> {
        if (!validated(observation)) {
          found = Optional.of(c.validate());
          tell(new MonitorRecord.Validation(observation.step(), found.get()));
        }
      }
      case Advice.Revert a -> restarted(c.revert(a.step()));
      case Advice.Nothing a -> {}
      case Advice.Several a -> a.parts().forEach(each -> act(c, observation, each));
    }
  }

  /** Whether the host has measured these parameters already; twice the same tells nothing. */
  private static boolean validated(Observation observation) {
    return observation.value(Signal.VALIDATION_LOSS).isPresent()
        || observation.value(Signal.VALIDATION_ACCURACY).isPresent();
  }

  private void tell(MonitorRecord record) {
    sinks.forEach(sink -> sink.accept(record));
  }

  /**
   * Asks for a full snapshot at the next report, whether one is due or not and whatever it costs.
   */
  public void look() {
    pacer.demand();
  }

  /**
   * Is told that training was started again: the optimizer's state was lost, or an earlier
   * checkpoint was loaded.
   *
   * @param step of the first report after it
   * @return the restart, as an event
   */
  public List<Event> restarted(long step) {
    return notice(step, MonitorRecord.Notice.Kind.RESTART);
  }

  /**
   * Is told that the learning rate was changed on purpose. Not needed where reports name it: a jump
   * is seen.
   *
   * @param step of the first update at the new rate
   */
  public void learningRateChanged(long step) {
    notice(step, MonitorRecord.Notice.Kind.LEARNING_RATE);
  }

  /**
   * Is told that a pass over the data has ended.
   *
   * @param step number of updates made so far
   */
  public void epochEnded(long step) {
    notice(step, MonitorRecord.Notice.Kind.EPOCH_END);
  }

  /**
   * Is told that the host keeps a checkpoint that advice may go back to.
   *
   * @param step of the report that it belongs to
   */
  public void checkpointed(long step) {
    notice(step, MonitorRecord.Notice.Kind.CHECKPOINT);
  }

  /**
   * Is told that the run is over; only the first call counts.
   *
   * @return what was noticed, but held back in case more was to come
   */
  public List<Event> finish() {
    if (finished) {
      return List.of();
    }
    finished = true;
    return notice(lastStep, MonitorRecord.Notice.Kind.FINISH);
  }

  private List<Event> notice(long step, MonitorRecord.Notice.Kind kind) {
    long entered = nanoTime.getAsLong();
    events = apply(step, kind);
    tell(new MonitorRecord.Notice(step, kind, events));
    took(nanoTime.getAsLong() - entered);
    return events;
  }

  /** Counts a time between two reports as the monitor's instead of the host's. */
  private void took(long nanos) {
    pacer.ownSpent(nanos / 1e9);
    left += left < 0 ? 0 : nanos;
  }

  private List<Event> apply(long step, MonitorRecord.Notice.Kind kind) {
    lastStep = step;
    switch (kind) {
      case RESTART -> {
        pacer.restarted(step);
        policy.restarted(step);
        validation.restarted();
        suspicion.forget();
        found = Optional.empty();
        checkpoints.tailSet(step).clear();
        safe = OptionalLong.empty();
        return rules.restarted(step);
      }
      case LEARNING_RATE -> rules.learningRateChanged(step);
      case EPOCH_END -> rules.epochEnded(step);
      case CHECKPOINT -> {
        checkpoints.add(step);
        if (checkpoints.size() > CHECKPOINTS) {
          checkpoints.pollFirst();
        }
      }
      case FINISH -> {
        return rules.finish();
      }
    }
    return List.of();
  }

  /**
   * Takes a record of an earlier part of this run as if it happened again, without measuring,
   * acting or writing: after all records up to a checkpoint the monitor knows what it knew there,
   * but for the times of a budget and for vectors stored by the probe.
   *
   * @param record from a sink, in order
   */
  public void recall(MonitorRecord record) {
    switch (record) {
      case MonitorRecord.Notice notice -> apply(notice.step(), notice.kind());
      case MonitorRecord.Validation validation -> found = Optional.of(validation.found());
      case MonitorRecord.Step step -> {
        found = Optional.empty();
        pacer.passed(step.step());
        step.effort().ifPresent(effort -> pacer.recalled(step.step(), effort));
        hurryAfter(judge(step.observation(), step.momentum(), step.effort(), List.of()));
        pacer.forgetStored();
      }
    }
    events = List.of();
  }

  /**
   * What was noticed at the last call.
   *
   * @return events, mostly none
   */
  public List<Event> events() {
    return events;
  }

  /**
   * What was measured at the last step.
   *
   * @return the snapshot, or nothing if none was due
   */
  public Optional<Snapshot> snapshot() {
    return snapshot;
  }

  /**
   * What the monitor has taken so far.
   *
   * @return times and snapshots
   */
  public Usage usage() {
    return pacer.usage();
  }

  /** Closes the sinks; closing twice is harmless. */
  @Override
  public void close() {
    sinks.forEach(MonitorSink::close);
  }

  /** Options of a monitor; each has a default. */
  public static final class Builder {

    private final SnapshotSource source;
    private final List<MonitorSink> sinks = new ArrayList<>();
    private Schedule schedule;
    private long steps;
    private OptionalDouble budget = OptionalDouble.empty();
    private ProbeSettings settings = ProbeSettings.article();
    private Rules rules = Rules.calibrated();
    private Policy policy = Policies.observe();
    private TrainingControl control;
    private LongSupplier nanoTime = System::nanoTime;

    private Builder(SnapshotSource source) {
      this.source = Objects.requireNonNull(source, "source");
    }

    /**
     * When to look; by default {@link Schedule.Article}.
     *
     * @param when the schedule
     * @return this
     */
    public Builder schedule(Schedule when) {
      this.schedule = Objects.requireNonNull(when, "schedule");
      return this;
    }

    /**
     * Length of the training, whose first fifth is watched twice as often; by default not known.
     *
     * @param planned steps, at least 1
     * @return this
     */
    public Builder steps(long planned) {
      if (planned < 1) {
        throw new IllegalArgumentException("steps: found " + planned + ", expected at least 1");
      }
      this.steps = planned;
      return this;
    }

    /**
     * Largest share of the wall time; by default there is no limit. With one, when snapshots are
     * made depends on the times measured, and so differs from run to run.
     *
     * @param share above 0 and below 1
     * @return this
     */
    public Builder budget(double share) {
      if (!(share > 0 && share < 1)) {
        throw new IllegalArgumentException(
            "budget: found " + share + ", expected above 0 and below 1");
      }
      this.budget = OptionalDouble.of(share);
      return this;
    }

    /**
     * What a full snapshot measures; by default {@link ProbeSettings#article}.
     *
     * @param full the settings
     * @return this
     */
    public Builder settings(ProbeSettings full) {
      this.settings = Objects.requireNonNull(full, "settings");
      return this;
    }

    /**
     * What says what happened; by default {@link Rules#calibrated}.
     *
     * @param fresh rules that have seen nothing yet
     * @return this
     */
    public Builder rules(Rules fresh) {
      this.rules = Objects.requireNonNull(fresh, "rules");
      return this;
    }

    /**
     * What decides what to do; by default {@link Policies#observe}.
     *
     * @param fresh a policy that has seen nothing yet
     * @return this
     */
    public Builder policy(Policy fresh) {
      this.policy = Objects.requireNonNull(fresh, "policy");
      return this;
    }

    /**
     * Lets the monitor act by itself; by default it only advises.
     *
     * @param actor what it acts through
     * @return this
     */
    public Builder control(TrainingControl actor) {
      this.control = Objects.requireNonNull(actor, "control");
      return this;
    }

    /**
     * Adds a sink, which the monitor closes.
     *
     * @param sink takes down what happens
     * @return this
     */
    public Builder sink(MonitorSink sink) {
      sinks.add(Objects.requireNonNull(sink, "sink"));
      return this;
    }

    Builder nanoTime(LongSupplier clock) {
      this.nanoTime = clock;
      return this;
    }

    /**
     * Builds it.
     *
     * @return a monitor that has seen nothing yet
     */
    public PhaseMonitor build() {
      return new PhaseMonitor(this);
    }
  }
}

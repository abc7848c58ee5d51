package dynaxx.monitor;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.operator.GradientDifference;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.CurvatureProbe;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Snapshot;
import dynaxx.spectrum.SpectrumProbe;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.BiConsumer;
import java.util.function.LongSupplier;
import java.util.function.Supplier;

/**
 * Watches a training: decides when to measure, reports what happened, and gives advice. The host,
 * which is your training program, reports every step:
 *
 * <pre>{@code
 * PhaseMonitor monitor = PhaseMonitor.of(probe, parameters).budget(0.05).sink(csv).build();
 * ...
 * for (Advice advice : monitor.afterStep(StepReport.at(step).loss(loss)).advice()) {
 *   ...
 * }
 * }</pre>
 *
 * <p>A snapshot measures the parameters at the time of the report. Report a step before its update,
 * so that loss and gradient norm belong to the same parameters. The monitor changes nothing of the
 * host, except through a {@link TrainingControl} if there is one.
 *
 * <p>One monitor watches one run. Different threads may call it, but only one at a time: a call
 * while another one is running gets an {@link IllegalStateException}.
 */
public final class PhaseMonitor implements AutoCloseable {

  private final Watch watch;
  private final AtomicReference<Thread> caller = new AtomicReference<>();
  private final Runnable owned;
  private volatile Usage usage;

  private PhaseMonitor(Builder builder) {
    SnapshotSource source = builder.source;
    Schedule schedule =
        builder.schedule != null
            ? builder.schedule
            : new Schedule.Article(source.parameterCount(), builder.steps);
    Optional<Background> background =
        builder.threads == 0
            ? Optional.empty()
            : Optional.of(new Background(source.detach(builder.threads), builder.settings));
    this.watch =
        new Watch(
            new Pacer(schedule, builder.budget, builder.settings, builder.steps, source.examples()),
            new Judge(builder.rules, builder.policy),
            new Measurement(source, builder.settings, builder.nanoTime),
            background,
            Optional.ofNullable(builder.control),
            new Recorder(
                List.copyOf(builder.sinks), System.getLogger(PhaseMonitor.class.getName())),
            builder.nanoTime);
    this.owned = builder.owned;
    this.usage = watch.usage();
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
   * Begins with a host that computes Hessian-vector products on Java arrays. For native memory see
   * {@link SymmetricOperator#ofSegments} and {@link SnapshotSource}.
   *
   * @param parameters how many the model has, n
   * @param device where the estimators work
   * @param product reads v from its first argument and writes Hv into its second, at the model's
   *     parameters of the moment; n values each
   * @return a builder
   * @throws IllegalArgumentException if n is below 1 or does not fit an array
   */
  public static Builder ofProducts(
      int parameters, Device device, BiConsumer<float[], float[]> product) {
    SymmetricOperator hessian = SymmetricOperator.ofArrays(parameters, device, product);
    return ofOperators(parameters, () -> hessian);
  }

  /**
   * Begins with a host that computes gradients only, on Java arrays. Products are central
   * differences ({@link GradientDifference}): good for the largest eigenvalue and the trace, not
   * for the sign of a small one.
   *
   * @param parameters the model's own, n values, read at each snapshot and never written
   * @param device where the estimators work
   * @param gradient reads n parameters from its first argument and writes the gradient of the loss
   *     over a fixed batch into its second; the same function at every call
   * @return a builder
   * @throws IllegalArgumentException if there are no parameters
   */
  public static Builder ofGradients(
      float[] parameters, Device device, BiConsumer<float[], float[]> gradient) {
    if (parameters.length == 0) {
      throw new IllegalArgumentException("parameters: found 0 values, expected at least 1");
    }
    return ofOperators(
        parameters.length, () -> GradientDifference.ofArrays(parameters, device, gradient));
  }

  /** The probe of such a source is the monitor's own. */
  private static Builder ofOperators(
      long parameters, Supplier<? extends SymmetricOperator> operators) {
    SpectrumProbe probe = new SpectrumProbe();
    Builder builder = of(SnapshotSource.of(probe, parameters, operators));
    builder.owned = probe::close;
    return builder;
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
   * Takes a report, measures if a snapshot is due, and says what happened and what to do.
   *
   * <p>While a snapshot is made in the background ({@link Builder#background}), reports wait. When
   * it is done they are judged in order, and their events and advice are returned together, each
   * with the step that it belongs to.
   *
   * @param report of a step later than all before
   * @return usually nothing; if there is a {@link TrainingControl}, it has already carried out the
   *     advice
   * @throws IllegalArgumentException if the step is not later than the one before
   * @throws IllegalStateException if another thread is inside this monitor
   * @throws dynaxx.operator.UntrustworthyOperatorException if the first snapshot shows that the
   *     products cannot be trusted; later it is an event
   */
  public Outcome afterStep(StepReport report) {
    return alone(() -> watch.afterStep(report));
  }

  /** Serves one call at a time; the thread inside may call again, as a control or a sink may. */
  private <T> T alone(Supplier<T> call) {
    Thread me = Thread.currentThread();
    Thread other = caller.compareAndExchange(null, me);
    if (other != null && other != me) {
      throw new IllegalStateException(
          "monitor: found a call from thread "
              + me.getName()
              + " while one from thread "
              + other.getName()
              + " is being served, expected one at a time; one monitor watches one run");
    }
    try {
      T result = call.get();
      usage = watch.usage();
      return result;
    } finally {
      if (other == null) {
        caller.set(null);
      }
    }
  }

  private void alone(Runnable call) {
    alone(
        () -> {
          call.run();
          return null;
        });
  }

  /** Requests a full snapshot at the next report, due or not, whatever it costs. */
  public void measureNext() {
    alone(watch::measureNext);
  }

  /**
   * Reports that training was restarted: the optimizer's state was lost, or an earlier checkpoint
   * was loaded. Waits for a snapshot in the background.
   *
   * @param step of the first report after it
   * @return events of the reports that waited for this snapshot, and the restart as an event
   */
  public List<Event> restarted(long step) {
    return notice(step, MonitorRecord.Notice.Kind.RESTART);
  }

  /**
   * Reports that the learning rate was changed on purpose. Not needed if step reports contain it: a
   * jump is detected.
   *
   * @param step of the first update at the new rate
   */
  public void learningRateChanged(long step) {
    notice(step, MonitorRecord.Notice.Kind.LEARNING_RATE);
  }

  /**
   * Reports that a pass over the data has ended.
   *
   * @param step number of updates made so far
   */
  public void epochEnded(long step) {
    notice(step, MonitorRecord.Notice.Kind.EPOCH_END);
  }

  /**
   * Reports that the host keeps a checkpoint that advice may go back to.
   *
   * @param step of the report that it belongs to
   */
  public void checkpointed(long step) {
    notice(step, MonitorRecord.Notice.Kind.CHECKPOINT);
  }

  /**
   * Reports that the run is over; only the first call counts. Waits for a snapshot in the
   * background.
   *
   * @return events that were held back because more evidence might have come
   */
  public List<Event> finish() {
    return alone(watch::finish);
  }

  private List<Event> notice(long step, MonitorRecord.Notice.Kind kind) {
    return alone(() -> watch.notice(step, kind));
  }

  /**
   * Reads a record of an earlier part of this run, without measuring, acting or writing. After all
   * records up to a checkpoint the monitor has the state that it had there, except for the times of
   * a budget and the vectors stored by the probe.
   *
   * @param record from a sink, in order
   */
  public void recall(MonitorRecord record) {
    alone(() -> watch.recall(record));
  }

  /**
   * The time and snapshots that the monitor had used when its last call ended. Any thread may call
   * this.
   *
   * @return times, snapshots and lost records
   */
  public Usage usage() {
    return usage;
  }

  /**
   * Waits for a snapshot in the background, then closes the sinks, and the probe if the monitor
   * made it. Closing twice is harmless.
   */
  @Override
  public void close() {
    alone(
        () -> {
          watch.close();
          owned.run();
        });
  }

  /**
   * The result of a report.
   *
   * @param events that were noticed, mostly none
   * @param advice in the order in which it is to be done, mostly none
   * @param snapshot that was made, if one was
   * @param snapshotStep step that the snapshot is of: the report's, or an earlier one if it was
   *     made beside the training
   * @param share of the wall time that the monitor has taken so far, from 0 to 1
   */
  public record Outcome(
      List<Event> events,
      List<Advice> advice,
      Optional<Snapshot> snapshot,
      OptionalLong snapshotStep,
      double share) {

    /** Copies events and advice. */
    public Outcome {
      events = List.copyOf(events);
      advice = List.copyOf(advice);
    }

    /**
     * Whether a kind of advice is among it.
     *
     * @param kind for example {@code Advice.Revert.class}
     * @return true if there is at least one
     */
    public boolean advises(Class<? extends Advice> kind) {
      return advice.stream().anyMatch(kind::isInstance);
    }
  }

  /** How a snapshot was made. */
  public enum Effort {
    /** The settings that the host gave. */
    FULL,
    /** Fewer Lanczos steps and probes, because the budget allows no more. */
    FEWER_STEPS,
    /** Quadratic forms of stored vectors, because the budget allows no more. */
    CHEAP
  }

  /**
   * The time and snapshots that a monitor has used.
   *
   * @param hostSeconds time of the training between its calls
   * @param ownSeconds time in snapshots, rules and sinks; of snapshots beside the training, the
   *     time to copy the parameters and that by which steps were slower meanwhile
   * @param full snapshots with the host's settings
   * @param fewerSteps snapshots with fewer Lanczos steps
   * @param cheap snapshots from stored vectors
   * @param lostRecords that sinks did not take in spite of several tries; one that cannot be closed
   *     counts as one
   */
  public record Usage(
      double hostSeconds,
      double ownSeconds,
      int full,
      int fewerSteps,
      int cheap,
      long lostRecords) {

    /**
     * The monitor's share of the wall time.
     *
     * @return from 0 to 1; 0 before anything was timed
     */
    public double share() {
      double all = hostSeconds + ownSeconds;
      return all > 0 ? ownSeconds / all : 0;
    }

    /**
     * All snapshots.
     *
     * @return how many
     */
    public int snapshots() {
      return full + fewerSteps + cheap;
    }
  }

  /** Options of a monitor; each has a default. */
  public static final class Builder {

    private final SnapshotSource source;
    private final List<MonitorSink> sinks = new ArrayList<>();
    private Schedule schedule;
    private long steps;
    private int threads;
    private OptionalDouble budget = OptionalDouble.empty();
    private ProbeSettings settings = ProbeSettings.article();
    private Rules rules = Rules.calibrated();
    private Policy policy = Policy.observe();
    private TrainingControl control;
    private LongSupplier nanoTime = System::nanoTime;
    private Runnable owned = () -> {};

    private Builder(SnapshotSource source) {
      this.source = Objects.requireNonNull(source, "source");
    }

    /**
     * Measures at the multiples of a number of steps. By default the table of the article "dynaxx
     * dissection: probing phase transitions in neural network loss landscapes" decides: every 100
     * steps below 100 million parameters, 200 to 500 up to a billion, 1000 above; twice as often in
     * the first fifth of the training; at most 50 for batches up to 128 (where the article says
     * small), at least 500 above 4096; at odd and even steps in turn, as training at the edge of
     * stability oscillates from step to step.
     *
     * @param interval steps, at least 1
     * @return this
     */
    public Builder every(int interval) {
      this.schedule = new Schedule.Every(interval);
      return this;
    }

    /**
     * Measures in the background instead of between two steps. When a snapshot is due, the
     * parameters are copied, and separate worker threads measure the copy while training goes on.
     * At most one snapshot is in progress. It needs memory for n more values and a second probe,
     * and does not change the bits of the host. Reports are judged and written only after the
     * snapshot, so that events have the right steps. A budget counts the copy and the time by which
     * the host's steps become slower. A snapshot that fails is an event ({@link
     * Event.Kind#NOT_MEASURED}).
     *
     * @param workers threads, at least 1
     * @return this
     * @throws IllegalArgumentException if there are none
     * @throws UnsupportedOperationException from {@link #build}, if the source cannot work on a
     *     copy ({@link SnapshotSource#detach})
     */
    public Builder background(int workers) {
      if (workers < 1) {
        throw new IllegalArgumentException(
            "background: found " + workers + " threads, expected at least 1");
      }
      this.threads = workers;
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
     * The rules that find events; by default {@link Rules#calibrated}.
     *
     * @param fresh rules that have seen nothing yet
     * @return this
     */
    public Builder rules(Rules fresh) {
      this.rules = Objects.requireNonNull(fresh, "rules");
      return this;
    }

    /**
     * The policy that gives advice; by default {@link Policy#observe}.
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
     * Adds a sink, which the monitor closes. One that throws does not end the training: see {@link
     * MonitorSink}.
     *
     * @param sink receives what happens
     * @return this
     */
    public Builder sink(MonitorSink sink) {
      sinks.add(Objects.requireNonNull(sink, "sink"));
      return this;
    }

    Builder schedule(Schedule when) {
      this.schedule = when;
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

package dynaxx.monitor;

import dynaxx.cost.SnapshotPlan;
import dynaxx.cost.SnapshotWork;
import dynaxx.spectrum.ProbeSettings;
import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Snapshot;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;

/**
 * Chooses when to measure and how. The schedule says when a snapshot is due; with a budget it also
 * has to be affordable: first it waits, up to twice the interval, then stored vectors have to do,
 * and when those have been used four times or cannot be had, fewer Lanczos steps, or more waiting.
 * Costs are predicted from the work of each kind of snapshot and the time for each gradient
 * equivalent so far. Before there was one, a gradient over the subset is taken to cost its part of
 * a training step, and more where its code is cold. The first snapshot is made when it is due, of
 * few Lanczos steps; where the length of the training is known, of so few, or so much later, that
 * the whole training pays for what it is feared to cost, and of more only if half of what it pays
 * is enough.
 */
final class Pacer {

  /** How much more than the budget a full snapshot may take if a cheap one looked suspicious. */
  private static final double OVERDRAFT = 1.2;

  private static final int STRETCH = 2;
  private static final int MOST_CHEAP = 4;

  /** Steps in which lambda_max has usually converged. */
  private static final int LEAST_STEPS = 10;

  /** Fewest steps of the first snapshot; its lambda_max is a rough one then. */
  private static final int FIRST_STEPS = 4;

  /** Price of a gradient of the first snapshot, in warm ones. */
  private static final double FIRST_PRICE = 5;

  /**
   * How long the first snapshot's code takes to warm up, where the host's took 1 over as many
   * examples: until it is compiled, what it takes grows with them.
   */
  private static final double COLD = 0.5;

  /**
   * Part of the first snapshot's price that must have been saved: predictions of early steps err.
   */
  private static final double SAVED = 1.0 / 3;

  /** The most that warm code is taken to be faster than cold code. */
  private static final double WARMER = 4;

  /** The same where the examples of the subset say what a warm gradient costs. */
  private static final double KNOWN_WARMER = 16;

  private static final int FEWER_PROBES = 2;

  /** How much dearer than predicted a cheap snapshot may be, before one was timed. */
  private static final double UNTIMED = 3;

  /** Weight of a step's time in the mean over those with no snapshot beside them. */
  private static final double QUIET_WEIGHT = 0.1;

  private final long total;
  private final Schedule schedule;
  private final OptionalDouble budget;
  private final ProbeSettings full;
  private final int examples;
  private double batchSize;
  private final int[] made = new int[PhaseMonitor.Effort.values().length];
  private double host;
  private long reports;
  private double hostBefore;
  private long reportsBefore;
  private double recentStep;
  private double quietStep;
  private double besideSeconds;
  private long besideSteps;
  private double own;
  private double secondsPerGradient;
  private int timed;
  private double fullWork;
  private double cheapWork;
  private long last = -1;
  private long before = -1;
  private int cheapInRow;
  private boolean hurried;
  private boolean demanded;

  /** How to measure now. */
  record Choice(PhaseMonitor.Effort effort, ProbeSettings settings) {}

  /**
   * Begins.
   *
   * @param total steps of the whole training, 0 if not known
   * @param examples of the subset, 0 if not known
   */
  Pacer(Schedule schedule, OptionalDouble budget, ProbeSettings full, long total, int examples) {
    this.total = total;
    this.examples = examples;
    this.schedule = schedule;
    this.budget = budget;
    this.full = full;
    this.fullWork = SnapshotWork.gradients(full);
    this.cheapWork = UNTIMED * SnapshotWork.gradients(storing(ProbeSettings.cheap(), full));
  }

  private static ProbeSettings storing(ProbeSettings cheap, ProbeSettings full) {
    return new ProbeSettings(
        cheap.lanczos(),
        full.storedPairs(),
        cheap.probes(),
        cheap.deflated(),
        cheap.microBatches(),
        cheap.perExample(),
        cheap.parts(),
        cheap.seed(),
        cheap.ofUpdate());
  }

  /** What a gradient over the subset costs in training steps, by the examples of both. */
  private double stepsForGradient() {
    return examples > 0 && batchSize > 0 ? examples / batchSize : 1;
  }

  /** The work of a snapshot of fewer steps, with what the host's update adds if it reports one. */
  private double fewerWork(int steps) {
    ProbeSettings settings = fewerSettings(steps);
    return SnapshotWork.gradients(settings) + settings.ofUpdate().size();
  }

  private ProbeSettings fewerSettings(int steps) {
    return SnapshotPlan.fewer(full, steps, FEWER_PROBES);
  }

  /** The most steps that so many gradients pay for, of which each takes two. */
  private int stepsFor(double gradients) {
    return (int) Math.floor(1 + (gradients - fewerWork(1)) / 2);
  }

  void hostSpent(double seconds) {
    host += seconds;
    reports++;
    if (2 * reportsBefore <= reports) {
      recentStep = (host - hostBefore) / (reports - reportsBefore);
      hostBefore = host;
      reportsBefore = reports;
    }
  }

  void ownSpent(double seconds) {
    own += seconds;
  }

  /** Records whether the host's last step ran while a snapshot was being made. */
  void stepRan(double seconds, boolean beside) {
    if (beside) {
      besideSeconds += seconds;
      besideSteps++;
    } else {
      quietStep = quietStep == 0 ? seconds : quietStep + QUIET_WEIGHT * (seconds - quietStep);
    }
  }

  /**
   * How much longer the host's steps took beside the last snapshot than those before it: from now
   * on the monitor's time instead of the host's.
   */
  double stolen() {
    boolean known = quietStep > 0;
    double stolen =
        known ? Math.clamp(besideSeconds - besideSteps * quietStep, 0, besideSeconds) : 0;
    besideSeconds = 0;
    besideSteps = 0;
    host -= stolen;
    own += stolen;
    return stolen;
  }

  PhaseMonitor.Usage usage(long lostRecords) {
    return new PhaseMonitor.Usage(
        host,
        own,
        made[PhaseMonitor.Effort.FULL.ordinal()],
        made[PhaseMonitor.Effort.FEWER_STEPS.ordinal()],
        made[PhaseMonitor.Effort.CHEAP.ordinal()],
        lostRecords);
  }

  /** Steps may go back, and what was stored is no longer of these parameters. */
  void restarted(long step) {
    last = Math.min(last, step - 1);
    before = -1;
    cheapInRow = MOST_CHEAP;
  }

  /** Requests a full snapshot as soon as the budget allows it. */
  void hurry() {
    hurried = true;
  }

  /** Requests a full snapshot at the next step, whatever it costs. */
  void demandNext() {
    demanded = true;
  }

  Optional<Choice> decide(long step, double batch) {
    batchSize = batch;
    if (demanded) {
      demanded = false;
      return plan(PhaseMonitor.Effort.FULL, full);
    }
    boolean consecutive = step == before + 1;
    before = step;
    if (last < 0 && schedule instanceof Schedule.Article) {
      last = step;
      return Optional.empty();
    }
    int interval = last < 0 ? 1 : schedule.interval(last, batchSize);
    boolean sameParity = (step - last) % 2 == 0 && schedule instanceof Schedule.Article;
    if (hurried && affordsFull()) {
      return plan(PhaseMonitor.Effort.FULL, full);
    }
    if (step - last < interval || consecutive && sameParity) {
      return Optional.empty();
    }
    if (budget.isEmpty()) {
      return plan(PhaseMonitor.Effort.FULL, full);
    }
    return affordable(step - last, interval);
  }

  private Optional<Choice> affordable(long waited, int interval) {
    if (timed == 0) {
      return full.lanczos().isPresent() ? first() : plan(PhaseMonitor.Effort.FULL, full);
    }
    double gradients = saved(host) / gradientPrice();
    if (fullWork <= gradients) {
      return plan(PhaseMonitor.Effort.FULL, full);
    }
    boolean patient = waited < (long) STRETCH * interval;
    boolean lanczos = full.lanczos().isPresent();
    if (patient || !lanczos) {
      return Optional.empty();
    }
    if (cheapInRow < MOST_CHEAP && cheapWork <= gradients) {
      return plan(PhaseMonitor.Effort.CHEAP, cheap());
    }
    int steps = stepsFor(gradients);
    boolean mayBeFewer = cheapInRow >= MOST_CHEAP && steps >= LEAST_STEPS;
    return mayBeFewer ? fewer(steps) : Optional.empty();
  }

  /** What the budget allows for a time of the host's and was not spent. */
  private double saved(double hostSeconds) {
    double share = budget.getAsDouble();
    return share / (1 - share) * hostSeconds - own;
  }

  /**
   * The whole budget may go into the first snapshot, but not more, and only half of it into one of
   * more than the fewest steps. It runs code that is still cold: the time in which the host's
   * became fast says how long that may last on this machine.
   */
  private Optional<Choice> first() {
    if (total == 0) {
      return fewer(LEAST_STEPS);
    }
    double part = stepsForGradient();
    double warmUp = COLD * Math.min(1, part) * Math.max(0, host - reports * recentStep);
    double warm = part * recentStep;
    double each = FIRST_PRICE * warm;
    double whole = saved(host + Math.max(0, total - before) * recentStep);
    int steps = payable(whole / 2 - warmUp, each);
    if (steps < FIRST_STEPS) {
      steps = Math.min(FIRST_STEPS, payable(whole - warmUp, each));
    }
    if (steps < FIRST_STEPS) {
      return Optional.empty();
    }
    double price = warmUp + each * fewerWork(steps);
    return saved(host) >= SAVED * price ? fewer(steps) : Optional.empty();
  }

  private int payable(double seconds, double each) {
    return Math.min(LEAST_STEPS, stepsFor(seconds / each));
  }

  /** Of what the host wants to know of its update, what costs no more than forms. */
  private ProbeSettings cheap() {
    ProbeSettings cheap = ProbeSettings.cheap().withSeed(full.seed());
    return cheap.withUpdateSignals(both(cheap.ofUpdate(), full.ofUpdate()));
  }

  private static Signal[] both(Set<Signal> some, Set<Signal> others) {
    return some.stream().filter(others::contains).toArray(Signal[]::new);
  }

  private Optional<Choice> fewer(int steps) {
    return plan(PhaseMonitor.Effort.FEWER_STEPS, fewerSettings(steps));
  }

  private static Optional<Choice> plan(PhaseMonitor.Effort effort, ProbeSettings settings) {
    return Optional.of(new Choice(effort, settings));
  }

  /** Whether a full snapshot out of turn would leave the share near the budget. */
  boolean affordsFull() {
    double whole = own + fullWork * gradientPrice();
    return budget.isEmpty()
        || timed > 0 && whole <= OVERDRAFT * budget.getAsDouble() * (whole + host);
  }

  /** Records a snapshot and the time it took from the host. */
  void measured(PhaseMonitor.Effort effort, Snapshot snapshot, double seconds) {
    count(effort);
    double each = seconds / snapshot.gradientEquivalents();
    secondsPerGradient = timed == 0 ? each : (gradientPrice() + each) / 2;
    timed++;
    if (effort == PhaseMonitor.Effort.FULL) {
      fullWork = snapshot.gradientEquivalents();
    } else if (effort == PhaseMonitor.Effort.CHEAP) {
      cheapWork = snapshot.gradientEquivalents();
    }
  }

  /**
   * What a gradient of the next snapshot is expected to cost. That of the first was cold: warm, it
   * is about its part of a training step.
   */
  private double gradientPrice() {
    if (timed != 1) {
      return secondsPerGradient;
    }
    double step = reports > 0 ? 2 * stepsForGradient() * recentStep : secondsPerGradient;
    double warmer = examples > 0 && batchSize > 0 ? KNOWN_WARMER : WARMER;
    return Math.max(secondsPerGradient / warmer, Math.min(secondsPerGradient, step));
  }

  /** Records a step that an earlier part of this run reported. */
  void passed(long step) {
    before = step;
    if (last < 0 && schedule instanceof Schedule.Article) {
      last = step;
    }
  }

  /** Records a snapshot that an earlier part of this run made. */
  void recalled(long step, PhaseMonitor.Effort effort) {
    looked(step);
    count(effort);
  }

  /** Records that a snapshot is of this step. */
  void looked(long step) {
    last = step;
    before = step;
  }

  private void count(PhaseMonitor.Effort effort) {
    hurried &= effort == PhaseMonitor.Effort.CHEAP;
    made[effort.ordinal()]++;
    cheapInRow = effort == PhaseMonitor.Effort.CHEAP ? cheapInRow + 1 : 0;
  }

  /** Stored vectors are lost when the process ends. */
  void forgetStored() {
    cheapInRow = MOST_CHEAP;
  }
}

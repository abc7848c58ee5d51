package dynaxx.monitor;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.EnumSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * Rules with a stated rate of false alarms. Every signal has its own chart, one value for each
 * snapshot; what the host measures more often is averaged since the snapshot before. A change is a
 * {@link EventKind#TRANSITION} if at least two signals whose noise is independent show it, and not
 * the losses alone; if only one does, it is a {@link EventKind#LEVEL_SHIFT}, or a {@link
 * EventKind#SIGN_CHANGE} of lambda_min. After an event the charts that showed it start anew, so a
 * change is reported once; the chart of a level shift runs on for a while, in which a second signal
 * may still make it a transition. lambda_min is charted relative to lambda_max where both are
 * known.
 *
 * <p>The confidence of these events is the probability that no event as strong comes by chance in
 * 1,000 quiet snapshots.
 */
public final class CalibratedRules implements Rules {

  private static final double CONFIDENCE_SNAPSHOTS = 1000;

  /** Snapshots for which an alarm of one signal can meet that of another by chance. */
  private static final double OVERLAP = 3.5;

  /** Chance at which a signal moves enough to be evidence beside another. */
  private static final double SUPPORT = 0.015;

  /** Chance, for each snapshot, that noise changes the sign of lambda_min beyond its band. */
  private static final double SIGN_RATE = 1e-6;

  /** One property of the landscape in two metrics: one witness. */
  private static final Set<Signal> SHARPNESS =
      EnumSet.of(Signal.LAMBDA_MAX, Signal.PRECONDITIONED_LAMBDA_MAX);

  private final CalibratedSettings settings;
  private final ObservationGuard guard = new ObservationGuard();
  private final IntervalMeans means = new IntervalMeans();
  private final Map<Signal, Chart> charts = new EnumMap<>(Signal.class);
  private final Map<Signal, Alarm> alarms = new EnumMap<>(Signal.class);
  private final Map<Signal, Alarm> reported = new EnumMap<>(Signal.class);
  private final SignBand sign;
  private final StabilityWatch stability;
  private Observation now;
  private OptionalDouble rate = OptionalDouble.empty();
  private OptionalDouble excursion = OptionalDouble.empty();
  private int away;
  private int epoch;
  private int epochBegan;
  private double lambdaMax;
  private boolean snapshots;
  private int ticks;
  private int lastCycle = Integer.MIN_VALUE / 2;
  private int lastTransition = Integer.MIN_VALUE / 2;
  private long transitionStep;

  /** A signal's evidence for a change; the chart itself may have moved on since. */
  private record Alarm(
      Signal signal,
      int tick,
      int raised,
      double rate,
      Event.Evidence evidence,
      String words,
      Set<Signal> dependent,
      boolean ofSign) {}

  /**
   * Rules that have seen nothing yet.
   *
   * @param settings all numbers
   */
  public CalibratedRules(CalibratedSettings settings) {
    this.settings = settings;
    this.sign = new SignBand(settings);
    this.stability = new StabilityWatch(settings);
  }

  @Override
  public List<Event> observe(Observation observation) {
    List<Event> events = new ArrayList<>();
    guard.check(observation, events);
    now = observation;
    followLearningRate();
    means.add(observation);
    boolean snapshot = observation.readings().keySet().stream().anyMatch(Signal::ofSnapshot);
    if (snapshot && !snapshots && ticks > 0) {
      reset();
    }
    snapshots |= snapshot;
    if (snapshot || !snapshots) {
      tick(events);
      means.clear();
    }
    return List.copyOf(events);
  }

  @Override
  public List<Event> restarted(long step) {
    guard.restarted(step);
    excursion = OptionalDouble.empty();
    rate = OptionalDouble.empty();
    reset();
    return List.of(
        ObservationGuard.restart(
            step, "signals are judged again after " + settings.baseline() + " snapshots"));
  }

  @Override
  public void learningRateChanged(long step) {
    excursion = OptionalDouble.empty();
    forget();
  }

  @Override
  public void epochEnded(long step) {
    epoch = ticks - epochBegan;
    epochBegan = ticks;
  }

  @Override
  public List<Event> finish() {
    List<Event> events = new ArrayList<>();
    if (now != null) {
      levelShifts(events, true);
    }
    return List.copyOf(events);
  }

  private void reset() {
    forget();
    means.clear();
    sign.reset();
    stability.reset();
  }

  /** Starts all charts anew. */
  private void forget() {
    charts.values().forEach(Chart::reset);
    alarms.clear();
    reported.clear();
  }

  /**
   * After a jump of the learning rate the charts wait: if it comes back soon, values are compared
   * with those before the jump, and what the excursion did to the network is seen; if it stays,
   * they start anew.
   */
  private void followLearningRate() {
    OptionalDouble next = now.value(Signal.LEARNING_RATE);
    if (next.isPresent() && rate.isPresent() && jumped(next.getAsDouble(), rate.getAsDouble())) {
      if (excursion.isPresent() && !jumped(next.getAsDouble(), excursion.getAsDouble())) {
        excursion = OptionalDouble.empty();
      } else if (excursion.isEmpty()) {
        excursion = rate;
        away = 0;
      }
    }
    rate = next.isPresent() ? next : rate;
  }

  private boolean jumped(double next, double before) {
    double ratio = next / before;
    return next != before
        && !(ratio < settings.learningRateJump() && ratio > 1 / settings.learningRateJump());
  }

  /** Whether the charts wait for the learning rate to come back. */
  private boolean waiting() {
    if (excursion.isPresent() && ++away > settings.persistence()) {
      excursion = OptionalDouble.empty();
      forget();
    }
    return excursion.isPresent();
  }

  private void tick(List<Event> events) {
    ticks++;
    boolean waiting = waiting();
    now.value(Signal.LAMBDA_MAX).ifPresent(value -> lambdaMax = value);
    for (Signal signal : Signal.values()) {
      if (signal.group() != Signal.Group.CONTEXT && !waiting) {
        chart(signal, events);
      }
    }
    followSign(events);
    now.reading(settings.stability().signal())
        .filter(sharpness -> rate.isPresent() && rate.getAsDouble() > 0)
        .ifPresent(
            sharpness ->
                events.addAll(
                    stability.add(
                        now.step(), sharpness, rate.getAsDouble(), means.mean(Signal.LOSS))));
    if (!transition(events)) {
      levelShifts(events, false);
    }
  }

  /** Feeds a signal's chart and notes its alarm. */
  private void chart(Signal signal, List<Event> events) {
    Optional<Reading> reading = reading(signal);
    if (reading.isEmpty()) {
      return;
    }
    Chart chart = charts.computeIfAbsent(signal, s -> new Chart(s, settings));
    double value = reading.get().value();
    Signal.Scale scale = signal.scale();
    chart.add(scale.transform(value), scale.error(value, reading.get().errorOr(0)), now.step());
    if (!chart.ready()) {
      return;
    }
    if (chart.spiked()) {
      events.add(spike(signal, chart));
    }
    double chance = chart.rate();
    boolean alarm = chance <= SUPPORT;
    if ((alarm || ticks % 4 == 0) && cyclic(signal, chart, events)) {
      chart.quieten();
      alarms.remove(signal);
    } else if (alarm && !(alarms.containsKey(signal) && alarms.get(signal).ofSign())) {
      Alarm before = alarms.get(signal);
      int raised = before == null ? ticks : before.raised();
      alarms.put(signal, alarm(signal, chart, reading.get(), raised, chance));
    }
  }

  /** The value that is charted: relative depth for lambda_min, means for the host's signals. */
  private Optional<Reading> reading(Signal signal) {
    if (!signal.ofSnapshot()) {
      OptionalDouble mean = means.mean(signal);
      return mean.isEmpty()
          ? Optional.empty()
          : Optional.of(new Reading(mean.getAsDouble(), OptionalDouble.empty()));
    }
    Optional<Reading> reading = now.reading(signal);
    if (signal != Signal.LAMBDA_MIN || !relative()) {
      return reading;
    }
    return reading.map(
        r -> new Reading(r.value() / lambdaMax, OptionalDouble.of(r.errorOr(0) / lambdaMax)));
  }

  private boolean relative() {
    return lambdaMax > 0;
  }

  private double unit(Signal signal) {
    return signal == Signal.LAMBDA_MIN && relative() ? lambdaMax : 1;
  }

  private Alarm alarm(Signal signal, Chart chart, Reading reading, int raised, double chance) {
    Signal.Scale scale = signal.scale();
    double unit = unit(signal);
    double value = reading.value() * unit;
    double expected = scale.inverse(chart.expected()) * unit;
    double deviation = scale.inverse(chart.expected() + chart.deviation()) * unit - expected;
    Event.Evidence evidence =
        new Event.Evidence(
            value,
            OptionalDouble.of(Math.abs(deviation)),
            OptionalDouble.of(expected),
            OptionalDouble.of(scale.inverse(chart.limit()) * unit),
            chart.since());
    String words =
        String.format(
            Locale.ROOT,
            "%s has been %s its trend since step %d and is %.4g, where about %.4g was expected",
            signal.column(),
            chart.direction() * unit > 0 ? "above" : "below",
            chart.since(),
            value,
            expected);
    return new Alarm(signal, ticks, raised, chance, evidence, words, dependent(signal), false);
  }

  /**
   * Chance, for each snapshot, that some pair of signals moves as much as these: their own chances
   * are combined by Fisher's method (1932), for chances of at most {@link #SUPPORT}.
   */
  private double jointRate(Alarm a, Alarm b) {
    double product = a.rate() * b.rate();
    int pairs = Math.max(2, charts.size()) * (Math.max(2, charts.size()) - 1);
    return OVERLAP * pairs * product * (1 + Math.log(SUPPORT * SUPPORT / product));
  }

  private double shiftRate() {
    return 0.1 / Math.max(settings.expectedSnapshots(), ticks);
  }

  private Event spike(Signal signal, Chart chart) {
    double unit = unit(signal);
    double value = signal.scale().inverse(chart.valueBefore()) * unit;
    double level = signal.scale().inverse(chart.level()) * unit;
    Event.Evidence evidence =
        new Event.Evidence(
            value,
            OptionalDouble.empty(),
            OptionalDouble.of(level),
            OptionalDouble.empty(),
            chart.stepBefore());
    return new Event(
        now.step(),
        EventKind.SPIKE,
        signal,
        0.9,
        evidence,
        String.format(
            Locale.ROOT,
            "%s was %.4g at step %d, against a level of about %.4g, and is back",
            signal.column(),
            value,
            chart.stepBefore(),
            level));
  }

  private boolean cyclic(Signal signal, Chart chart, List<Event> events) {
    OptionalInt period = chart.period(epoch);
    if (period.isEmpty()) {
      return false;
    }
    if (ticks - lastCycle > settings.cycleWindow()) {
      double value = reading(signal).orElseThrow().value() * unit(signal);
      Event.Evidence evidence =
          new Event.Evidence(
              value,
              OptionalDouble.empty(),
              OptionalDouble.of(signal.scale().inverse(chart.level()) * unit(signal)),
              OptionalDouble.empty(),
              now.step());
      events.add(
          new Event(
              now.step(),
              EventKind.CYCLIC,
              signal,
              0.9,
              evidence,
              String.format(
                  Locale.ROOT,
                  "%s repeats itself about every %d snapshots; while it does, its changes are not"
                      + " reported%s",
                  signal.column(),
                  period.getAsInt(),
                  takenBack())));
    }
    lastCycle = ticks;
    return true;
  }

  /** A cycle that began within the run looked like a transition until it came round. */
  private String takenBack() {
    return ticks - lastTransition <= settings.cycleWindow()
        ? "; the transition reported at step " + transitionStep + " may have been its beginning"
        : "";
  }

  private void followSign(List<Event> events) {
    Optional<Reading> found = now.reading(Signal.LAMBDA_MIN);
    if (found.isEmpty()) {
      return;
    }
    Reading reading = found.get();
    double half =
        Math.max(
            settings.band() * reading.error().orElseGet(sign::noise),
            settings.arithmeticNoise() * Math.max(0, lambdaMax));
    boolean changed = sign.add(reading.value(), half, now.verdict(), now.step());
    if (sign.beginsToOscillate()) {
      events.add(oscillation(reading, half));
    }
    if (changed) {
      String words =
          String.format(
              Locale.ROOT,
              "lambda_min has been %s beyond its uncertainty since step %d",
              sign.sign() > 0 ? "positive" : "negative",
              sign.since());
      Event.Evidence evidence =
          new Event.Evidence(
              reading.value(),
              reading.error(),
              OptionalDouble.of(0),
              OptionalDouble.of(sign.sign() * half),
              sign.since());
      alarms.put(
          Signal.LAMBDA_MIN,
          new Alarm(
              Signal.LAMBDA_MIN,
              ticks,
              ticks,
              SIGN_RATE,
              evidence,
              words,
              dependent(Signal.LAMBDA_MIN),
              true));
    }
  }

  private Event oscillation(Reading reading, double half) {
    Event.Evidence evidence =
        new Event.Evidence(
            reading.value(),
            reading.error(),
            OptionalDouble.of(0),
            OptionalDouble.of(half),
            now.step());
    return new Event(
        now.step(),
        EventKind.INSTABILITY,
        Signal.LAMBDA_MIN,
        0.5,
        evidence,
        String.format(
            Locale.ROOT,
            "lambda_min changed its sign %d times in the last %d snapshots: undetermined, or a"
                + " learning rate that is too high",
            sign.crossings(),
            settings.crossingWindow()));
  }

  /** Reports a transition if two independent signals moved at once. */
  private boolean transition(List<Event> events) {
    alarms.values().removeIf(a -> ticks - a.tick() >= settings.coincidence());
    reported.values().removeIf(this::confirmedByNone);
    if (alarms.isEmpty()) {
      return false;
    }
    List<Alarm> all = new ArrayList<>(alarms.values());
    reported.values().stream()
        .filter(a -> a.ofSign() && !alarms.containsKey(a.signal()))
        .forEach(all::add);
    for (int i = 0; i < all.size(); i++) {
      for (int j = i + 1; j < all.size(); j++) {
        if (independent(all.get(i), all.get(j))
            && jointRate(all.get(i), all.get(j)) <= settings.falseTransitionRate()) {
          events.add(transition(all.get(i), all.get(j)));
          lastTransition = ticks;
          transitionStep = now.step();
          charts.values().forEach(Chart::reset);
          alarms.clear();
          reported.clear();
          return true;
        }
      }
    }
    return false;
  }

  /** Whether no second signal joined a reported one in time; its chart starts anew then. */
  private boolean confirmedByNone(Alarm alarm) {
    if (ticks - alarm.tick() < settings.confirmation()) {
      return false;
    }
    charts.get(alarm.signal()).reset();
    alarms.remove(alarm.signal());
    return true;
  }

  private boolean independent(Alarm a, Alarm b) {
    if (a.signal().group() == Signal.Group.LOSS && b.signal().group() == Signal.Group.LOSS) {
      return false;
    }
    if (SHARPNESS.contains(a.signal()) && SHARPNESS.contains(b.signal())) {
      return false;
    }
    return !a.dependent().contains(b.signal()) && !b.dependent().contains(a.signal());
  }

  /** Signals whose noise goes with that of another. */
  private Set<Signal> dependent(Signal signal) {
    Set<Signal> dependent = EnumSet.of(signal);
    Chart chart = charts.get(signal);
    charts.forEach(
        (other, itsChart) -> {
          if (Math.abs(chart.correlation(itsChart)) >= settings.correlation()) {
            dependent.add(other);
          }
        });
    return dependent;
  }

  private Event transition(Alarm a, Alarm b) {
    boolean lossFirst = a.signal().group() == Signal.Group.LOSS;
    Alarm first =
        lossFirst || b.rate() < a.rate() && b.signal().group() != Signal.Group.LOSS ? b : a;
    Alarm second = first == a ? b : a;
    return new Event(
        now.step(),
        EventKind.TRANSITION,
        first.signal(),
        confidence(jointRate(a, b)),
        first.evidence(),
        first.words() + "; " + second.words());
  }

  private static double confidence(double chance) {
    return Math.exp(-CONFIDENCE_SNAPSHOTS * chance);
  }

  /** Reports alarms that no second signal joined in time. */
  private void levelShifts(List<Event> events, boolean last) {
    for (Alarm alarm : List.copyOf(alarms.values())) {
      boolean waited = ticks - alarm.raised() >= settings.coincidence() - 1;
      boolean known = reported.containsKey(alarm.signal());
      if (known || alarm.rate() > shiftRate() || !waited && !last) {
        continue;
      }
      events.add(
          new Event(
              now.step(),
              alarm.ofSign() ? EventKind.SIGN_CHANGE : EventKind.LEVEL_SHIFT,
              alarm.signal(),
              confidence(alarm.rate()),
              alarm.evidence(),
              alarm.words() + "; no independent signal moved with it"));
      reported.put(alarm.signal(), alarm);
    }
  }
}

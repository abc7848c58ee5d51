package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import dynaxx.spectrum.Signal.Reading;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeMap;

/**
 * Rules with a stated rate of false alarms. Every signal has its own chart, one value for each
 * snapshot, and the fraction of active units has one for each layer of rectifiers: together these
 * count as one signal, and raise as many false alarms as one. What the host measures more often is
 * averaged since the snapshot before. A change is a {@link Event.Kind#TRANSITION} if at least two
 * signals whose noise is independent show it, and not the losses alone; if only one does, it is a
 * {@link Event.Kind#LEVEL_SHIFT}, or a {@link Event.Kind#SIGN_CHANGE} of lambda_min. After an event
 * the charts that showed it start again, so a change is reported once; the chart of a level shift
 * runs on for a while, in which a second signal may still make it a transition. A jump of the loss
 * is a {@link Event.Kind#SPIKE} at the step that shows it. lambda_min is charted relative to
 * lambda_max where both are known.
 *
 * <p>The confidence of these events is the probability that no event as strong comes by chance in
 * 1,000 quiet snapshots.
 */
final class CalibratedRules implements Rules {

  /** Steps whose means are one value on the charts while no snapshot has been made. */
  static final int STEPS_WITHOUT = 10;

  /** Chance, for each snapshot, that noise changes the sign of lambda_min beyond its band. */
  private static final double SIGN_RATE = 1e-6;

  /** Chance, for each snapshot, that noise takes a channel out of its cycle's range. */
  private static final double LEFT_RATE = 1e-6;

  /** Snapshots seen by two channels after which the correlation of their noise is believed. */
  private static final int LEAST_COMMON = 10;

  private final CalibratedSettings settings;
  private final ObservationGuard guard = new ObservationGuard();
  private final IntervalMeans means = new IntervalMeans();
  private final Map<Channel, Chart> charts = new TreeMap<>();
  private final Map<Channel, CycleWatch> cycles = new TreeMap<>();
  private final Set<Signal> charted = EnumSet.noneOf(Signal.class);
  private final Alarms alarms;
  private final SignBand sign;
  private final StabilityWatch stability;
  private final LossLevel level = new LossLevel();
  private final SpikeWatch spikes = new SpikeWatch();
  private final InstabilityForecast forecast;
  private final Set<Event.Kind> stabilityTold = EnumSet.noneOf(Event.Kind.class);
  private Observation now;
  private OptionalDouble rate = OptionalDouble.empty();
  private OptionalDouble excursion = OptionalDouble.empty();
  private int away;
  private int epoch;
  private int epochBegan;
  private double lambdaMax;
  private boolean snapshots;
  private long nextWithout;
  private int ticks;
  private int toldPeriod;
  private int lastCycle = Integer.MIN_VALUE / 2;
  private int lastTransition = Integer.MIN_VALUE / 2;
  private long transitionStep;

  /**
   * Rules that have seen nothing yet.
   *
   * @param settings all numbers
   */
  CalibratedRules(CalibratedSettings settings) {
    this.settings = settings;
    this.alarms = new Alarms(settings);
    this.sign = new SignBand(settings);
    this.stability = new StabilityWatch(settings);
    this.forecast = new InstabilityForecast(settings);
  }

  @Override
  public List<Event> observe(Observation observation) {
    List<Event> events = new ArrayList<>();
    guard.check(observation, events);
    now = observation;
    followLearningRate();
    level.take(observation, swing());
    spikes.add(observation.step(), level).ifPresent(events::add);
    forecast.add(observation, level).ifPresent(events::add);
    means.add(observation);
    boolean snapshot = observation.ofSnapshot();
    if (snapshot && !snapshots && ticks > 0) {
      resetCharts();
    }
    snapshots |= snapshot;
    if (snapshot || !snapshots && observation.step() >= nextWithout) {
      nextWithout = observation.step() + STEPS_WITHOUT;
      tick(events);
      means.clear();
    }
    return List.copyOf(events);
  }

  /** What the loss rises and falls by in a cycle that has been told. */
  private double swing() {
    Channel loss = Channel.of(Signal.LOSS);
    return explained(loss) ? cycles.get(loss).height() : 0;
  }

  @Override
  public OptionalDouble instability() {
    return forecast.probability();
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
    return now == null ? List.of() : alarms.shifts(ticks, now.step(), true);
  }

  private void reset() {
    resetCharts();
    level.reset();
    spikes.reset();
    forecast.reset();
  }

  private void resetCharts() {
    nextWithout = 0;
    forget();
    cycles.clear();
    stabilityTold.clear();
    means.clear();
    sign.reset();
    stability.reset();
  }

  /** Resets all charts. */
  private void forget() {
    charts.values().forEach(Chart::reset);
    cycles.values().forEach(cycle -> cycle.rebase(ticks));
    alarms.clear();
  }

  /**
   * After a jump of the learning rate the charts wait: if it comes back soon, values are compared
   * with those before the jump, and what the excursion did to the network is seen; if it stays,
   * they start again.
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
      if (signal.charted() && !waiting) {
        int layers = layers(signal);
        for (int layer = Math.min(1, layers); layer <= layers; layer++) {
          chart(new Channel(signal, layer), events);
        }
      }
    }
    followSign(events);
    followStability(events);
    alarms.expire(ticks).forEach(this::startAgain);
    Optional<Event> transition = alarms.transition(now.step(), charted.size());
    if (transition.isPresent()) {
      events.add(transition.get());
      lastTransition = ticks;
      transitionStep = now.step();
      charts.keySet().forEach(this::startAgain);
      cycles.values().forEach(CycleWatch::disturbed);
    } else {
      events.addAll(alarms.shifts(ticks, now.step(), false));
    }
  }

  /** A change was told: what comes next is judged by itself. */
  private void startAgain(Channel channel) {
    charts.get(channel).reset();
    CycleWatch cycle = cycles.get(channel);
    if (cycle.left(ticks)) {
      cycle.rebase(ticks);
    }
  }

  /** What a cycle of the sharpness takes to the limit again and again is told once. */
  private void followStability(List<Event> events) {
    Signal signal = settings.stability().signal();
    Optional<Reading> sharpness = now.reading(signal);
    if (sharpness.isEmpty() || rate.isEmpty() || !(rate.getAsDouble() > 0)) {
      return;
    }
    boolean explained = explained(Channel.of(signal));
    for (Event event :
        stability.add(now.step(), sharpness.get(), rate.getAsDouble(), means.mean(Signal.LOSS))) {
      if (stabilityTold.add(event.kind()) || !explained) {
        events.add(event);
      }
    }
  }

  private boolean explained(Channel channel) {
    return cycles.containsKey(channel) && cycles.get(channel).explains(ticks);
  }

  /** Layers that are charted in place of the signal's mean over them; 0 if it has none. */
  private int layers(Signal signal) {
    Reading reading = now.readings().get(signal);
    return reading == null || !signal.perLayer() ? 0 : reading.parts().size();
  }

  /** Feeds a chart and notes its alarm. */
  private void chart(Channel channel, List<Event> events) {
    Optional<Reading> reading = reading(channel);
    if (reading.isEmpty()) {
      return;
    }
    Signal signal = channel.signal();
    Chart chart = charts.computeIfAbsent(channel, c -> new Chart(signal, settings));
    charted.add(signal);
    double value = reading.get().value();
    Signal.Scale scale = signal.scale();
    double transformed = scale.transform(value);
    chart.add(transformed, scale.error(value, reading.get().errorOr(0)), now.step());
    CycleWatch cycle = cycles.computeIfAbsent(channel, c -> new CycleWatch(signal, settings));
    cycle.add(transformed, ticks, now.step());
    if (chart.ready()
        && chart.spiked()
        && signal != Signal.LOSS
        && !cycle.explainsSpike(ticks)
        && !spikeTold(signal, events)) {
      events.add(spike(channel, chart));
    }
    double chance = Math.min(1, Math.max(1, layers(signal)) * chart.rate());
    boolean alarm = chance <= Alarms.SUPPORT;
    boolean found = (alarm || ticks % 4 == 0) && cyclic(channel, cycle, chart, events);
    if (cycle.left(ticks)) {
      alarms.raise(outOfCycle(channel, cycle, reading.get()));
    } else if (found || alarm && cycle.explains(ticks)) {
      chart.quieten();
      alarms.withdraw(channel);
    } else if (alarm) {
      alarms.raise(alarm(channel, chart, reading.get(), chance));
    }
  }

  private static boolean spikeTold(Signal signal, List<Event> events) {
    return events.stream().anyMatch(e -> e.kind() == Event.Kind.SPIKE && e.signal() == signal);
  }

  /** The value that is charted: relative depth for lambda_min, means for the host's signals. */
  private Optional<Reading> reading(Channel channel) {
    Signal signal = channel.signal();
    if (channel.layer() > 0) {
      double part = now.readings().get(signal).parts().get(channel.layer() - 1);
      return Optional.of(Reading.of(part)).filter(Reading::finite);
    }
    if (!signal.ofSnapshot()) {
      OptionalDouble mean = means.mean(signal);
      return mean.isEmpty() ? Optional.empty() : Optional.of(Reading.of(mean.getAsDouble()));
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

  private Alarm alarm(Channel channel, Chart chart, Reading reading, double chance) {
    Signal signal = channel.signal();
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
            channel.words(),
            chart.direction() * unit > 0 ? "above" : "below",
            chart.since(),
            value,
            expected);
    return new Alarm(channel, ticks, ticks, chance, evidence, words, dependent(channel), false);
  }

  /** A change on top of a cycle. */
  private Alarm outOfCycle(Channel channel, CycleWatch cycle, Reading reading) {
    Signal.Scale scale = channel.signal().scale();
    double unit = unit(channel.signal());
    double value = reading.value() * unit;
    double limit = scale.inverse(cycle.limit()) * unit;
    Event.Evidence evidence =
        new Event.Evidence(
            value,
            OptionalDouble.empty(),
            OptionalDouble.of(scale.inverse(cycle.level()) * unit),
            OptionalDouble.of(limit),
            cycle.since());
    String words =
        String.format(
            Locale.ROOT,
            "%s has been %s the range of its cycle since step %d and is %.4g, where the cycle ends"
                + " at %.4g",
            channel.words(),
            cycle.direction() > 0 ? "above" : "below",
            cycle.since(),
            value,
            limit);
    return new Alarm(channel, ticks, ticks, LEFT_RATE, evidence, words, dependent(channel), false);
  }

  private Event spike(Channel channel, Chart chart) {
    Signal signal = channel.signal();
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
        Event.Kind.SPIKE,
        signal,
        0.9,
        evidence,
        String.format(
            Locale.ROOT,
            "%s was %.4g at step %d, against a level of about %.4g, and is back",
            channel.words(),
            value,
            chart.stepBefore(),
            level));
  }

  private boolean cyclic(Channel channel, CycleWatch cycle, Chart chart, List<Event> events) {
    Signal signal = channel.signal();
    int layers = layers(signal);
    boolean told = ticks - lastCycle <= settings.cycleWindow();
    int[] known = layers > 1 ? new int[0] : new int[] {epoch, told ? toldPeriod : 0};
    OptionalInt period = cycle.find(ticks, known, Math.max(1, layers));
    if (period.isEmpty()) {
      return false;
    }
    if (!told) {
      toldPeriod = period.getAsInt();
      double value = reading(channel).orElseThrow().value() * unit(signal);
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
              Event.Kind.CYCLIC,
              signal,
              0.9,
              evidence,
              String.format(
                  Locale.ROOT,
                  "%s repeats itself about every %d snapshots; while it does, its changes are not"
                      + " reported%s",
                  channel.words(),
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
    boolean explained = explained(Channel.of(Signal.LAMBDA_MIN));
    if (sign.beginsToOscillate() && !explained) {
      events.add(oscillation(reading, half));
    }
    if (changed && !explained) {
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
      Channel lambdaMin = Channel.of(Signal.LAMBDA_MIN);
      alarms.raise(
          new Alarm(
              lambdaMin, ticks, ticks, SIGN_RATE, evidence, words, dependent(lambdaMin), true));
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
        Event.Kind.INSTABILITY,
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

  /** Channels whose noise goes with that of another. */
  private Set<Channel> dependent(Channel channel) {
    Set<Channel> dependent = new HashSet<>();
    boolean left = cycles.get(channel).left(ticks);
    charts.forEach(
        (other, itsChart) -> {
          double correlation =
              left && cycles.get(other).believed(ticks)
                  ? cycles.get(channel).correlation(cycles.get(other), LEAST_COMMON)
                  : charts.get(channel).correlation(itsChart);
          if (Math.abs(correlation) >= settings.correlation()) {
            dependent.add(other);
          }
        });
    return dependent;
  }
}

package dynaxx.monitor;

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
 * averaged since the snapshot before. A change is a {@link EventKind#TRANSITION} if at least two
 * signals whose noise is independent show it, and not the losses alone; if only one does, it is a
 * {@link EventKind#LEVEL_SHIFT}, or a {@link EventKind#SIGN_CHANGE} of lambda_min. After an event
 * the charts that showed it start anew, so a change is reported once; the chart of a level shift
 * runs on for a while, in which a second signal may still make it a transition. lambda_min is
 * charted relative to lambda_max where both are known.
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

  /** Steps whose means are one value on the charts while no snapshot has been made. */
  static final int STEPS_WITHOUT = 10;

  /** Chance, for each snapshot, that noise changes the sign of lambda_min beyond its band. */
  private static final double SIGN_RATE = 1e-6;

  /** Layers that the explanation of an event names beside the first. */
  private static final int OTHER_LAYERS = 2;

  /** One property of the landscape in two metrics: one witness. */
  private static final Set<Signal> SHARPNESS =
      EnumSet.of(Signal.LAMBDA_MAX, Signal.PRECONDITIONED_LAMBDA_MAX);

  private final CalibratedSettings settings;
  private final ObservationGuard guard = new ObservationGuard();
  private final IntervalMeans means = new IntervalMeans();
  private final Map<Channel, Chart> charts = new TreeMap<>();
  private final Map<Channel, Alarm> alarms = new TreeMap<>();
  private final Map<Channel, Alarm> reported = new TreeMap<>();
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
  private long nextWithout;
  private int ticks;
  private int lastCycle = Integer.MIN_VALUE / 2;
  private int lastTransition = Integer.MIN_VALUE / 2;
  private long transitionStep;

  /** A chart's evidence for a change; the chart itself may have moved on since. */
  private record Alarm(
      Channel channel,
      int tick,
      int raised,
      double rate,
      Event.Evidence evidence,
      String words,
      Set<Channel> dependent,
      boolean ofSign) {

    Signal signal() {
      return channel.signal();
    }
  }

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
    boolean snapshot = observation.ofSnapshot();
    if (snapshot && !snapshots && ticks > 0) {
      reset();
    }
    snapshots |= snapshot;
    if (snapshot || !snapshots && observation.step() >= nextWithout) {
      nextWithout = observation.step() + STEPS_WITHOUT;
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
    nextWithout = 0;
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
        int layers = layers(signal);
        for (int layer = Math.min(1, layers); layer <= layers; layer++) {
          chart(new Channel(signal, layer), events);
        }
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

  /** Layers that are charted in place of the signal's mean over them; 0 if it has none. */
  private int layers(Signal signal) {
    return signal == Signal.ACTIVE_FRACTION ? now.activeFractions().size() : 0;
  }

  /** Feeds a chart and notes its alarm. */
  private void chart(Channel channel, List<Event> events) {
    Optional<Reading> reading = reading(channel);
    if (reading.isEmpty()) {
      return;
    }
    Signal signal = channel.signal();
    Chart chart = charts.computeIfAbsent(channel, c -> new Chart(signal, settings));
    double value = reading.get().value();
    Signal.Scale scale = signal.scale();
    chart.add(scale.transform(value), scale.error(value, reading.get().errorOr(0)), now.step());
    if (!chart.ready()) {
      return;
    }
    boolean told =
        events.stream().anyMatch(e -> e.kind() == EventKind.SPIKE && e.signal() == signal);
    if (chart.spiked() && !told) {
      events.add(spike(channel, chart));
    }
    double chance = Math.min(1, Math.max(1, layers(signal)) * chart.rate());
    boolean alarm = chance <= SUPPORT;
    if ((alarm || ticks % 4 == 0) && cyclic(channel, chart, events)) {
      chart.quieten();
      alarms.remove(channel);
    } else if (alarm && !(alarms.containsKey(channel) && alarms.get(channel).ofSign())) {
      Alarm before = alarms.get(channel);
      int raised = before == null ? ticks : before.raised();
      alarms.put(channel, alarm(channel, chart, reading.get(), raised, chance));
    }
  }

  /** The value that is charted: relative depth for lambda_min, means for the host's signals. */
  private Optional<Reading> reading(Channel channel) {
    Signal signal = channel.signal();
    if (channel.layer() > 0) {
      double fraction = now.activeFractions().get(channel.layer() - 1);
      return Optional.of(new Reading(fraction, OptionalDouble.empty())).filter(Reading::finite);
    }
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

  private Alarm alarm(Channel channel, Chart chart, Reading reading, int raised, double chance) {
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
    return new Alarm(channel, ticks, raised, chance, evidence, words, dependent(channel), false);
  }

  /**
   * Chance, for each snapshot, that some pair of signals moves as much as these: their own chances
   * are combined by Fisher's method (1932), for chances of at most {@link #SUPPORT}.
   */
  private double jointRate(Alarm a, Alarm b) {
    double product = a.rate() * b.rate();
    long signals = Math.max(2, charts.keySet().stream().map(Channel::signal).distinct().count());
    long pairs = signals * (signals - 1);
    return OVERLAP * pairs * product * (1 + Math.log(SUPPORT * SUPPORT / product));
  }

  private double shiftRate() {
    return 0.1 / Math.max(settings.expectedSnapshots(), ticks);
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
        EventKind.SPIKE,
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

  private boolean cyclic(Channel channel, Chart chart, List<Event> events) {
    Signal signal = channel.signal();
    int layers = layers(signal);
    OptionalInt period = layers > 1 ? chart.period(0, layers) : chart.period(epoch, 1);
    if (period.isEmpty()) {
      return false;
    }
    if (ticks - lastCycle > settings.cycleWindow()) {
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
              EventKind.CYCLIC,
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
      Channel lambdaMin = Channel.of(Signal.LAMBDA_MIN);
      alarms.put(
          lambdaMin,
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
        .filter(a -> a.ofSign() && !alarms.containsKey(a.channel()))
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
    charts.get(alarm.channel()).reset();
    // A change of sign that came after the shift is an event of its own.
    alarms.computeIfPresent(
        alarm.channel(), (channel, later) -> later.ofSign() && !alarm.ofSign() ? later : null);
    return true;
  }

  private boolean independent(Alarm a, Alarm b) {
    if (a.signal() == b.signal()) {
      return false;
    }
    if (a.signal().group() == Signal.Group.LOSS && b.signal().group() == Signal.Group.LOSS) {
      return false;
    }
    if (SHARPNESS.contains(a.signal()) && SHARPNESS.contains(b.signal())) {
      return false;
    }
    return !a.dependent().contains(b.channel()) && !b.dependent().contains(a.channel());
  }

  /** Charts whose noise goes with that of another. */
  private Set<Channel> dependent(Channel channel) {
    Set<Channel> dependent = new HashSet<>();
    Chart chart = charts.get(channel);
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
      Alarm before = reported.get(alarm.channel());
      boolean known = before != null && (before.ofSign() || !alarm.ofSign());
      if (known || alarm.rate() > shiftRate() || !waited && !last) {
        continue;
      }
      if (!toldByAnotherLayer(alarm)) {
        events.add(
            new Event(
                now.step(),
                alarm.ofSign() ? EventKind.SIGN_CHANGE : EventKind.LEVEL_SHIFT,
                alarm.signal(),
                confidence(alarm.rate()),
                alarm.evidence(),
                withOtherLayers(alarm) + "; no independent signal moved with it"));
      }
      reported.put(alarm.channel(), alarm);
    }
  }

  /** Layers that move at about the same time are one change. */
  private boolean toldByAnotherLayer(Alarm alarm) {
    return reported.values().stream()
        .anyMatch(
            other ->
                other.signal() == alarm.signal()
                    && !other.channel().equals(alarm.channel())
                    && ticks - other.tick() < settings.coincidence());
  }

  private String withOtherLayers(Alarm alarm) {
    List<String> others =
        alarms.values().stream()
            .filter(other -> other.signal() == alarm.signal() && other != alarm)
            .map(Alarm::words)
            .toList();
    StringBuilder words = new StringBuilder(alarm.words());
    others.stream().limit(OTHER_LAYERS).forEach(other -> words.append("; ").append(other));
    int more = others.size() - OTHER_LAYERS;
    return words + (more > 0 ? "; and " + more + " layers more" : "");
  }
}

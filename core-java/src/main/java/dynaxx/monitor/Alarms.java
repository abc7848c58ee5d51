package dynaxx.monitor;

import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/**
 * What charts have shown lately, and what follows from it: a transition if two independent signals
 * moved within a few ticks of each other, or the second soon after the first was reported; a level
 * shift or a change of sign if none joined the first in time.
 */
final class Alarms {

  /** Chance at which a signal moves enough to be evidence together with another. */
  static final double SUPPORT = 0.015;

  private static final double CONFIDENCE_SNAPSHOTS = 1000;

  /** Snapshots for which an alarm of one signal can meet that of another by chance. */
  private static final double OVERLAP = 3.5;

  /** Layers that the explanation of an event names in addition to the first. */
  private static final int OTHER_LAYERS = 2;

  /** One property of the landscape in two metrics: one witness. */
  private static final Set<Signal> SHARPNESS =
      EnumSet.of(Signal.LAMBDA_MAX, Signal.PRECONDITIONED_LAMBDA_MAX);

  private final CalibratedSettings settings;
  private final Map<Channel, Alarm> alarms = new TreeMap<>();
  private final Map<Channel, Alarm> reported = new TreeMap<>();

  Alarms(CalibratedSettings settings) {
    this.settings = settings;
  }

  void clear() {
    alarms.clear();
    reported.clear();
  }

  /** Takes what a chart shows; a change of sign says more than a change of level. */
  void raise(Alarm alarm) {
    Alarm before = alarms.get(alarm.channel());
    if (before == null || alarm.ofSign()) {
      alarms.put(alarm.channel(), alarm);
    } else if (!before.ofSign()) {
      alarms.put(alarm.channel(), alarm.raisedAt(before.raised()));
    }
  }

  void withdraw(Channel channel) {
    alarms.remove(channel);
  }

  /**
   * Lets go of what is too long ago.
   *
   * @return channels of which a shift was reported that no second signal joined in time
   */
  List<Channel> expire(int tick) {
    alarms.values().removeIf(a -> tick - a.tick() >= settings.coincidence());
    List<Channel> expired = new ArrayList<>();
    for (Alarm alarm : List.copyOf(reported.values())) {
      if (tick - alarm.tick() >= settings.confirmation()) {
        Channel channel = alarm.channel();
        reported.remove(channel);
        // A change of sign that came after the shift is an event of its own.
        alarms.computeIfPresent(
            channel, (c, later) -> later.ofSign() && !alarm.ofSign() ? later : null);
        expired.add(channel);
      }
    }
    return expired;
  }

  /**
   * A transition if two independent signals moved at once; then nothing is left.
   *
   * @param signals that are charted
   */
  Optional<Event> transition(long step, int signals) {
    if (alarms.isEmpty()) {
      return Optional.empty();
    }
    List<Alarm> all = new ArrayList<>(alarms.values());
    reported.values().stream()
        .filter(a -> a.ofSign() && !alarms.containsKey(a.channel()))
        .forEach(all::add);
    for (int i = 0; i < all.size(); i++) {
      for (int j = i + 1; j < all.size(); j++) {
        double chance = jointRate(all.get(i), all.get(j), signals);
        if (independent(all.get(i), all.get(j)) && chance <= settings.falseTransitionRate()) {
          clear();
          return Optional.of(transition(step, all.get(i), all.get(j), chance));
        }
      }
    }
    return Optional.empty();
  }

  private static boolean independent(Alarm a, Alarm b) {
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

  /**
   * Chance, for each snapshot, that some pair of signals moves as much as these: their own chances
   * are combined by Fisher's method (1932), for chances of at most {@link #SUPPORT}.
   */
  private static double jointRate(Alarm a, Alarm b, int signals) {
    double product = a.rate() * b.rate();
    long known = Math.max(2, signals);
    long pairs = known * (known - 1);
    return OVERLAP * pairs * product * (1 + Math.log(SUPPORT * SUPPORT / product));
  }

  private static Event transition(long step, Alarm a, Alarm b, double chance) {
    boolean lossFirst = a.signal().group() == Signal.Group.LOSS;
    Alarm first =
        lossFirst || b.rate() < a.rate() && b.signal().group() != Signal.Group.LOSS ? b : a;
    Alarm second = first == a ? b : a;
    return new Event(
        step,
        Event.Kind.TRANSITION,
        first.signal(),
        confidence(chance),
        first.evidence(),
        first.words() + "; " + second.words());
  }

  private static double confidence(double chance) {
    return Math.exp(-CONFIDENCE_SNAPSHOTS * chance);
  }

  /**
   * What no second signal joined in time.
   *
   * @param last whether nothing more is to come
   */
  List<Event> shifts(int tick, long step, boolean last) {
    List<Event> events = new ArrayList<>();
    double least = 0.1 / Math.max(settings.expectedSnapshots(), tick);
    for (Alarm alarm : List.copyOf(alarms.values())) {
      boolean waited = tick - alarm.raised() >= settings.coincidence() - 1;
      Alarm before = reported.get(alarm.channel());
      boolean known = before != null && (before.ofSign() || !alarm.ofSign());
      if (known || alarm.rate() > least || !waited && !last) {
        continue;
      }
      if (!toldByAnotherLayer(alarm, tick)) {
        events.add(
            new Event(
                step,
                alarm.ofSign() ? Event.Kind.SIGN_CHANGE : Event.Kind.LEVEL_SHIFT,
                alarm.signal(),
                confidence(alarm.rate()),
                alarm.evidence(),
                withOtherLayers(alarm) + "; no independent signal moved with it"));
      }
      reported.put(alarm.channel(), alarm);
    }
    return events;
  }

  /** Layers that move at about the same time are one change. */
  private boolean toldByAnotherLayer(Alarm alarm, int tick) {
    return reported.values().stream()
        .anyMatch(
            other ->
                other.signal() == alarm.signal()
                    && !other.channel().equals(alarm.channel())
                    && tick - other.tick() < settings.coincidence());
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

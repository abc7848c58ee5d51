package dynaxx.monitor;

import dynaxx.monitor.Event.Signature;
import dynaxx.monitor.Event.Signature.Change;
import dynaxx.spectrum.Signal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;

/** Finds and compares the signatures of a run's changes. */
final class Signatures {

  private static final int BEFORE = 25;
  private static final int LEAST_BEFORE = 8;
  private static final int AFTER = 10;
  private static final int LEAST_AFTER = 3;

  /** Distance from the line, in noise, that is a move. */
  private static final double MOVED = 3;

  private static final double ORDER_WEIGHT = 0.25;

  private Signatures() {}

  static List<Signature> of(List<Observation> observations, List<Event> events) {
    List<Observation> snapshots = snapshots(observations);
    List<Signature> all = new ArrayList<>();
    for (Event event : events) {
      boolean change =
          switch (event.kind()) {
            case TRANSITION, LEVEL_SHIFT, SIGN_CHANGE, EDGE_OF_STABILITY, CATAPULT -> true;
            default -> false;
          };
      boolean first =
          all.stream().noneMatch(s -> s.step() == event.step() && s.kind() == event.kind());
      if (change && first) {
        of(snapshots, event).ifPresent(all::add);
      }
    }
    return all;
  }

  /**
   * What the charts of the rules see: snapshots, with what the host measured more often averaged
   * since the one before; without any, means over some steps.
   */
  private static List<Observation> snapshots(List<Observation> observations) {
    boolean any = observations.stream().anyMatch(Observation::ofSnapshot);
    IntervalMeans means = new IntervalMeans();
    List<Observation> all = new ArrayList<>();
    long next = 0;
    for (Observation observation : observations) {
      means.add(observation);
      if (any ? !observation.ofSnapshot() : observation.step() < next) {
        continue;
      }
      next = observation.step() + CalibratedRules.STEPS_WITHOUT;
      Observation snapshot = observation;
      for (Signal signal : Signal.values()) {
        if (means.mean(signal).isPresent()) {
          snapshot = snapshot.with(signal, means.mean(signal).getAsDouble());
        }
      }
      all.add(snapshot);
      means.clear();
    }
    return all;
  }

  private static Optional<Signature> of(List<Observation> snapshots, Event event) {
    int at = index(snapshots, event.step());
    int onset = Math.min(at, index(snapshots, event.evidence().since()));
    Map<Signal, Change> changes = new EnumMap<>(Signal.class);
    for (Signal signal : Signal.values()) {
      if (signal.charted()) {
        change(snapshots, signal, onset, at).ifPresent(c -> changes.put(signal, c));
      }
    }
    return changes.isEmpty()
        ? Optional.empty()
        : Optional.of(new Signature(event.step(), event.kind(), changes));
  }

  /** The first snapshot that is not before a step. */
  private static int index(List<Observation> snapshots, long step) {
    int i = 0;
    while (i < snapshots.size() - 1 && snapshots.get(i).step() < step) {
      i++;
    }
    return i;
  }

  private static Optional<Change> change(
      List<Observation> snapshots, Signal signal, int onset, int at) {
    double[] values =
        snapshots.stream()
            .mapToDouble(o -> signal.scale().transform(o.value(signal).orElse(Double.NaN)))
            .toArray();
    int from = Math.max(0, onset - BEFORE);
    int to = Math.min(values.length, at + AFTER);
    Line line = Line.through(values, from, onset);
    double[] after = Arrays.stream(values, at, to).filter(Double::isFinite).toArray();
    if (line == null || after.length < LEAST_AFTER) {
      return Optional.empty();
    }
    double noise = Math.max(line.noise(), signal.scale().floor());
    OptionalInt lead = OptionalInt.empty();
    for (int i = Math.max(from, onset - LEAST_AFTER); i <= at && lead.isEmpty(); i++) {
      if (Math.abs(values[i] - line.at(i)) > MOVED * noise) {
        lead = OptionalInt.of(at - i);
      }
    }
    double end = line.at(onset);
    return Optional.of(
        new Change(
            signal.scale().inverse(end),
            (Robust.median(after) - end) / noise,
            line.slope() / noise,
            lead));
  }

  /** Least squares, and a robust deviation of what is left. */
  private record Line(double middle, double mean, double slope, double noise) {

    static Line through(double[] values, int from, int to) {
      int n = 0;
      double middle = 0;
      double mean = 0;
      for (int i = from; i < to; i++) {
        if (Double.isFinite(values[i])) {
          n++;
          middle += i;
          mean += values[i];
        }
      }
      if (n < LEAST_BEFORE) {
        return null;
      }
      middle /= n;
      mean /= n;
      double products = 0;
      double squares = 0;
      for (int i = from; i < to; i++) {
        if (Double.isFinite(values[i])) {
          products += (i - middle) * (values[i] - mean);
          squares += (i - middle) * (i - middle);
        }
      }
      Line line = new Line(middle, mean, products / squares, 0);
      double[] rest = new double[n];
      int k = 0;
      for (int i = from; i < to; i++) {
        if (Double.isFinite(values[i])) {
          rest[k++] = values[i] - line.at(i);
        }
      }
      return new Line(middle, mean, line.slope, Robust.deviation(rest));
    }

    double at(int index) {
      return mean + slope * (index - middle);
    }
  }

  static double similarity(Signature one, Signature other) {
    double products = 0;
    double mine = 0;
    double others = 0;
    List<Signal> moved = new ArrayList<>();
    for (Map.Entry<Signal, Change> entry : one.changes().entrySet()) {
      Change theirs = other.changes().get(entry.getKey());
      if (theirs == null) {
        continue;
      }
      double a = asinh(entry.getValue().shift());
      double b = asinh(theirs.shift());
      products += a * b;
      mine += a * a;
      others += b * b;
      if (entry.getValue().lead().isPresent() && theirs.lead().isPresent()) {
        moved.add(entry.getKey());
      }
    }
    double cosine = mine > 0 && others > 0 ? products / Math.sqrt(mine * others) : 0;
    return moved.size() < 2
        ? cosine
        : (1 - ORDER_WEIGHT) * cosine + ORDER_WEIGHT * order(one, other, moved);
  }

  /** Pairs in the same order less pairs in opposite order, as part of all; ties count as same. */
  private static double order(Signature one, Signature other, List<Signal> moved) {
    int sum = 0;
    int pairs = 0;
    for (int i = 0; i < moved.size(); i++) {
      for (int j = i + 1; j < moved.size(); j++) {
        int mine = lead(one, moved.get(i)) - lead(one, moved.get(j));
        int theirs = lead(other, moved.get(i)) - lead(other, moved.get(j));
        sum += (long) mine * theirs < 0 ? -1 : 1;
        pairs++;
      }
    }
    return (double) sum / pairs;
  }

  private static int lead(Signature signature, Signal signal) {
    return signature.changes().get(signal).lead().orElseThrow();
  }

  private static double asinh(double x) {
    return Math.copySign(Math.log(Math.abs(x) + Math.sqrt(x * x + 1)), x);
  }
}

package dynaxx.app.corpus;

import dynaxx.app.corpus.Statistics.Figure;
import dynaxx.monitor.Event;
import dynaxx.monitor.Observation;
import dynaxx.monitor.Rules;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Whether events and the forecast are as often right as they say (Murphy and Winkler, 1977). */
public final class Reliability {

  private static final int BINS = 10;

  private static final int ROUNDS = 500;
  private static final long SEED = 1;

  /** Ends of the bins of the forecast; most steps have a low probability. */
  private static final double[] ENDS = {0, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1};

  private Reliability() {}

  /**
   * Events of about the same confidence.
   *
   * @param kind of event, by the calibrated rules
   * @param events how many
   * @param confidence their mean
   * @param right part after which the loss showed something within {@link Detector#HORIZON} steps
   */
  public record Bin(String kind, int events, double confidence, double right) {}

  /**
   * Steps for which about the same probability was forecast.
   *
   * @param steps how many
   * @param forecast their mean probability
   * @param seen part of them that a doubled loss followed within {@link #HORIZON} steps
   */
  public record Forecast(int steps, double forecast, Figure seen) {}

  /** Steps that the forecast is about. */
  static final int HORIZON = 50;

  /** Of each step of the runs without an injected fault, up to what the loss shows. */
  static List<Forecast> forecast(List<Pack.Run> runs) {
    List<Pack.Run> own =
        runs.stream().filter(run -> !run.specification().fault().injected()).toList();
    int[][] steps = new int[ENDS.length - 1][own.size()];
    int[][] right = new int[ENDS.length - 1][own.size()];
    double[] sums = new double[ENDS.length - 1];
    for (int r = 0; r < own.size(); r++) {
      Rules rules = Detectors.calibrated(own.get(r));
      int shown = own.get(r).outcome().shownAt();
      for (Observation observation : own.get(r).observations()) {
        if (shown >= 0 && observation.step() >= shown) {
          break;
        }
        rules.observe(observation);
        if (rules.instability().isPresent()) {
          double p = rules.instability().getAsDouble();
          int bin = bin(p);
          steps[bin][r]++;
          sums[bin] += p;
          right[bin][r] += shown >= 0 && shown - observation.step() <= HORIZON ? 1 : 0;
        }
      }
    }
    List<Forecast> bins = new ArrayList<>();
    for (int b = 0; b < sums.length; b++) {
      int[] all = steps[b];
      int[] good = right[b];
      int count = Arrays.stream(all).sum();
      if (count > 0) {
        Figure seen =
            Statistics.bootstrap(
                own.size(), ROUNDS, SEED, drawn -> (double) sum(good, drawn) / sum(all, drawn));
        bins.add(new Forecast(count, sums[b] / count, seen));
      }
    }
    return bins;
  }

  private static int bin(double probability) {
    int bin = 0;
    while (bin < ENDS.length - 2 && probability >= ENDS[bin + 1]) {
      bin++;
    }
    return bin;
  }

  private static int sum(int[] values, int[] drawn) {
    return Arrays.stream(drawn).map(i -> values[i]).sum();
  }

  /** Sums of a bin. */
  private static final class Sums {
    private int events;
    private double confidence;
    private int right;
  }

  /** Of runs without an injected fault, which nobody can foresee. */
  static List<Bin> of(List<Pack.Run> runs) {
    Map<Event.Kind, Sums[]> kinds = new TreeMap<>();
    for (Pack.Run run : runs) {
      if (!run.specification().fault().injected()) {
        for (Event event : Detectors.replay(Detectors.calibrated(run), run)) {
          add(kinds.computeIfAbsent(event.kind(), kind -> new Sums[BINS]), event, run);
        }
      }
    }
    List<Bin> bins = new ArrayList<>();
    kinds.forEach(
        (kind, all) -> {
          for (Sums s : all) {
            if (s != null) {
              bins.add(
                  new Bin(
                      kind.name(), s.events, s.confidence / s.events, (double) s.right / s.events));
            }
          }
        });
    return bins;
  }

  private static void add(Sums[] bins, Event event, Pack.Run run) {
    int shown = run.outcome().shownAt();
    if (shown >= 0 && event.step() >= shown) {
      return;
    }
    int bin = Math.min(BINS - 1, (int) (BINS * event.confidence()));
    bins[bin] = bins[bin] == null ? new Sums() : bins[bin];
    bins[bin].events++;
    bins[bin].confidence += event.confidence();
    bins[bin].right += shown >= 0 && shown - event.step() <= Detector.HORIZON ? 1 : 0;
  }
}

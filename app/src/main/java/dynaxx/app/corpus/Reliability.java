package dynaxx.app.corpus;

import dynaxx.monitor.Event;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** Whether events are as often right as their confidence says (Murphy and Winkler, 1977). */
public final class Reliability {

  private static final int BINS = 10;

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

package dynaxx.app.corpus;

import dynaxx.app.corpus.Statistics.Figure;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.function.IntPredicate;
import java.util.function.IntToDoubleFunction;
import java.util.stream.IntStream;

/**
 * How well detectors warn of what a corpus's runs came to. Directions and thresholds are found on
 * the half that is tuned on; docs/corpus.md has the definitions.
 */
public final class Evaluation {

  /** Warnings that are allowed in a quiet step. */
  static final double ALLOWED = 1e-3;

  /** Steps of a window whose highest score is a sample of the ROC curve. */
  static final int SAMPLE = 50;

  /** Steps after the loss shows a fault within which it must be told. */
  static final int SOON = 3;

  private static final int AUROC_ROUNDS = 200;
  private static final int ROUNDS = 1000;
  private static final int CANDIDATES = 400;
  private static final long SEED = 1;

  private final List<Pack.Run> runs;
  private final List<Pack.Run> told;
  private final IntPredicate tuning;

  /** Half of the runs. */
  public enum Half {
    TUNE,
    REPORT;

    @Override
    public String toString() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /**
   * What a detector does.
   *
   * @param detector its name
   * @param group where it comes from
   * @param threshold of its warnings
   * @param auroc of windows before the loss shows something, against windows of quiet runs
   * @param divergences part of them told before the loss showed them
   * @param spikes part of them told before the loss showed them
   * @param lead median steps from the first warning to the loss, of those told; NaN if none was
   * @param falseAlarms warnings in 1,000 quiet steps
   * @param faults part of the injected faults told within {@link #SOON} steps of the loss
   */
  public record Row(
      String detector,
      String group,
      double threshold,
      Figure auroc,
      Figure divergences,
      Figure spikes,
      Figure lead,
      Figure falseAlarms,
      Figure faults) {

    /** Whether it may be compared with others: not clearly more false warnings than allowed. */
    public boolean allowed() {
      return !(falseAlarms.low() > 1000 * ALLOWED);
    }
  }

  /**
   * What was measured on.
   *
   * @param half of the runs
   * @param quietRuns runs in which nothing happened
   * @param quietSteps their steps
   * @param divergences that came by themselves
   * @param spikes that came by themselves
   * @param faults injected ones that the loss showed
   * @param rows of the detectors
   * @param reliability of the events that state a confidence
   * @param forecast reliability of the probability that is forecast at each step
   */
  public record Report(
      Half half,
      int quietRuns,
      int quietSteps,
      int divergences,
      int spikes,
      int faults,
      List<Row> rows,
      List<Reliability.Bin> reliability,
      List<Reliability.Forecast> forecast) {}

  private Evaluation(List<Pack.Run> runs, Half half) {
    this.runs = runs;
    this.tuning = i -> runs.get(i).specification().tuning();
    this.told =
        runs.stream().filter(run -> run.specification().tuning() == (half == Half.TUNE)).toList();
  }

  /** Measures all detectors on a packed corpus. */
  public static Report of(Path pack, Half half) throws IOException {
    return of(Pack.read(pack), half);
  }

  static Report of(List<Pack.Run> runs, Half half) {
    Evaluation evaluation = new Evaluation(runs, half);
    List<Row> rows =
        Detectors.of(runs).stream()
            .map(evaluation::row)
            .sorted(
                Comparator.comparing(Row::group)
                    .thenComparing(Row::allowed, Comparator.reverseOrder())
                    .thenComparing(
                        row -> row.divergences().value() + row.spikes().value(),
                        Comparator.reverseOrder()))
            .toList();
    int[] quiet = evaluation.chosen(Evaluation::quiet);
    return new Report(
        half,
        quiet.length,
        IntStream.of(quiet).map(i -> evaluation.told.get(i).observations().size()).sum(),
        evaluation.chosen(run -> foreseeable(run, Outcome.What.DIVERGED)).length,
        evaluation.chosen(run -> foreseeable(run, Outcome.What.SPIKE)).length,
        evaluation.chosen(Evaluation::shownFault).length,
        rows,
        Reliability.of(evaluation.told),
        Reliability.forecast(evaluation.told));
  }

  /** Choice of runs. */
  private interface Choice {
    boolean of(Pack.Run run);
  }

  private int[] chosen(Choice choice) {
    return IntStream.range(0, told.size()).filter(i -> choice.of(told.get(i))).toArray();
  }

  static boolean quiet(Pack.Run run) {
    return !run.specification().fault().injected() && run.outcome().what().quiet();
  }

  private static boolean foreseeable(Pack.Run run, Outcome.What what) {
    return foreseeable(run) && run.outcome().what() == what;
  }

  /** What the loss shows in a run without an injected fault. */
  static boolean foreseeable(Pack.Run run) {
    return !run.specification().fault().injected() && run.outcome().shownAt() >= 0;
  }

  /** A fault that the loss shows, in a run that showed nothing before it. */
  static boolean shownFault(Pack.Run run) {
    int at = run.specification().faultAt();
    return run.specification().fault().injected()
        && run.outcome().shownAt() >= 0
        && Outcome.of(Arrays.copyOf(run.losses(), at), 0).shownAt() < 0;
  }

  private Row row(Detector given) {
    Detector detector = given;
    if (Double.isNaN(given.fixed()) && auroc(given, onTuning()) < 0.5) {
      detector = given.turned();
    }
    double threshold = Double.isNaN(detector.fixed()) ? threshold(detector) : detector.fixed();
    double[][] scores = ofTold(detector);
    int[] quiet = chosen(Evaluation::quiet);
    return new Row(
        detector.name(),
        detector.group().name().toLowerCase(Locale.ROOT),
        threshold,
        Statistics.bootstrap(told.size(), AUROC_ROUNDS, SEED, new Samples(told, scores)::auroc),
        part(Outcome.What.DIVERGED, scores, threshold),
        part(Outcome.What.SPIKE, scores, threshold),
        lead(scores, threshold),
        falseAlarms(quiet, scores, threshold),
        faults(scores, threshold));
  }

  private double[][] ofTold(Detector detector) {
    return IntStream.range(0, runs.size())
        .filter(i -> told.contains(runs.get(i)))
        .mapToObj(i -> detector.scores()[i])
        .toArray(double[][]::new);
  }

  private int[] onTuning() {
    return IntStream.range(0, runs.size()).filter(tuning).toArray();
  }

  private double auroc(Detector detector, int[] of) {
    return new Samples(runs, detector.scores()).auroc(of);
  }

  /** Lowest threshold with no more false warnings than allowed on the half that is tuned on. */
  private double threshold(Detector detector) {
    int[] quiet =
        IntStream.range(0, runs.size()).filter(tuning).filter(i -> quiet(runs.get(i))).toArray();
    int steps = IntStream.of(quiet).map(i -> runs.get(i).observations().size()).sum();
    double[] scores =
        IntStream.range(0, runs.size())
            .filter(tuning)
            .mapToObj(i -> detector.scores()[i])
            .flatMapToDouble(Arrays::stream)
            .filter(score -> !Double.isNaN(score))
            .sorted()
            .toArray();
    if (scores.length == 0) {
      return Double.POSITIVE_INFINITY;
    }
    double found = scores[scores.length - 1];
    for (int c = CANDIDATES - 1; c >= 0; c--) {
      double candidate = scores[(int) ((long) c * (scores.length - 1) / CANDIDATES)];
      int warnings =
          IntStream.of(quiet).map(i -> Detector.warnings(detector.scores()[i], candidate)).sum();
      if (warnings > ALLOWED * steps) {
        return found;
      }
      found = candidate;
    }
    return found;
  }

  private Figure falseAlarms(int[] quiet, double[][] scores, double threshold) {
    double[] warnings = of(quiet, i -> Detector.warnings(scores[i], threshold));
    double[] steps = of(quiet, i -> told.get(i).observations().size());
    return Statistics.bootstrap(
        quiet.length, ROUNDS, SEED, drawn -> 1000 * mean(warnings, drawn) / mean(steps, drawn));
  }

  private Figure part(Outcome.What what, double[][] scores, double threshold) {
    int[] chosen = chosen(run -> foreseeable(run, what));
    return share(of(chosen, i -> warnedAt(i, scores, threshold) >= 0 ? 1 : 0));
  }

  /** First warning within the horizon before the loss shows it; -1 if there is none. */
  private int warnedAt(int i, double[][] scores, double threshold) {
    int shown = told.get(i).outcome().shownAt();
    return Detector.first(scores[i], shown - Detector.HORIZON, shown, threshold);
  }

  private Figure lead(double[][] scores, double threshold) {
    int[] warned =
        IntStream.of(chosen(Evaluation::foreseeable))
            .filter(i -> warnedAt(i, scores, threshold) >= 0)
            .toArray();
    double[] leads =
        of(warned, i -> told.get(i).outcome().shownAt() - warnedAt(i, scores, threshold));
    return Statistics.bootstrap(
        leads.length,
        ROUNDS,
        SEED,
        drawn -> {
          double[] some = IntStream.of(drawn).mapToDouble(d -> leads[d]).toArray();
          return some.length == 0 ? Double.NaN : Outcome.median(some, 0, some.length);
        });
  }

  private Figure faults(double[][] scores, double threshold) {
    return share(
        of(
            chosen(Evaluation::shownFault),
            i -> {
              Pack.Run run = told.get(i);
              int until = run.outcome().shownAt() + SOON + 1;
              int from = run.specification().faultAt();
              return Detector.first(scores[i], from, until, threshold) >= 0 ? 1 : 0;
            }));
  }

  private static double[] of(int[] chosen, IntToDoubleFunction value) {
    return IntStream.of(chosen).mapToDouble(value).toArray();
  }

  private static Figure share(double[] values) {
    return Statistics.bootstrap(values.length, ROUNDS, SEED, drawn -> mean(values, drawn));
  }

  private static double mean(double[] values, int[] drawn) {
    double sum = 0;
    for (int d : drawn) {
      sum += values[d];
    }
    return sum / drawn.length;
  }

  /** Samples of the ROC curve, run by run. */
  private static final class Samples {
    private final double[][] positive;
    private final double[][] negative;

    Samples(List<Pack.Run> runs, double[][] scores) {
      positive = new double[runs.size()][0];
      negative = new double[runs.size()][0];
      for (int i = 0; i < runs.size(); i++) {
        Pack.Run run = runs.get(i);
        if (quiet(run)) {
          negative[i] = windows(scores[i]);
        } else if (foreseeable(run)) {
          int shown = run.outcome().shownAt();
          double highest = Detector.highest(scores[i], shown - SAMPLE, shown);
          positive[i] = Double.isNaN(highest) ? new double[0] : new double[] {highest};
        }
      }
    }

    private static double[] windows(double[] scores) {
      List<Double> found = new ArrayList<>();
      for (int from = 0; from + SAMPLE <= scores.length; from += SAMPLE) {
        double highest = Detector.highest(scores, from, from + SAMPLE);
        if (!Double.isNaN(highest)) {
          found.add(highest);
        }
      }
      return found.stream().mapToDouble(x -> x).toArray();
    }

    double auroc(int[] of) {
      return Statistics.auroc(all(positive, of), all(negative, of));
    }

    private static double[] all(double[][] samples, int[] of) {
      return IntStream.of(of).mapToObj(i -> samples[i]).flatMapToDouble(Arrays::stream).toArray();
    }
  }
}

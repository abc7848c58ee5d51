package dynaxx.app.corpus;

import dynaxx.app.corpus.Acting.Pair;
import dynaxx.app.corpus.ArmRun.Point;
import dynaxx.app.corpus.ArmRun.Trace;
import dynaxx.app.corpus.Statistics.Figure;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Predicate;
import java.util.function.ToDoubleFunction;

/**
 * What acting gives, from paired trainings.
 *
 * <p>Losses are parts of the validation loss before the training, so that families can be compared.
 * A training that broke off, or ended above 1, counts as one that learnt nothing: its loss is 1,
 * its accuracy that before the training.
 *
 * @param rows by arm and learning rate
 * @param reversals by fault
 */
public record ActingReport(List<Row> rows, List<Reverted> reversals) {

  private static final int ROUNDS = 2000;
  private static final long SEED = 1;

  /**
   * One arm at one learning rate.
   *
   * @param arm its name
   * @param ratio learning rate, as a multiple of the stability limit; NaN for all of them
   * @param runs how many
   * @param diverged how many of them
   * @param divergedWithout how many of the same trainings without anything
   * @param rescued those of the latter that did not diverge with the arm
   * @param loss mean at the end
   * @param accuracy mean at the end
   * @param work mean, as part of the work without anything
   * @param lossDifference mean of the paired differences to nothing, at the end; negative is better
   * @param accuracyDifference the same of the accuracy; positive is better
   * @param lossAtEqualWork as the difference, where the arm had cost as much as a training without
   * @param accuracyAtEqualWork the same of the accuracy
   */
  public record Row(
      String arm,
      double ratio,
      int runs,
      int diverged,
      int divergedWithout,
      int rescued,
      double loss,
      double accuracy,
      double work,
      Figure lossDifference,
      Figure accuracyDifference,
      Figure lossAtEqualWork,
      Figure accuracyAtEqualWork) {}

  /**
   * Going back after one kind of fault.
   *
   * @param fault its name; "all" for all of them
   * @param runs how many
   * @param harmed those whose validation loss was higher at the decision than at the checkpoint
   * @param better share of the runs with a lower final loss after going back
   * @param betterOfHarmed the same of the harmed runs
   * @param difference mean of the final losses after going back less those without, as parts of the
   *     loss at the checkpoint; negative is better
   */
  public record Reverted(
      String fault,
      int runs,
      int harmed,
      Figure better,
      Figure betterOfHarmed,
      Figure difference) {}

  /** What a training has learnt. */
  record Learnt(double loss, double accuracy) {}

  static ActingReport of(Acting.Results results) {
    List<Row> rows = new ArrayList<>();
    for (Arm arm : Arm.values()) {
      for (double ratio : Acting.RATIOS) {
        rows.add(row(arm, ratio, only(results.pairs(), p -> p.specification().ratio() == ratio)));
      }
      rows.add(row(arm, Double.NaN, results.pairs()));
    }
    List<Reverted> reverted = new ArrayList<>();
    for (Fault fault : Fault.values()) {
      List<Reversal.Result> own =
          only(results.reversals(), r -> r.specification().fault() == fault);
      if (!own.isEmpty()) {
        reverted.add(reverted(fault.toString(), own));
      }
    }
    if (!results.reversals().isEmpty()) {
      reverted.add(reverted("all", results.reversals()));
    }
    return new ActingReport(rows, reverted);
  }

  private static <T> List<T> only(List<T> all, Predicate<T> which) {
    return all.stream().filter(which).toList();
  }

  static Row row(Arm arm, double ratio, List<Pair> pairs) {
    Predicate<Pair> without = p -> diverged(trace(p, Arm.NONE));
    Predicate<Pair> with = p -> diverged(trace(p, arm));
    return new Row(
        arm.toString(),
        ratio,
        pairs.size(),
        only(pairs, with).size(),
        only(pairs, without).size(),
        only(pairs, without.and(with.negate())).size(),
        mean(pairs, p -> learnt(p, arm, false).loss()),
        mean(pairs, p -> learnt(p, arm, false).accuracy()),
        mean(pairs, p -> trace(p, arm).work() / p.specification().steps()),
        difference(pairs, arm, false, Learnt::loss),
        difference(pairs, arm, false, Learnt::accuracy),
        difference(pairs, arm, true, Learnt::loss),
        difference(pairs, arm, true, Learnt::accuracy));
  }

  private static Figure difference(
      List<Pair> pairs, Arm arm, boolean equalWork, ToDoubleFunction<Learnt> what) {
    return figure(
        pairs,
        p ->
            what.applyAsDouble(learnt(p, arm, equalWork))
                - what.applyAsDouble(learnt(p, Arm.NONE, false)));
  }

  private static boolean diverged(Trace trace) {
    return trace.outcome().what() == Outcome.What.DIVERGED;
  }

  static Trace trace(Pair pair, Arm arm) {
    return pair.traces().stream().filter(t -> t.arm() == arm).findFirst().orElseThrow();
  }

  /**
   * At the end, or at the last validation before the arm had cost more than a training without
   * anything.
   */
  static Learnt learnt(Pair pair, Arm arm, boolean equalWork) {
    List<Point> curve = trace(pair, arm).curve();
    Point first = curve.getFirst();
    Point last = curve.getLast();
    if (equalWork) {
      int budget = pair.specification().steps();
      last = curve.stream().filter(p -> p.work() <= budget).reduce(first, (a, b) -> b);
    }
    double part = last.loss() / first.loss();
    return part <= 1 ? new Learnt(part, last.accuracy()) : new Learnt(1, first.accuracy());
  }

  static Reverted reverted(String fault, List<Reversal.Result> runs) {
    Predicate<Reversal.Result> harmed = r -> !(r.decided().loss() <= r.before().loss());
    return new Reverted(
        fault,
        runs.size(),
        only(runs, harmed).size(),
        figure(runs, ActingReport::better),
        figure(only(runs, harmed), ActingReport::better),
        figure(runs, r -> part(r.takenBack().loss(), r) - part(r.goneOn().loss(), r)));
  }

  private static double better(Reversal.Result result) {
    return !(result.goneOn().loss() <= result.takenBack().loss()) ? 1 : 0;
  }

  /** Twice the checkpoint's and more is counted as twice. */
  private static double part(double loss, Reversal.Result result) {
    double part = loss / result.before().loss();
    return part <= 2 ? part : 2;
  }

  private static <T> double mean(List<T> all, ToDoubleFunction<T> value) {
    return all.stream().mapToDouble(value).average().orElse(Double.NaN);
  }

  private static <T> Figure figure(List<T> all, ToDoubleFunction<T> value) {
    double[] values = all.stream().mapToDouble(value).toArray();
    return Statistics.bootstrap(
        values.length,
        ROUNDS,
        SEED,
        drawn -> Arrays.stream(drawn).mapToDouble(i -> values[i]).average().orElse(Double.NaN));
  }
}

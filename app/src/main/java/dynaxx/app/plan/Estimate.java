package dynaxx.app.plan;

import dynaxx.cost.ArticleSchedule;
import dynaxx.cost.CostModel;
import dynaxx.cost.CostModel.Basis;
import dynaxx.cost.SnapshotPlan;
import dynaxx.cost.TransformerCost;
import dynaxx.cost.Work;
import dynaxx.network.pass.BatchPlan;
import dynaxx.spectrum.ProbeSettings;
import java.util.Optional;

/** What a model, a batch and a budget lead to. */
public final class Estimate {

  private final TransformerCost cost;
  private final int batch;
  private final double budget;
  private final long memoryLimit;
  private final Optional<CostModel> model;
  private final Optional<Double> givenStep;

  /**
   * One line of an answer.
   *
   * @param plan what is measured
   * @param seconds of a snapshot
   * @param interval steps between two of them
   * @param memory bytes
   * @param cut how the subset is cut
   */
  public record Answer(
      SnapshotPlan plan, double seconds, long interval, double memory, BatchPlan cut) {}

  /**
   * For a model.
   *
   * @param cost of the network
   * @param batch examples of a training step
   * @param budget largest share of the time, above 0 and at most 1
   * @param memoryLimit bytes that the probe may take
   * @param model of the device, if it was timed
   * @param givenStep seconds of a training step, if the user knows them; without a model, times
   *     follow from it by operations counted
   */
  public Estimate(
      TransformerCost cost,
      int batch,
      double budget,
      long memoryLimit,
      Optional<CostModel> model,
      Optional<Double> givenStep) {
    if (model.isEmpty() && givenStep.isEmpty()) {
      throw new IllegalArgumentException("model: found none, expected one or the time of a step");
    }
    this.cost = cost;
    this.batch = batch;
    this.budget = budget;
    this.memoryLimit = memoryLimit;
    this.model = model;
    this.givenStep = givenStep;
  }

  /**
   * A training step.
   *
   * @return seconds
   */
  public double step() {
    return givenStep.orElseGet(() -> model.orElseThrow().seconds(cost.step(batch)));
  }

  /**
   * How its time is known.
   *
   * @return empty if it was given or there is no model
   */
  public Optional<Basis> stepBasis() {
    return givenStep.isPresent() ? Optional.empty() : basis(cost.gradient(batch));
  }

  /**
   * How the time of a snapshot is known: from its products, its largest part.
   *
   * @param plan what is measured
   * @return empty if it was only counted
   */
  public Optional<Basis> basis(SnapshotPlan plan) {
    Work product = cost.product(plan.examples(), 1);
    return basis(product);
  }

  private Optional<Basis> basis(Work pass) {
    return model.map(m -> m.basis(cost.shape().parameters(), pass));
  }

  /**
   * The steps between two snapshots in the article's table.
   *
   * @return steps
   */
  public double articleInterval() {
    return ArticleSchedule.interval(cost.shape().parameters(), batch);
  }

  /**
   * The article's settings over a whole batch.
   *
   * @return what they take
   */
  public Answer whole() {
    return answer(new SnapshotPlan(ProbeSettings.article(), batch));
  }

  /**
   * The most that the budget covers as often as the article measures, or the least there is.
   *
   * @return what it takes
   */
  public Answer chosen() {
    double allowed = budget / (1 - budget) * articleInterval() * step();
    return answer(
        SnapshotPlan.affordable(
            SnapshotPlan.from(ProbeSettings.article(), batch), allowed, this::seconds));
  }

  private Answer answer(SnapshotPlan plan) {
    BatchPlan cut = cost.plan(plan.examples(), memoryLimit);
    double seconds = seconds(plan);
    return new Answer(
        plan,
        seconds,
        SnapshotPlan.interval(seconds, step(), budget),
        cost.memory(plan.settings(), plan.examples(), cut),
        cut);
  }

  private double seconds(SnapshotPlan plan) {
    BatchPlan cut = cost.plan(plan.examples(), memoryLimit);
    Work snapshot = cost.snapshot(plan.settings(), plan.examples(), cut);
    return model
        .map(m -> m.seconds(snapshot))
        .orElseGet(() -> givenStep.orElseThrow() * snapshot.flop() / cost.step(batch).flop());
  }
}

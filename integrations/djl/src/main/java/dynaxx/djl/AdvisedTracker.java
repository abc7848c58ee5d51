package dynaxx.djl;

import ai.djl.training.tracker.ParameterTracker;
import dynaxx.monitor.Advice;

/**
 * A learning rate that follows a schedule and a monitor's advice: the schedule's rate times a
 * factor, which is 1 until there is advice. Hand it to the optimizer and to the listener:
 *
 * <pre>{@code
 * AdvisedTracker rate = new AdvisedTracker(Tracker.fixed(0.1f));
 * Optimizer optimizer = Optimizer.sgd().setLearningRateTracker(rate).build();
 * CurvatureListener listener = CurvatureListener.engine(data, labels).applyTo(rate);
 * }</pre>
 */
public final class AdvisedTracker implements ParameterTracker {

  private final ParameterTracker schedule;
  private volatile double factor = 1;
  private volatile float last = Float.NaN;

  /**
   * Follows a schedule.
   *
   * @param schedule gives the rate without advice
   */
  public AdvisedTracker(ParameterTracker schedule) {
    this.schedule = schedule;
  }

  @Override
  public float getNewValue(String parameterId, int numUpdate) {
    float rate = schedule.getNewValue(parameterId, numUpdate);
    last = factor == 1 ? rate : (float) (rate * factor);
    return last;
  }

  /** Follows a piece of advice from the next update on. */
  void follow(Advice.LearningRate advice) {
    factor *= advice.factor();
  }

  /**
   * What advice has made of the schedule so far.
   *
   * @return the factor, 1 without advice
   */
  public double factor() {
    return factor;
  }

  /**
   * The rate of the last update.
   *
   * @return the rate, or NaN before the first update
   */
  public float lastRate() {
    return last;
  }
}

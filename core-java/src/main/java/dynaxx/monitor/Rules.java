package dynaxx.monitor;

import java.util.List;

/**
 * A rule set: reads the observations of one run in order and says what happened. It holds the state
 * of that run; one thread at a time. The same observations must give the same events, bit for bit,
 * so that a run can be replayed.
 */
public interface Rules {

  /**
   * The article's rules with the numbers it states.
   *
   * @return rules that have seen nothing yet
   */
  static Rules article() {
    return article(ArticleSettings.defaults());
  }

  /**
   * The article's rules with other numbers.
   *
   * @param settings all numbers
   * @return rules that have seen nothing yet
   */
  static Rules article(ArticleSettings settings) {
    return new ArticleRules(settings);
  }

  /**
   * Rules calibrated to at most one false transition in 10,000 snapshots.
   *
   * @return rules that have seen nothing yet
   */
  static Rules calibrated() {
    return calibrated(CalibratedSettings.defaults());
  }

  /**
   * The calibrated rules with other numbers.
   *
   * @param settings all numbers
   * @return rules that have seen nothing yet
   */
  static Rules calibrated(CalibratedSettings settings) {
    return new CalibratedRules(settings);
  }

  /**
   * Reads what was observed at a step.
   *
   * @param observation of a step later than all before
   * @return what happened, in the order in which it was noticed; mostly nothing
   * @throws IllegalArgumentException if the step is not later than the one before
   */
  List<Event> observe(Observation observation);

  /**
   * Is told that training was started again, with the optimizer's state lost: a guard lets the
   * values settle before they are judged.
   *
   * @param step of the first update after the restart; may lie before steps already seen, where an
   *     earlier checkpoint was loaded
   * @return the restart, as an event
   */
  List<Event> restarted(long step);

  /**
   * Is told that the learning rate was changed on purpose, and so that what moves next has a known
   * cause. A jump from one observation to the next is seen without being told.
   *
   * @param step of the first update at the new rate
   */
  void learningRateChanged(long step);

  /**
   * Is told that a pass over the data has ended: the length of an epoch is then the first period
   * that a repeating signal is compared with.
   *
   * @param step number of updates made so far
   */
  void epochEnded(long step);

  /**
   * Is told that the run is over.
   *
   * @return what was noticed, but held back in case more was to come
   */
  List<Event> finish();
}

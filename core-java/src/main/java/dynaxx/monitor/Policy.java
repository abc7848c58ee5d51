package dynaxx.monitor;

import java.util.List;

/**
 * Decides what to do. It holds the state of one run, is asked at every step, and must decide from
 * what it is told alone, so that a run can be repeated. {@link Policies} has some.
 */
@FunctionalInterface
public interface Policy {

  /**
   * Decides.
   *
   * @param situation after a step
   * @return single pieces of advice, in the order in which they are to be done; mostly none
   */
  List<Advice> decide(Situation situation);

  /**
   * Is told that training was started again.
   *
   * @param step of the first update after the restart
   */
  default void restarted(long step) {}
}

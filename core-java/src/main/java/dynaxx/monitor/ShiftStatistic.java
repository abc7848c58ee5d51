package dynaxx.monitor;

import java.util.function.DoubleUnaryOperator;

/** Evidence, in a series of standardised values, that their mean has moved to either side. */
interface ShiftStatistic {

  /** Adds a standardised value and returns the evidence. */
  double add(double z);

  double value();

  /** +1 if a rise is the likelier, else -1. */
  int direction();

  /** Values since the change began, as far as the statistic tells. */
  int length();

  void reset();

  /** Least size of a value, in standard deviations, that speaks for the change. */
  double reference();

  /**
   * How fast large values become rare: the chance of at least h falls like {@code exp(-J(h))}.
   *
   * @param residuals that the statistic is made of
   * @return the function J
   */
  DoubleUnaryOperator tail(double[] residuals);
}

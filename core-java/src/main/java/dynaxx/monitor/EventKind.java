package dynaxx.monitor;

/** What an event says has happened. */
public enum EventKind {
  /**
   * Signs that a transition may be near; reported by the rules of the article "dynaxx dissection:
   * probing phase transitions in neural network loss landscapes".
   */
  PRECURSOR,
  /** The landscape changed: smoothed lambda_min changed sign, or several signals moved at once. */
  TRANSITION,
  /** One signal moved to another level, and no independent one with it. */
  LEVEL_SHIFT,
  /** lambda_min changed its sign beyond its uncertainty, and nothing else moved. */
  SIGN_CHANGE,
  /** lambda_min crosses zero again and again: the learning rate is too high, or it is noise. */
  INSTABILITY,
  /** A signal repeats itself: not a transition. */
  CYCLIC,
  /** One value far off, and the next back again. */
  SPIKE,
  /** The sharpness has reached the limit that the optimizer is stable at, and stays there. */
  EDGE_OF_STABILITY,
  /** The sharpness was beyond the limit, the loss rose, and the sharpness fell below the limit. */
  CATAPULT,
  /** After a transition: the validation metric is no worse than before it, beyond its noise. */
  VALIDATED,
  /** After a transition: the validation metric is worse than before it, beyond its noise. */
  HARMFUL,
  /** Training was started again: what follows is not compared with what was before. */
  RESTART,
  /** A value is NaN or infinite, and was not used. */
  NOT_FINITE,
  /** A snapshot beside the training failed. */
  NOT_MEASURED
}

package dynaxx.network;

/**
 * Whether a forward pass trains or measures.
 *
 * @param training true if dropout acts
 * @param seed key of the dropout masks
 * @param step number of the training step; each has its own masks
 */
public record Mode(boolean training, long seed, long step) {

  /** Dropout is the identity: what every measurement uses. */
  public static final Mode MEASURE = new Mode(false, 0, 0);

  /**
   * A training step.
   *
   * @param seed key of the dropout masks
   * @param step number of the step
   * @return the mode
   */
  public static Mode training(long seed, long step) {
    return new Mode(true, seed, step);
  }
}

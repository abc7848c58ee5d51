package dynaxx.device;

/**
 * A device has no memory left for what was asked; what the failed call had taken is free again. The
 * caller can go on with less, for example with smaller micro-batches.
 */
public final class MemoryExhaustedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /**
   * States the case.
   *
   * @param message what was asked for, what is free, and what holds the rest
   */
  public MemoryExhaustedException(String message) {
    super(message);
  }
}

package dynaxx.operator;

/**
 * An operator's products contradict each other, or the same products in float64, or rounding would
 * spoil them: it is not one fixed symmetric map, or not accurate enough at this point, so no
 * estimate of its spectrum means anything.
 */
public final class UntrustworthyOperatorException extends IllegalStateException {

  private static final long serialVersionUID = 1L;

  /**
   * Reports a contradiction.
   *
   * @param message what differs, by how much, and how much was expected
   */
  public UntrustworthyOperatorException(String message) {
    super(message);
  }
}

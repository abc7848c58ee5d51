package dynaxx.operator;

/**
 * A loss, a gradient or a product holds NaN or infinity; it is reported instead of being carried
 * into an estimate.
 */
public final class NonFiniteException extends ArithmeticException {

  private static final long serialVersionUID = 1L;

  private final String what;
  private final double found;

  /**
   * Reports a value.
   *
   * @param what the quantity, for example {@code loss}
   * @param found its value
   */
  public NonFiniteException(String what, double found) {
    super(what + ": found " + found + ", expected a finite value");
    this.what = what;
    this.found = found;
  }

  /**
   * The same report with the place where it was found.
   *
   * @param place for example {@code partition 3}
   * @return a report that begins with the place
   */
  public NonFiniteException in(String place) {
    return new NonFiniteException(place + ": " + what, found);
  }

  /**
   * Passes finite values on.
   *
   * @param what the quantity
   * @param value its value
   * @return the value
   * @throws NonFiniteException if it is NaN or infinite
   */
  public static double check(String what, double value) {
    if (!Double.isFinite(value)) {
      throw new NonFiniteException(what, value);
    }
    return value;
  }
}

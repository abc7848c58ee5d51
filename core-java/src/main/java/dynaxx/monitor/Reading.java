package dynaxx.monitor;

import java.util.OptionalDouble;

/**
 * One measured value.
 *
 * @param value may be NaN or infinite: rules report it and do not use it
 * @param error standard error or residual, in units of the value; empty if not known
 */
public record Reading(double value, OptionalDouble error) {

  /**
   * Checks the error.
   *
   * @throws IllegalArgumentException if the error is NaN or negative
   */
  public Reading {
    if (error.isPresent() && !(error.getAsDouble() >= 0)) {
      throw new IllegalArgumentException(
          "error: found " + error.getAsDouble() + ", expected at least 0");
    }
  }

  /**
   * Whether the value can be used.
   *
   * @return false if it is NaN or infinite
   */
  public boolean finite() {
    return Double.isFinite(value);
  }

  /**
   * The error.
   *
   * @param otherwise in its place if it is not known
   * @return standard error or residual, in units of the value
   */
  public double errorOr(double otherwise) {
    return error.orElse(otherwise);
  }
}

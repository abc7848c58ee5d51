package dynaxx.spectrum;

import java.util.Locale;
import java.util.OptionalDouble;

/**
 * What is known of the smallest or the largest eigenvalue. The value is a Rayleigh quotient, so the
 * smallest eigenvalue is never above it and the largest never below it, beyond the noise floor; the
 * bound limits the other side with {@link #PROBABILITY}.
 *
 * @param value Ritz value, or Rayleigh quotient of a stored vector
 * @param residual norm of {@code H y - value y} for its normalised vector y: some eigenvalue lies
 *     within this distance; empty if no product was made to measure it
 * @param bound the smallest eigenvalue is at least, the largest at most this, with 99 % probability
 *     over the random start vectors; includes the noise floor; empty without a Lanczos run
 * @param noiseFloor absolute error that the arithmetic of the products can cause
 * @param converged whether the residual met the tolerance that was asked for, or the noise floor
 */
public record ExtremeEigenvalue(
    double value,
    OptionalDouble residual,
    OptionalDouble bound,
    double noiseFloor,
    boolean converged) {

  /** Probability that a bound holds. */
  public static final double PROBABILITY = 0.99;

  /**
   * Value, residual and bound in one line.
   *
   * @return for example {@code -0.0314 (residual 2e-04, bound -0.033 at 99 %)}
   */
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(String.format(Locale.ROOT, "%.4g (", value));
    residual.ifPresentOrElse(
        r -> text.append(String.format(Locale.ROOT, "residual %.0e", r)),
        () -> text.append("stored vector"));
    bound.ifPresent(b -> text.append(String.format(Locale.ROOT, ", bound %.4g at 99 %%", b)));
    return text.append(residual.isPresent() && !converged ? ", not converged)" : ")").toString();
  }
}

package dynaxx.spectrum;

/**
 * An eigenvalue of the operator restricted to a Krylov space. Some eigenvalue of the operator lies
 * within {@code residual} of {@code value}; the smallest Ritz value is never below the smallest
 * eigenvalue, and the largest never above the largest, beyond rounding.
 *
 * @param value the Ritz value
 * @param residual norm of {@code H y - value y} for its normalised Ritz vector y: {@code |beta_m
 *     s_mi|}, but not less than the rounding of the products, 16 units of roundoff times the
 *     largest Ritz value
 */
public record RitzValue(double value, double residual) {}

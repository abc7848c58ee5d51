package dynaxx.layer;

/** Functions of each element; devices know their first and second derivatives. */
public enum Activation {
  /**
   * {@code max(0, x)}; the derivative at 0 is taken as 0, the second derivative as 0 everywhere.
   */
  RELU,
  /** Gaussian error linear unit, exact: {@code x Phi(x)} (Hendrycks and Gimpel, 2016). */
  GELU,
  /** The tanh approximation of GELU with the constant 0.044715 (Hendrycks and Gimpel, 2016). */
  GELU_TANH,
  /** Hyperbolic tangent. */
  TANH,
  /** Logistic function {@code 1 / (1 + exp(-x))}. */
  SIGMOID,
  /** {@code x sigmoid(x)}, also called swish (Elfwing et al., 2017). */
  SILU,
  /** {@code log(1 + exp(x))}. */
  SOFTPLUS
}

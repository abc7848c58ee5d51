package dynaxx.kernel;

import dynaxx.memory.Buffer;

/**
 * Losses and their derivatives. Conventions are those of {@link Kernels}. Targets of cross-entropy
 * are the classes of the rows, whole numbers held as float32, {@code stride} values apart; with a
 * stride above 1 the row's weight stands behind its class, else it is 1.
 */
public interface LossKernels {

  /**
   * Softmax cross-entropy: {@code loss += scale sum over rows of -weight log p[target]} (by
   * log-sum-exp) and the probabilities.
   *
   * @param rows predictions
   * @param classes classes of each
   * @param scale factor of every row, 1 / (number of predictions) for a mean
   * @param z logits
   * @param targets classes and weights
   * @param stride from one row's class to the next
   * @param p receives the probabilities
   * @param loss one accumulator
   */
  void crossEntropy(
      long rows,
      int classes,
      double scale,
      Buffer z,
      Buffer targets,
      int stride,
      Buffer p,
      Scalars loss);

  /**
   * {@code dz = scale weight (p - onehot)}, with the target's entry formed as minus the sum of the
   * others so that no digits cancel.
   *
   * @param rows predictions
   * @param classes classes of each
   * @param scale factor of every row
   * @param p probabilities
   * @param targets classes and weights
   * @param stride from one row's class to the next
   * @param dz adjoint of the logits
   */
  void crossEntropyBackward(
      long rows, int classes, double scale, Buffer p, Buffer targets, int stride, Buffer dz);

  /**
   * {@code rdz = scale weight p (q - sum(p q))} with {@code q = rz - rz[c]}, c the class with more
   * than half of the probability, or the target if there is none: cancels no digits when p is near
   * one-hot, at the target or elsewhere.
   *
   * @param k directions
   * @param rows predictions of each direction
   * @param classes classes of each
   * @param scale factor of every row
   * @param p probabilities
   * @param targets classes and weights
   * @param stride from one row's class to the next
   * @param rz tangent of the logits
   * @param rdz tangent of the logits' adjoint
   */
  void crossEntropyTangent(
      int k,
      long rows,
      int classes,
      double scale,
      Buffer p,
      Buffer targets,
      int stride,
      Buffer rz,
      Buffer rdz);

  /**
   * Squared error: {@code loss += scale sum of (z - t)^2}.
   *
   * @param n number of values
   * @param scale factor of every value, 1 / (number of values) for a mean
   * @param z predictions
   * @param targets values
   * @param loss one accumulator
   */
  void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss);

  /**
   * {@code dz = 2 scale (z - t)}.
   *
   * @param n number of values
   * @param scale factor of every value
   * @param z predictions
   * @param targets values
   * @param dz adjoint of the predictions
   */
  void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz);
}

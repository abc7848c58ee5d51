package dynaxx.spectrum;

import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;

/**
 * A way to estimate the trace of an operator by random probes.
 *
 * <pre>{@code
 * Estimate trace = TraceEstimator.hutchinson(64, 1).run(hessian);
 * double half = trace.halfWidth(0.95);
 * }</pre>
 *
 * <p>Probes come from {@link dynaxx.random.Philox}; the same seed gives the same probes at every
 * snapshot, and fewer probes are the first of more. So the difference between two snapshots has the
 * variance of the difference of their operators, not of either: it is far sharper than both values.
 *
 * <p>{@link #hutchinson(int, long)} is cheapest for each probe. {@link #xTrace} gets more from its
 * products the faster the spectrum decays. Ritz vectors that are at hand, given to {@link
 * #hutchinson(int, long, Vectors)}, cost less than either and help as much.
 */
@FunctionalInterface
public interface TraceEstimator {

  /** Probes of the first stage of {@link #within}. */
  int FIRST_STAGE = 16;

  /**
   * Estimates the trace of an operator.
   *
   * @param operator a symmetric operator
   * @return mean, standard error and samples
   * @throws IllegalArgumentException if the operator does not fit what the estimator was given
   * @throws NonFiniteException if a product or a quadratic form is NaN or infinite
   */
  Estimate run(SymmetricOperator operator);

  /**
   * Rademacher probes (Hutchinson, 1989): the mean of z'Hz, whose variance over one probe is {@code
   * 2 (||H||_F^2 - sum of h_ii^2)}. Only quadratic forms are made, one gradient's work each with
   * {@link dynaxx.operator.Hessian}.
   *
   * @param probes number of probes, at least 2 so that the error can be estimated
   * @param seed fixes the probes
   * @return the estimator; one sample for each probe
   * @throws IllegalArgumentException if probes is below 2
   */
  static TraceEstimator hutchinson(int probes, long seed) {
    return new Hutchinson(probes, seed);
  }

  /**
   * {@link #hutchinson(int, long)} with deflation (the fixed-basis form of Hutch++, Meyer, Musco,
   * Musco and Woodruff, 2021): the part of the trace inside the span of given orthonormal vectors Q
   * is computed exactly and probes see the rest only: {@code tr H = sum of q'Hq + E z'(I - QQ')H(I
   * - QQ')z}. The variance falls to twice the sum of squares of the eigenvalues that are left, when
   * Q are eigenvectors; it is unbiased for any Q that was not made from the same probes, converged
   * or not. Needs one quadratic form more for each vector, since Rayleigh quotients are taken at
   * the operator's own point: vectors of an earlier snapshot can be used, too.
   *
   * @param probes number of probes, at least 2
   * @param seed fixes the probes
   * @param deflation orthonormal vectors, best those of the eigenvalues of largest magnitude
   * @return the estimator; each sample with the exact part
   * @throws IllegalArgumentException if probes is below 2
   */
  static TraceEstimator hutchinson(int probes, long seed, Vectors deflation) {
    Hutchinson hutchinson = new Hutchinson(probes, seed);
    return operator -> hutchinson.run(operator, deflation);
  }

  /**
   * {@link #hutchinson(int, long)} to a wanted relative error: {@code |value - tr H| <=
   * relativeError |tr H|} with probability {@code confidence}. Stein's two-stage procedure (1945):
   * the standard deviation of the first {@link #FIRST_STAGE} probes fixes how many are needed in
   * all, with Student's t for the first stage's degrees of freedom, so that choosing the number
   * from the data does not cost coverage. Because the error is relative, the number is worked out
   * again with the mean of all samples, and at most doubled each time; because samples may be
   * skewed, a larger standard deviation of all samples replaces the first stage's.
   *
   * <p>For a standard deviation s of one sample about {@code (2 s / (relativeError tr H))^2} probes
   * are made at a confidence of 95 %. A trace near zero has no relative error to speak of: the
   * limit is reached. {@link Estimate#halfWidth(double, int)} with {@link #FIRST_STAGE} tells how
   * exact the estimate is.
   *
   * @param relativeError wanted, above 0 and below 1
   * @param confidence probability of keeping it, above 0 and below 1
   * @param maxProbes the most probes, at least {@link #FIRST_STAGE}
   * @param seed fixes the probes
   * @return the estimator; as many samples as probes were needed
   * @throws IllegalArgumentException if a value is out of range
   */
  static TraceEstimator within(double relativeError, double confidence, int maxProbes, long seed) {
    Hutchinson.Goal goal = new Hutchinson.Goal(relativeError, confidence, maxProbes);
    Hutchinson hutchinson = new Hutchinson(FIRST_STAGE, seed);
    hutchinson.check(goal);
    return operator -> hutchinson.run(operator, goal).trace();
  }

  /**
   * Hutch++ (Meyer, Musco, Musco and Woodruff, 2021): a third of the products goes into a random
   * sketch of the range, a third into the exact trace inside it, a third into Hutchinson probes on
   * the rest. For a positive semidefinite operator the error falls like 1/m instead of 1/sqrt(m).
   * Only the sketch needs products, two gradients' work each. Needs memory for {@code 2 m / 3}
   * vectors.
   *
   * @param products number m of products and quadratic forms in all, at least 4
   * @param seed fixes sketch and probes
   * @return the estimator; one sample for each probe on the rest
   * @throws IllegalArgumentException if products is below 4
   */
  static TraceEstimator hutchPlusPlus(int products, long seed) {
    return new HutchPlusPlus(products, seed);
  }

  /**
   * XTrace (Epperly, Tropp and Webber, 2024): each of k probes in turn is the Hutchinson probe on
   * the complement of the range that all others span, and the k estimates are averaged. The faster
   * the spectrum decays, the more it gains; on a flat spectrum half of its products are lost. Needs
   * memory for m + 1 vectors.
   *
   * @param products number m of full products, even, at least 4; m / 2 probes
   * @param seed fixes the probes
   * @return the estimator; its samples depend on each other, so the error, which is the authors'
   *     own, is too small by up to a third
   * @throws IllegalArgumentException if products is odd or below 4
   */
  static TraceEstimator xTrace(int products, long seed) {
    return new XTrace(products, seed);
  }
}

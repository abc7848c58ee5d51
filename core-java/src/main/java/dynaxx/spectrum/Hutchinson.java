package dynaxx.spectrum;

import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.Arrays;

/**
 * Trace by Rademacher probes (Hutchinson, 1989): the mean of z'Hz, whose variance over one probe is
 * {@code 2 (||H||_F^2 - sum of h_ii^2)}. Only quadratic forms are made, one gradient's work each
 * with {@link dynaxx.operator.Hessian}.
 *
 * <p>Probes come from {@link dynaxx.random.Philox}; the same seed gives the same probes at every
 * snapshot, and fewer probes are the first of more. So the difference between two snapshots has the
 * variance of the difference of their operators, not of either: it is far sharper than both values.
 *
 * <p>With deflation (the fixed-basis form of Hutch++, Meyer, Musco, Musco and Woodruff, 2021) the
 * part of the trace inside the span of given orthonormal vectors Q is computed exactly and probes
 * see the rest only: {@code tr H = sum of q'Hq + E z'(I - QQ')H(I - QQ')z}. The variance falls to
 * twice the sum of squares of the eigenvalues that are left, when Q are eigenvectors; it is
 * unbiased for any Q that was not made from the same probes, converged or not.
 *
 * @param probes number of probes, at least 2 so that the error can be estimated
 * @param seed fixes the probes
 */
record Hutchinson(int probes, long seed) implements TraceEstimator {

  /**
   * Checks the settings.
   *
   * @param probes number of probes
   * @param seed fixes the probes
   * @throws IllegalArgumentException if probes is below 2
   */
  public Hutchinson {
    if (probes < 2) {
      throw new IllegalArgumentException(
          "probes: found " + probes + ", expected at least 2 (one probe gives no error estimate)");
    }
  }

  /**
   * How exact a trace should be: {@code |value - tr H| <= relativeError |tr H|} with probability
   * {@code confidence}.
   *
   * @param relativeError above 0 and below 1
   * @param confidence above 0 and below 1
   * @param maxProbes where to give up; at least the probes of the first stage
   */
  record Goal(double relativeError, double confidence, int maxProbes) {

    /**
     * Checks the values.
     *
     * @param relativeError error
     * @param confidence probability
     * @param maxProbes limit
     * @throws IllegalArgumentException if a value is out of its range
     */
    public Goal {
      if (!(relativeError > 0 && relativeError < 1)) {
        throw new IllegalArgumentException(
            "relativeError: found " + relativeError + ", expected above 0 and below 1");
      }
      if (!(confidence > 0 && confidence < 1)) {
        throw new IllegalArgumentException(
            "confidence: found " + confidence + ", expected above 0 and below 1");
      }
    }
  }

  /**
   * The result of a run towards a goal.
   *
   * @param trace the estimate from all probes that were made
   * @param halfWidth half width of the interval at the goal's confidence, from the larger of the
   *     first stage's and all samples' standard deviation
   * @param reached whether the goal was met before the probes ran out
   */
  record Outcome(Estimate trace, double halfWidth, boolean reached) {}

  /**
   * Estimates the trace of an operator.
   *
   * @param operator a symmetric operator
   * @return mean, standard error and samples
   * @throws NonFiniteException if a quadratic form is NaN or infinite
   */
  @Override
  public Estimate run(SymmetricOperator operator) {
    return run(ProbeForms.plain(operator, seed));
  }

  /**
   * Estimates the trace with deflation. Needs one quadratic form more for each vector, since
   * Rayleigh quotients are taken at the operator's own point: vectors of an earlier snapshot can be
   * used, too.
   *
   * @param operator a symmetric operator
   * @param deflation orthonormal vectors, best those of the eigenvalues of largest magnitude
   * @return mean, standard error and samples, each sample with the exact part
   * @throws IllegalArgumentException if the vectors' length does not fit or they are not
   *     orthonormal
   * @throws NonFiniteException if a vector or a quadratic form holds NaN or infinity
   */
  Estimate run(SymmetricOperator operator, Vectors deflation) {
    return run(ProbeForms.deflated(operator, seed, deflation));
  }

  private Estimate run(ProbeForms forms) {
    double[] samples = new double[probes];
    forms.sample(samples, 0, probes);
    return Estimate.of(samples);
  }

  /**
   * Estimates the trace to a wanted relative error. Stein's two-stage procedure (1945): the
   * standard deviation of the first stage, {@link #probes} of them, fixes how many are needed in
   * all, with Student's t for the first stage's degrees of freedom, so that choosing the number
   * from the data does not cost coverage. Because the error is relative, the number is worked out
   * again with the mean of all samples, and at most doubled each time; because samples may be
   * skewed, a larger standard deviation of all samples replaces the first stage's. A first stage of
   * 16 is a good choice: fewer make the intervals wide.
   *
   * <p>For a standard deviation s of one sample about {@code (2 s / (relativeError tr H))^2} probes
   * are made at a confidence of 95 %. A trace near zero has no relative error to speak of: the
   * limit is reached.
   *
   * @param operator a symmetric operator
   * @param goal error, confidence and limit
   * @return the estimate, and whether the goal was reached
   * @throws IllegalArgumentException if the limit is below the probes of the first stage
   * @throws NonFiniteException if a quadratic form is NaN or infinite
   */
  Outcome run(SymmetricOperator operator, Goal goal) {
    return run(ProbeForms.plain(operator, seed), goal);
  }

  /**
   * Estimates the trace to a wanted relative error with deflation.
   *
   * @param operator a symmetric operator
   * @param deflation orthonormal vectors, as in {@link #run(SymmetricOperator, Vectors)}
   * @param goal error, confidence and limit, as in {@link #run(SymmetricOperator, Goal)}
   * @return the estimate, and whether the goal was reached
   * @throws IllegalArgumentException if the limit is below the probes of the first stage, or the
   *     vectors do not fit
   * @throws NonFiniteException if a vector or a quadratic form holds NaN or infinity
   */
  Outcome run(SymmetricOperator operator, Vectors deflation, Goal goal) {
    return run(ProbeForms.deflated(operator, seed, deflation), goal);
  }

  /** Refuses a goal that leaves no room for the first stage. */
  void check(Goal goal) {
    if (goal.maxProbes() < probes) {
      throw new IllegalArgumentException(
          "maxProbes: found "
              + goal.maxProbes()
              + ", expected at least the "
              + probes
              + " probes of the first stage");
    }
  }

  private Outcome run(ProbeForms forms, Goal goal) {
    check(goal);
    // |value| may exceed |tr H| by the error itself, hence the denominator.
    double allowed = goal.relativeError() / (1 + goal.relativeError());
    double[] samples = new double[probes];
    forms.sample(samples, 0, probes);
    while (true) {
      Estimate trace = Estimate.of(samples);
      int made = samples.length;
      double halfWidth = trace.halfWidth(goal.confidence(), probes);
      double excess = halfWidth / (allowed * Math.abs(trace.value()));
      boolean reached = halfWidth == 0 || excess <= 1;
      if (reached || made == goal.maxProbes()) {
        return new Outcome(trace, halfWidth, reached);
      }
      int next = next(made, excess * excess, goal.maxProbes());
      samples = Arrays.copyOf(samples, next);
      forms.sample(samples, made, next);
    }
  }

  /** Enough by the present estimate, in whole sweeps, but not more than twice as many. */
  private static int next(int made, double factor, int limit) {
    double needed = Math.ceil(made * Math.min(factor, 2) / ProbeForms.AT_ONCE) * ProbeForms.AT_ONCE;
    return (int) Math.min(limit, Math.max(made + 1.0, needed));
  }
}

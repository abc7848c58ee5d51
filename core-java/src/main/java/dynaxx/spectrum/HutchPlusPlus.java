package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;

/**
 * Hutch++ (Meyer, Musco, Musco and Woodruff, 2021): a third of the products goes into a random
 * sketch of the range, a third into the exact trace inside it, a third into Hutchinson probes on
 * the rest. For a positive semidefinite operator the error falls like 1/m instead of 1/sqrt(m).
 *
 * <p>Only the sketch needs products, two gradients' work each; the other two thirds are quadratic
 * forms, one gradient's work each. {@link XTrace} gets more from the same number of products;
 * {@link Hutchinson} deflated by Ritz vectors that are at hand costs less than either.
 *
 * @param products number m of products and quadratic forms in all, at least 4; {@code m / 3} make
 *     the sketch, as many its trace, the rest are probes
 * @param seed fixes sketch and probes; the probes are those of {@link Hutchinson}
 */
record HutchPlusPlus(int products, long seed) implements TraceEstimator {

  /** Probes of the sketch; those of the estimate are far below. */
  private static final long SKETCH = 1L << 60;

  /**
   * Checks the settings.
   *
   * @param products number of products
   * @param seed fixes sketch and probes
   * @throws IllegalArgumentException if products is below 4
   */
  public HutchPlusPlus {
    if (products < 4) {
      throw new IllegalArgumentException(
          "products: found "
              + products
              + ", expected at least 4 (one in the sketch, two probes for an error estimate)");
    }
  }

  /**
   * Estimates the trace. Needs memory for {@code 2 m / 3} vectors.
   *
   * @param operator a symmetric operator
   * @return mean, standard error from the probes on the rest, and one sample for each probe
   * @throws NonFiniteException if a product or a quadratic form holds NaN or infinity
   */
  @Override
  public Estimate run(SymmetricOperator operator) {
    Device device = operator.device();
    int sketched = products / 3;
    double[] samples = new double[products - 2 * sketched];
    try (Scope scope = Scope.open()) {
      Vectors sketch = device.vectors(scope, sketched, operator.dimension());
      try (Scope inputs = Scope.open()) {
        Vectors probes = device.vectors(inputs, sketched, operator.dimension());
        device.algebra().rademacher(seed, SKETCH, probes);
        operator.apply(probes, sketch);
      }
      int rank = GramSchmidt.factor(device, sketch).rank();
      ProbeForms forms =
          rank == 0
              ? ProbeForms.plain(operator, seed)
              : ProbeForms.deflated(operator, seed, sketch.subset(0, rank));
      forms.sample(samples, 0, samples.length);
    }
    return Estimate.of(samples);
  }
}

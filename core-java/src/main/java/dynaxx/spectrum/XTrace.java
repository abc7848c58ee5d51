package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;

/**
 * XTrace (Epperly, Tropp and Webber, 2024): each of k probes in turn is the Hutchinson probe on the
 * complement of the range that all others span, and the k estimates are averaged. With {@code Y = H
 * [z_1 .. z_k]} and an orthonormal basis Q_i of Y without column i,
 *
 * <pre>{@code t_i = tr(Q_i' H Q_i) + z_i' (I - Q_i Q_i') H (I - Q_i Q_i') z_i}</pre>
 *
 * Each t_i is unbiased, and exact when the rank of H is below k. All of them follow from one QR
 * factorisation of Y and 2 k products. The faster the spectrum decays, the more it gains over
 * {@link Hutchinson}; on a flat spectrum half of its products are lost, and each product costs two
 * quadratic forms.
 *
 * <p>Probes are Rademacher vectors, so the normalisation that the authors propose for rotationally
 * invariant probes is left out.
 *
 * @param products number m of full products, even, at least 4; m / 2 probes
 * @param seed fixes the probes, which are those of {@link Hutchinson}
 */
record XTrace(int products, long seed) implements TraceEstimator {

  /**
   * Checks the settings.
   *
   * @param products number of products
   * @param seed fixes the probes
   * @throws IllegalArgumentException if products is odd or below 4
   */
  public XTrace {
    if (products < 4 || products % 2 != 0) {
      throw new IllegalArgumentException(
          "products: found " + products + ", expected an even number of at least 4");
    }
  }

  /**
   * Estimates the trace. Needs memory for m + 1 vectors. When the range has fewer dimensions than
   * there are probes, fewer products are made.
   *
   * @param operator a symmetric operator
   * @return the mean of the estimates t_i, their standard deviation over {@code sqrt(k)} as its
   *     error, and the t_i as samples; these depend on each other, so the error, which is the
   *     authors' own, is too small by up to a third, and intervals are so too
   * @throws NonFiniteException if a product holds NaN or infinity
   */
  @Override
  public Estimate run(SymmetricOperator operator) {
    Device device = operator.device();
    int count = products / 2;
    try (Scope scope = Scope.open()) {
      Vectors first = device.vectors(scope, count, operator.dimension());
      Vectors second = device.vectors(scope, count, operator.dimension());
      device.algebra().rademacher(seed, 0, first);
      operator.apply(first, second);
      GramSchmidt.Factor factor = GramSchmidt.factor(device, second);
      int rank = factor.rank();
      if (rank == 0) {
        return Estimate.of(new double[count]);
      }
      Vectors q = second.subset(0, rank);
      double[][] w = coefficients(device, q, first);
      Vectors hq = first.subset(0, rank);
      operator.apply(q, hq);
      double[][] h = coefficients(device, q, hq);
      return Estimate.of(new LeaveOneOut(factor, w, h).estimates());
    }
  }

  /** Q'v for each vector v; what is left of them afterwards is of no use. */
  private static double[][] coefficients(Device device, Vectors q, Vectors vectors) {
    double[][] coefficients = new double[vectors.count()][];
    for (int i = 0; i < coefficients.length; i++) {
      coefficients[i] = device.algebra().project(q, q.count(), vectors.vector(i));
      for (double c : coefficients[i]) {
        NonFiniteException.check("Hessian-vector product", c);
      }
    }
    return coefficients;
  }
}

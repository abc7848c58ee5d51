package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;

/**
 * XDiag (Epperly, Tropp and Webber, 2024), the diagonal by the probes and bases of {@link XTrace}:
 *
 * <pre>{@code d_i = diag(Q_i Q_i' H) + z_i * ((I - Q_i Q_i') H z_i)}</pre>
 *
 * with {@code *} entry by entry. Each d_i is unbiased, and exact when the rank of H is below the
 * number of probes. Since {@code H z_i = Q r_i}, the second term is {@code z_i * Q s_i} times
 * {@code s_i'r_i}: nothing is needed beyond Q, HQ and small matrices.
 */
final class XDiag {

  private XDiag() {}

  /** The diagonal and the standard error of each entry, two vectors in host memory. */
  static Vectors run(SymmetricOperator operator, int products, long seed, Scope scope) {
    if (products < 4 || products % 2 != 0) {
      throw new IllegalArgumentException(
          "products: found " + products + ", expected an even number of at least 4");
    }
    if (operator.dimension() > Integer.MAX_VALUE) {
      throw new IllegalArgumentException(
          "operator: found dimension "
              + operator.dimension()
              + ", expected at most "
              + Integer.MAX_VALUE);
    }
    Device device = operator.device();
    int count = products / 2;
    Vectors found = scope.vectors(2, operator.dimension());
    try (Scope work = Scope.open()) {
      Vectors z = device.vectors(work, count, operator.dimension());
      Vectors q = device.vectors(work, count, operator.dimension());
      device.algebra().rademacher(seed, 0, z);
      operator.apply(z, q);
      GramSchmidt.Factor factor = GramSchmidt.factor(device, q);
      if (factor.rank() > 0) {
        Vectors basis = q.subset(0, factor.rank());
        Vectors image = device.vectors(work, factor.rank(), operator.dimension());
        operator.apply(basis, image);
        average(device, factor, z, basis, image, found, work);
      }
    }
    return found;
  }

  /** Mean of the d_i, and their spread, updated one by one (Welford, 1962). */
  private static void average(
      Device device,
      GramSchmidt.Factor factor,
      Vectors z,
      Vectors q,
      Vectors hq,
      Vectors found,
      Scope scope) {
    LeaveOneOut leaveOneOut = new LeaveOneOut(factor, new double[0][], new double[0][]);
    int n = Math.toIntExact(z.length());
    int count = z.count();
    Buffer along = device.allocate(scope, n);
    HostBuffer a = scope.allocate(n);
    HostBuffer b = scope.allocate(n);
    HostBuffer probe = scope.allocate(n);
    double[] inside = new double[n];
    for (int i = 0; i < q.count(); i++) {
      device.download(q.vector(i), a.segment());
      device.download(hq.vector(i), b.segment());
      for (int j = 0; j < n; j++) {
        inside[j] += (double) a.get(j) * b.get(j);
      }
    }
    double[] mean = new double[n];
    double[] squares = new double[n];
    for (int i = 0; i < count; i++) {
      double[] missing = leaveOneOut.missing(i);
      double outside = 0;
      for (int r = 0; r < missing.length; r++) {
        outside += missing[r] * factor.columns()[i][r];
      }
      device.algebra().combine(q, missing, along);
      device.download(along, a.segment());
      device.algebra().combine(hq, missing, along);
      device.download(along, b.segment());
      device.download(z.vector(i), probe.segment());
      for (int j = 0; j < n; j++) {
        double estimate = inside[j] + a.get(j) * (outside * probe.get(j) - b.get(j));
        double before = estimate - mean[j];
        mean[j] += before / (i + 1);
        squares[j] += before * (estimate - mean[j]);
      }
    }
    HostBuffer values = (HostBuffer) found.buffer();
    for (int j = 0; j < n; j++) {
      values.set(j, (float) NonFiniteException.check("Hessian-vector product", mean[j]));
      values.set(n + (long) j, (float) Math.sqrt(squares[j] / (count - 1) / count));
    }
  }
}

package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;

/**
 * Samples of a trace, one quadratic form each: z'Hz of a Rademacher probe or, given orthonormal
 * vectors Q, {@code tr(Q'HQ) + z'(I - QQ')H(I - QQ')z}. Each is unbiased when Q does not depend on
 * z.
 */
final class ProbeForms {

  /** Directions of one sweep. */
  static final int AT_ONCE = 8;

  /** Rounding to float32 leaves about 1e-6; more means that the basis was not made orthonormal. */
  private static final double ORTHONORMAL = 1e-4;

  private final SymmetricOperator operator;
  private final long seed;
  private final Vectors basis;
  private final double inside;

  private ProbeForms(SymmetricOperator operator, long seed, Vectors basis, double inside) {
    this.operator = operator;
    this.seed = seed;
    this.basis = basis;
    this.inside = inside;
  }

  static ProbeForms plain(SymmetricOperator operator, long seed) {
    return new ProbeForms(operator, seed, null, 0);
  }

  /** Costs one form for each basis vector. */
  static ProbeForms deflated(SymmetricOperator operator, long seed, Vectors basis) {
    if (basis.length() != operator.dimension()) {
      throw new IllegalArgumentException(
          "deflation: found vectors of length "
              + basis.length()
              + ", expected "
              + operator.dimension());
    }
    GramSchmidt.Deviation deviation = GramSchmidt.deviation(operator.device(), basis);
    if (deviation.largest() > ORTHONORMAL) {
      throw new IllegalArgumentException(
          "deflation: found vectors whose dot products differ from the identity by "
              + deviation.largest()
              + ", expected orthonormal to within "
              + ORTHONORMAL);
    }
    double[] forms = operator.quadraticForm(basis);
    double sum = 0;
    for (int i = 0; i < forms.length; i++) {
      sum += check(forms[i]) / deviation.squaredNorms()[i];
    }
    return new ProbeForms(operator, seed, basis, sum);
  }

  /**
   * The same when the trace inside the span is known; nothing is checked.
   *
   * @param inside sum of the Rayleigh quotients at the operator's own point
   */
  static ProbeForms deflated(SymmetricOperator operator, long seed, Vectors basis, double inside) {
    return new ProbeForms(operator, seed, basis, inside);
  }

  /** Fills samples from one probe up to another, which is left out. */
  void sample(double[] samples, int from, int to) {
    if (from == to) {
      return;
    }
    Device device = operator.device();
    try (Scope scope = Scope.open()) {
      int atOnce = Math.min(to - from, AT_ONCE);
      Vectors block = device.vectors(scope, atOnce, operator.dimension());
      for (int at = from; at < to; at += atOnce) {
        Vectors z = block.subset(0, Math.min(atOnce, to - at));
        device.algebra().rademacher(seed, at, z);
        for (int i = 0; basis != null && i < z.count(); i++) {
          removeBasis(device, z.vector(i));
        }
        double[] forms = operator.quadraticForm(z);
        for (int i = 0; i < forms.length; i++) {
          samples[at + i] = inside + check(forms[i]);
        }
      }
    }
  }

  /** Twice, so that nothing of the basis is left beyond rounding even if it is not quite one. */
  private void removeBasis(Device device, Buffer z) {
    device.algebra().project(basis, basis.count(), z);
    device.algebra().project(basis, basis.count(), z);
  }

  private static double check(double form) {
    return NonFiniteException.check("quadratic form", form);
  }
}

package dynaxx.operator;

import dynaxx.backend.Backend;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Locale;

/**
 * How far an operator contradicts itself on random vectors: whether it gives the same product
 * twice, is symmetric, and has the quadratic form of its products. Worth its four products once
 * before an operator that somebody else computes is trusted: dropout left on, a batch that changes,
 * or a layer's forgotten derivative show here and nowhere else.
 *
 * @param repetition distance of two products of the same vector, in units of their norm
 * @param asymmetry the larger of two differences: of u'Hv and v'Hu for random u and v, in units of
 *     |u| |Hv|, and of the same for u = Hv, which sees a small antisymmetric part in any dimension
 * @param formDifference largest difference of a quadratic form and v'(Hv), in units of |v| |Hv|
 * @param tolerance what each may be at most: ten times the operator's {@link
 *     SymmetricOperator#productError}, and never above one half
 */
public record Consistency(
    double repetition, double asymmetry, double formDifference, double tolerance) {

  private static final double ERRORS = 10;
  private static final double ROUNDINGS = 16;
  private static final double LARGEST_TOLERANCE = 0.5;

  /**
   * Measures an operator: four products, three quadratic forms, and what its product error costs.
   *
   * @param operator the operator; unchanged
   * @param seed fixes the random vectors
   * @return the differences; all 0 for the zero operator
   * @throws NonFiniteException if a product or a quadratic form is NaN or infinite
   */
  public static Consistency measure(SymmetricOperator operator, long seed) {
    Backend backend = operator.backend();
    long n = operator.dimension();
    try (Scope scope = Scope.open()) {
      Vectors v = backend.vectors(scope, 3, n);
      Vectors hv = backend.vectors(scope, 3, n);
      Vectors again = backend.vectors(scope, 1, n);
      backend.rademacher(seed, 0, v.subset(0, 2));
      operator.apply(v.subset(0, 2), hv.subset(0, 2));
      operator.apply(v.subset(0, 1), again);
      Buffer first = hv.vector(0);
      double norm = norm(backend, first);
      double largest = Math.max(norm, norm(backend, again.buffer()));
      double distance = Math.sqrt(backend.squaredDistance(first, again.buffer()));
      if (norm > 0) {
        backend.axpby(1 / norm, first, 0, v.vector(2));
      }
      operator.apply(v.subset(2, 1), hv.subset(2, 1));
      double rounding = rounding(backend, v, hv);
      return new Consistency(
          quotient(distance, largest),
          Math.max(
              randomAsymmetry(backend, v, hv),
              quotient(Math.max(0, drift(backend, v, hv, norm) - rounding), norm)),
          formDifference(operator, v, hv),
          Math.min(LARGEST_TOLERANCE, ERRORS * operator.productError()));
    }
  }

  /**
   * What rounding alone can make of u'Hv for a unit vector u: of a vector close to the null space
   * the product is small, but its rounding is not.
   */
  private static double rounding(Backend backend, Vectors v, Vectors hv) {
    double gain = 0;
    for (int i = 0; i < v.count(); i++) {
      gain = Math.max(gain, quotient(norm(backend, hv.vector(i)), norm(backend, v.vector(i))));
    }
    return ROUNDINGS * backend.unitRoundoff() * gain * norm(backend, v.vector(0));
  }

  private static double randomAsymmetry(Backend backend, Vectors v, Vectors hv) {
    double difference =
        backend.dot(v.vector(1), hv.vector(0)) - backend.dot(v.vector(0), hv.vector(1));
    double products = Math.max(norm(backend, hv.vector(0)), norm(backend, hv.vector(1)));
    return quotient(Math.abs(difference), Math.sqrt(v.length()) * products);
  }

  /** For the unit vector u along Hv, u'Hv is the norm of Hv. */
  private static double drift(Backend backend, Vectors v, Vectors hv, double norm) {
    return Math.abs(norm - backend.dot(v.vector(0), hv.vector(2)));
  }

  private static double formDifference(SymmetricOperator operator, Vectors v, Vectors hv) {
    Backend backend = operator.backend();
    double[] forms = operator.quadraticForm(v);
    double largest = 0;
    for (int i = 0; i < forms.length; i++) {
      double expected = backend.dot(v.vector(i), hv.vector(i));
      double difference = Math.abs(NonFiniteException.check("quadratic form", forms[i]) - expected);
      double unit = norm(backend, v.vector(i)) * norm(backend, hv.vector(i));
      largest = Math.max(largest, quotient(difference, unit));
    }
    return largest;
  }

  private static double norm(Backend backend, Buffer x) {
    return NonFiniteException.check("Hessian-vector product", Math.sqrt(backend.dot(x, x)));
  }

  private static double quotient(double difference, double unit) {
    return difference == 0 ? 0 : difference / unit;
  }

  /**
   * Whether no difference is above the tolerance.
   *
   * @return true for an operator to be trusted
   */
  public boolean holds() {
    return repetition <= tolerance && asymmetry <= tolerance && formDifference <= tolerance;
  }

  /**
   * Refuses an operator that contradicts itself.
   *
   * @return this
   * @throws UntrustworthyOperatorException naming the first difference above the tolerance
   */
  public Consistency require() {
    require(
        repetition,
        "two products of the same vector differ by %s of their norm",
        "is dropout or another random layer active?");
    require(
        asymmetry,
        "u'Hv and v'Hu differ by %s of |u| |Hv|",
        "is every product over the same batch, and of the gradient of one loss?");
    require(
        formDifference,
        "quadratic form and v'(Hv) differ by %s of |v| |Hv|",
        "do both belong to the same matrix?");
    return this;
  }

  private void require(double difference, String what, String hint) {
    if (!(difference <= tolerance)) {
      throw new UntrustworthyOperatorException(
          "operator: "
              + String.format(Locale.ROOT, what, scientific(difference))
              + ", expected at most "
              + scientific(tolerance)
              + "; "
              + hint);
    }
  }

  private static String scientific(double value) {
    return String.format(Locale.ROOT, "%.1e", value);
  }
}

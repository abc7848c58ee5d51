package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Locale;

/**
 * How far an operator contradicts itself on random vectors: whether it gives the same product
 * twice, is symmetric, and has the quadratic form of its products. Check a product of your own
 * once, at the cost of four products, before you trust it: dropout left on, a batch that changes,
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
    Device device = operator.device();
    long n = operator.dimension();
    try (Scope scope = Scope.open()) {
      Vectors v = device.vectors(scope, 3, n);
      Vectors hv = device.vectors(scope, 3, n);
      Vectors again = device.vectors(scope, 1, n);
      device.algebra().rademacher(seed, 0, v.subset(0, 2));
      operator.apply(v.subset(0, 2), hv.subset(0, 2));
      operator.apply(v.subset(0, 1), again);
      Buffer first = hv.vector(0);
      double norm = norm(device, first);
      double largest = Math.max(norm, norm(device, again.buffer()));
      double distance = Math.sqrt(device.algebra().squaredDistance(first, again.buffer()));
      if (norm > 0) {
        device.algebra().axpby(1 / norm, first, 0, v.vector(2));
      }
      operator.apply(v.subset(2, 1), hv.subset(2, 1));
      double rounding = rounding(device, v, hv);
      return new Consistency(
          quotient(distance, largest),
          Math.max(
              randomAsymmetry(device, v, hv),
              quotient(Math.max(0, drift(device, v, hv, norm) - rounding), norm)),
          formDifference(operator, v, hv),
          Math.min(LARGEST_TOLERANCE, ERRORS * operator.productError()));
    }
  }

  /**
   * What rounding alone can make of u'Hv for a unit vector u: of a vector close to the null space
   * the product is small, but its rounding is not.
   */
  private static double rounding(Device device, Vectors v, Vectors hv) {
    double gain = 0;
    for (int i = 0; i < v.count(); i++) {
      gain = Math.max(gain, quotient(norm(device, hv.vector(i)), norm(device, v.vector(i))));
    }
    return ROUNDINGS * device.unitRoundoff() * gain * norm(device, v.vector(0));
  }

  private static double randomAsymmetry(Device device, Vectors v, Vectors hv) {
    double difference =
        device.algebra().dot(v.vector(1), hv.vector(0))
            - device.algebra().dot(v.vector(0), hv.vector(1));
    double products = Math.max(norm(device, hv.vector(0)), norm(device, hv.vector(1)));
    return quotient(Math.abs(difference), Math.sqrt(v.length()) * products);
  }

  /** For the unit vector u along Hv, u'Hv is the norm of Hv. */
  private static double drift(Device device, Vectors v, Vectors hv, double norm) {
    return Math.abs(norm - device.algebra().dot(v.vector(0), hv.vector(2)));
  }

  private static double formDifference(SymmetricOperator operator, Vectors v, Vectors hv) {
    Device device = operator.device();
    double[] forms = operator.quadraticForm(v);
    double largest = 0;
    for (int i = 0; i < forms.length; i++) {
      double expected = device.algebra().dot(v.vector(i), hv.vector(i));
      double difference = Math.abs(NonFiniteException.check("quadratic form", forms[i]) - expected);
      double unit = norm(device, v.vector(i)) * norm(device, hv.vector(i));
      largest = Math.max(largest, quotient(difference, unit));
    }
    return largest;
  }

  private static double norm(Device device, Buffer x) {
    return NonFiniteException.check(
        "Hessian-vector product", Math.sqrt(device.algebra().dot(x, x)));
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

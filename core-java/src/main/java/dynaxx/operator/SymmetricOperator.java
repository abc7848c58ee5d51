package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Range;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.network.Network;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.BiConsumer;

/**
 * A symmetric linear map on n-vectors that is known by its products only. All estimators work on
 * this interface, so a host does not need a dynaxx network: any exact Hessian-vector product will
 * do. {@link #shifted}, {@link #preconditioned} and {@link #restricted} make others of it, which
 * leave it open when they are closed.
 */
public interface SymmetricOperator extends AutoCloseable {

  /**
   * Length of the vectors.
   *
   * @return n, at least 1
   */
  long dimension();

  /**
   * Where its vectors live.
   *
   * @return the device
   */
  Device device();

  /**
   * Products with k vectors.
   *
   * @param v k vectors of length n
   * @param hv receives the k products; must not overlap v
   * @throws IllegalArgumentException if lengths or counts do not fit
   */
  void apply(Vectors v, Vectors hv);

  /**
   * Quadratic forms v'Hv of k vectors, in float64. An operator overrides this when it has a cheaper
   * way than a product and a dot product.
   *
   * @param v k vectors of length n
   * @return k values
   * @throws IllegalArgumentException if the length does not fit
   */
  default double[] quadraticForm(Vectors v) {
    Operands.checkLength(this, "v", v);
    try (Scope scope = Scope.open()) {
      Vectors hv = device().vectors(scope, v.count(), v.length());
      apply(v, hv);
      double[] forms = new double[v.count()];
      for (int i = 0; i < forms.length; i++) {
        forms[i] = device().algebra().dot(v.vector(i), hv.vector(i));
      }
      return forms;
    }
  }

  /**
   * Error of the products in units of the operator's norm: the noise floor below which an
   * eigenvalue's sign means nothing. The default, 168 units of roundoff, is 1e-5 in float32: what
   * products of trained networks with a cancellation-free loss were measured to stay below. An
   * operator with other products states its own.
   *
   * @return a bound on ||E|| / ||H||, where H + E is what the products apply
   */
  default double productError() {
    return 168 * device().unitRoundoff();
  }

  /**
   * The trace, for an operator that knows it without products.
   *
   * @return the sum of the eigenvalues except for rounding, or nothing
   */
  default OptionalDouble knownTrace() {
    return OptionalDouble.empty();
  }

  /**
   * The quadratic form v'Hv of one vector with all arithmetic in float64, to settle the sign of a
   * small eigenvalue. Expensive: meant for one converged vector.
   *
   * @param v n values
   * @return the form, or nothing if this operator can only compute in its own precision
   * @throws IllegalArgumentException if the length does not fit
   */
  default OptionalDouble quadraticForm64(Buffer v) {
    return OptionalDouble.empty();
  }

  /**
   * Frees what the operator holds; closing twice is harmless. By default it holds nothing that must
   * be freed.
   */
  @Override
  default void close() {}

  /**
   * {@code H + sigma I}: damping, or a shift that turns the smallest eigenvalue into the one of
   * largest magnitude. Eigenvectors stay, eigenvalues move by sigma.
   *
   * @param shift sigma, in the units of H's eigenvalues
   * @return an operator that holds nothing of its own
   * @throws IllegalArgumentException if the shift is NaN or infinite
   */
  default SymmetricOperator shifted(double shift) {
    return new Shifted(this, shift);
  }

  /**
   * {@code P^-1/2 H P^-1/2} for a positive diagonal P: the curvature that an optimizer with
   * preconditioner P sees. It has the eigenvalues of {@code P^-1 H}; from an eigenvector w of it,
   * {@code P^-1/2 w} is the one of {@code P^-1 H}, the direction in parameter space.
   *
   * @param diagonal the n entries of P, in host memory; not needed after the call
   * @return an operator that holds n values and as many vectors as its largest product had
   * @throws IllegalArgumentException if an entry is not positive and finite, or their number does
   *     not fit
   */
  default SymmetricOperator preconditioned(HostBuffer diagonal) {
    return Preconditioned.of(this, diagonal);
  }

  /**
   * {@link #preconditioned(HostBuffer)} with a diagonal from an array.
   *
   * @param diagonal the n entries of P
   * @return an operator that holds n values and as many vectors as its largest product had
   * @throws IllegalArgumentException if an entry is not positive and finite, or their number does
   *     not fit
   */
  default SymmetricOperator preconditioned(float... diagonal) {
    return Preconditioned.of(this, diagonal);
  }

  /**
   * {@link #preconditioned(HostBuffer)} with Adam's diagonal, {@code (1 - beta1^t) (sqrt(v / (1 -
   * beta2^t)) + epsilon)}, whose sharpness is to be compared with Adam's own limit of stability
   * (Cohen et al., 2022).
   *
   * @param secondMoment v, Adam's n moving averages of squared gradients, in host memory
   * @param adam its settings and how many updates v holds
   * @return an operator that holds n values and as many vectors as its largest product had
   * @throws IllegalArgumentException if a value is negative or not finite, or their number does not
   *     fit
   */
  default SymmetricOperator preconditioned(HostBuffer secondMoment, Adam adam) {
    return Preconditioned.adam(this, secondMoment, adam);
  }

  /**
   * The principal submatrix of H that belongs to some of the parameters: the curvature of the loss
   * when only they move, as of one layer or one block. Its vectors hold the ranges, one after the
   * other. A product costs one of H, whatever the number of parameters selected. By Cauchy's
   * interlacing theorem its eigenvalues lie between the smallest and the largest of H.
   *
   * @param ranges at least one, disjoint, within H's dimension
   * @return an operator that holds up to 16 vectors of H's length
   * @throws IllegalArgumentException naming the range that does not fit
   */
  default SymmetricOperator restricted(List<Range> ranges) {
    return Restricted.of(this, ranges);
  }

  /**
   * {@link #restricted(List)} to parameters of a network by their names.
   *
   * @param network whose parameter vector H is of
   * @param names of parameters, or prefixes that end in a dot, such as {@code blocks.0.}
   * @return an operator that holds up to 16 vectors of H's length
   * @throws IllegalArgumentException if a name selects nothing or a parameter is selected twice
   */
  default SymmetricOperator restricted(Network network, String... names) {
    return Restricted.of(this, network, names);
  }

  /**
   * Solves {@code H x = b} by MINRES (Paige and Saunders, 1975); H need not be definite. For {@code
   * (H + damping I) x = b} solve with {@link #shifted}. The error {@code ||x - H^-1 b||} is at most
   * the residual times {@code ||b||}, divided by the eigenvalue of H nearest to zero: with a
   * semidefinite H, such as the Gauss-Newton matrix of a convex loss, and a damping, that is at
   * least the damping.
   *
   * @param b n values on the operator's device
   * @param x receives the solution, n values; must not overlap b
   * @param tolerance residual to stop at, in units of {@code ||b||}, between 0 and 1. Float32
   *     products seldom reach less than 1e-6 times the condition number
   * @param products how many it may take, at least 2
   * @return {@code ||b - H x|| / ||b||}, from a product with the solution; above the tolerance if
   *     that was not reached
   * @throws IllegalArgumentException if a length, the tolerance or the number of products does not
   *     fit
   * @throws NonFiniteException if b or a product is NaN or infinite
   */
  default double solve(Buffer b, Buffer x, double tolerance, int products) {
    return MinimumResidual.solve(this, b, x, tolerance, products);
  }

  /**
   * An operator from the host's product on Java arrays, one vector at a time. Vectors are copied in
   * and out; {@link #ofSegments} copies nothing on the CPU.
   *
   * @param dimension length of the vectors, from 1 to {@link Integer#MAX_VALUE}
   * @param device where the estimators work
   * @param product reads its first argument, v, and fills its second, Hv; both have n values and
   *     are used again after the call
   * @return the operator
   * @throws IllegalArgumentException if the dimension is out of range
   */
  static SymmetricOperator ofArrays(
      long dimension, Device device, BiConsumer<float[], float[]> product) {
    return of(dimension, device, HostVectors.product(dimension, device, product));
  }

  /**
   * An operator from the host's product on native memory, one vector at a time.
   *
   * @param dimension length of the vectors, at least 1
   * @param device where the estimators work
   * @param product reads its first argument, v, and fills its second, Hv; n native-order float32
   *     values each, valid during the call
   * @return the operator
   * @throws IllegalArgumentException if the dimension is below 1
   */
  static SymmetricOperator ofSegments(
      long dimension, Device device, BiConsumer<MemorySegment, MemorySegment> product) {
    return of(dimension, device, HostVectors.segments(device, product));
  }

  /**
   * An operator from a product that the host computes, in the device's own precision.
   *
   * @param dimension length of the vectors, at least 1
   * @param device where the vectors live
   * @param product reads its first argument, fills its second; k vectors each
   * @return the operator
   */
  static SymmetricOperator of(long dimension, Device device, BiConsumer<Vectors, Vectors> product) {
    return new HostOperator(dimension, device, product, OptionalDouble.empty());
  }

  /**
   * An operator from a product that the host computes, with the error of that product: about 1e-2
   * with TF32, 1e-1 with bfloat16 matrix products.
   *
   * @param dimension length of the vectors, at least 1
   * @param device where the vectors live
   * @param product reads its first argument, fills its second; k vectors each
   * @param productError as in {@link #productError}, from 0 to below 1
   * @return the operator
   */
  static SymmetricOperator of(
      long dimension, Device device, BiConsumer<Vectors, Vectors> product, double productError) {
    if (!(productError >= 0 && productError < 1)) {
      throw new IllegalArgumentException(
          "productError: found " + productError + ", expected from 0 to below 1");
    }
    return new HostOperator(dimension, device, product, OptionalDouble.of(productError));
  }
}

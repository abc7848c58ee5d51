package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Objects;

/**
 * {@code P^-1/2 H P^-1/2} for a positive diagonal P: the curvature that an optimizer with
 * preconditioner P sees. It has the eigenvalues of {@code P^-1 H}; from an eigenvector w of this
 * operator, {@code P^-1/2 w} is the one of {@code P^-1 H}, the direction in parameter space.
 *
 * <p>Keeps n values and as many vectors as the largest product had, until it is closed.
 */
final class Preconditioned implements SymmetricOperator {

  private final SymmetricOperator inner;
  private final Scope scope = Scope.open();
  private final Buffer scaling;
  private final Workspace workspace;

  /** One entry of P, already checked. */
  private interface Diagonal {
    double at(long index);
  }

  private Preconditioned(SymmetricOperator inner, Diagonal diagonal) {
    this.inner = inner;
    try {
      HostBuffer values = scope.allocate(inner.dimension());
      for (long i = 0; i < values.size(); i++) {
        values.set(i, inverseRoot(i, diagonal.at(i)));
      }
      scaling = device().upload(scope, values.segment());
      workspace = new Workspace(device(), inner.dimension(), scope);
    } catch (RuntimeException | Error e) {
      scope.close();
      throw e;
    }
  }

  private static float inverseRoot(long index, double value) {
    float root = (float) (1 / Math.sqrt(value));
    if (!(value > 0 && root > 0 && Float.isFinite(root))) {
      throw new IllegalArgumentException(
          "diagonal["
              + index
              + "]: found "
              + value
              + ", expected a positive finite value with 1 / sqrt(value) in float32");
    }
    return root;
  }

  /**
   * With a diagonal from host memory.
   *
   * @param inner the operator H; not closed with this one
   * @param diagonal the n entries of P, positive and finite; copied
   * @return the preconditioned operator, to be closed
   * @throws IllegalArgumentException if the length does not fit or an entry is not positive and
   *     finite; the message names its index
   */
  static Preconditioned of(SymmetricOperator inner, HostBuffer diagonal) {
    requireLength(inner, "diagonal", diagonal.size());
    return new Preconditioned(inner, diagonal::get);
  }

  /**
   * With a diagonal from an array.
   *
   * @param inner the operator H; not closed with this one
   * @param diagonal the n entries of P, positive and finite; copied
   * @return the preconditioned operator, to be closed
   * @throws IllegalArgumentException if the length does not fit or an entry is not positive and
   *     finite; the message names its index
   */
  static Preconditioned of(SymmetricOperator inner, float... diagonal) {
    requireLength(inner, "diagonal", diagonal.length);
    return new Preconditioned(inner, i -> diagonal[(int) i]);
  }

  /**
   * With the preconditioner of Adam with bias correction (Cohen and others, 2022, "Adaptive
   * gradient methods at the edge of stability"):
   *
   * <pre>P = (1 - beta1^t) (diag(sqrt(v / (1 - beta2^t))) + epsilon I)</pre>
   *
   * <p>Adam's update is {@code theta -= eta P^-1 m} with m the running mean of gradients, so on a
   * quadratic loss it is stable while the largest eigenvalue of {@code P^-1 H}, the preconditioned
   * sharpness, stays below {@code (2 + 2 beta1) / ((1 - beta1) eta)}: 38 / eta for beta1 = 0.9.
   * Decoupled weight decay is not part of P.
   *
   * @param inner the operator H; not closed with this one
   * @param secondMoment v, the n running means of squared gradients as the optimizer keeps them,
   *     without bias correction; only read, copied
   * @param adam settings and step
   * @return the preconditioned operator, to be closed
   * @throws IllegalArgumentException if the length does not fit, an entry of v is negative, NaN or
   *     infinite, or one of P is zero; the message names its index
   */
  static Preconditioned adam(SymmetricOperator inner, HostBuffer secondMoment, Adam adam) {
    requireLength(inner, "second moment", secondMoment.size());
    double first = correction(adam.beta1(), adam.step());
    double second = correction(adam.beta2(), adam.step());
    return new Preconditioned(
        inner,
        i -> first * (Math.sqrt(squaredGradient(secondMoment, i) / second) + adam.epsilon()));
  }

  /** {@code 1 - beta^t} without cancellation where beta is close to 1. */
  private static double correction(double beta, long step) {
    return -Math.expm1(step * Math.log(beta));
  }

  private static double squaredGradient(HostBuffer secondMoment, long index) {
    float value = secondMoment.get(index);
    if (!(value >= 0 && Float.isFinite(value))) {
      throw new IllegalArgumentException(
          "second moment["
              + index
              + "]: found "
              + value
              + ", expected a finite value of at least 0");
    }
    return value;
  }

  private static void requireLength(SymmetricOperator inner, String argument, long found) {
    Objects.requireNonNull(inner, "inner");
    if (found != inner.dimension()) {
      throw new IllegalArgumentException(
          argument + ": found " + found + " values, expected " + inner.dimension());
    }
  }

  @Override
  public long dimension() {
    return inner.dimension();
  }

  @Override
  public Device device() {
    return inner.device();
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    device()
        .turns()
        .serve(
            this,
            "preconditioned operator",
            () -> {
              Operands.check(this, v, hv);
              Vectors product = workspace.vectors(v.count());
              scale(v, hv);
              inner.apply(hv, product);
              scale(product, hv);
              return null;
            });
  }

  /**
   * {@inheritDoc}
   *
   * <p>Costs a quadratic form of H.
   */
  @Override
  public double[] quadraticForm(Vectors v) {
    return device()
        .turns()
        .serve(
            this,
            "preconditioned operator",
            () -> {
              Operands.checkLength(this, "v", v);
              Vectors scaled = workspace.vectors(v.count());
              scale(v, scaled);
              return inner.quadraticForm(scaled);
            });
  }

  private void scale(Vectors from, Vectors to) {
    device().algebra().multiply(scaling, from, to);
  }

  /**
   * {@inheritDoc}
   *
   * <p>That of H and two roundings more. A diagonal scaling moves errors and entries of H alike, so
   * this supposes that H's errors are small where its entries are, as those of an exact product
   * are; directions in which H is nothing but rounding and P is tiny come out as noise.
   */
  @Override
  public double productError() {
    return inner.productError() + 2 * device().unitRoundoff();
  }

  /** Frees its memory, not the inner operator; closing twice is harmless. */
  @Override
  public void close() {
    scope.close();
  }
}

package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import java.util.Objects;
import java.util.OptionalDouble;

/**
 * H + sigma I: damping, or a shift that turns the smallest eigenvalue into the one of largest
 * magnitude. Eigenvectors stay, eigenvalues move by sigma.
 *
 * @param inner the operator H; not closed with this one, which owns nothing
 * @param shift sigma, in the units of H's eigenvalues
 */
record Shifted(SymmetricOperator inner, double shift) implements SymmetricOperator {

  private static final long PROBE_SEED = 1;

  /**
   * Checks the values.
   *
   * @param inner the operator H
   * @param shift sigma
   * @throws IllegalArgumentException if the shift is NaN or infinite
   */
  public Shifted {
    Objects.requireNonNull(inner, "inner");
    if (!Double.isFinite(shift)) {
      throw new IllegalArgumentException("shift: found " + shift + ", expected a finite value");
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
    Operands.check(this, v, hv);
    inner.apply(v, hv);
    device().algebra().axpby(shift, v.buffer(), 1, hv.buffer());
  }

  /**
   * {@inheritDoc}
   *
   * <p>Costs a quadratic form of H and a dot product.
   */
  @Override
  public double[] quadraticForm(Vectors v) {
    Operands.checkLength(this, "v", v);
    double[] forms = inner.quadraticForm(v);
    for (int i = 0; i < forms.length; i++) {
      forms[i] += shift * device().algebra().dot(v.vector(i), v.vector(i));
    }
    return forms;
  }

  /**
   * {@inheritDoc}
   *
   * <p>The error of H stays while its eigenvalues move, so a shift that cancels most of H leaves
   * relatively more of it: at most {@code e (1 + |sigma| / ||H + sigma I||)} for an error e of H.
   * The norm is bounded from below by one product with a Rademacher probe, made at every call,
   * since H may have moved to another point. 1 means that nothing of a product can be trusted.
   */
  @Override
  public double productError() {
    if (shift == 0) {
      return inner.productError();
    }
    try (Scope scope = Scope.open()) {
      Vectors probe = device().vectors(scope, 1, dimension());
      Vectors product = device().vectors(scope, 1, dimension());
      device().algebra().rademacher(PROBE_SEED, 0, probe);
      apply(probe, product);
      double squares = device().algebra().dot(product.buffer(), product.buffer());
      double norm =
          Math.sqrt(NonFiniteException.check("Hessian-vector product", squares) / dimension());
      if (norm == 0) {
        return 1;
      }
      double error = inner.productError() * (1 + Math.abs(shift) / norm);
      return Math.min(1, error + device().unitRoundoff());
    }
  }

  @Override
  public OptionalDouble quadraticForm64(Buffer v) {
    OptionalDouble form = inner.quadraticForm64(v);
    return form.isEmpty()
        ? form
        : OptionalDouble.of(form.getAsDouble() + shift * device().algebra().dot(v, v));
  }
}

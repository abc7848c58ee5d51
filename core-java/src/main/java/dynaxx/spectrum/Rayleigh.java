package dynaxx.spectrum;

import dynaxx.memory.Buffer;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.OptionalDouble;

/** Rayleigh quotients in float64. */
final class Rayleigh {

  /** Error of a float64 form in units of the operator's norm: 168 units of its roundoff. */
  static final double ERROR64 = 168 * 0x1p-53;

  private Rayleigh() {}

  /** {@code v'Hv / v'v}, if the operator has float64 forms. */
  static OptionalDouble quotient64(SymmetricOperator operator, Buffer v) {
    OptionalDouble form = operator.quadraticForm64(v);
    if (form.isEmpty()) {
      return form;
    }
    double quotient = form.getAsDouble() / operator.backend().dot(v, v);
    return OptionalDouble.of(NonFiniteException.check("float64 quadratic form", quotient));
  }
}

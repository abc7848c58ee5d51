package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.OptionalDouble;

/** Rayleigh quotients in float64. */
final class Rayleigh {

  private Rayleigh() {}

  /**
   * Error of a float64 form: that of the products, with the roundoff of float64 in place of the
   * device's. So an operator that cancels digits, such as one that is shifted, counts that here.
   *
   * @param productError as the operator states it, times its norm
   */
  static double error64(Device device, double productError) {
    return productError * (0x1p-53 / device.unitRoundoff());
  }

  /** {@code v'Hv / v'v}, if the operator has float64 forms. */
  static OptionalDouble quotient64(SymmetricOperator operator, Buffer v) {
    OptionalDouble form = operator.quadraticForm64(v);
    if (form.isEmpty()) {
      return form;
    }
    double quotient = form.getAsDouble() / operator.device().algebra().dot(v, v);
    return OptionalDouble.of(NonFiniteException.check("float64 quadratic form", quotient));
  }
}

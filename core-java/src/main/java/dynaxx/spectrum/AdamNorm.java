package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.operator.Adam;
import dynaxx.operator.NonFiniteException;
import dynaxx.operator.SymmetricOperator;
import java.util.function.DoubleUnaryOperator;

/** Adam's preconditioner P, as a norm and as what makes steps of gradients. */
final class AdamNorm {

  private final Device device;
  private final HostBuffer second;
  private final Adam adam;
  private final Buffer roots;
  private final Buffer inverse;
  private final Buffer scratch;

  /**
   * Places P where the device computes.
   *
   * @param second Adam's second moment
   * @throws IllegalArgumentException if the length is another than n
   * @throws NonFiniteException if a second moment is NaN or infinite
   */
  AdamNorm(Device device, Scope scope, HostBuffer second, Adam adam, long n) {
    if (second.size() != n) {
      throw new IllegalArgumentException(
          "second moment: found " + second.size() + " values, expected " + n);
    }
    this.device = device;
    this.second = second;
    this.adam = adam;
    HostBuffer values = scope.allocate(n);
    DoubleUnaryOperator diagonal = adam.diagonal();
    for (long i = 0; i < n; i++) {
      double entry = diagonal.applyAsDouble(second.get(i));
      values.set(i, (float) Math.sqrt(NonFiniteException.check("second moment", entry)));
    }
    roots = copy(scope, values);
    for (long i = 0; i < n; i++) {
      values.set(i, (float) (1 / diagonal.applyAsDouble(second.get(i))));
    }
    inverse = copy(scope, values);
    scratch = device.allocate(scope, n);
  }

  /** An upload may be the host's memory itself. */
  private Buffer copy(Scope scope, HostBuffer values) {
    Buffer own = device.allocate(scope, values.size());
    try (Scope temporary = Scope.open()) {
      device.algebra().copy(device.upload(temporary, values.segment()), own);
    }
    return own;
  }

  /** The curvature that Adam sees, to be closed. */
  SymmetricOperator of(SymmetricOperator operator) {
    return operator.preconditioned(second, adam);
  }

  /** {@code x'Px}. */
  double squaredNorm(Buffer x) {
    multiply(roots, x, scratch);
    return device.algebra().dot(scratch, scratch);
  }

  /** {@code P^-1 g}. */
  void solve(Buffer g, Buffer step) {
    multiply(inverse, g, step);
  }

  private void multiply(Buffer diagonal, Buffer x, Buffer y) {
    device.algebra().multiply(diagonal, vector(x), vector(y));
  }

  private static Vectors vector(Buffer x) {
    return Vectors.of(x, 1, x.size());
  }
}

package dynaxx.operator;

import dynaxx.device.Device;
import dynaxx.memory.Vectors;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.function.BiConsumer;

/** An operator whose product the host computes. */
record HostOperator(
    long dimension, Device device, BiConsumer<Vectors, Vectors> product, OptionalDouble statedError)
    implements SymmetricOperator {

  HostOperator {
    Objects.requireNonNull(device, "device");
    Objects.requireNonNull(product, "product");
    if (dimension < 1) {
      throw new IllegalArgumentException("dimension: found " + dimension + ", expected at least 1");
    }
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    Operands.check(this, v, hv);
    product.accept(v, hv);
  }

  @Override
  public double productError() {
    return statedError.orElseGet(SymmetricOperator.super::productError);
  }
}

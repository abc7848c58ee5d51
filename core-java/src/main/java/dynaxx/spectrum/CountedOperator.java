package dynaxx.spectrum;

import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import dynaxx.spectrum.Spectrum.Cost;
import java.util.OptionalDouble;

/** Counts what is asked of an operator. */
final class CountedOperator implements SymmetricOperator {

  private final SymmetricOperator operator;
  private int products;
  private int forms;
  private int sweeps;
  private int forms64;

  CountedOperator(SymmetricOperator operator) {
    this.operator = operator;
  }

  Cost cost() {
    return new Cost(products, forms, sweeps, forms64);
  }

  @Override
  public long dimension() {
    return operator.dimension();
  }

  @Override
  public Device device() {
    return operator.device();
  }

  @Override
  public void apply(Vectors v, Vectors hv) {
    operator.apply(v, hv);
    products += v.count();
    sweeps++;
  }

  @Override
  public double[] quadraticForm(Vectors v) {
    double[] found = operator.quadraticForm(v);
    forms += v.count();
    sweeps++;
    return found;
  }

  @Override
  public double productError() {
    return operator.productError();
  }

  @Override
  public OptionalDouble quadraticForm64(Buffer v) {
    OptionalDouble form = operator.quadraticForm64(v);
    forms64 += form.isPresent() ? 1 : 0;
    return form;
  }
}

package dynaxx.app;

import dynaxx.app.terminal.ProgressLine;
import dynaxx.device.Device;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import dynaxx.operator.SymmetricOperator;
import java.util.OptionalDouble;

/** Shows how many products or quadratic forms of an operator are made. */
final class WatchedOperator implements SymmetricOperator {

  /** What is counted. */
  enum Counted {
    NOTHING,
    PRODUCTS,
    FORMS
  }

  private final SymmetricOperator operator;
  private final ProgressLine progress;
  private Counted counted = Counted.NOTHING;
  private Runnable atFirstForm = () -> {};

  WatchedOperator(SymmetricOperator operator, ProgressLine progress) {
    this.operator = operator;
    this.progress = progress;
  }

  /** Counts from here on. */
  void count(Counted what) {
    counted = what;
  }

  /** Runs something before the next quadratic form, and counts forms from there on. */
  void atFirstForm(Runnable begin) {
    atFirstForm = begin;
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
    if (counted == Counted.PRODUCTS) {
      progress.advance(v.count());
    }
  }

  @Override
  public double[] quadraticForm(Vectors v) {
    atFirstForm.run();
    atFirstForm = () -> {};
    double[] forms = operator.quadraticForm(v);
    if (counted == Counted.FORMS) {
      progress.advance(v.count());
    }
    return forms;
  }

  @Override
  public double productError() {
    return operator.productError();
  }

  @Override
  public OptionalDouble quadraticForm64(Buffer v) {
    return operator.quadraticForm64(v);
  }
}

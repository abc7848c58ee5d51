package dynaxx.network;

import java.util.function.BiFunction;
import java.util.function.BinaryOperator;
import java.util.function.ToDoubleBiFunction;
import java.util.function.UnaryOperator;

/** A loss made of functions that somebody else wrote. */
record OwnTerms(
    ToDoubleBiFunction<double[], double[]> own,
    BinaryOperator<double[]> slopes,
    BiFunction<double[], double[], UnaryOperator<double[]>> bends)
    implements Terms {

  @Override
  public double value(double[] z, double[] t) {
    return own.applyAsDouble(z, t);
  }

  @Override
  public void gradient(double[] z, double[] t, double[] dz) {
    copy("gradient", slopes.apply(z, t), dz);
  }

  @Override
  public Product hessian(double[] z, double[] t) {
    UnaryOperator<double[]> hessian = bends.apply(z, t);
    return (v, hv) -> copy("hessian", hessian.apply(v), hv);
  }

  /** Whose functions these are is not known to expect several threads. */
  @Override
  public boolean isConcurrent() {
    return false;
  }

  private static void copy(String what, double[] from, double[] to) {
    if (from.length != to.length) {
      throw new IllegalArgumentException(
          "loss: found "
              + from.length
              + " values of its "
              + what
              + ", expected one for each of "
              + to.length
              + " predictions");
    }
    System.arraycopy(from, 0, to, 0, to.length);
  }
}

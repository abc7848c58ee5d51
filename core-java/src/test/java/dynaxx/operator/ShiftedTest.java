package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.spectrum.Lanczos;
import dynaxx.testing.Dense;
import dynaxx.testing.Numbers;
import dynaxx.testing.OperatorContract;
import java.util.OptionalDouble;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class ShiftedTest {

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  @Test
  void addsAMultipleOfTheIdentity() {
    for (double shift : new double[] {0, 2.5, -3}) {
      Dense dense = OperatorContract.randomDense(5, 37);
      double[][] expected = OperatorContract.randomDense(5, 37).matrix();
      for (int i = 0; i < expected.length; i++) {
        expected[i][i] += shift;
      }
      OperatorContract.verify(dense.on(device).shifted(shift), expected, 1e-6);
    }
    OperatorContract.verify(Dense.diagonal(2).on(device).shifted(1), new double[][] {{3}}, 1e-7);
  }

  @Test
  void movesEigenvalues() {
    SymmetricOperator shifted = Dense.rotated(3, -2, -1, 3, 4, 5).on(device).shifted(-5);
    Lanczos.Result result = Lanczos.fixed(5).run(shifted);
    assertEquals(-7, result.min().value(), 1e-5);
    assertEquals(0, result.max().value(), 1e-5);
  }

  @Test
  void askTheInnerFormInFloat64() {
    try (Scope scope = Scope.open()) {
      Buffer v = Numbers.vectors(scope, 1, new double[] {1, 1e-3, -2}).buffer();
      SymmetricOperator plain = Dense.diagonal(1, 2, 3).on(device);
      assertTrue(plain.shifted(2).quadraticForm64(v).isEmpty());
      SymmetricOperator precise = new Float64(plain, 0);
      double[] x = Numbers.doubles(v);
      double expected = Numbers.dot(x, new double[] {x[0], 2 * x[1], 3 * x[2]});
      double form = precise.shifted(-2.9).quadraticForm64(v).orElseThrow();
      assertEquals(expected - 2.9 * Numbers.dot(x, x), form, 1e-15);
    }
  }

  @Test
  void errorGrowsWhereTheShiftCancels() {
    double error = 1e-6;
    SymmetricOperator nearlyTwo = new Float64(Dense.diagonal(2, 2.01, 1.99).on(device), error);
    assertEquals(error, nearlyTwo.shifted(0).productError());
    assertEquals(1.5 * error, nearlyTwo.shifted(2).productError(), 0.1 * error);
    double cancelled = nearlyTwo.shifted(-2).productError();
    assertTrue(cancelled >= 200 * error && cancelled < 300 * error, "" + cancelled);
    SymmetricOperator two = new Float64(Dense.diagonal(2, 2).on(device), error);
    assertEquals(1, two.shifted(-2).productError());
  }

  @Test
  void refusesShiftsThatAreNotFinite() {
    OperatorContract.assertRefuses(
        "shift: found NaN, expected a finite value",
        () -> Dense.diagonal(1).on(device).shifted(Double.NaN));
  }

  /** A diagonal operator that states its error and has forms in float64. */
  record Float64(SymmetricOperator inner, double productError) implements SymmetricOperator {

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
      inner.apply(v, hv);
    }

    @Override
    public OptionalDouble quadraticForm64(Buffer v) {
      double[] x = Numbers.doubles(v);
      double[][] columns = OperatorContract.columns(inner);
      return OptionalDouble.of(Numbers.dot(x, OperatorContract.product(columns, x)));
    }
  }
}

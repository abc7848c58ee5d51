package dynaxx.operator;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import dynaxx.memory.Vectors;
import dynaxx.testing.Dense;
import dynaxx.testing.KnownCase;
import dynaxx.testing.OperatorContract;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.function.Function;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ConsistencyTest {

  private static Device device;

  @BeforeAll
  static void open() {
    device = Devices.cpu(2);
  }

  @AfterAll
  static void close() {
    device.close();
  }

  static Stream<KnownCase> cases() {
    return KnownCase.all();
  }

  /** A dense operator whose products somebody spoils. */
  private static SymmetricOperator spoiled(int n, BiConsumer<Vectors, Vectors> spoil) {
    SymmetricOperator good = OperatorContract.randomDense(8, n).on(device);
    return SymmetricOperator.of(
        n,
        device,
        (v, hv) -> {
          good.apply(v, hv);
          spoil.accept(v, hv);
        });
  }

  private static String refusal(Consistency consistency) {
    assertFalse(consistency.holds());
    return assertThrows(UntrustworthyOperatorException.class, consistency::require).getMessage();
  }

  @Test
  void goodOperatorsPass() {
    SymmetricOperator[] operators = {
      OperatorContract.randomDense(3, 50).on(device),
      OperatorContract.randomDense(3, 2).on(device),
      Dense.rotated(1, 1e4, 1, -1e-3, 0, 0).on(device),
      Dense.diagonal(1e-30, -1e-30).on(device),
      Dense.diagonal(1e18, -1e18).on(device),
      Dense.diagonal(-7).on(device)
    };
    for (SymmetricOperator operator : operators) {
      Consistency consistency = Consistency.measure(operator, 1);
      assertSame(consistency, consistency.require());
      assertTrue(consistency.holds());
      assertEquals(0, consistency.repetition());
      assertEquals(10 * operator.productError(), consistency.tolerance());
    }
  }

  @Test
  void zeroOperatorsPass() {
    for (double[] zeros : new double[][] {{0}, {0, 0, 0, 0, 0}}) {
      Consistency consistency = Consistency.measure(Dense.diagonal(zeros).on(device), 1);
      assertEquals(new Consistency(0, 0, 0, consistency.tolerance()), consistency.require());
    }
  }

  @ParameterizedTest
  @MethodSource("cases")
  void exactHessiansPass(KnownCase c) {
    try (Scope scope = Scope.open();
        Hessian hessian = new Hessian(c.network(), c.loss(), c.batch(scope), device)) {
      hessian.linearize(c.host(scope, "parameters"));
      Consistency consistency = Consistency.measure(hessian, 1).require();
      assertEquals(0, consistency.repetition());
      Consistency.measure(hessian.shifted(-1), 2).require();
    }
  }

  @Test
  void randomLayersAreNamed() {
    Random random = new Random(1);
    SymmetricOperator noisy =
        spoiled(
            60,
            (v, hv) -> {
              HostBuffer products = (HostBuffer) hv.buffer();
              for (long i = 0; i < products.size(); i++) {
                products.set(i, random.nextDouble() < 0.1 ? 0 : products.get(i));
              }
            });
    Consistency consistency = Consistency.measure(noisy, 1);
    String message = refusal(consistency);
    String found = String.format(Locale.ROOT, "%.1e", consistency.repetition());
    assertEquals(
        "operator: two products of the same vector differ by "
            + found
            + " of their norm, expected at most 1.0e-04; is dropout or another random layer"
            + " active?",
        message);
    assertTrue(consistency.repetition() > 0.1 && consistency.repetition() < 1, message);
  }

  @Test
  void asymmetryIsSeenInAnyDimension() {
    for (int n : new int[] {2, 60, 1000}) {
      SymmetricOperator skewed =
          spoiled(
              n,
              (v, hv) -> {
                for (int k = 0; k < v.count(); k++) {
                  HostBuffer x = (HostBuffer) v.vector(k);
                  HostBuffer y = (HostBuffer) hv.vector(k);
                  double strength = 0.1 * Math.sqrt(n);
                  for (int i = 0; i + 1 < n; i += 2) {
                    y.set(i, (float) (y.get(i) + strength * x.get(i + 1)));
                    y.set(i + 1, (float) (y.get(i + 1) - strength * x.get(i)));
                  }
                }
              });
      Consistency consistency = Consistency.measure(skewed, 1);
      assertEquals(0, consistency.repetition());
      String message = refusal(consistency);
      assertTrue(
          message.startsWith("operator: u'Hv and v'Hu differ by ")
              && message.contains(", expected at most 1.0e-04; is every product"),
          message);
    }
  }

  @Test
  void formsOfAnotherMatrixAreSeen() {
    SymmetricOperator good = OperatorContract.randomDense(8, 30).on(device);
    SymmetricOperator halved =
        new Forms(good, v -> Arrays.stream(good.quadraticForm(v)).map(q -> q / 2).toArray());
    String message = refusal(Consistency.measure(halved, 1));
    assertTrue(message.startsWith("operator: quadratic form and v'(Hv) differ by "), message);
    SymmetricOperator onZero =
        new Forms(Dense.diagonal(0, 0).on(device), v -> new double[] {1e-9, 0, 0});
    assertTrue(refusal(Consistency.measure(onZero, 1)).contains("differ by Infinity of"));
  }

  /** An operator with quadratic forms of its own. */
  private record Forms(SymmetricOperator inner, Function<Vectors, double[]> form)
      implements SymmetricOperator {

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
    public double[] quadraticForm(Vectors v) {
      return form.apply(v);
    }
  }

  @Test
  void valuesThatAreNotFiniteAreReportedAsSuch() {
    for (float value : new float[] {Float.NaN, Float.POSITIVE_INFINITY}) {
      SymmetricOperator broken = spoiled(5, (v, hv) -> ((HostBuffer) hv.buffer()).set(3, value));
      assertThrows(NonFiniteException.class, () -> Consistency.measure(broken, 1));
    }
    SymmetricOperator form =
        new Forms(
            OperatorContract.randomDense(8, 4).on(device), v -> new double[] {1, Double.NaN, 1});
    assertThrows(NonFiniteException.class, () -> Consistency.measure(form, 1));
  }

  /** A batch that changes between products, as a data loader that goes on would make it. */
  @Test
  void changingBatchesAreSeen() {
    SymmetricOperator[] batches = {
      OperatorContract.randomDense(1, 9).on(device), OperatorContract.randomDense(2, 9).on(device)
    };
    int[] calls = {0};
    SymmetricOperator changing =
        SymmetricOperator.of(9, device, (v, hv) -> batches[calls[0]++ % 2].apply(v, hv));
    assertTrue(refusal(Consistency.measure(changing, 1)).contains("two products of the same"));
  }

  @Test
  void tolerancesFollowTheStatedError() {
    SymmetricOperator good = OperatorContract.randomDense(8, 30).on(device);
    assertEquals(
        0.02, Consistency.measure(new ShiftedTest.Float64(good, 2e-3), 1).tolerance(), 1e-15);
    assertEquals(0.5, Consistency.measure(new ShiftedTest.Float64(good, 1), 1).tolerance());
    SymmetricOperator rough =
        spoiled(
            30,
            (v, hv) ->
                ((HostBuffer) hv.buffer()).set(0, 0.99f * ((HostBuffer) hv.buffer()).get(0)));
    assertFalse(Consistency.measure(rough, 1).holds());
    assertTrue(Consistency.measure(new ShiftedTest.Float64(rough, 1e-2), 1).holds());
  }

  @Test
  void sameSeedSameDifferences() {
    try (Scope scope = Scope.open();
        Hessian hessian =
            new Hessian(
                KnownCase.mlpTanh().network(),
                KnownCase.mlpTanh().loss(),
                KnownCase.mlpTanh().batch(scope),
                device)) {
      hessian.linearize(KnownCase.mlpTanh().host(scope, "parameters"));
      Consistency first = Consistency.measure(hessian, 5);
      assertEquals(first, Consistency.measure(hessian, 5));
      assertFalse(first.equals(Consistency.measure(hessian, 6)));
    }
  }
}

package dynaxx.nativecpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.device.cpu.NativeKernels.Precision;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.HostBuffer;
import dynaxx.memory.Scope;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Products of bfloat16 parts; the matrix unit is emulated. */
@EnabledIfSystemProperty(
    named = "dynaxx.cpu.library",
    matches = ".*emulated.*",
    disabledReason = "runs with the library in which the matrix unit is emulated")
class SplitGemmTest {

  private static GemmKernels open(Precision precision) throws UnavailableException {
    return Operands.backwards(precision, "auto");
  }

  private static double worst(Precision precision) throws UnavailableException {
    GemmKernels gemm = open(precision);
    double worst = 0;
    for (Operands product : NativeGemmTest.products()) {
      worst = Math.max(worst, product.error(product.computed(gemm)));
    }
    return worst;
  }

  @Test
  void sixProductsAreAsGoodAsFloat32() throws UnavailableException {
    double error = worst(Precision.BF16X6);
    assertTrue(error < 1e-6, "found " + error);
  }

  /** And not better than they can be: or else something other was computed. */
  @Test
  void threeProductsHaveSixteenBits() throws UnavailableException {
    double error = worst(Precision.BF16X3);
    assertTrue(error < 4 * Precision.BF16X3.unitRoundoff() && error > 1e-6, "found " + error);
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16X3", "BF16X6"})
  void rowsDoNotDependOnWhatIsBelow(Precision precision) throws UnavailableException {
    GemmKernels gemm = open(precision);
    float[] few =
        new Operands(5, 90, 300, false, true, 1, 0, false, Members.ONE, false).computed(gemm);
    float[] many =
        new Operands(150, 90, 300, false, true, 1, 0, false, Members.ONE, false).computed(gemm);
    for (int i = 0; i < 5 * 92; i++) {
      assertEquals(few[1 + i], many[1 + i], "element " + i);
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = Precision.class,
      names = {"BF16X3", "BF16X6"})
  void whatIsNotFiniteStaysSo(Precision precision) throws UnavailableException {
    GemmKernels gemm = open(precision);
    float[] values = {
      Float.NaN, Float.POSITIVE_INFINITY, Float.NEGATIVE_INFINITY, 3.3e38f, -3.3e38f, 1
    };
    int n = 32; // a smaller product would be left to vectors
    try (Scope scope = Scope.open()) {
      HostBuffer x = scope.allocate(values.length * n);
      HostBuffer one = scope.allocate(n * n);
      one.set(0, 1);
      HostBuffer y = scope.allocate(values.length * n);
      for (int i = 0; i < values.length; i++) {
        x.set((long) i * n, values[i]);
      }
      gemm.multiply(values.length, n, n, 1, Matrix.of(x, n), Matrix.of(one, n), 0, Matrix.of(y, n));
      for (int i = 0; i < 3; i++) {
        assertTrue(!Float.isFinite(y.get(i * n)), values[i] + " became " + y.get(i * n));
      }
      for (int i = 3; i < values.length; i++) {
        double error = Math.abs(y.get(i * n) / values[i] - 1);
        assertTrue(error < 2 * precision.unitRoundoff(), values[i] + " became " + y.get(i * n));
      }
    }
  }
}

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
      Float.NaN,
      Float.POSITIVE_INFINITY,
      Float.NEGATIVE_INFINITY,
      Float.MAX_VALUE,
      -Float.MAX_VALUE,
      1
    };
    try (Scope scope = Scope.open()) {
      HostBuffer x = scope.allocate(values.length).put(values);
      HostBuffer one = scope.allocate(1).put(1f);
      HostBuffer y = scope.allocate(values.length);
      gemm.multiply(values.length, 1, 1, 1, Matrix.of(x, 1), Matrix.of(one, 1), 0, Matrix.of(y, 1));
      for (int i = 0; i < 3; i++) {
        assertTrue(!Float.isFinite(y.get(i)), values[i] + " became " + y.get(i));
      }
      for (int i = 3; i < values.length; i++) {
        double error = Math.abs(y.get(i) / values[i] - 1);
        assertTrue(error < 2 * precision.unitRoundoff(), values[i] + " became " + y.get(i));
      }
    }
  }
}

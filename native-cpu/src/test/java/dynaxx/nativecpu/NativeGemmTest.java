package dynaxx.nativecpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.abort;

import dynaxx.device.Device;
import dynaxx.device.Devices;
import dynaxx.device.cpu.NativeKernels.Precision;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.memory.Scope;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** float32 in C; the devices of this JVM compute in Java. */
class NativeGemmTest {

  /** Tails of rows, columns and depth; one block of the depth, and several. */
  private static final int[][] SHAPES = {
    {1, 1, 1}, {17, 17, 16}, {17, 16, 17}, {14, 32, 128}, {15, 33, 129}, {113, 65, 300},
    {5, 1100, 7}, {200, 1, 65}, {8, 31, 0}, {300, 48, 513}, {3, 17, 4200}, {2, 4100, 5},
    {50, 140, 900}, {12, 700, 260}, {600, 500, 450}
  };

  static List<Operands> products() {
    List<Operands> all = new ArrayList<>();
    for (int[] s : SHAPES) {
      for (int t = 0; t < 4; t++) {
        boolean ta = (t & 1) != 0;
        boolean tb = (t & 2) != 0;
        all.add(new Operands(s[0], s[1], s[2], ta, tb, 1, 0, false, Members.ONE, false));
        all.add(new Operands(s[0], s[1], s[2], ta, tb, -0.5f, 1, true, Members.ONE, false));
      }
    }
    Members members = new Members(2, 3, 2);
    for (int t = 0; t < 4; t++) {
      boolean ta = (t & 1) != 0;
      boolean tb = (t & 2) != 0;
      all.add(new Operands(17, 16, 17, ta, tb, 0.3f, 0.7f, true, members, false));
      all.add(new Operands(70, 33, 200, ta, tb, 1, 1, true, members, true));
      all.add(new Operands(150, 90, 140, ta, tb, 1, 0, true, members, false));
    }
    return all;
  }

  private static GemmKernels open(String level) {
    try {
      return Operands.backwards(Precision.FP32, level);
    } catch (UnavailableException e) {
      return abort(e.getMessage());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"avx2", "avx512"})
  void hasTheBitsOfJava(String level) {
    GemmKernels gemm = open(level);
    try (Device java = Devices.cpu(1)) {
      assertTrue(java.description().contains("products in Java"), java.description());
      for (Operands product : products()) {
        float[] expected = product.computed(java.kernels().gemm());
        assertArrayEquals(expected, product.computed(gemm), product.toString());
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"avx2", "avx512"})
  void agreesWithDoublePrecision(String level) {
    GemmKernels gemm = open(level);
    for (Operands product : products()) {
      double error = product.error(product.computed(gemm));
      assertTrue(error < 1e-6, product + ": " + error);
    }
  }

  @Test
  void touchesNoMemoryThatItWasNotGiven() {
    GemmKernels gemm = open("auto");
    try (Scope scope = Scope.open()) {
      Matrix a = Matrix.of(scope.allocate(11), 4);
      Matrix b = Matrix.of(scope.allocate(12), 3);
      Matrix c = Matrix.of(scope.allocate(9), 3);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> gemm.multiply(3, 3, 4, 1, a, b, 0, c),
          "a has 11 of 12 elements");
      gemm.multiply(3, 3, 3, 1, a, b, 0, c);
      assertThrows(
          IndexOutOfBoundsException.class, () -> gemm.multiply(3, 3, 3, 1, a, b, 0, c.at(1)));
      assertThrows(
          IndexOutOfBoundsException.class, () -> gemm.multiply(3, 3, 3, 1, a, b.at(-1), 0, c));
    }
  }

  /** Whose ends are found by sums that are too large for a long, or before the beginning. */
  @Test
  void touchesNoMemoryByStepsThatAreTooLarge() {
    GemmKernels gemm = open("auto");
    try (Scope scope = Scope.open()) {
      Matrix x = Matrix.of(scope.allocate(900), 3);
      Matrix c = x.batch(9, 0, 0);
      Members five = Members.of(5);
      for (long step : new long[] {1L << 61, 1L << 62, Long.MAX_VALUE, -9, -(1L << 62)}) {
        Matrix far = x.at(450).batch(step, 0, 0);
        assertThrows(
            IndexOutOfBoundsException.class,
            () -> gemm.multiply(3, 3, 3, 1, far, x, 0, c, null, five),
            () -> "step " + step);
      }
      Matrix tall = Matrix.of(scope.allocate(900), 1L << 62);
      assertThrows(IndexOutOfBoundsException.class, () -> gemm.multiply(5, 3, 3, 1, tall, x, 0, x));
      Matrix back = x.at(450).batch(-9, 9, 0);
      assertThrows(
          IndexOutOfBoundsException.class,
          () -> gemm.multiply(3, 3, 3, 1, back, x, 0, c, null, new Members(2, 5, 1)));
    }
  }
}

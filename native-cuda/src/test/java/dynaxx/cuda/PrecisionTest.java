package dynaxx.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dynaxx.backend.Matrix;
import dynaxx.backend.MatrixKernels.Members;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import dynaxx.testing.Numbers;
import org.junit.jupiter.api.Test;

/** What the precisions of matrix products are worth. */
@EmulatorTest
class PrecisionTest {

  private static final int M = 24;
  private static final int N = 20;
  private static final int DEPTH = 300;

  /** Largest error of a product of two matrices, in units of the largest element. */
  private static double error(Precision precision, Members batch) {
    CudaSettings settings = CudaSettings.DEFAULT.withPrecision(precision);
    int members = (int) batch.size();
    double[] a = Numbers.uniform(members * M * DEPTH, 1);
    double[] b = Numbers.uniform(members * DEPTH * N, 2);
    try (CudaBackend backend = CudaBackend.open(settings);
        Scope scope = Scope.open()) {
      Buffer left = Numbers.vectors(backend, scope, 1, a).buffer();
      Buffer right = Numbers.vectors(backend, scope, 1, b).buffer();
      Buffer product = backend.allocate(scope, (long) members * M * N);
      backend.gemm(
          M,
          N,
          DEPTH,
          1,
          family(left, DEPTH, M * DEPTH, batch),
          family(right, N, DEPTH * N, batch),
          0,
          family(product, N, M * N, batch),
          null,
          batch);
      float[] found = Numbers.floats(backend, product);
      double worst = 0;
      double largest = 0;
      for (int i = 0; i < found.length; i++) {
        int member = i / (M * N);
        double exact = 0;
        for (int d = 0; d < DEPTH; d++) {
          exact +=
              (double) (float) a[member * M * DEPTH + i % (M * N) / N * DEPTH + d]
                  * (float) b[member * DEPTH * N + d * N + i % N];
        }
        worst = Math.max(worst, Math.abs(found[i] - exact));
        largest = Math.max(largest, Math.abs(exact));
      }
      return worst / largest;
    }
  }

  /** The first index moves least, so that two indices cannot become one. */
  private static Matrix family(Buffer x, long ld, long size, Members batch) {
    return Matrix.of(x, ld).batch(size, batch.n0() * size, 0);
  }

  @Test
  void threeProductsOfHalvesAreAsGoodAsFloat32() {
    for (Members batch : new Members[] {Members.ONE, Members.of(3), new Members(2, 3, 1)}) {
      double fp32 = error(Precision.FP32, batch);
      double split = error(Precision.TF32X3, batch);
      double tf32 = error(Precision.TF32, batch);
      assertTrue(fp32 < 3e-7, "fp32 " + fp32);
      assertTrue(split < 2e-6, "tf32x3 " + split);
      assertTrue(tf32 > 1e-5 && tf32 < 2e-3, "tf32 " + tf32);
    }
  }

  @Test
  void noiseFloorsFollowThePrecision() {
    try (CudaBackend backend =
        CudaBackend.open(CudaSettings.DEFAULT.withPrecision(Precision.TF32))) {
      assertEquals(0x1p-11, backend.unitRoundoff());
      assertEquals(0x1p-53, backend.float64().orElseThrow().unitRoundoff());
      assertTrue(backend.description().endsWith("tf32"), backend.description());
    }
  }

  @Test
  void refusesAnUnknownPrecision() {
    System.setProperty(Precision.PROPERTY, "fp16");
    try {
      IllegalArgumentException e =
          assertThrows(IllegalArgumentException.class, () -> new CudaBackendProvider().open(1));
      assertEquals(
          "-Ddynaxx.cuda.precision: found 'fp16', expected fp32, tf32x3 or tf32", e.getMessage());
    } finally {
      System.clearProperty(Precision.PROPERTY);
    }
  }
}

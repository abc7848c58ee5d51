package dynaxx.nativecpu;

import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** The struct {@code product} of {@code product.h}; every field has eight bytes. */
final class Product {

  private static final int ALPHA = 3;
  private static final int A = 5;
  private static final int B = 10;
  private static final int C = 15;
  private static final int BIAS_STRIDE = 20;
  private static final int BLOCK = 23;
  private static final int FIELDS = 30;

  private final MemorySegment segment =
      Arena.ofAuto().allocate((long) FIELDS * Long.BYTES, Long.BYTES);

  MemorySegment segment() {
    return segment;
  }

  /** Everything but the block. */
  void set(
      int m,
      int n,
      int depth,
      double alpha,
      double beta,
      Matrix a,
      Matrix b,
      Matrix c,
      long biasStride,
      Members batch) {
    put(0, m, n, depth);
    segment.setAtIndex(ValueLayout.JAVA_DOUBLE, ALPHA, alpha);
    segment.setAtIndex(ValueLayout.JAVA_DOUBLE, ALPHA + 1, beta);
    put(A, a);
    put(B, b);
    put(C, c);
    put(BIAS_STRIDE, biasStride, batch.n1(), batch.n2());
  }

  /** The part of B that is packed, and how the rows are shared out. */
  void block(long col, long cols, long from, long length, long first, long height, long wide) {
    put(BLOCK, col, cols, from, length, first, height, wide);
  }

  private void put(int at, Matrix x) {
    put(at, x.ld(), x.transposed() ? 1 : 0, x.stride0(), x.stride1(), x.stride2());
  }

  private void put(int at, long... values) {
    for (int i = 0; i < values.length; i++) {
      segment.setAtIndex(ValueLayout.JAVA_LONG, at + i, values[i]);
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;

/**
 * Over the Vector API, with the widest vectors of the machine. Loops are flat on purpose: a helper
 * with vector arguments that fails to inline puts every accumulator on the heap.
 */
final class VectorRowLoops implements RowLoops {

  static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
  static final int L = S.length();

  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  /** float64 lanes, and as many float32 lanes in half the width to widen from. */
  private static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

  private static final VectorSpecies<Float> H =
      VectorSpecies.of(float.class, VectorShape.forBitSize(D.vectorBitSize() / 2));
  private static final int W = D.length();

  private static final int ROWS = 8;
  private static final int COLS = 2 * L;
  private static final int P = Gemm.PITCH;

  @Override
  public String description() {
    return "Vector API, " + L + " float lanes";
  }

  @Override
  public int tileRows() {
    return ROWS;
  }

  @Override
  public int tileCols() {
    return COLS;
  }

  @Override
  public void tile(int rows, int depth, float[] a, int aAt, float[] b, int bAt, float[] out) {
    if (rows <= 4) {
      tile4(depth, a, aAt, b, bAt, out);
    } else {
      tile8(depth, a, aAt, b, bAt, out);
    }
  }

  private static void tile8(int depth, float[] a, int aAt, float[] b, int bAt, float[] out) {
    FloatVector s00 = FloatVector.zero(S);
    FloatVector s01 = FloatVector.zero(S);
    FloatVector s10 = FloatVector.zero(S);
    FloatVector s11 = FloatVector.zero(S);
    FloatVector s20 = FloatVector.zero(S);
    FloatVector s21 = FloatVector.zero(S);
    FloatVector s30 = FloatVector.zero(S);
    FloatVector s31 = FloatVector.zero(S);
    FloatVector s40 = FloatVector.zero(S);
    FloatVector s41 = FloatVector.zero(S);
    FloatVector s50 = FloatVector.zero(S);
    FloatVector s51 = FloatVector.zero(S);
    FloatVector s60 = FloatVector.zero(S);
    FloatVector s61 = FloatVector.zero(S);
    FloatVector s70 = FloatVector.zero(S);
    FloatVector s71 = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      FloatVector b0 = FloatVector.fromArray(S, b, bAt + p * COLS);
      FloatVector b1 = FloatVector.fromArray(S, b, bAt + p * COLS + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s00 = a0.fma(b0, s00);
      s01 = a0.fma(b1, s01);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + P]);
      s10 = a1.fma(b0, s10);
      s11 = a1.fma(b1, s11);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s20 = a2.fma(b0, s20);
      s21 = a2.fma(b1, s21);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s30 = a3.fma(b0, s30);
      s31 = a3.fma(b1, s31);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s40 = a4.fma(b0, s40);
      s41 = a4.fma(b1, s41);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p + 5 * P]);
      s50 = a5.fma(b0, s50);
      s51 = a5.fma(b1, s51);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p + 6 * P]);
      s60 = a6.fma(b0, s60);
      s61 = a6.fma(b1, s61);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p + 7 * P]);
      s70 = a7.fma(b0, s70);
      s71 = a7.fma(b1, s71);
    }
    s00.intoArray(out, 0 * L);
    s01.intoArray(out, 1 * L);
    s10.intoArray(out, 2 * L);
    s11.intoArray(out, 3 * L);
    s20.intoArray(out, 4 * L);
    s21.intoArray(out, 5 * L);
    s30.intoArray(out, 6 * L);
    s31.intoArray(out, 7 * L);
    s40.intoArray(out, 8 * L);
    s41.intoArray(out, 9 * L);
    s50.intoArray(out, 10 * L);
    s51.intoArray(out, 11 * L);
    s60.intoArray(out, 12 * L);
    s61.intoArray(out, 13 * L);
    s70.intoArray(out, 14 * L);
    s71.intoArray(out, 15 * L);
  }

  private static void tile4(int depth, float[] a, int aAt, float[] b, int bAt, float[] out) {
    FloatVector s00 = FloatVector.zero(S);
    FloatVector s01 = FloatVector.zero(S);
    FloatVector s10 = FloatVector.zero(S);
    FloatVector s11 = FloatVector.zero(S);
    FloatVector s20 = FloatVector.zero(S);
    FloatVector s21 = FloatVector.zero(S);
    FloatVector s30 = FloatVector.zero(S);
    FloatVector s31 = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      FloatVector b0 = FloatVector.fromArray(S, b, bAt + p * COLS);
      FloatVector b1 = FloatVector.fromArray(S, b, bAt + p * COLS + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s00 = a0.fma(b0, s00);
      s01 = a0.fma(b1, s01);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + P]);
      s10 = a1.fma(b0, s10);
      s11 = a1.fma(b1, s11);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s20 = a2.fma(b0, s20);
      s21 = a2.fma(b1, s21);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s30 = a3.fma(b0, s30);
      s31 = a3.fma(b1, s31);
    }
    s00.intoArray(out, 0 * L);
    s01.intoArray(out, 1 * L);
    s10.intoArray(out, 2 * L);
    s11.intoArray(out, 3 * L);
    s20.intoArray(out, 4 * L);
    s21.intoArray(out, 5 * L);
    s30.intoArray(out, 6 * L);
    s31.intoArray(out, 7 * L);
  }

  @Override
  public void finish(
      float[] tile,
      int at,
      int n,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset) {
    for (int j = 0; j < n; j += L) {
      FloatVector v = FloatVector.fromArray(S, tile, at + j).mul(alpha);
      long byteAt = (offset + j) * Float.BYTES;
      if (j + L <= n) {
        if (beta != 0) {
          v = v.add(FloatVector.fromMemorySegment(S, c, byteAt, NATIVE).mul(beta));
        }
        if (bias != null) {
          v = v.add(FloatVector.fromArray(S, bias, biasAt + j));
        }
        v.intoMemorySegment(c, byteAt, NATIVE);
      } else {
        VectorMask<Float> mask = S.indexInRange(j, n);
        if (beta != 0) {
          v = v.add(FloatVector.fromMemorySegment(S, c, byteAt, NATIVE, mask).mul(beta));
        }
        if (bias != null) {
          v = v.add(FloatVector.fromArray(S, bias, biasAt + j, mask));
        }
        v.intoMemorySegment(c, byteAt, NATIVE, mask);
      }
    }
  }

  @Override
  public void activation(Pointwise f, int n, float[] x, float[] y, float[] d1, float[] d2) {
    if (f instanceof Pointwise.Standard(Activation activation)) {
      VectorActivations.evaluate(activation, n, x, y, d1, d2);
    } else {
      ScalarFunctions.evaluate(f, n, x, y, d1, d2);
    }
  }

  @Override
  public double expSum(float[] x, int at, int n, double shift) {
    float by = (float) shift;
    for (int i = 0; i < n; i += L) {
      VectorMask<Float> mask = S.indexInRange(i, n);
      FloatVector v = FloatVector.fromArray(S, x, at + i, mask).sub(by);
      VectorActivations.exp(v).intoArray(x, at + i, mask);
    }
    return sum(x, at, n);
  }

  @Override
  public double max(float[] x, int at, int n) {
    FloatVector max = FloatVector.broadcast(S, Float.NEGATIVE_INFINITY);
    for (int i = 0; i < n; i += L) {
      VectorMask<Float> mask = S.indexInRange(i, n);
      max = max.lanewise(VectorOperators.MAX, FloatVector.fromArray(S, x, at + i, mask), mask);
    }
    return max.reduceLanes(VectorOperators.MAX);
  }

  @Override
  public double sum(float[] x, int at, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = DoubleVector.zero(D);
    int i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      s0 = s0.add(widen(FloatVector.fromArray(H, x, at + i)));
      s1 = s1.add(widen(FloatVector.fromArray(H, x, at + i + W)));
    }
    for (; i < n; i += W) {
      s0 = s0.add(widen(FloatVector.fromArray(H, x, at + i, H.indexInRange(i, n))));
    }
    return inOrder(s0.add(s1));
  }

  @Override
  public double squares(float[] x, int at, int n, double shift) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = DoubleVector.zero(D);
    int i = 0;
    for (; i + 2 * W <= n; i += 2 * W) {
      DoubleVector d0 = widen(FloatVector.fromArray(H, x, at + i)).sub(shift);
      DoubleVector d1 = widen(FloatVector.fromArray(H, x, at + i + W)).sub(shift);
      s0 = d0.fma(d0, s0);
      s1 = d1.fma(d1, s1);
    }
    for (; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      DoubleVector d0 = widen(FloatVector.fromArray(H, x, at + i, mask)).sub(shift, mask.cast(D));
      s0 = d0.fma(d0, s0);
    }
    return inOrder(s0.add(s1));
  }

  @Override
  public double dot(float[] a, int aAt, float[] b, int bAt, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    DoubleVector s1 = DoubleVector.zero(D);
    DoubleVector s2 = DoubleVector.zero(D);
    DoubleVector s3 = DoubleVector.zero(D);
    int i = 0;
    for (; i + 4 * W <= n; i += 4 * W) {
      int p = aAt + i;
      int q = bAt + i;
      s0 = widen(FloatVector.fromArray(H, a, p)).fma(widen(FloatVector.fromArray(H, b, q)), s0);
      s1 =
          widen(FloatVector.fromArray(H, a, p + W))
              .fma(widen(FloatVector.fromArray(H, b, q + W)), s1);
      s2 =
          widen(FloatVector.fromArray(H, a, p + 2 * W))
              .fma(widen(FloatVector.fromArray(H, b, q + 2 * W)), s2);
      s3 =
          widen(FloatVector.fromArray(H, a, p + 3 * W))
              .fma(widen(FloatVector.fromArray(H, b, q + 3 * W)), s3);
    }
    for (; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      s0 =
          widen(FloatVector.fromArray(H, a, aAt + i, mask))
              .fma(widen(FloatVector.fromArray(H, b, bAt + i, mask)), s0);
    }
    return inOrder(s0.add(s1).add(s2.add(s3)));
  }

  @Override
  public double dot(float[] a, int aAt, float[] b, int bAt, float[] c, int cAt, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    for (int i = 0; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      DoubleVector ab =
          widen(FloatVector.fromArray(H, a, aAt + i, mask))
              .mul(widen(FloatVector.fromArray(H, b, bAt + i, mask)));
      s0 = ab.fma(widen(FloatVector.fromArray(H, c, cAt + i, mask)), s0);
    }
    return inOrder(s0);
  }

  @Override
  public double dotOfSquares(float[] a, float[] b, float[] c, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    for (int i = 0; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      DoubleVector ab =
          widen(FloatVector.fromArray(H, a, i, mask))
              .mul(widen(FloatVector.fromArray(H, b, i, mask)));
      DoubleVector v = widen(FloatVector.fromArray(H, c, i, mask));
      s0 = ab.fma(v.mul(v), s0);
    }
    return inOrder(s0);
  }

  @Override
  public double squaredDistance(float[] a, int aAt, float[] b, int bAt, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    for (int i = 0; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      DoubleVector d =
          widen(FloatVector.fromArray(H, a, aAt + i, mask))
              .sub(widen(FloatVector.fromArray(H, b, bAt + i, mask)));
      s0 = d.fma(d, s0);
    }
    return inOrder(s0);
  }

  private static DoubleVector widen(FloatVector v) {
    return (DoubleVector) v.convertShape(VectorOperators.F2D, D, 0);
  }

  /**
   * Adds the lanes one by one: the order of {@code reduceLanes} is unspecified and changes with the
   * compiler.
   */
  private static double inOrder(DoubleVector v) {
    double[] lanes = v.toArray();
    double sum = 0;
    for (double lane : lanes) {
      sum += lane;
    }
    return sum;
  }
}

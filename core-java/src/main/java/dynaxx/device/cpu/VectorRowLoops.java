package dynaxx.device.cpu;

import static jdk.incubator.vector.VectorOperators.F2D;

import dynaxx.kernel.Pointwise;
import dynaxx.layer.Activation;
import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Over the Vector API, with the widest vectors of the machine. Loops are flat on purpose: a helper
 * with vector arguments that fails to inline puts every accumulator on the heap.
 */
final class VectorRowLoops implements VectorElementLoops {

  static final VectorSpecies<Float> S = FloatVector.SPECIES_PREFERRED;
  static final int L = S.length();

  private static final ByteOrder NATIVE = ByteOrder.nativeOrder();

  /** float64 lanes, and as many float32 lanes in half the width to widen from. */
  static final VectorSpecies<Double> D = DoubleVector.SPECIES_PREFERRED;

  static final VectorSpecies<Float> H =
      VectorSpecies.of(float.class, VectorShape.forBitSize(D.vectorBitSize() / 2));
  static final int W = D.length();
  private static final VectorShuffle<Double> PARTNER_OF_4 = partner(D, 4);
  private static final VectorShuffle<Double> PARTNER_OF_2 = partner(D, 2);

  private static final int COLS = 2 * L;

  private static final VectorShuffle<Float> PARTNER_8 = partner(S, 8);
  private static final VectorShuffle<Float> PARTNER_4 = partner(S, 4);
  private static final VectorShuffle<Float> PARTNER_2 = partner(S, 2);
  private static final VectorShuffle<Float> PARTNER_1 = partner(S, 1);
  private static final VectorMask<Float> LOWER_8 = lower(8);
  private static final VectorMask<Float> LOWER_4 = lower(4);
  private static final VectorMask<Float> LOWER_2 = lower(2);
  private static final VectorMask<Float> LOWER_1 = lower(1);

  @Override
  public String description() {
    return "Vector API, " + L + " float lanes";
  }

  @Override
  public int tileRows() {
    return VectorTiles.ROWS;
  }

  @Override
  public int tileCols() {
    return COLS;
  }

  @Override
  public void tile(
      boolean byColumns,
      int rows,
      int cols,
      int depth,
      float[] a,
      int aAt,
      float[] b,
      int[] starts,
      int bAt,
      float[] out,
      int outAt,
      int pitch,
      boolean add) {
    if (cols <= L && byColumns) {
      VectorTiles.narrowColumns(rows, depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (cols <= L) {
      VectorTiles.narrowRows(rows, depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (byColumns) {
      VectorTiles.columns(rows, depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else {
      VectorTiles.rows(rows, depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    }
  }

  @Override
  public int dotLanes() {
    return L;
  }

  @Override
  public void dots(
      int n, float[] a, int aAt, int step, float[] b, int first, int second, float[] sums, int at) {
    FloatVector s0a = FloatVector.fromArray(S, sums, at + 0 * L);
    FloatVector s0b = FloatVector.fromArray(S, sums, at + 1 * L);
    FloatVector s1a = FloatVector.fromArray(S, sums, at + 2 * L);
    FloatVector s1b = FloatVector.fromArray(S, sums, at + 3 * L);
    FloatVector s2a = FloatVector.fromArray(S, sums, at + 4 * L);
    FloatVector s2b = FloatVector.fromArray(S, sums, at + 5 * L);
    FloatVector s3a = FloatVector.fromArray(S, sums, at + 6 * L);
    FloatVector s3b = FloatVector.fromArray(S, sums, at + 7 * L);
    for (int j = 0; j < n; j += L) {
      FloatVector ba = FloatVector.fromArray(S, b, first + j);
      FloatVector bb = FloatVector.fromArray(S, b, second + j);
      FloatVector a0 = FloatVector.fromArray(S, a, aAt + j);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.fromArray(S, a, aAt + j + 1 * step);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.fromArray(S, a, aAt + j + 2 * step);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.fromArray(S, a, aAt + j + 3 * step);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
    }
    s0a.intoArray(sums, at + 0 * L);
    s0b.intoArray(sums, at + 1 * L);
    s1a.intoArray(sums, at + 2 * L);
    s1b.intoArray(sums, at + 3 * L);
    s2a.intoArray(sums, at + 4 * L);
    s2b.intoArray(sums, at + 5 * L);
    s3a.intoArray(sums, at + 6 * L);
    s3b.intoArray(sums, at + 7 * L);
  }

  @Override
  public void finish(
      float[] tile,
      int rows,
      int cols,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset,
      long ld) {
    if (cols < L) {
      finishNarrow(tile, rows, cols, alpha, beta, bias, biasAt, c, offset, ld);
      return;
    }
    int next = cols - L; // the second vector ends at the last column, so it may overlap the first
    for (int r = 0; r < rows; r++) {
      long at = (offset + r * ld) * Float.BYTES;
      long nextAt = at + (long) next * Float.BYTES;
      FloatVector v = FloatVector.fromArray(S, tile, r * COLS).mul(alpha);
      FloatVector w = FloatVector.fromArray(S, tile, r * COLS + next).mul(alpha);
      if (beta != 0) {
        v = v.add(FloatVector.fromMemorySegment(S, c, at, NATIVE).mul(beta));
        w = w.add(FloatVector.fromMemorySegment(S, c, nextAt, NATIVE).mul(beta));
      }
      if (bias != null) {
        v = v.add(FloatVector.fromArray(S, bias, biasAt));
        w = w.add(FloatVector.fromArray(S, bias, biasAt + next));
      }
      v.intoMemorySegment(c, at, NATIVE);
      w.intoMemorySegment(c, nextAt, NATIVE);
    }
  }

  private static void finishNarrow(
      float[] tile,
      int rows,
      int cols,
      float alpha,
      float beta,
      float[] bias,
      int biasAt,
      MemorySegment c,
      long offset,
      long ld) {
    VectorMask<Float> mask = S.indexInRange(0, cols);
    for (int r = 0; r < rows; r++) {
      long at = (offset + r * ld) * Float.BYTES;
      FloatVector v = FloatVector.fromArray(S, tile, r * COLS).mul(alpha);
      if (beta != 0) {
        v = v.add(FloatVector.fromMemorySegment(S, c, at, NATIVE, mask).mul(beta));
      }
      if (bias != null) {
        v = v.add(FloatVector.fromArray(S, bias, biasAt, mask));
      }
      v.intoMemorySegment(c, at, NATIVE, mask);
    }
  }

  /** The last vector of a row ends at its last column, so it may overlap the one before. */
  @Override
  public void pack(
      MemorySegment from, long at, long ld, int rows, int cols, float[] to, int toAt, int pitch) {
    if (cols < L) {
      packNarrow(from, at, ld, rows, cols, to, toAt, pitch);
      return;
    }
    int last = cols - L;
    for (int r = 0; r < rows; r++) {
      long source = (at + r * ld) * Float.BYTES;
      int target = toAt + r * pitch;
      for (int j = L; j < last; j += L) {
        FloatVector.fromMemorySegment(S, from, source + (long) j * Float.BYTES, NATIVE)
            .intoArray(to, target + j);
      }
      FloatVector.fromMemorySegment(S, from, source, NATIVE).intoArray(to, target);
      FloatVector.fromMemorySegment(S, from, source + (long) last * Float.BYTES, NATIVE)
          .intoArray(to, target + last);
    }
  }

  @Override
  public boolean packsExactly(int cols) {
    return cols >= L;
  }

  /** A vector reads over the end of a row where memory goes on. */
  private static void packNarrow(
      MemorySegment from, long at, long ld, int rows, int cols, float[] to, int toAt, int pitch) {
    long last = from.byteSize() / Float.BYTES - L;
    for (int r = 0; r < rows; r++) {
      long source = at + r * ld;
      int target = toAt + r * pitch;
      if (source <= last) {
        FloatVector.fromMemorySegment(S, from, source * Float.BYTES, NATIVE).intoArray(to, target);
      } else {
        for (int j = 0; j < cols; j++) {
          to[target + j] = Host.get(from, source + j);
        }
      }
    }
  }

  /** By exchanging bits of the row's number with bits of the lane's, one pair a step. */
  @Override
  public void transpose(
      float[] from, int pitch, int rows, int cols, float[] to, int toAt, int toPitch) {
    for (int r = 0; r < rows; r += L) {
      for (int c = 0; c < cols; c += L) {
        int at = r * pitch + c;
        int count = Math.min(L, cols - c);
        if (L > 8) {
          exchange(from, at, pitch, count, 8, PARTNER_8, LOWER_8);
        }
        if (L > 4) {
          exchange(from, at, pitch, count, 4, PARTNER_4, LOWER_4);
        }
        if (L > 2) {
          exchange(from, at, pitch, count, 2, PARTNER_2, LOWER_2);
        }
        exchange(from, at, pitch, count, 1, PARTNER_1, LOWER_1);
        for (int i = 0; i < count; i++) {
          FloatVector.fromArray(S, from, at + i * pitch)
              .intoArray(to, toAt + (c + i) * toPitch + r);
        }
      }
    }
  }

  /** Lanes {@code l} and {@code l ^ bit}; any where a vector has no such lanes. */
  private static <E> VectorShuffle<E> partner(VectorSpecies<E> species, int bit) {
    return VectorShuffle.fromOp(species, l -> (l ^ bit) % species.length());
  }

  private static VectorMask<Float> lower(int bit) {
    boolean[] lower = new boolean[L];
    for (int l = 0; l < L; l++) {
      lower[l] = (l & bit) == 0;
    }
    return VectorMask.fromArray(S, lower, 0);
  }

  /** Of the rows that come out, only the first {@code count} are wanted. */
  private static void exchange(
      float[] v,
      int at,
      int pitch,
      int count,
      int bit,
      VectorShuffle<Float> partner,
      VectorMask<Float> lower) {
    for (int first = 0; first < count; first += 2 * bit) {
      for (int i = first; i < first + bit; i++) {
        int p = at + i * pitch;
        int q = p + bit * pitch;
        FloatVector a = FloatVector.fromArray(S, v, p);
        FloatVector b = FloatVector.fromArray(S, v, q);
        b.rearrange(partner).blend(a, lower).intoArray(v, p);
        if (first + bit < count) {
          b.blend(a.rearrange(partner), lower).intoArray(v, q);
        }
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
  public void exp(float[] v, int n) {
    for (int j = 0; j < n; j += L) {
      VectorActivations.exp(FloatVector.fromArray(S, v, j)).intoArray(v, j);
    }
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
    return total(s0.add(s1));
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
    return total(s0.add(s1));
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
    return total(s0.add(s1).add(s2.add(s3)));
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
    return total(s0);
  }

  @Override
  public double dotOfSquares(float[] a, float[] b, float[] c, int n) {
    DoubleVector s0 = DoubleVector.zero(D);
    for (int i = 0; i < n; i += W) {
      VectorMask<Float> mask = H.indexInRange(i, n);
      var left = (DoubleVector) FloatVector.fromArray(H, a, i, mask).convertShape(F2D, D, 0);
      var right = (DoubleVector) FloatVector.fromArray(H, b, i, mask).convertShape(F2D, D, 0);
      var v = (DoubleVector) FloatVector.fromArray(H, c, i, mask).convertShape(F2D, D, 0);
      s0 = left.mul(right).fma(v.mul(v), s0);
    }
    return total(s0);
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
    return total(s0);
  }

  private static DoubleVector widen(FloatVector v) {
    return (DoubleVector) v.convertShape(F2D, D, 0);
  }

  /**
   * Halves added to each other: the order of {@code reduceLanes} is unspecified and changes with
   * the compiler.
   */
  private static double total(DoubleVector v) {
    DoubleVector sum = v;
    if (W > 4) {
      sum = sum.add(sum.rearrange(PARTNER_OF_4));
    }
    if (W > 2) {
      sum = sum.add(sum.rearrange(PARTNER_OF_2));
    }
    return sum.lane(0) + sum.lane(1);
  }
}

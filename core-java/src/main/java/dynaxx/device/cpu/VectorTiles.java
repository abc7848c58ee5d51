package dynaxx.device.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Register tiles of matrix products, written by {@code scripts/vector-tiles}: {@code out[outAt + r
 * pitch + j] = sum over p of a_rp b[bAt + starts[p] + j]}, or added to it, each sum in the order of
 * p, for the columns of two vectors, or of one where the tile is narrow. As many rows as registers
 * hold: two accumulators for each row, and three registers for operands. A lies by rows, with pitch
 * {@link Gemm#PITCH}, or by columns, with pitch {@link Gemm#COLUMN_PITCH}.
 */
final class VectorTiles {

  private static final VectorSpecies<Float> S = VectorRowLoops.S;
  private static final int L = VectorRowLoops.L;
  private static final int P = Gemm.PITCH;
  private static final int C = Gemm.COLUMN_PITCH;

  /** Whether there are 32 registers, as with vectors of 512 bits. */
  private static final boolean LARGE = L > 8;

  /** Rows of the largest tile. */
  static final int ROWS = LARGE ? 12 : 5;

  private VectorTiles() {}

  /** At least {@code rows} rows; those above hold anything afterwards. */
  static void rows(
      int rows,
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
    if (LARGE && rows <= 4) {
      rows4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE && rows <= 8) {
      rows8(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE) {
      rows12(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 2) {
      rows2(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 4) {
      rows4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else {
      rows5(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    }
  }

  /** At least {@code rows} rows; those above hold anything afterwards. */
  static void columns(
      int rows,
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
    if (LARGE && rows <= 4) {
      columns4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE && rows <= 8) {
      columns8(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE) {
      columns12(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 2) {
      columns2(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 4) {
      columns4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else {
      columns5(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    }
  }

  /** At least {@code rows} rows; those above hold anything afterwards. */
  static void narrowRows(
      int rows,
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
    if (LARGE && rows <= 4) {
      narrowRows4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE && rows <= 8) {
      narrowRows8(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE) {
      narrowRows12(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 2) {
      narrowRows2(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 4) {
      narrowRows4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else {
      narrowRows5(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    }
  }

  /** At least {@code rows} rows; those above hold anything afterwards. */
  static void narrowColumns(
      int rows,
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
    if (LARGE && rows <= 4) {
      narrowColumns4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE && rows <= 8) {
      narrowColumns8(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (LARGE) {
      narrowColumns12(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 2) {
      narrowColumns2(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else if (rows <= 4) {
      narrowColumns4(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    } else {
      narrowColumns5(depth, a, aAt, b, starts, bAt, out, outAt, pitch, add);
    }
  }

  private static void rows2(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
    }
  }

  private static void rows4(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
    }
  }

  private static void rows5(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
    }
  }

  private static void rows8(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s5b = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s6b = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s7b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p + 5 * P]);
      s5a = a5.fma(ba, s5a);
      s5b = a5.fma(bb, s5b);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p + 6 * P]);
      s6a = a6.fma(ba, s6a);
      s6b = a6.fma(bb, s6b);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p + 7 * P]);
      s7a = a7.fma(ba, s7a);
      s7b = a7.fma(bb, s7b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch + L)
          .add(s5b)
          .intoArray(out, outAt + 5 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch + L)
          .add(s6b)
          .intoArray(out, outAt + 6 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch + L)
          .add(s7b)
          .intoArray(out, outAt + 7 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
      s5a.intoArray(out, outAt + 5 * pitch);
      s5b.intoArray(out, outAt + 5 * pitch + L);
      s6a.intoArray(out, outAt + 6 * pitch);
      s6b.intoArray(out, outAt + 6 * pitch + L);
      s7a.intoArray(out, outAt + 7 * pitch);
      s7b.intoArray(out, outAt + 7 * pitch + L);
    }
  }

  private static void rows12(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s5b = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s6b = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s7b = FloatVector.zero(S);
    FloatVector s8a = FloatVector.zero(S);
    FloatVector s8b = FloatVector.zero(S);
    FloatVector s9a = FloatVector.zero(S);
    FloatVector s9b = FloatVector.zero(S);
    FloatVector s10a = FloatVector.zero(S);
    FloatVector s10b = FloatVector.zero(S);
    FloatVector s11a = FloatVector.zero(S);
    FloatVector s11b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p + 5 * P]);
      s5a = a5.fma(ba, s5a);
      s5b = a5.fma(bb, s5b);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p + 6 * P]);
      s6a = a6.fma(ba, s6a);
      s6b = a6.fma(bb, s6b);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p + 7 * P]);
      s7a = a7.fma(ba, s7a);
      s7b = a7.fma(bb, s7b);
      FloatVector a8 = FloatVector.broadcast(S, a[aAt + p + 8 * P]);
      s8a = a8.fma(ba, s8a);
      s8b = a8.fma(bb, s8b);
      FloatVector a9 = FloatVector.broadcast(S, a[aAt + p + 9 * P]);
      s9a = a9.fma(ba, s9a);
      s9b = a9.fma(bb, s9b);
      FloatVector a10 = FloatVector.broadcast(S, a[aAt + p + 10 * P]);
      s10a = a10.fma(ba, s10a);
      s10b = a10.fma(bb, s10b);
      FloatVector a11 = FloatVector.broadcast(S, a[aAt + p + 11 * P]);
      s11a = a11.fma(ba, s11a);
      s11b = a11.fma(bb, s11b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch + L)
          .add(s5b)
          .intoArray(out, outAt + 5 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch + L)
          .add(s6b)
          .intoArray(out, outAt + 6 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch + L)
          .add(s7b)
          .intoArray(out, outAt + 7 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 8 * pitch).add(s8a).intoArray(out, outAt + 8 * pitch);
      FloatVector.fromArray(S, out, outAt + 8 * pitch + L)
          .add(s8b)
          .intoArray(out, outAt + 8 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 9 * pitch).add(s9a).intoArray(out, outAt + 9 * pitch);
      FloatVector.fromArray(S, out, outAt + 9 * pitch + L)
          .add(s9b)
          .intoArray(out, outAt + 9 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 10 * pitch)
          .add(s10a)
          .intoArray(out, outAt + 10 * pitch);
      FloatVector.fromArray(S, out, outAt + 10 * pitch + L)
          .add(s10b)
          .intoArray(out, outAt + 10 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 11 * pitch)
          .add(s11a)
          .intoArray(out, outAt + 11 * pitch);
      FloatVector.fromArray(S, out, outAt + 11 * pitch + L)
          .add(s11b)
          .intoArray(out, outAt + 11 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
      s5a.intoArray(out, outAt + 5 * pitch);
      s5b.intoArray(out, outAt + 5 * pitch + L);
      s6a.intoArray(out, outAt + 6 * pitch);
      s6b.intoArray(out, outAt + 6 * pitch + L);
      s7a.intoArray(out, outAt + 7 * pitch);
      s7b.intoArray(out, outAt + 7 * pitch + L);
      s8a.intoArray(out, outAt + 8 * pitch);
      s8b.intoArray(out, outAt + 8 * pitch + L);
      s9a.intoArray(out, outAt + 9 * pitch);
      s9b.intoArray(out, outAt + 9 * pitch + L);
      s10a.intoArray(out, outAt + 10 * pitch);
      s10b.intoArray(out, outAt + 10 * pitch + L);
      s11a.intoArray(out, outAt + 11 * pitch);
      s11b.intoArray(out, outAt + 11 * pitch + L);
    }
  }

  private static void columns2(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
    }
  }

  private static void columns4(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
    }
  }

  private static void columns5(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
    }
  }

  private static void columns8(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s5b = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s6b = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s7b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p * C + 5]);
      s5a = a5.fma(ba, s5a);
      s5b = a5.fma(bb, s5b);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p * C + 6]);
      s6a = a6.fma(ba, s6a);
      s6b = a6.fma(bb, s6b);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p * C + 7]);
      s7a = a7.fma(ba, s7a);
      s7b = a7.fma(bb, s7b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch + L)
          .add(s5b)
          .intoArray(out, outAt + 5 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch + L)
          .add(s6b)
          .intoArray(out, outAt + 6 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch + L)
          .add(s7b)
          .intoArray(out, outAt + 7 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
      s5a.intoArray(out, outAt + 5 * pitch);
      s5b.intoArray(out, outAt + 5 * pitch + L);
      s6a.intoArray(out, outAt + 6 * pitch);
      s6b.intoArray(out, outAt + 6 * pitch + L);
      s7a.intoArray(out, outAt + 7 * pitch);
      s7b.intoArray(out, outAt + 7 * pitch + L);
    }
  }

  private static void columns12(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s0b = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s1b = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s2b = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s3b = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s4b = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s5b = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s6b = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s7b = FloatVector.zero(S);
    FloatVector s8a = FloatVector.zero(S);
    FloatVector s8b = FloatVector.zero(S);
    FloatVector s9a = FloatVector.zero(S);
    FloatVector s9b = FloatVector.zero(S);
    FloatVector s10a = FloatVector.zero(S);
    FloatVector s10b = FloatVector.zero(S);
    FloatVector s11a = FloatVector.zero(S);
    FloatVector s11b = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector bb = FloatVector.fromArray(S, b, q + L);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      s0b = a0.fma(bb, s0b);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      s1b = a1.fma(bb, s1b);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      s2b = a2.fma(bb, s2b);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      s3b = a3.fma(bb, s3b);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
      s4b = a4.fma(bb, s4b);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p * C + 5]);
      s5a = a5.fma(ba, s5a);
      s5b = a5.fma(bb, s5b);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p * C + 6]);
      s6a = a6.fma(ba, s6a);
      s6b = a6.fma(bb, s6b);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p * C + 7]);
      s7a = a7.fma(ba, s7a);
      s7b = a7.fma(bb, s7b);
      FloatVector a8 = FloatVector.broadcast(S, a[aAt + p * C + 8]);
      s8a = a8.fma(ba, s8a);
      s8b = a8.fma(bb, s8b);
      FloatVector a9 = FloatVector.broadcast(S, a[aAt + p * C + 9]);
      s9a = a9.fma(ba, s9a);
      s9b = a9.fma(bb, s9b);
      FloatVector a10 = FloatVector.broadcast(S, a[aAt + p * C + 10]);
      s10a = a10.fma(ba, s10a);
      s10b = a10.fma(bb, s10b);
      FloatVector a11 = FloatVector.broadcast(S, a[aAt + p * C + 11]);
      s11a = a11.fma(ba, s11a);
      s11b = a11.fma(bb, s11b);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 0 * pitch + L)
          .add(s0b)
          .intoArray(out, outAt + 0 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch + L)
          .add(s1b)
          .intoArray(out, outAt + 1 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch + L)
          .add(s2b)
          .intoArray(out, outAt + 2 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch + L)
          .add(s3b)
          .intoArray(out, outAt + 3 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch + L)
          .add(s4b)
          .intoArray(out, outAt + 4 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch + L)
          .add(s5b)
          .intoArray(out, outAt + 5 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch + L)
          .add(s6b)
          .intoArray(out, outAt + 6 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch + L)
          .add(s7b)
          .intoArray(out, outAt + 7 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 8 * pitch).add(s8a).intoArray(out, outAt + 8 * pitch);
      FloatVector.fromArray(S, out, outAt + 8 * pitch + L)
          .add(s8b)
          .intoArray(out, outAt + 8 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 9 * pitch).add(s9a).intoArray(out, outAt + 9 * pitch);
      FloatVector.fromArray(S, out, outAt + 9 * pitch + L)
          .add(s9b)
          .intoArray(out, outAt + 9 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 10 * pitch)
          .add(s10a)
          .intoArray(out, outAt + 10 * pitch);
      FloatVector.fromArray(S, out, outAt + 10 * pitch + L)
          .add(s10b)
          .intoArray(out, outAt + 10 * pitch + L);
      FloatVector.fromArray(S, out, outAt + 11 * pitch)
          .add(s11a)
          .intoArray(out, outAt + 11 * pitch);
      FloatVector.fromArray(S, out, outAt + 11 * pitch + L)
          .add(s11b)
          .intoArray(out, outAt + 11 * pitch + L);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s0b.intoArray(out, outAt + 0 * pitch + L);
      s1a.intoArray(out, outAt + 1 * pitch);
      s1b.intoArray(out, outAt + 1 * pitch + L);
      s2a.intoArray(out, outAt + 2 * pitch);
      s2b.intoArray(out, outAt + 2 * pitch + L);
      s3a.intoArray(out, outAt + 3 * pitch);
      s3b.intoArray(out, outAt + 3 * pitch + L);
      s4a.intoArray(out, outAt + 4 * pitch);
      s4b.intoArray(out, outAt + 4 * pitch + L);
      s5a.intoArray(out, outAt + 5 * pitch);
      s5b.intoArray(out, outAt + 5 * pitch + L);
      s6a.intoArray(out, outAt + 6 * pitch);
      s6b.intoArray(out, outAt + 6 * pitch + L);
      s7a.intoArray(out, outAt + 7 * pitch);
      s7b.intoArray(out, outAt + 7 * pitch + L);
      s8a.intoArray(out, outAt + 8 * pitch);
      s8b.intoArray(out, outAt + 8 * pitch + L);
      s9a.intoArray(out, outAt + 9 * pitch);
      s9b.intoArray(out, outAt + 9 * pitch + L);
      s10a.intoArray(out, outAt + 10 * pitch);
      s10b.intoArray(out, outAt + 10 * pitch + L);
      s11a.intoArray(out, outAt + 11 * pitch);
      s11b.intoArray(out, outAt + 11 * pitch + L);
    }
  }

  private static void narrowRows2(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
    }
  }

  private static void narrowRows4(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
    }
  }

  private static void narrowRows5(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
    }
  }

  private static void narrowRows8(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p + 5 * P]);
      s5a = a5.fma(ba, s5a);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p + 6 * P]);
      s6a = a6.fma(ba, s6a);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p + 7 * P]);
      s7a = a7.fma(ba, s7a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
      s5a.intoArray(out, outAt + 5 * pitch);
      s6a.intoArray(out, outAt + 6 * pitch);
      s7a.intoArray(out, outAt + 7 * pitch);
    }
  }

  private static void narrowRows12(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s8a = FloatVector.zero(S);
    FloatVector s9a = FloatVector.zero(S);
    FloatVector s10a = FloatVector.zero(S);
    FloatVector s11a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p + 1 * P]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p + 2 * P]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p + 3 * P]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p + 4 * P]);
      s4a = a4.fma(ba, s4a);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p + 5 * P]);
      s5a = a5.fma(ba, s5a);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p + 6 * P]);
      s6a = a6.fma(ba, s6a);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p + 7 * P]);
      s7a = a7.fma(ba, s7a);
      FloatVector a8 = FloatVector.broadcast(S, a[aAt + p + 8 * P]);
      s8a = a8.fma(ba, s8a);
      FloatVector a9 = FloatVector.broadcast(S, a[aAt + p + 9 * P]);
      s9a = a9.fma(ba, s9a);
      FloatVector a10 = FloatVector.broadcast(S, a[aAt + p + 10 * P]);
      s10a = a10.fma(ba, s10a);
      FloatVector a11 = FloatVector.broadcast(S, a[aAt + p + 11 * P]);
      s11a = a11.fma(ba, s11a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 8 * pitch).add(s8a).intoArray(out, outAt + 8 * pitch);
      FloatVector.fromArray(S, out, outAt + 9 * pitch).add(s9a).intoArray(out, outAt + 9 * pitch);
      FloatVector.fromArray(S, out, outAt + 10 * pitch)
          .add(s10a)
          .intoArray(out, outAt + 10 * pitch);
      FloatVector.fromArray(S, out, outAt + 11 * pitch)
          .add(s11a)
          .intoArray(out, outAt + 11 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
      s5a.intoArray(out, outAt + 5 * pitch);
      s6a.intoArray(out, outAt + 6 * pitch);
      s7a.intoArray(out, outAt + 7 * pitch);
      s8a.intoArray(out, outAt + 8 * pitch);
      s9a.intoArray(out, outAt + 9 * pitch);
      s10a.intoArray(out, outAt + 10 * pitch);
      s11a.intoArray(out, outAt + 11 * pitch);
    }
  }

  private static void narrowColumns2(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
    }
  }

  private static void narrowColumns4(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
    }
  }

  private static void narrowColumns5(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
    }
  }

  private static void narrowColumns8(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p * C + 5]);
      s5a = a5.fma(ba, s5a);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p * C + 6]);
      s6a = a6.fma(ba, s6a);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p * C + 7]);
      s7a = a7.fma(ba, s7a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
      s5a.intoArray(out, outAt + 5 * pitch);
      s6a.intoArray(out, outAt + 6 * pitch);
      s7a.intoArray(out, outAt + 7 * pitch);
    }
  }

  private static void narrowColumns12(
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
    FloatVector s0a = FloatVector.zero(S);
    FloatVector s1a = FloatVector.zero(S);
    FloatVector s2a = FloatVector.zero(S);
    FloatVector s3a = FloatVector.zero(S);
    FloatVector s4a = FloatVector.zero(S);
    FloatVector s5a = FloatVector.zero(S);
    FloatVector s6a = FloatVector.zero(S);
    FloatVector s7a = FloatVector.zero(S);
    FloatVector s8a = FloatVector.zero(S);
    FloatVector s9a = FloatVector.zero(S);
    FloatVector s10a = FloatVector.zero(S);
    FloatVector s11a = FloatVector.zero(S);
    for (int p = 0; p < depth; p++) {
      int q = bAt + starts[p];
      FloatVector ba = FloatVector.fromArray(S, b, q);
      FloatVector a0 = FloatVector.broadcast(S, a[aAt + p * C]);
      s0a = a0.fma(ba, s0a);
      FloatVector a1 = FloatVector.broadcast(S, a[aAt + p * C + 1]);
      s1a = a1.fma(ba, s1a);
      FloatVector a2 = FloatVector.broadcast(S, a[aAt + p * C + 2]);
      s2a = a2.fma(ba, s2a);
      FloatVector a3 = FloatVector.broadcast(S, a[aAt + p * C + 3]);
      s3a = a3.fma(ba, s3a);
      FloatVector a4 = FloatVector.broadcast(S, a[aAt + p * C + 4]);
      s4a = a4.fma(ba, s4a);
      FloatVector a5 = FloatVector.broadcast(S, a[aAt + p * C + 5]);
      s5a = a5.fma(ba, s5a);
      FloatVector a6 = FloatVector.broadcast(S, a[aAt + p * C + 6]);
      s6a = a6.fma(ba, s6a);
      FloatVector a7 = FloatVector.broadcast(S, a[aAt + p * C + 7]);
      s7a = a7.fma(ba, s7a);
      FloatVector a8 = FloatVector.broadcast(S, a[aAt + p * C + 8]);
      s8a = a8.fma(ba, s8a);
      FloatVector a9 = FloatVector.broadcast(S, a[aAt + p * C + 9]);
      s9a = a9.fma(ba, s9a);
      FloatVector a10 = FloatVector.broadcast(S, a[aAt + p * C + 10]);
      s10a = a10.fma(ba, s10a);
      FloatVector a11 = FloatVector.broadcast(S, a[aAt + p * C + 11]);
      s11a = a11.fma(ba, s11a);
    }
    if (add) {
      FloatVector.fromArray(S, out, outAt + 0 * pitch).add(s0a).intoArray(out, outAt + 0 * pitch);
      FloatVector.fromArray(S, out, outAt + 1 * pitch).add(s1a).intoArray(out, outAt + 1 * pitch);
      FloatVector.fromArray(S, out, outAt + 2 * pitch).add(s2a).intoArray(out, outAt + 2 * pitch);
      FloatVector.fromArray(S, out, outAt + 3 * pitch).add(s3a).intoArray(out, outAt + 3 * pitch);
      FloatVector.fromArray(S, out, outAt + 4 * pitch).add(s4a).intoArray(out, outAt + 4 * pitch);
      FloatVector.fromArray(S, out, outAt + 5 * pitch).add(s5a).intoArray(out, outAt + 5 * pitch);
      FloatVector.fromArray(S, out, outAt + 6 * pitch).add(s6a).intoArray(out, outAt + 6 * pitch);
      FloatVector.fromArray(S, out, outAt + 7 * pitch).add(s7a).intoArray(out, outAt + 7 * pitch);
      FloatVector.fromArray(S, out, outAt + 8 * pitch).add(s8a).intoArray(out, outAt + 8 * pitch);
      FloatVector.fromArray(S, out, outAt + 9 * pitch).add(s9a).intoArray(out, outAt + 9 * pitch);
      FloatVector.fromArray(S, out, outAt + 10 * pitch)
          .add(s10a)
          .intoArray(out, outAt + 10 * pitch);
      FloatVector.fromArray(S, out, outAt + 11 * pitch)
          .add(s11a)
          .intoArray(out, outAt + 11 * pitch);
    } else {
      s0a.intoArray(out, outAt + 0 * pitch);
      s1a.intoArray(out, outAt + 1 * pitch);
      s2a.intoArray(out, outAt + 2 * pitch);
      s3a.intoArray(out, outAt + 3 * pitch);
      s4a.intoArray(out, outAt + 4 * pitch);
      s5a.intoArray(out, outAt + 5 * pitch);
      s6a.intoArray(out, outAt + 6 * pitch);
      s7a.intoArray(out, outAt + 7 * pitch);
      s8a.intoArray(out, outAt + 8 * pitch);
      s9a.intoArray(out, outAt + 9 * pitch);
      s10a.intoArray(out, outAt + 10 * pitch);
      s11a.intoArray(out, outAt + 11 * pitch);
    }
  }
}

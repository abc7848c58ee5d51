package dynaxx.cuda;

import dynaxx.backend.Matrix;
import dynaxx.backend.MatrixKernels.Members;
import dynaxx.backend.Strided;
import dynaxx.cuda.internal.Blas;
import dynaxx.cuda.internal.Blas.Operand;
import dynaxx.cuda.internal.Session;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Row-major batched products by cuBLAS, which is column-major: C = A B in rows is C' = B' A' in
 * columns, and the transposes cost nothing, so the operands change places. This class is the only
 * place that knows.
 */
final class Gemm {

  private static final int PREPARE_ROWS = 4096;

  private final Kernels kernels;
  private final Session session;
  private final Blas.Type type;
  private final boolean split;
  private final MemorySegment factors;

  Gemm(Kernels kernels, Blas.Type type, boolean split) {
    this.kernels = kernels;
    this.session = kernels.session();
    this.type = type;
    this.split = split;
    Arena arena = Arena.ofShared();
    session.onClose(arena::close);
    factors = arena.allocate(2L * kernels.elementBytes(), 16);
  }

  /** Extents along the three batch indices and each operand's steps; outer ones first. */
  private record Family(int m, int n, int depth, Matrix a, Matrix b, Matrix c, Members count) {

    /** The same products with as few batch indices as possible, the last ones used first. */
    Family simplified() {
      return dropped().merged().stacked();
    }

    private Family with(Matrix left, Matrix right, Matrix result, Members members) {
      return new Family(m, n, depth, left, right, result, members);
    }

    private Family dropped() {
      Family f = this;
      for (int round = 0; round < 2; round++) {
        if (f.count.n2() == 1) {
          f = f.moved();
        }
      }
      return f.count.n1() == 1
          ? f.with(inner(f.a), inner(f.b), inner(f.c), new Members(1, f.count.n0(), f.count.n2()))
          : f;
    }

    /** Index 1 becomes 2, 0 becomes 1. */
    private Family moved() {
      return with(shift(a), shift(b), shift(c), new Members(1, count.n0(), count.n1()));
    }

    private static Matrix shift(Matrix x) {
      return x.batch(0, x.stride0(), x.stride1());
    }

    private static Matrix inner(Matrix x) {
      return x.batch(0, x.stride0(), x.stride2());
    }

    /** Two indices that walk through memory like one become one. */
    private Family merged() {
      Family f = this;
      if (f.joins(f.count.n2(), f.a.stride1(), f.a.stride2())
          && f.joins(f.count.n2(), f.b.stride1(), f.b.stride2())
          && f.joins(f.count.n2(), f.c.stride1(), f.c.stride2())
          && f.count.n1() > 1) {
        Members joined = new Members(1, f.count.n0(), f.count.n1() * f.count.n2());
        f = f.with(outer(f.a), outer(f.b), outer(f.c), joined);
        return f.count.n1() > 1 ? f.merged() : f;
      }
      return f;
    }

    private boolean joins(int extent, long step, long inner) {
      return step == extent * inner;
    }

    private static Matrix outer(Matrix x) {
      return x.batch(0, x.stride0(), x.stride2());
    }

    /** Rows that follow one another with the right factor shared are the rows of one product. */
    private Family stacked() {
      boolean single = count.n0() == 1 && count.n1() == 1 && count.n2() > 1;
      boolean rows =
          !a.transposed()
              && b.stride2() == 0
              && a.stride2() == m * a.ld()
              && c.stride2() == m * c.ld()
              && (long) m * count.n2() <= Integer.MAX_VALUE;
      return single && rows ? new Family(m * count.n2(), n, depth, a, b, c, Members.ONE) : this;
    }
  }

  void gemm(
      int m,
      int n,
      int depth,
      double alpha,
      Matrix a,
      Matrix b,
      double beta,
      Matrix c,
      Strided bias,
      Members batch) {
    if (m == 0 || n == 0 || batch.size() == 0) {
      return;
    }
    double old = beta;
    if (bias != null || depth == 0) {
      prepare(m, n, beta, c, bias, batch);
      old = 1;
    }
    if (depth > 0) {
      multiply(new Family(m, n, depth, a, b, c, batch).simplified(), alpha, old);
    }
  }

  private void prepare(int m, int n, double beta, Matrix c, Strided bias, Members batch) {
    kernels
        .kernel("gemm_prepare")
        .i32(m)
        .i32(n)
        .i32(batch.n0())
        .i32(batch.n1())
        .i32(batch.n2())
        .f64(beta)
        .p(c.buffer());
    layout(c);
    kernels
        .runs(bias)
        .launch(
            Math.min(Kernels.blocks(n), 64),
            Math.min(batch.size() * m, PREPARE_ROWS),
            n <= 128 ? 128 : Kernels.THREADS);
  }

  private void layout(Matrix x) {
    kernels.i64(x.offset()).i64(x.ld()).i64(x.stride0()).i64(x.stride1()).i64(x.stride2());
  }

  private void multiply(Family f, double alpha, double beta) {
    if (!split) {
      submit(f, alpha, start(f.a()), start(f.b()), beta);
      return;
    }
    long sizeA =
        extent(
            f.a(),
            f.a().transposed() ? f.depth() : f.m(),
            f.a().transposed() ? f.m() : f.depth(),
            f.count());
    long sizeB =
        extent(
            f.b(),
            f.b().transposed() ? f.n() : f.depth(),
            f.b().transposed() ? f.depth() : f.n(),
            f.count());
    long paddedA = Math.ceilDiv(sizeA, 64) * 64;
    long paddedB = Math.ceilDiv(sizeB, 64) * 64;
    long base =
        kernels.workspace(addressBytes(f) + 2 * (paddedA + paddedB) * kernels.elementBytes());
    long highA = base + addressBytes(f);
    long lowA = highA + paddedA * kernels.elementBytes();
    long highB = lowA + paddedA * kernels.elementBytes();
    long lowB = highB + paddedB * kernels.elementBytes();
    split(start(f.a()), sizeA, highA, lowA);
    split(start(f.b()), sizeB, highB, lowB);
    // small terms first, so that the large one does not swallow them
    submit(f, alpha, lowA, highB, beta);
    submit(f, alpha, highA, lowB, 1);
    submit(f, alpha, highA, highB, 1);
  }

  private void split(long from, long size, long high, long low) {
    kernels.kernel("gemm_split").i64(size).i64(from).i64(high).i64(low).launchElements(size, 1);
  }

  private long start(Matrix x) {
    return Kernels.address(x.buffer()) + x.offset() * kernels.elementBytes();
  }

  /** Elements from the first to the last that any member has. */
  private static long extent(Matrix x, int rows, int cols, Members count) {
    return (count.n0() - 1) * x.stride0()
        + (count.n1() - 1) * x.stride1()
        + (count.n2() - 1) * x.stride2()
        + (rows - 1) * x.ld()
        + cols;
  }

  private static boolean needsAddresses(Family f) {
    return f.count().n0() * f.count().n1() > 1;
  }

  private static long addressBytes(Family f) {
    return needsAddresses(f) ? Math.ceilDiv(3 * f.count().size() * Long.BYTES, 256) * 256 : 0;
  }

  /**
   * One product of factors that start at the given addresses and are laid out as the family says.
   */
  private void submit(Family f, double alpha, long a, long b, double beta) {
    factors(alpha, beta);
    session.enter();
    if (needsAddresses(f)) {
      long at = addresses(f, a, b);
      long array = f.count().size() * Long.BYTES;
      session
          .blas()
          .gemmPointers(
              session.blasHandle(),
              type,
              f.n(),
              f.m(),
              f.depth(),
              factors,
              new Operand(at + array, f.b().ld(), 0, f.b().transposed()),
              new Operand(at, f.a().ld(), 0, f.a().transposed()),
              new Operand(at + 2 * array, f.c().ld(), 0, false),
              f.count().size());
    } else {
      session
          .blas()
          .gemmStrided(
              session.blasHandle(),
              type,
              f.n(),
              f.m(),
              f.depth(),
              factors,
              new Operand(b, f.b().ld(), f.b().stride2(), f.b().transposed()),
              new Operand(a, f.a().ld(), f.a().stride2(), f.a().transposed()),
              new Operand(start(f.c()), f.c().ld(), f.c().stride2(), false),
              f.count().n2());
    }
  }

  private long addresses(Family f, long a, long b) {
    long at = kernels.workspace(addressBytes(f));
    Members count = f.count();
    kernels.kernel("gemm_members").i32(count.n0()).i32(count.n1()).i32(count.n2()).i64(a);
    layout(f.a().at(-f.a().offset()));
    kernels.i64(b);
    layout(f.b().at(-f.b().offset()));
    kernels.i64(start(f.c()));
    layout(f.c().at(-f.c().offset()));
    kernels.i64(at).launchElements(count.size(), 1);
    return at;
  }

  private void factors(double alpha, double beta) {
    if (kernels.elementBytes() == Double.BYTES) {
      factors.setAtIndex(ValueLayout.JAVA_DOUBLE, 0, alpha);
      factors.setAtIndex(ValueLayout.JAVA_DOUBLE, 1, beta);
    } else {
      factors.setAtIndex(ValueLayout.JAVA_FLOAT, 0, (float) alpha);
      factors.setAtIndex(ValueLayout.JAVA_FLOAT, 1, (float) beta);
    }
  }
}

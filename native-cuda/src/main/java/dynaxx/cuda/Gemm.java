package dynaxx.cuda;

import dynaxx.cuda.Blas.Operand;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.List;
import java.util.function.ToLongFunction;

/**
 * Row-major batched products by cuBLAS, which is column-major: C = A B in rows is C' = B' A' in
 * columns, and the transposes cost nothing, so the operands change places. This class is the only
 * place that knows.
 */
final class Gemm implements GemmKernels {

  private static final int PREPARE_ROWS = 4096;

  /** Members of one call at most: some of cuBLAS's kernels have them along the grid's z. */
  private static final int MOST_MEMBERS = 65535;

  /**
   * Work space that split factors may take; larger ones are multiplied part by part. A part of the
   * device's memory, between these two.
   */
  private static final long LEAST_BUDGET = 256L << 20;

  private static final long MOST_BUDGET = 2L << 30;
  private static final int BUDGET_PART = 64;

  private final Launcher launcher;
  private final Session session;
  private final Blas.Type type;
  private final boolean split;
  private final long splitBudget;
  private final MemorySegment factors;
  private KeptFactors kept;

  Gemm(Launcher launcher, Blas.Type type, boolean split) {
    this(
        launcher,
        type,
        split,
        Math.clamp(launcher.session().totalMemory() / BUDGET_PART, LEAST_BUDGET, MOST_BUDGET));
  }

  Gemm(Launcher launcher, Blas.Type type, boolean split, long splitBudget) {
    this.launcher = launcher;
    this.session = launcher.session();
    this.type = type;
    this.split = split;
    this.splitBudget = splitBudget;
    Arena arena = Arena.ofShared();
    session.onClose(arena::close);
    factors = arena.allocate(2L * launcher.elementBytes(), 16);
  }

  /** Extents along the three batch indices and each operand's steps; outer ones first. */
  private record Family(int m, int n, int depth, Matrix a, Matrix b, Matrix c, Members count) {

    static final int WHOLE = -1;
    static final int DEPTH = 5;

    /** Extent along a batch index, 0 to 2, the rows, the columns, or the depth. */
    int extent(int along) {
      return switch (along) {
        case 0 -> count.n0();
        case 1 -> count.n1();
        case 2 -> count.n2();
        case 3 -> m;
        case 4 -> n;
        default -> depth;
      };
    }

    /** That much of an extent. */
    Family part(int along, long from, int size) {
      return switch (along) {
        case 0 ->
            with(
                a.at(from * a.stride0()),
                b.at(from * b.stride0()),
                c.at(from * c.stride0()),
                new Members(size, count.n1(), count.n2()));
        case 1 ->
            with(
                a.at(from * a.stride1()),
                b.at(from * b.stride1()),
                c.at(from * c.stride1()),
                new Members(count.n0(), size, count.n2()));
        case 2 ->
            with(
                a.at(from * a.stride2()),
                b.at(from * b.stride2()),
                c.at(from * c.stride2()),
                new Members(count.n0(), count.n1(), size));
        case 3 -> new Family(size, n, depth, row(a, from), b, row(c, from), count);
        case 4 -> new Family(m, size, depth, a, column(b, from), column(c, from), count);
        default -> new Family(m, n, size, column(a, from), row(b, from), c, count);
      };
    }

    private static Matrix row(Matrix x, long from) {
      return x.at(x.transposed() ? from : from * x.ld());
    }

    private static Matrix column(Matrix x, long from) {
      return x.at(x.transposed() ? from * x.ld() : from);
    }

    /**
     * The extent that is best halved to make a measure small, or {@link #WHOLE} if none helps; the
     * depth, which writes the result twice, only where no other helps.
     */
    int bestHalved(ToLongFunction<Family> measure) {
      int best = bestHalved(measure, 0, DEPTH - 1);
      return best == WHOLE ? bestHalved(measure, DEPTH, DEPTH) : best;
    }

    private int bestHalved(ToLongFunction<Family> measure, int first, int last) {
      int best = WHOLE;
      long least = measure.applyAsLong(this);
      for (int along = first; along <= last; along++) {
        long now = measure.applyAsLong(part(along, 0, Math.ceilDiv(extent(along), 2)));
        if (now < least) {
          least = now;
          best = along;
        }
      }
      return best;
    }

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

  @Override
  public void multiply(
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
    launcher
        .kernel("gemm_prepare")
        .i32(m)
        .i32(n)
        .i32(batch.n0())
        .i32(batch.n1())
        .i32(batch.n2())
        .f64(beta)
        .p(c.buffer());
    layout(c);
    launcher
        .runs(bias)
        .launch(
            Math.min(Launcher.blocks(n), 64),
            Math.min(batch.size() * m, PREPARE_ROWS),
            n <= 128 ? 128 : Launcher.THREADS);
  }

  private void layout(Matrix x) {
    launcher.i64(x.offset()).i64(x.ld()).i64(x.stride0()).i64(x.stride1()).i64(x.stride2());
  }

  private void multiply(Family f, double alpha, double beta) {
    if (!split) {
      submit(f, alpha, start(f.a()), start(f.b()), beta);
      return;
    }
    int along = splitBytes(f) > splitBudget ? f.bestHalved(this::splitBytes) : Family.WHOLE;
    if (along != Family.WHOLE) {
      int half = Math.ceilDiv(f.extent(along), 2);
      multiply(f.part(along, 0, half), alpha, beta);
      double old = along == Family.DEPTH ? 1 : beta;
      multiply(f.part(along, half, f.extent(along) - half), alpha, old);
      return;
    }
    SplitFamily s = SplitFamily.of(f);
    long a = parts(s.a, SplitFactor.LEFT[s.parts]);
    long b = parts(s.b, SplitFactor.RIGHT[s.parts]);
    long sizeA = a == 0 ? s.a.size() * launcher.elementBytes() : 0;
    long sizeB = b == 0 ? s.b.size() * launcher.elementBytes() : 0;
    long space = launcher.workspace(addressBytes(f) + sizeA + sizeB) + addressBytes(f);
    if (a == 0) {
      a = space;
      s.a.write(launcher, start(f.a()), a, SplitFactor.LEFT[s.parts]);
    }
    if (b == 0) {
      b = space + sizeA;
      s.b.write(launcher, start(f.b()), b, SplitFactor.RIGHT[s.parts]);
    }
    submit(s.over(s.parts).simplified(), alpha, a, b, beta);
    if (s.parts == 2) {
      submit(s.over(1).simplified(), alpha, a + s.a.part(1) * launcher.elementBytes(), b, 1);
    }
  }

  /** Address of parts that are kept, or 0. */
  private long parts(SplitFactor factor, int order) {
    return kept == null ? 0 : kept.parts(factor, start(factor.of()), order);
  }

  @Override
  public Fixed fix(List<Buffer> factors, long bytes, Scope scope) {
    if (!split || bytes == 0) {
      return Fixed.NONE;
    }
    KeptFactors fixed = new KeptFactors(launcher, this, factors, bytes);
    scope.onClose(fixed::close);
    return fixed;
  }

  /** Products of this work find what is kept. */
  void useDuring(KeptFactors factors, Runnable work) {
    KeptFactors before = kept;
    kept = factors;
    try {
      work.run();
    } finally {
      kept = before;
    }
  }

  /**
   * A family with its factors split. The small terms come first, so that the large one does not
   * swallow them: [low high high] [high low high]' in one product; or, where the factors are larger
   * than what the result costs to be written again, [low high] [high low]' and high high'.
   */
  private record SplitFamily(Family of, SplitFactor a, SplitFactor b, int depth, int parts) {

    static SplitFamily of(Family f) {
      boolean acrossA = !f.a.transposed();
      boolean acrossB = f.b.transposed();
      int depth = acrossA || acrossB ? SplitFactor.aligned(f.depth) : f.depth;
      SplitFamily three = with(f, acrossA, acrossB, depth, 3);
      long result = (long) f.m * f.n * f.count.size();
      return 2 * result < three.a.values() + three.b.values()
          ? with(f, acrossA, acrossB, depth, 2)
          : three;
    }

    private static SplitFamily with(
        Family f, boolean acrossA, boolean acrossB, int depth, int parts) {
      int m = f.m;
      int n = f.n;
      int d = f.depth;
      SplitFactor left =
          new SplitFactor(f.a, acrossA ? m : d, acrossA ? d : m, f.count, acrossA, depth, parts);
      SplitFactor right =
          new SplitFactor(f.b, acrossB ? n : d, acrossB ? d : n, f.count, acrossB, depth, parts);
      return new SplitFamily(f, left, right, depth, parts);
    }

    /** The product over so many parts. */
    Family over(int some) {
      return new Family(
          of.m, of.n, Math.multiplyExact(depth, some), a.matrix(), b.matrix(), of.c, of.count);
    }
  }

  /** Work space for the parts of both factors and the addresses of members. */
  private long splitBytes(Family f) {
    SplitFamily s = SplitFamily.of(f);
    return addressBytes(f) + (s.a.size() + s.b.size()) * launcher.elementBytes();
  }

  private long start(Matrix x) {
    return Launcher.address(x.buffer()) + x.offset() * launcher.elementBytes();
  }

  private static boolean needsAddresses(Family f) {
    return f.count().n0() * f.count().n1() > 1;
  }

  private static long addressBytes(Family f) {
    return needsAddresses(f) ? Math.ceilDiv(3 * f.count().size() * Long.BYTES, 256) * 256 : 0;
  }

  /**
   * One product of factors that start at the given addresses, in the layout that the family states.
   */
  private void submit(Family f, double alpha, long a, long b, double beta) {
    factors(alpha, beta);
    session.enter();
    long members = f.count().size();
    if (!needsAddresses(f)) {
      for (long from = 0; from < members; from += MOST_MEMBERS) {
        strided(f, a, b, from, Math.min(members - from, MOST_MEMBERS));
      }
      return;
    }
    long at = addresses(f, a, b);
    for (long from = 0; from < members; from += MOST_MEMBERS) {
      pointers(f, at, from, Math.min(members - from, MOST_MEMBERS));
    }
  }

  private void strided(Family f, long a, long b, long from, long count) {
    long bytes = from * launcher.elementBytes();
    Matrix x = f.a();
    Matrix y = f.b();
    Matrix z = f.c();
    session
        .blas()
        .gemmStrided(
            type,
            f.n(),
            f.m(),
            f.depth(),
            factors,
            new Operand(b + bytes * y.stride2(), y.ld(), y.stride2(), y.transposed()),
            new Operand(a + bytes * x.stride2(), x.ld(), x.stride2(), x.transposed()),
            new Operand(start(z) + bytes * z.stride2(), z.ld(), z.stride2(), false),
            count);
  }

  private void pointers(Family f, long addresses, long from, long count) {
    long array = f.count().size() * Long.BYTES;
    long at = addresses + from * Long.BYTES;
    session
        .blas()
        .gemmPointers(
            type,
            f.n(),
            f.m(),
            f.depth(),
            factors,
            new Operand(at + array, f.b().ld(), 0, f.b().transposed()),
            new Operand(at, f.a().ld(), 0, f.a().transposed()),
            new Operand(at + 2 * array, f.c().ld(), 0, false),
            count);
  }

  private long addresses(Family f, long a, long b) {
    long at = launcher.workspace(addressBytes(f));
    Members count = f.count();
    launcher.kernel("gemm_members").i32(count.n0()).i32(count.n1()).i32(count.n2()).i64(a);
    layout(f.a().at(-f.a().offset()));
    launcher.i64(b);
    layout(f.b().at(-f.b().offset()));
    launcher.i64(start(f.c()));
    layout(f.c().at(-f.c().offset()));
    launcher.i64(at).launchElements(count.size(), 1);
    return at;
  }

  private void factors(double alpha, double beta) {
    if (launcher.elementBytes() == Double.BYTES) {
      factors.setAtIndex(ValueLayout.JAVA_DOUBLE, 0, alpha);
      factors.setAtIndex(ValueLayout.JAVA_DOUBLE, 1, beta);
    } else {
      factors.setAtIndex(ValueLayout.JAVA_FLOAT, 0, (float) alpha);
      factors.setAtIndex(ValueLayout.JAVA_FLOAT, 1, (float) beta);
    }
  }
}

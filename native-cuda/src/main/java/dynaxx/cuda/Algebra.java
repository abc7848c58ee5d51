package dynaxx.cuda;

import dynaxx.cuda.MemoryPool.Block;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import dynaxx.memory.Vectors;
import java.util.Arrays;
import java.util.List;

/** Whole vectors and blocks of vectors. */
final class Algebra implements dynaxx.device.Algebra {

  private static final int COLUMNS = 8;
  private static final int MOST_RUNS = 16;
  private static final int PROBE_BLOCKS = 64;

  private final Launcher launcher;
  private final Session session;
  private Block results;

  Algebra(Launcher launcher) {
    this.launcher = launcher;
    this.session = launcher.session();
  }

  @Override
  public void fill(Buffer x, double value) {
    session
        .turns()
        .take(
            () -> {
              if (value == 0) {
                session.enter();
                long bytes = x.size() * launcher.elementBytes();
                if (bytes > 0) {
                  session
                      .driver()
                      .memory()
                      .set(Launcher.address(x), (byte) 0, bytes, session.stream());
                }
                return;
              }
              launcher.kernel("fill").p(x).i64(x.size()).f64(value).launchElements(x.size(), 1);
            });
  }

  @Override
  public void copy(Buffer from, Buffer to) {
    session
        .turns()
        .take(
            () -> {
              session.enter();
              long bytes = from.size() * launcher.elementBytes();
              if (bytes > 0) {
                session
                    .driver()
                    .memory()
                    .copyOnDevice(
                        Launcher.address(to), Launcher.address(from), bytes, session.stream());
              }
            });
  }

  @Override
  public void axpby(double alpha, Buffer x, double beta, Buffer y) {
    session
        .turns()
        .take(
            () -> {
              launcher
                  .kernel("axpby")
                  .i64(x.size())
                  .f64(alpha)
                  .p(x)
                  .f64(beta)
                  .p(y)
                  .launchElements(Math.ceilDiv(x.size(), 4L), 1);
            });
  }

  @Override
  public double dot(Buffer a, Buffer b) {
    return session
        .turns()
        .take(
            () -> {
              return pairs(a, b, false);
            });
  }

  @Override
  public double squaredDistance(Buffer a, Buffer b) {
    return session
        .turns()
        .take(
            () -> {
              return pairs(a, b, true);
            });
  }

  private double pairs(Buffer a, Buffer b, boolean distance) {
    if (a.size() == 0) {
      return 0;
    }
    int blocks = (int) Math.min(Launcher.blocks(a.size()), Launcher.REDUCTION_BLOCKS);
    long partial = launcher.partials(blocks);
    launcher
        .kernel("pair_sums")
        .i64(a.size())
        .p(a)
        .p(b)
        .flag(distance)
        .i64(partial)
        .launch(blocks, 1, Launcher.THREADS);
    return sums(partial, blocks, 1)[0];
  }

  @Override
  public void multiply(Buffer diagonal, Vectors x, Vectors y) {
    session
        .turns()
        .take(
            () -> {
              launcher
                  .kernel("elementwise_multiply")
                  .i32(x.count())
                  .i64(x.length())
                  .p(diagonal)
                  .p(x.buffer())
                  .p(y.buffer())
                  .flag(false)
                  .launchElements(Math.ceilDiv(x.length(), 4L), 1);
            });
  }

  @Override
  public double[] project(Vectors basis, int count, Buffer w) {
    return session
        .turns()
        .take(
            () -> {
              if (count == 0) {
                return new double[0];
              }
              GramSchmidt pass =
                  new GramSchmidt(List.of(basis), new int[] {count}, Vectors.of(w, 1, w.size()));
              pass.dots();
              pass.sum(0);
              pass.subtract(0, false);
              return session.read(pass.sums(0), count);
            });
  }

  @Override
  public double[][] orthonormalise(
      List<Vectors> bases, int[] counts, Vectors w, double[] before, double[] after) {
    return session
        .turns()
        .take(
            () -> {
              double[][] components = new double[counts.length][];
              for (int from = 0; from < counts.length; from += MOST_RUNS) {
                int to = Math.min(from + MOST_RUNS, counts.length);
                int[] some = Arrays.copyOfRange(counts, from, to);
                GramSchmidt pass =
                    new GramSchmidt(bases.subList(from, to), some, w.subset(from, to - from));
                pass.dots();
                pass.sum(0);
                pass.subtract(0, true);
                pass.sum(1);
                pass.subtract(1, false);
                pass.sum(2);
                pass.append();
                double[] sums = session.read(pass.sums(0), 3 * pass.size());
                for (int i = 0; i < some.length; i++) {
                  components[from + i] = pass.components(sums, i);
                  before[from + i] = pass.squaredNorm(sums, i, 0);
                  after[from + i] = pass.squaredNorm(sums, i, 2);
                }
              }
              return components;
            });
  }

  /** The launches of one or two passes; work space holds the partial sums, results the sums. */
  private final class GramSchmidt {
    private final List<Vectors> bases;
    private final int[] counts;
    private final Vectors w;
    private final int most;
    private final int blocks;
    private final long partial;
    private final long sums;

    GramSchmidt(List<Vectors> bases, int[] counts, Vectors w) {
      this.bases = bases;
      this.counts = counts;
      this.w = w;
      this.most = Arrays.stream(counts).max().orElseThrow() + 1;
      this.blocks = Math.toIntExact(Math.ceilDiv(w.length(), (long) Launcher.THREADS * COLUMNS));
      this.partial = launcher.partials((long) blocks * size());
      this.sums = results(3L * size());
      session.driver().memory().set(sums, (byte) 0, 3L * size() * Double.BYTES, session.stream());
    }

    /** Sums of all runs. */
    int size() {
      return bases.size() * most;
    }

    long sums(int pass) {
      return sums + (long) pass * size() * Double.BYTES;
    }

    private Launcher begin(String name) {
      Launcher launch = launcher.kernel(name);
      for (int i = 0; i < MOST_RUNS; i++) {
        launch.i64(i < counts.length ? Launcher.address(bases.get(i).buffer()) : 0);
      }
      for (int i = 0; i < MOST_RUNS; i++) {
        launch.i32(i < counts.length ? counts[i] : 0);
      }
      return launch.i32(most);
    }

    void dots() {
      begin("gs_dots")
          .i64(w.length())
          .p(w.buffer())
          .i64(partial)
          .launch(blocks, counts.length, Launcher.THREADS);
    }

    void sum(int pass) {
      begin("gs_sum").i32(blocks).i64(partial).i64(sums(pass)).launch(most, counts.length, 128);
    }

    void subtract(int pass, boolean again) {
      begin("gs_subtract")
          .i64(w.length())
          .p(w.buffer())
          .i64(sums(pass))
          .flag(again)
          .i64(partial)
          .launch(blocks, counts.length, Launcher.THREADS);
    }

    void append() {
      begin("gs_append")
          .i64(w.length())
          .p(w.buffer())
          .i64(sums(2))
          .launchElements(w.length(), counts.length);
    }

    double[] components(double[] all, int run) {
      double[] c = new double[counts[run]];
      Arrays.setAll(c, i -> all[run * most + i] + all[size() + run * most + i]);
      return c;
    }

    /** Squared norm of a vector as a pass found it. */
    double squaredNorm(double[] all, int run, int pass) {
      return all[pass * size() + run * most + most - 1];
    }
  }

  @Override
  public void combine(Vectors basis, double[] coefficients, Buffer y) {
    session
        .turns()
        .take(
            () -> {
              long c = results(Math.max(1, coefficients.length));
              session.write(c, coefficients);
              launcher
                  .kernel("combine")
                  .i64(y.size())
                  .i32(coefficients.length)
                  .p(basis.buffer())
                  .i64(c)
                  .p(y)
                  .launchElements(y.size(), 1);
            });
  }

  @Override
  public void rademacher(long seed, long first, Vectors v) {
    session
        .turns()
        .take(
            () -> {
              launcher
                  .kernel("rademacher")
                  .i64(seed)
                  .i64(first)
                  .i64(v.length())
                  .p(v.buffer())
                  .launch(
                      Launcher.blocks(Math.ceilDiv(v.length(), 4L)), v.count(), Launcher.THREADS);
            });
  }

  @Override
  public void gaussian(long seed, long stream, Buffer x) {
    session
        .turns()
        .take(
            () ->
                launcher
                    .kernel("gaussian")
                    .i64(seed)
                    .i64(stream)
                    .i64(x.size())
                    .p(x)
                    .launchElements(Math.ceilDiv(x.size(), 4L), 1));
  }

  @Override
  public double[] probeDots(long seed, long first, Vectors x, long offset, long size) {
    return session
        .turns()
        .take(
            () -> {
              int blocks = (int) Math.min(Launcher.blocks(size), PROBE_BLOCKS);
              long partial = launcher.partials((long) blocks * x.count());
              launcher
                  .kernel("probe_dots")
                  .i64(seed)
                  .i64(first)
                  .i64(offset)
                  .i64(size)
                  .runs(Strided.of(x, offset))
                  .i64(partial)
                  .launch(blocks, x.count(), Launcher.THREADS);
              return sums(partial, blocks, x.count());
            });
  }

  /** Adds up the partial sums of each run. */
  private double[] sums(long partial, int blocks, int count) {
    long sums = results(count);
    session.driver().memory().set(sums, (byte) 0, (long) count * Double.BYTES, session.stream());
    launcher
        .kernel("add_partials")
        .i64(partial)
        .i32(blocks)
        .f64(1)
        .i64(sums)
        .launch(count, 1, Launcher.THREADS);
    return session.read(sums, count);
  }

  /** Device memory for sums that are read at once. */
  private long results(long count) {
    session.enter();
    if (results == null || results.bytes() < count * Double.BYTES) {
      if (results != null) {
        session.pool().giveBack(results);
        results = null;
      }
      results = session.pool().take(Math.max(count, 512) * Double.BYTES, "results");
    }
    return results.address();
  }
}

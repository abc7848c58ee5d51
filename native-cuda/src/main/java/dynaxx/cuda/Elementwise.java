package dynaxx.cuda;

import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.Scalars;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;

/** Sums, products and dropout; kernels in elementwise.cu. */
final class Elementwise implements ElementwiseKernels {

  /** Elements for which dropout draws random words at once. */
  private static final int WORDS = 4;

  private static final int RANDOM_BITS = 24;

  private final Launcher launcher;
  private final Packs packs;

  Elementwise(Launcher launcher) {
    this.launcher = launcher;
    packs = Packs.of(launcher);
  }

  @Override
  public void add(long n, Buffer a, Buffer b, Buffer y) {
    launcher.kernel("elementwise_add").i64(n).p(a).p(b).p(y).launchElements(packs.of(n), 1);
  }

  @Override
  public void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    launcher
        .kernel("elementwise_multiply")
        .i32(k)
        .i64(n)
        .p(a)
        .p(b)
        .p(y)
        .flag(add)
        .launchElements(packs.of(n), Math.min(k, 1));
  }

  @Override
  public void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
    int blocks = packs.sumBlocks(n);
    long partial = launcher.partials((long) blocks * k);
    launcher
        .kernel("elementwise_dots")
        .i64(n)
        .runs(a)
        .p(b)
        .i64(partial)
        .launch(blocks, k, Launcher.THREADS);
    launcher.addPartials(partial, blocks, k, alpha, c);
  }

  @Override
  public void dots(int k, long n, double alpha, Buffer a, Buffer b, Buffer d, Scalars c) {
    int blocks = packs.sumBlocks(n);
    long partial = launcher.partials((long) blocks * k);
    launcher
        .kernel("elementwise_triple_dots")
        .i64(n)
        .p(a)
        .p(b)
        .p(d)
        .i64(partial)
        .launch(blocks, k, Launcher.THREADS);
    launcher.addPartials(partial, blocks, k, alpha, c);
  }

  @Override
  public void divide(
      int k, long n, double alpha, Buffer a, Buffer b, Buffer c, Buffer y, boolean add) {
    launcher
        .kernel("elementwise_divide")
        .i32(k)
        .i64(n)
        .f64(alpha)
        .p(a)
        .p(b)
        .p(c)
        .p(y)
        .flag(add)
        .launchElements(packs.of(n), Math.min(k, 1));
  }

  @Override
  public void dropout(
      long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    // a whole number of 2^-24 is at least the rate if and only if it is at least this many of them
    int least = (int) Math.ceil(Math.scalb(rate, RANDOM_BITS));
    launcher
        .kernel("elementwise_dropout")
        .i64(seed)
        .i64(stream)
        .i32(least)
        .f64(1 / (1 - rate))
        .i64(n)
        .p(x)
        .p(y)
        .flag(add)
        .launchElements(Math.ceilDiv(n, (long) WORDS), 1);
  }
}

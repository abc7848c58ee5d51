package dynaxx.cuda;

import dynaxx.backend.Activation;
import dynaxx.backend.Elementary;
import dynaxx.backend.Pointwise;
import dynaxx.backend.Scalars;
import dynaxx.backend.Strided;
import dynaxx.memory.Buffer;

/**
 * Activations, sums, products, dropout and the squared error; kernels in elementwise.cu. A thread
 * takes 16 bytes of every array at a time.
 */
final class Elementwise {

  /** Directions whose sums a thread of the curvature kernel forms at once. */
  private static final int TOGETHER = 4;

  /** Elements for which dropout draws random words at once. */
  private static final int WORDS = 4;

  private static final int RANDOM_BITS = 24;

  private final Kernels kernels;
  private final int pack;

  Elementwise(Kernels kernels) {
    this.kernels = kernels;
    this.pack = 16 / kernels.elementBytes();
  }

  // ---- activations

  void activation(Pointwise f, long n, Buffer x, Buffer y) {
    begin(f, "value").i64(n).p(x).p(y).launchElements(packs(n), 1);
  }

  void activationBackward(Pointwise f, long n, Buffer x, Buffer dy, Buffer dx, boolean add) {
    tangent(f, 1, n, x, dy, dx, add);
  }

  void activationTangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry) {
    tangent(f, k, n, x, rx, ry, false);
  }

  private void tangent(Pointwise f, int k, long n, Buffer x, Buffer rx, Buffer ry, boolean add) {
    begin(f, "tangent")
        .i32(k)
        .i64(n)
        .p(x)
        .p(rx)
        .p(ry)
        .flag(add)
        .launchElements(packs(n), Math.min(k, 1));
  }

  void activationTangentBackward(
      Pointwise f,
      int k,
      long n,
      Buffer x,
      Buffer dy,
      Buffer rx,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    begin(f, "tangent_backward")
        .i32(k)
        .i64(n)
        .p(x)
        .p(dy)
        .p(rx)
        .p(rdy)
        .p(rdx)
        .flag(add)
        .launchElements(packs(n), Math.min(k, 1));
  }

  void activationCurvature(Pointwise f, int k, long n, Buffer x, Buffer dy, Buffer rx, Scalars c) {
    int blocks = sumBlocks(n);
    long partial = kernels.partials((long) blocks * k);
    begin(f, "curvature")
        .i32(k)
        .i64(n)
        .p(x)
        .p(dy)
        .p(rx)
        .i64(partial)
        .launch(blocks, Math.ceilDiv(k, TOGETHER), Kernels.THREADS);
    kernels.addPartials(partial, blocks, k, 1, c);
  }

  /** Begins a launch and gives it the function, which is every such kernel's first parameter. */
  private Kernels begin(Pointwise f, String pass) {
    return switch (f) {
      case Activation a -> kernels.kernel("activation_" + pass).i32(a.ordinal()).f64(0).f64(0);
      case Elementary e ->
          kernels.kernel("elementary_" + pass).i32(e.kind().ordinal()).f64(e.a()).f64(e.b());
    };
  }

  private long packs(long n) {
    return Math.ceilDiv(n, (long) pack);
  }

  /** Blocks of a sum over n elements, so many for each direction. */
  private int sumBlocks(long n) {
    return (int) Math.min(Kernels.blocks(packs(n)), Kernels.REDUCTION_BLOCKS);
  }

  // ---- sums and products

  void add(long n, Buffer a, Buffer b, Buffer y) {
    kernels.kernel("elementwise_add").i64(n).p(a).p(b).p(y).launchElements(packs(n), 1);
  }

  void multiply(int k, long n, Buffer a, Buffer b, Buffer y, boolean add) {
    kernels
        .kernel("elementwise_multiply")
        .i32(k)
        .i64(n)
        .p(a)
        .p(b)
        .p(y)
        .flag(add)
        .launchElements(packs(n), Math.min(k, 1));
  }

  void dots(int k, long n, double alpha, Strided a, Buffer b, Scalars c) {
    int blocks = sumBlocks(n);
    long partial = kernels.partials((long) blocks * k);
    kernels
        .kernel("elementwise_dots")
        .i64(n)
        .runs(a)
        .p(b)
        .i64(partial)
        .launch(blocks, k, Kernels.THREADS);
    kernels.addPartials(partial, blocks, k, alpha, c);
  }

  // ---- dropout and losses

  void dropout(long n, double rate, long seed, long stream, Buffer x, Buffer y, boolean add) {
    // a whole number of 2^-24 is at least the rate if and only if it is at least this many of them
    int least = (int) Math.ceil(Math.scalb(rate, RANDOM_BITS));
    kernels
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

  void squaredError(long n, double scale, Buffer z, Buffer targets, Scalars loss) {
    int blocks = sumBlocks(n);
    long partial = kernels.partials(blocks);
    kernels
        .kernel("pair_sums")
        .i64(n)
        .p(z)
        .p(targets)
        .flag(true)
        .i64(partial)
        .launch(blocks, 1, Kernels.THREADS);
    kernels.addPartials(partial, blocks, 1, scale, loss);
  }

  void squaredErrorBackward(long n, double scale, Buffer z, Buffer targets, Buffer dz) {
    kernels
        .kernel("squared_error_backward")
        .i64(n)
        .f64(2 * scale)
        .p(z)
        .p(targets)
        .p(dz)
        .launchElements(packs(n), 1);
  }
}

package dynaxx.cuda;

import dynaxx.cuda.MemoryPool.Block;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import java.util.function.Consumer;

/**
 * Convolutions as matrix products (Chellapilla, Puri and Simard, 2006); kernels in convolution.cu.
 * Columns hold, for every place of the output, the pixels it sees. They are made for a few images
 * at a time; each image is a member of the products, so that outputs and their adjoints are used
 * where they lie. Only the gradient of weights, a sum over images, takes several images as one
 * matrix. Shapes of products and pieces of sums follow from the shape of one direction.
 *
 * <p>With one channel a group there is nothing to multiply matrices for; those convolutions are
 * computed from their definition.
 */
final class Convolutions implements ConvolutionKernels {

  /**
   * Values of columns and turned adjoints, unless a single image needs more: they stay in the cache
   * of a large device.
   */
  private static final long VALUES = 1L << 23;

  /** Outputs of a group of one channel that are computed from their definition. */
  private static final int MOST_SINGLE = 4;

  /** Terms of a piece of a gradient at least, and pieces at most. */
  private static final int PIECE = 16384;

  private static final int PIECES = 64;

  private static final long MOST_IMAGES = 65535;

  private final Launcher launcher;
  private final Gemm gemm;
  private Block block;

  Convolutions(Launcher launcher, Gemm gemm) {
    this.launcher = launcher;
    this.gemm = gemm;
  }

  // ---- work space

  /**
   * Work space of its own, because products use that of the launcher. It grows to the largest need;
   * what a recorded graph may still use is kept until the session ends.
   */
  private Buffer work(long size) {
    long bytes = size * launcher.elementBytes();
    if (block == null || block.bytes() < bytes) {
      launcher.session().enter();
      block = launcher.session().pool().take(bytes, "convolution work space");
    }
    return new DeviceBuffer(launcher.session(), block::address, 0, size, launcher.elementBytes());
  }

  /** Images {@code from} to below {@code from + count} of some directions. */
  private record Part(int direction, int directions, int from, int count) {
    long width(Convolution s) {
      return (long) count * s.outPlane();
    }
  }

  /** Several whole directions, or parts of one, as work space allows. */
  private void parts(Convolution s, int k, long valuesOfImage, Consumer<Part> body) {
    int most = Math.clamp(VALUES / valuesOfImage, 1, s.images());
    int turn = most < s.images() ? 1 : turn(k, valuesOfImage * s.images());
    for (int i = 0; i < k; i += turn) {
      for (int from = 0; from < s.images(); from += most) {
        body.accept(new Part(i, Math.min(turn, k - i), from, Math.min(most, s.images() - from)));
      }
    }
  }

  private int turn(int k, long valuesOfDirection) {
    return Math.clamp(VALUES / valuesOfDirection, 1, Math.max(1, k));
  }

  private static long columns(Convolution s) {
    return (long) s.groups() * s.depth() * s.outPlane();
  }

  private static Strided from(Strided runs, int direction) {
    return new Strided(runs.buffer(), runs.offset() + direction * runs.stride(), runs.stride());
  }

  /** The weights of a group, the group being the third index of a product. */
  private static Matrix weights(Convolution s, Strided w) {
    return Matrix.of(w, s.depth())
        .batch(w.stride(), 0, (long) s.outputs() / s.groups() * s.depth());
  }

  /** The places of an image's outputs: direction, image, group. */
  private static Matrix outputs(Convolution s, Strided y) {
    return Matrix.of(y, s.outPlane())
        .batch(y.stride(), s.outSize(), (long) s.outputs() / s.groups() * s.outPlane());
  }

  /** Whether an image is its own columns. */
  private static boolean pointwise(Convolution s) {
    return pointwise(s.y()) && pointwise(s.x());
  }

  private static boolean pointwise(Sliding w) {
    return w.kernel() == 1 && w.stride() == 1 && w.before() == 0 && w.after() == 0;
  }

  private static boolean single(Convolution s) {
    return s.groups() > 1 && s.channels() == s.groups() && s.outputs() / s.groups() <= MOST_SINGLE;
  }

  // ---- the three products

  @Override
  public void convolve(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    if (single(s)) {
      single(s, k, x, w, bias, y, add);
      return;
    }
    if (bias != null) {
      addBias(s, k, bias, y, add);
    }
    double beta = add || bias != null ? 1 : 0;
    Strided to = new Strided(y, 0, s.images() * s.outSize());
    if (pointwise(s)) {
      product(s, k, s.images(), w, pixels(s, x), beta, to);
      return;
    }
    boolean shared = x.stride() == 0;
    parts(
        s,
        shared ? 1 : k,
        columns(s),
        part -> {
          Buffer seen = work(part.directions() * part.count() * columns(s));
          long step = shared ? 0 : part.count() * columns(s);
          columns(s, x, part, seen, step, columns(s), s.outPlane());
          Strided here = from(to, part.direction());
          product(
              s,
              shared ? k : part.directions(),
              part.count(),
              from(w, part.direction()),
              seen(s, seen, step),
              beta,
              new Strided(y, here.offset() + part.from() * s.outSize(), here.stride()));
        });
  }

  private void product(
      Convolution s, int k, int images, Strided w, Matrix seen, double beta, Strided y) {
    gemm.multiply(
        s.outputs() / s.groups(),
        s.outPlane(),
        s.depth(),
        1,
        weights(s, w),
        seen,
        beta,
        outputs(s, y),
        null,
        new Members(k, images, s.groups()));
  }

  /** Images as columns of themselves. */
  private static Matrix pixels(Convolution s, Strided x) {
    return Matrix.of(x, s.inPlane()).batch(x.stride(), s.inSize(), (long) s.depth() * s.inPlane());
  }

  private static Matrix seen(Convolution s, Buffer seen, long step) {
    return Matrix.of(seen, s.outPlane()).batch(step, columns(s), (long) s.depth() * s.outPlane());
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    if (single(s)) {
      singleInput(s, k, dy, w, dx, add);
      return;
    }
    if (pointwise(s)) {
      Strided to = new Strided(dx, 0, s.images() * s.inSize());
      inputProduct(s, k, s.images(), w, dy, add ? 1 : 0, pixels(s, to));
      return;
    }
    parts(
        s,
        k,
        columns(s),
        part -> {
          Buffer seen = work(part.directions() * part.count() * columns(s));
          Strided there = from(dy, part.direction());
          Strided adjoints =
              new Strided(dy.buffer(), there.offset() + part.from() * s.outSize(), there.stride());
          Matrix to = seen(s, seen, part.count() * columns(s));
          Strided weights = from(w, part.direction());
          inputProduct(s, part.directions(), part.count(), weights, adjoints, 0, to);
          addPixels(s, part, seen, dx, add);
        });
  }

  private void inputProduct(
      Convolution s, int k, int images, Strided w, Strided dy, double beta, Matrix seen) {
    gemm.multiply(
        s.depth(),
        s.outPlane(),
        s.outputs() / s.groups(),
        1,
        weights(s, w).t(),
        outputs(s, dy),
        beta,
        seen,
        null,
        new Members(k, images, s.groups()));
  }

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    if (dbias != null) {
      addBiasGradient(s, k, dy, dbias);
    }
    if (single(s)) {
      singleWeight(s, k, x, dy, dw);
      return;
    }
    boolean shared = x.stride() == 0;
    long adjoints = s.outSize();
    parts(
        s,
        shared ? 1 : k,
        columns(s) + adjoints,
        part -> {
          int turn = shared ? turn(k, part.count() * adjoints) : part.directions();
          long rows = turn * part.count() * adjoints;
          long step = shared ? 0 : part.count() * columns(s);
          long size = part.directions() * part.count() * columns(s);
          Buffer all = work(size + rows);
          Buffer seen = all.slice(0, size);
          columns(s, x, part, seen, step, s.outPlane(), part.width(s));
          for (int i = 0; i < (shared ? k : 1); i += turn) {
            int first = part.direction() + i;
            int directions = shared ? Math.min(turn, k - i) : part.directions();
            Part now = new Part(first, directions, part.from(), part.count());
            Buffer turned = all.slice(size, rows);
            turn(s, dy, now, turned);
            weightProduct(s, now, turned, seen, step, from(dw, first));
          }
        });
  }

  private void weightProduct(
      Convolution s, Part part, Buffer turned, Buffer seen, long step, Strided dw) {
    int out = s.outputs() / s.groups();
    long width = part.width(s);
    gemm.multiply(
        out,
        s.depth(),
        Math.toIntExact(width),
        1,
        Matrix.of(turned, width).batch(s.outputs() * width, 0, out * width),
        Matrix.of(seen, width).batch(step, 0, s.depth() * width).t(),
        1,
        weights(s, dw),
        null,
        new Members(part.directions(), 1, s.groups()));
  }

  // ---- kernels before and after

  private void columns(
      Convolution s,
      Strided x,
      Part part,
      Buffer seen,
      long directionStep,
      long imageStep,
      long rowStep) {
    launcher.kernel("conv_columns").i64(start(x, part));
    images(x.stride(), part);
    launcher.p(seen).i64(directionStep).i64(imageStep).i64(rowStep);
    shape(s);
    launchImages((long) s.channels() * s.outPlane(), part);
  }

  private void addPixels(Convolution s, Part part, Buffer seen, Buffer dx, boolean add) {
    Strided to = new Strided(dx, 0, s.images() * s.inSize());
    launcher.kernel("conv_pixels").p(seen).i64(start(to, part));
    images(to.stride(), part);
    shape(s);
    launcher.flag(add);
    launchImages(s.inSize(), part);
  }

  private void turn(Convolution s, Strided dy, Part part, Buffer turned) {
    launcher.kernel("conv_turn").i64(start(dy, part));
    images(dy.stride(), part);
    launcher.p(turned).i32(s.outputs()).i32(s.outPlane());
    launchImages(s.outSize(), part);
  }

  private void launchImages(long elements, Part part) {
    long images = (long) part.directions() * part.count();
    launcher.launch(Launcher.blocks(elements), Math.min(images, MOST_IMAGES), Launcher.THREADS);
  }

  /** Address of the first direction of a part. */
  private long start(Strided runs, Part part) {
    Strided first = from(runs, part.direction());
    return Launcher.address(first.buffer()) + first.offset() * launcher.elementBytes();
  }

  private void images(long stride, Part part) {
    launcher.i64(stride).i32(part.from()).i32(part.count()).i64(part.directions());
  }

  private Launcher shape(Convolution s) {
    return launcher
        .i32(s.channels())
        .i32(s.outputs())
        .i32(s.groups())
        .i32(s.y().size())
        .i32(s.x().size())
        .i32(s.y().kernel())
        .i32(s.x().kernel())
        .i32(s.y().stride())
        .i32(s.x().stride())
        .i32(s.y().before())
        .i32(s.x().before())
        .i32(s.y().dilation())
        .i32(s.x().dilation())
        .i32(s.y().count())
        .i32(s.x().count());
  }

  // ---- bias

  private void addBias(Convolution s, int k, Strided bias, Buffer y, boolean add) {
    int pack = RowGrid.pack(launcher, s.outPlane());
    long n = s.images() * s.outSize();
    launcher
        .kernel("conv_bias")
        .runs(bias)
        .p(y)
        .i64(n)
        .i32(s.outputs())
        .i32(s.outPlane())
        .flag(pack > 1)
        .flag(add)
        .launchElements(n / pack, k);
  }

  private static int pieces(Convolution s) {
    return Math.clamp(Math.ceilDiv((long) s.images() * s.outPlane(), PIECE), 1, PIECES);
  }

  private void addBiasGradient(Convolution s, int k, Strided dy, Strided dbias) {
    int pieces = pieces(s);
    long partial = partial(k, s.outputs(), pieces);
    launcher
        .kernel("conv_bias_sums")
        .runs(dy)
        .i32(s.images())
        .i32(s.outputs())
        .i32(s.outPlane())
        .i32(pieces)
        .i64(partial)
        .runs(dbias)
        .launch((long) s.outputs() * pieces, k, Launcher.THREADS);
    finish(k, s.outputs(), pieces, partial, dbias);
  }

  private long partial(int k, long n, int pieces) {
    return pieces == 1 ? 0 : launcher.partials(k * n * pieces);
  }

  private void finish(int k, long n, int pieces, long partial, Strided out) {
    if (pieces > 1) {
      launcher
          .kernel("conv_finish_sums")
          .i64(partial)
          .i64(n)
          .i32(pieces)
          .runs(out)
          .launchElements(n, k);
    }
  }

  // ---- one channel a group

  private void single(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    launcher.kernel("conv_single").runs(x).runs(w).runs(bias).p(y).i32(s.images());
    shape(s).flag(add).launchElements(s.images() * s.outSize(), k);
  }

  private void singleInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    launcher.kernel("conv_single_input").runs(dy).runs(w).p(dx).i32(s.images());
    shape(s).flag(add).launchElements(s.images() * s.inSize(), k);
  }

  private void singleWeight(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    int pieces = pieces(s);
    long weights = (long) s.outputs() * s.depth();
    long partial = partial(k, weights, pieces);
    launcher
        .kernel("conv_single_weight")
        .runs(x)
        .runs(dy)
        .i32(s.images())
        .i32(pieces)
        .i64(partial)
        .runs(dw);
    shape(s).launch(weights * pieces, k, Launcher.THREADS);
    finish(k, weights, pieces, partial, dw);
  }
}

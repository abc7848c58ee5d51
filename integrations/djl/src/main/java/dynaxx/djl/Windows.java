package dynaxx.djl;

import ai.djl.ndarray.types.Shape;
import dynaxx.network.op.Op;
import dynaxx.network.op.Padding;
import dynaxx.network.op.PoolWindow;
import java.util.function.Function;

/**
 * Windows over images, or over signals, which are images of height 1.
 *
 * @param x an array of images or signals
 * @param window what is pooled at once
 * @param reachesBeyond whether the last windows reach beyond the padded image
 */
record Windows(TracedArray x, PoolWindow window, boolean reachesBeyond) {

  static Windows all(TracedArray x) {
    requireRank(x, x.getShape().dimension() - 2);
    return new Windows(x, PoolWindow.global(), false);
  }

  static Windows of(TracedArray x, Shape kernel, Shape stride, Shape padding, boolean ceil) {
    requireRank(x, kernel.dimension());
    int[] size = two(kernel, 1);
    int[] step = two(stride, 1);
    int[] pad = two(padding, 0);
    int[] dims = image(x).dims();
    int bottom = ceil ? missing(dims[1], size[0], step[0], pad[0]) : 0;
    int right = ceil ? missing(dims[2], size[1], step[1], pad[1]) : 0;
    Padding all = new Padding(pad[0], pad[1], pad[0] + bottom, pad[1] + right);
    PoolWindow window = new PoolWindow.Moving(size[0], size[1], step[0], step[1], all);
    return new Windows(x, window, bottom + right > 0);
  }

  private static void requireRank(TracedArray x, int rank) {
    if (!x.each() || rank < 1 || rank > 2 || x.getShape().dimension() != rank + 2) {
      throw new Refusal(
          "pools shape " + x.getShape() + ", expected [examples x channels x (height x) width]");
    }
  }

  private static int[] two(Shape s, int first) {
    int[] dims = Axes.dims(s);
    return dims.length == 2 ? dims : new int[] {first, dims[0]};
  }

  /** What a last, partial window lacks, if it begins within the image. */
  private static int missing(int size, int kernel, int step, int pad) {
    int rest = (size + 2 * pad - kernel) % step;
    int windows = (size + 2 * pad - kernel) / step + 1;
    return rest == 0 || windows * step >= size + pad ? 0 : step - rest;
  }

  private static Term image(TracedArray x) {
    int[] dims = x.term().dims();
    return dims.length == 3 ? x.term() : x.term().reshape(dims[0], 1, dims[1]);
  }

  TracedArray pool(Function<PoolWindow, Op> op) {
    Term pooled = Term.of(op.apply(window), image(x));
    int[] dims = pooled.dims();
    return x.with(x.term().rank() == 3 ? pooled : pooled.reshape(dims[0], dims[2]));
  }
}

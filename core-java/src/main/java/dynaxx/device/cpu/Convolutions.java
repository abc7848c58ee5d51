package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.GemmKernels.Members;
import dynaxx.kernel.Matrix;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;

/**
 * Convolutions as matrix products (Chellapilla, Puri and Simard, 2006). Columns hold, for every
 * place of the output, the pixels it sees: {@code groups * depth} rows of {@code images * places}
 * values. They are made for a few images at a time, as many as {@link #COLUMNS} allows and one at
 * least, by the shape of one direction only; directions that share the images share the columns.
 * Outputs and their adjoints are turned into rows of channels, so that the places of all these
 * images are one long row of a product.
 */
final class Convolutions<A> implements ConvolutionKernels, AutoCloseable {

  /** Values of the column matrix and of the turned rows, unless a single image needs more. */
  private static final long COLUMNS = 1 << 18;

  private static final int PLANE = 0;
  private static final int ROW = 1;

  private final WorkerPool pool;
  private final Loops<A> loops;
  private final GemmKernels gemm;
  private final Scope scope = Scope.open();
  private final Area columns = new Area();
  private final Area turned = new Area();

  Convolutions(WorkerPool pool, Loops<A> loops, GemmKernels gemm) {
    this.pool = pool;
    this.loops = loops;
    this.gemm = gemm;
  }

  /** Memory that grows to the largest need. */
  private final class Area {
    private Scope owner;
    private Buffer buffer;

    Buffer of(long size) {
      if (buffer == null || buffer.size() < size) {
        if (owner != null) {
          owner.close();
        }
        owner = scope.child();
        buffer = loops.allocate(owner, size);
      }
      return buffer;
    }
  }

  @Override
  public void close() {
    scope.close();
  }

  /** Consecutive images of a run of arrays that holds {@code each} images a run. */
  private record Images(Strided runs, int each, long size, int from, int count) {
    long start(int image) {
      int i = from + image;
      return Host.start(runs, i / each) + i % each * size;
    }
  }

  private static int atOnce(Convolution s) {
    long one = Math.max((long) s.groups() * s.depth(), s.outputs()) * s.outPlane();
    return Math.clamp(COLUMNS / one, 1, s.images());
  }

  private interface Chunk {
    void run(int from, int count);
  }

  private static void chunks(Convolution s, int images, Chunk body) {
    int most = atOnce(s);
    for (int from = 0; from < images; from += most) {
      body.run(from, Math.min(most, images - from));
    }
  }

  // ---- the three products

  @Override
  public void convolve(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    boolean shared = x.stride() == 0;
    if (k > 1 && !shared && w.stride() != 0) {
      for (int i = 0; i < k; i++) {
        Strided shift = bias == null ? null : bias.run(i);
        convolve(s, 1, x.run(i), w.run(i), shift, direction(s, y, s.outSize(), i), add);
      }
      return;
    }
    int members = shared ? k : 1;
    int out = s.outputs() / s.groups();
    chunks(
        s,
        shared ? s.images() : k * s.images(),
        (from, count) -> {
          long width = (long) count * s.outPlane();
          Matrix seen = columns(s, new Images(x, s.images(), s.inSize(), from, count));
          Buffer rows = turned.of(members * s.outputs() * width);
          Matrix weights = Matrix.of(w, s.depth()).batch(w.stride(), 0, (long) out * s.depth());
          Matrix to = Matrix.of(rows, width).batch(s.outputs() * width, 0, out * width);
          Members batch = new Members(members, 1, s.groups());
          gemm.multiply(out, (int) width, s.depth(), 1, weights, seen, 0, to, null, batch);
          turnBack(s, members, from, count, rows, bias, y, add);
        });
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    if (k > 1 && w.stride() != 0) {
      for (int i = 0; i < k; i++) {
        convolveInput(s, 1, dy.run(i), w.run(i), direction(s, dx, s.inSize(), i), add);
      }
      return;
    }
    int out = s.outputs() / s.groups();
    chunks(
        s,
        k * s.images(),
        (from, count) -> {
          long width = (long) count * s.outPlane();
          Images adjoints = new Images(dy, s.images(), s.outSize(), from, count);
          Matrix rows = Matrix.of(turn(s, adjoints, 1), width).batch(0, 0, out * width);
          Matrix weights = Matrix.of(w, s.depth()).batch(0, 0, (long) out * s.depth());
          Buffer seen = columns.of(s.groups() * s.depth() * width);
          Matrix to = Matrix.of(seen, width).batch(0, 0, s.depth() * width);
          Members batch = new Members(1, 1, s.groups());
          gemm.multiply(s.depth(), (int) width, out, 1, weights.t(), rows, 0, to, null, batch);
          fromColumns(s, seen, dx, from, count, add);
        });
  }

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    if (dbias != null) {
      addBiasGradient(pool, loops, s, k, dy, dbias);
    }
    if (x.stride() == 0) {
      sharedWeight(s, k, x, dy, dw);
      return;
    }
    for (int i = 0; i < k; i++) {
      sharedWeight(s, 1, x.run(i), dy.run(i), dw.run(i));
    }
  }

  private void sharedWeight(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    int out = s.outputs() / s.groups();
    chunks(
        s,
        s.images(),
        (from, count) -> {
          long width = (long) count * s.outPlane();
          Matrix seen = columns(s, new Images(x, s.images(), s.inSize(), from, count));
          Images adjoints = new Images(dy, s.images(), s.outSize(), from, count);
          Matrix rows =
              Matrix.of(turn(s, adjoints, k), width).batch(s.outputs() * width, 0, out * width);
          Matrix to = Matrix.of(dw, s.depth()).batch(dw.stride(), 0, (long) out * s.depth());
          Members batch = new Members(k, 1, s.groups());
          gemm.multiply(out, s.depth(), (int) width, 1, rows, seen.t(), 1, to, null, batch);
        });
  }

  private static Buffer direction(Convolution s, Buffer all, long size, int i) {
    return all.slice(i * s.images() * size, s.images() * size);
  }

  static <A> void addBiasGradient(
      WorkerPool pool, Loops<A> loops, Convolution s, int k, Strided dy, Strided dbias) {
    int places = s.outPlane();
    pool.run(
        k * s.outputs(),
        (long) s.images() * places,
        (task, scratch) -> {
          int i = task / s.outputs();
          int output = task % s.outputs();
          A row = loops.array(scratch, ROW, places);
          double sum = 0;
          for (int image = 0; image < s.images(); image++) {
            long at = Host.start(dy, i) + image * s.outSize() + (long) output * places;
            loops.load(dy.buffer(), at, row, places);
            sum += loops.sum(row, 0, places);
          }
          long at = Host.start(dbias, i) + output;
          loops.add(dbias.buffer(), at, sum);
        });
  }

  // ---- columns

  /** The columns of some images, a matrix for each group. */
  private Matrix columns(Convolution s, Images images) {
    long width = (long) images.count() * s.outPlane();
    Buffer seen = columns.of(s.groups() * s.depth() * width);
    pool.run(
        images.count() * s.channels(),
        (long) s.y().kernel() * s.x().kernel() * s.outPlane(),
        (task, scratch) -> {
          int image = task / s.channels();
          int channel = task % s.channels();
          A plane = loops.array(scratch, PLANE, s.inPlane());
          A row = loops.array(scratch, ROW, s.outPlane());
          loops.load(
              images.runs().buffer(),
              images.start(image) + (long) channel * s.inPlane(),
              plane,
              s.inPlane());
          long at = column(s, channel, width) + (long) image * s.outPlane();
          for (int i = 0; i < s.y().kernel(); i++) {
            for (int j = 0; j < s.x().kernel(); j++) {
              see(s.y(), s.x(), i, j, plane, row);
              loops.store(row, seen, at, s.outPlane());
              at += width;
            }
          }
        });
    return Matrix.of(seen, width).batch(0, 0, s.depth() * width);
  }

  /** Where a channel's rows of the columns start. */
  private static long column(Convolution s, int channel, long width) {
    return (long) channel * s.y().kernel() * s.x().kernel() * width;
  }

  /** The pixels of a plane that element (i, j) of the kernel meets, place by place. */
  private void see(Sliding y, Sliding x, int i, int j, A plane, A row) {
    int left = x.first(j);
    int right = x.last(j);
    int top = y.first(i);
    int bottom = left < right ? y.last(i) : top;
    if ((right - left) * (bottom - top) < x.count() * y.count()) {
      loops.fill(row, 0, x.count() * y.count(), 0);
    }
    for (int p = top; p < bottom; p++) {
      int at = p * x.count();
      int line = (p * y.stride() + y.shift(i)) * x.size() + x.shift(j);
      int from = line + left * x.stride();
      loops.pick(plane, from, x.stride(), row, at + left, right - left);
    }
  }

  /** Adds up the columns that meet each pixel. */
  private void fromColumns(
      Convolution s, Buffer seen, Buffer dx, int from, int count, boolean add) {
    long width = (long) count * s.outPlane();
    pool.run(
        count * s.channels(),
        (long) s.y().kernel() * s.x().kernel() * s.outPlane(),
        (task, scratch) -> {
          int image = task / s.channels();
          int channel = task % s.channels();
          A plane = loops.array(scratch, PLANE, s.inPlane());
          A row = loops.array(scratch, ROW, s.outPlane());
          long to = (from + image) * s.inSize() + (long) channel * s.inPlane();
          if (add) {
            loops.load(dx, to, plane, s.inPlane());
          } else {
            loops.fill(plane, 0, s.inPlane(), 0);
          }
          long at = column(s, channel, width) + (long) image * s.outPlane();
          for (int i = 0; i < s.y().kernel(); i++) {
            for (int j = 0; j < s.x().kernel(); j++) {
              loops.load(seen, at, row, s.outPlane());
              unsee(s.y(), s.x(), i, j, row, plane);
              at += width;
            }
          }
          loops.store(plane, dx, to, s.inPlane());
        });
  }

  /** Transpose of {@link #see}. */
  private void unsee(Sliding y, Sliding x, int i, int j, A row, A plane) {
    int left = x.first(j);
    int right = x.last(j);
    int step = x.stride();
    int bottom = left < right ? y.last(i) : y.first(i);
    for (int p = y.first(i); p < bottom; p++) {
      int at = p * x.count();
      int line = (p * y.stride() + y.shift(i)) * x.size() + x.shift(j);
      loops.spread(row, at + left, plane, line + left * step, step, right - left);
    }
  }

  // ---- rows of channels

  /** Rows of channels of k directions, each the places of all these images. */
  private Buffer turn(Convolution s, Images images, int k) {
    int places = s.outPlane();
    int count = images.count();
    Buffer rows = turned.of((long) k * s.outSize() * count);
    pool.run(
        k * count,
        s.outSize() / 4,
        (task, scratch) -> {
          int image = task % count;
          long from = images.start(image) + task / count * images.runs().stride();
          long to = (task / count * s.outSize() * count) + (long) image * places;
          Buffer in = images.runs().buffer();
          loops.copy(in, from, places, rows, to, (long) count * places, s.outputs(), places);
        });
    return rows;
  }

  /** Images again, with the bias: for each of some directions, or straight through all of them. */
  private void turnBack(
      Convolution s,
      int members,
      int from,
      int count,
      Buffer rows,
      Strided bias,
      Buffer y,
      boolean add) {
    int places = s.outPlane();
    pool.run(
        members * count,
        s.outSize(),
        (task, scratch) -> {
          int member = task / count;
          int image = task % count;
          long all = (long) member * s.images() + from + image;
          int direction = (int) (all / s.images());
          A v = loops.array(scratch, ROW, places);
          A old = loops.array(scratch, PLANE, places);
          for (int output = 0; output < s.outputs(); output++) {
            long at = all * s.outSize() + (long) output * places;
            long row = ((long) member * s.outputs() + output) * count + image;
            loops.load(rows, row * places, v, places);
            if (add) {
              loops.load(y, at, old, places);
              loops.add(v, old, places);
            }
            if (bias != null) {
              double shift = loops.get(bias.buffer(), Host.start(bias, direction) + output);
              loops.add(v, 0, shift, places);
            }
            loops.store(v, y, at, places);
          }
        });
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * Convolutions without a column matrix: the register tiles of matrix products read the pixels where
 * they lie in an {@link ImageGrid}, a few images at a time. The gradient of the images is itself a
 * convolution of the adjoints, one for each remainder of a pixel's row and column by the strides.
 * Sums over the elements of a window have the order of {@link Gemm}'s.
 */
final class DirectConvolutions implements ConvolutionKernels {

  /** Values of the images that a task lays out, unless a single one needs more. */
  private static final int LAID_OUT = 1 << 16;

  /** Images of a task at most. */
  private static final int IMAGES = 16;

  /** Tasks are cut by outputs too if there would be fewer. */
  private static final int TASKS = 8;

  private static final int PLANE = 0;
  private static final int DATA = 1;
  private static final int GRID = 3;
  private static final int LINE = 4;
  private static final int OLD = 5;
  private static final int WEIGHTS = 6;
  private static final int VALUES = 7;

  private final WorkerPool pool;
  private final RowLoops loops;
  private final int cols;
  private final Scratch shared = new Scratch();
  private final WeightGradients gradients;

  DirectConvolutions(WorkerPool pool, RowLoops loops) {
    this.pool = pool;
    this.loops = loops;
    cols = loops.tileCols();
    gradients = new WeightGradients(pool, loops);
  }

  /**
   * Sums over windows for one cut of an output plane.
   *
   * @param starts of the runs that the elements of a window meet, in pieces of {@link Gemm#DEPTH}
   * @param depth elements of a window
   * @param weights where the packed weights of the first member start
   * @param size of the packed weights of a member
   * @param rows of places
   * @param columns of places
   * @param first of the output plane's pixels
   * @param rowStep from row to row of the output plane
   * @param step from column to column
   */
  private record Pass(
      int[][] starts,
      int depth,
      int weights,
      int size,
      int rows,
      int columns,
      int first,
      int rowStep,
      int step) {

    int run(int index) {
      return Math.min(Gemm.DEPTH, depth - index * Gemm.DEPTH);
    }
  }

  /**
   * All sums over windows of a call.
   *
   * @param grid of the images that are read
   * @param images where they are, {@code each} a direction
   * @param count images in all
   * @param groups of channels
   * @param outputs planes of a group
   * @param outPlane values of an output plane
   * @param members sets of weights, each with outputs of its own
   * @param bias a value for each output of a member or of a direction, or null
   * @param weights packed by rows, one piece of the depth after the other
   */
  private record Job(
      ImageGrid grid,
      Strided images,
      int each,
      int count,
      int groups,
      int outputs,
      int outPlane,
      int members,
      Strided bias,
      Buffer to,
      boolean add,
      float[] weights,
      List<Pass> passes) {

    long image(int i) {
      return Host.start(images, i / each) + (long) (i % each) * grid.channels() * grid.inPlane();
    }
  }

  // ---- the three products

  @Override
  public void convolve(
      Convolution s, int k, Strided x, Strided w, Strided bias, Buffer y, boolean add) {
    boolean same = x.stride() == 0;
    if (k > 1 && !same && w.stride() != 0) {
      for (int i = 0; i < k; i++) {
        Strided shift = bias == null ? null : bias.run(i);
        Buffer to = y.slice(i * s.images() * s.outSize(), s.images() * s.outSize());
        convolve(s, 1, x.run(i), w.run(i), shift, to, add);
      }
      return;
    }
    int members = same ? k : 1;
    ImageGrid grid = ImageGrid.ofInputs(s.channels(), s.y(), s.x());
    List<Tap> taps = Tap.all(s.channels() / s.groups(), s);
    int[][] starts = pieces(taps.stream().mapToInt(t -> t.start(grid, s)).toArray());
    int size = packedSize(s.outputs(), s.depth());
    float[] weights = shared.floats(WEIGHTS, Math.multiplyExact(members, size));
    int[] elements = IntStream.range(0, s.depth()).toArray();
    pack(w, s, members, s.outputs(), row -> row * s.depth(), elements, weights, 0);
    Pass pass =
        new Pass(starts, s.depth(), 0, size, s.y().count(), s.x().count(), 0, s.x().count(), 1);
    int count = same ? s.images() : k * s.images();
    int out = s.outputs() / s.groups();
    run(
        new Job(
            grid,
            x,
            s.images(),
            count,
            s.groups(),
            out,
            s.outPlane(),
            members,
            bias,
            y,
            add,
            weights,
            List.of(pass)));
  }

  @Override
  public void convolveInput(Convolution s, int k, Strided dy, Strided w, Buffer dx, boolean add) {
    if (k > 1 && dy.stride() != 0 && w.stride() != 0) {
      for (int i = 0; i < k; i++) {
        Buffer to = dx.slice(i * s.images() * s.inSize(), s.images() * s.inSize());
        convolveInput(s, 1, dy.run(i), w.run(i), to, add);
      }
      return;
    }
    boolean same = dy.stride() == 0;
    int members = same ? k : 1;
    ImageGrid grid = ImageGrid.ofOutputs(s.outputs(), s.y(), s.x());
    List<Tap> all = Tap.all(s.outputs() / s.groups(), s);
    int most = s.y().stride() * s.x().stride();
    int[] starts = new int[most + 1];
    for (int cut = 0; cut < most; cut++) {
      int met = met(s.y(), cut / s.x().stride()) * met(s.x(), cut % s.x().stride());
      int size = packedSize(s.channels(), s.outputs() / s.groups() * met);
      starts[cut + 1] = Math.addExact(starts[cut], Math.multiplyExact(members, size));
    }
    float[] weights = shared.floats(WEIGHTS, starts[most]);
    List<Pass> passes = new ArrayList<>();
    for (int cut = 0; cut < most; cut++) {
      passes.add(inputPass(s, grid, all, w, members, cut, weights, starts[cut]));
    }
    int count = same ? s.images() : k * s.images();
    int in = s.channels() / s.groups();
    run(
        new Job(
            grid,
            dy,
            s.images(),
            count,
            s.groups(),
            in,
            s.inPlane(),
            members,
            null,
            dx,
            add,
            weights,
            passes));
  }

  /** Elements of a window whose place, by the stride, leaves this remainder. */
  private static int met(Sliding s, int remainder) {
    int met = 0;
    for (int i = 0; i < s.kernel(); i++) {
      met += i * s.dilation() % s.stride() == remainder ? 1 : 0;
    }
    return met;
  }

  /** The pixels whose row and column, with the zeros before them, leave these remainders. */
  private Pass inputPass(
      Convolution s,
      ImageGrid grid,
      List<Tap> all,
      Strided w,
      int members,
      int cut,
      float[] weights,
      int at) {
    Sliding y = s.y();
    Sliding x = s.x();
    int ry = cut / x.stride();
    int rx = cut % x.stride();
    List<Tap> taps =
        all.stream()
            .filter(t -> t.i() * y.dilation() % y.stride() == ry)
            .filter(t -> t.j() * x.dilation() % x.stride() == rx)
            .toList();
    int top = ImageGrid.firstPlace(y, ry);
    int left = ImageGrid.firstPlace(x, rx);
    int[] starts =
        taps.stream()
            .mapToInt(
                t ->
                    t.channel() * grid.channel()
                        + (top + grid.top() - t.i() * y.dilation() / y.stride()) * grid.pitch()
                        + (left + grid.left() - t.j() * x.dilation() / x.stride()))
            .toArray();
    int in = s.channels() / s.groups();
    int out = s.outputs() / s.groups();
    int window = y.kernel() * x.kernel();
    int[] elements =
        taps.stream().mapToInt(t -> t.channel() * s.depth() + t.i() * x.kernel() + t.j()).toArray();
    Start start = channel -> channel / in * out * s.depth() + channel % in * window;
    pack(w, s, members, s.channels(), start, elements, weights, at);
    int firstY = top * y.stride() + ry - y.before();
    int firstX = left * x.stride() + rx - x.before();
    return new Pass(
        pieces(starts),
        taps.size(),
        at,
        packedSize(s.channels(), taps.size()),
        Math.max(0, Math.ceilDiv(y.size() - firstY, y.stride())),
        Math.max(0, Math.ceilDiv(x.size() - firstX, x.stride())),
        firstY * x.size() + firstX,
        y.stride() * x.size(),
        x.stride());
  }

  private static int[][] pieces(int[] starts) {
    int[][] pieces = new int[Math.max(1, Host.pieces(starts.length, Gemm.DEPTH))][];
    for (int i = 0, from = 0; i < pieces.length; i++, from += Gemm.DEPTH) {
      pieces[i] = Arrays.copyOfRange(starts, from, Math.min(starts.length, from + Gemm.DEPTH));
    }
    return pieces;
  }

  /** Where the weights of a plane start. */
  private interface Start {
    int of(int row);
  }

  /** With room for the rows that the last tile reads in vain. */
  private static int packedSize(int rows, int depth) {
    int pieces = Math.max(1, Host.pieces(depth, Gemm.DEPTH));
    return Math.multiplyExact(pieces * rows + 16, Gemm.PITCH);
  }

  /** Packs weights by rows, one piece of the depth after the other. */
  private void pack(
      Strided w,
      Convolution s,
      int members,
      int rows,
      Start start,
      int[] elements,
      float[] packed,
      int at) {
    int size = packedSize(rows, elements.length);
    int all = s.outputs() * s.depth();
    float[] values = shared.floats(VALUES, all);
    for (int i = 0; i < members; i++) {
      Host.load(Host.segment(w.buffer()), Host.start(w, i), values, all);
      int to = at + i * size;
      pool.run(
          rows,
          elements.length,
          (row, scratch) -> {
            int from = start.of(row);
            for (int p = 0; p < elements.length; p++) {
              int piece = p / Gemm.DEPTH * rows + row;
              packed[to + piece * Gemm.PITCH + p % Gemm.DEPTH] = values[from + elements[p]];
            }
          });
    }
  }

  // ---- sums over windows

  private void run(Job job) {
    int size = job.grid.size();
    int images = Math.clamp(LAID_OUT / size, 1, Math.min(IMAGES, job.count));
    int chunks = Host.pieces(job.count, images);
    int tiles = Host.pieces(job.outputs, loops.tileRows());
    int parts = Math.clamp(Host.pieces(TASKS, chunks), 1, tiles);
    int height = Host.pieces(tiles, parts) * loops.tileRows();
    int blocks = Host.pieces(job.outputs, height);
    long work = (long) images * size * job.members * job.outputs / blocks;
    pool.run(
        chunks * blocks,
        work,
        (task, scratch) -> {
          int from = task / blocks * images;
          int count = Math.min(images, job.count - from);
          float[] data = scratch.floats(DATA, images * size);
          float[] plane = scratch.floats(PLANE, job.grid.inPlane());
          for (int i = 0; i < count; i++) {
            job.grid.layOut(loops, job.images.buffer(), job.image(from + i), plane, data, i * size);
          }
          int row = task % blocks * height;
          int end = Math.min(job.outputs, row + height);
          for (Pass pass : job.passes) {
            sums(job, pass, from, count, row, end, data, scratch);
          }
        });
  }

  /** Tile by tile of outputs: a tile's weights stay in the cache for all places of all images. */
  private void sums(
      Job job, Pass pass, int from, int count, int first, int end, float[] data, Scratch scratch) {
    if (pass.rows == 0 || pass.columns == 0) {
      return;
    }
    int places = (pass.rows - 1) * job.grid.pitch() + pass.columns;
    int padded = Host.pieces(places, cols) * cols;
    float[] grid = scratch.floats(GRID, count * loops.tileRows() * padded);
    for (int member = 0; member < job.members; member++) {
      for (int group = 0; group < job.groups; group++) {
        for (int row = first; row < end; row += loops.tileRows()) {
          int tall = Math.min(loops.tileRows(), end - row);
          int output = group * job.outputs + row;
          for (int piece = 0; piece < pass.starts.length; piece++) {
            tiles(
                job, pass, member, group, output, tall, piece, count, padded, data, grid, scratch);
          }
          for (int i = 0; i < count; i++) {
            for (int r = 0; r < tall; r++) {
              int at = (i * loops.tileRows() + r) * padded;
              write(job, pass, member, from + i, output + r, grid, at, scratch);
            }
          }
        }
      }
    }
  }

  private void tiles(
      Job job,
      Pass pass,
      int member,
      int group,
      int output,
      int tall,
      int piece,
      int count,
      int padded,
      float[] data,
      float[] grid,
      Scratch scratch) {
    int a = pass.weights + member * pass.size;
    a += (piece * job.groups * job.outputs + output) * Gemm.PITCH;
    int channels = job.grid.channels() / job.groups * job.grid.channel();
    for (int i = 0; i < count; i++) {
      int b = i * job.grid.size() + group * channels;
      for (int g = 0; g < padded; g += cols) {
        loops.tile(
            false,
            tall,
            cols,
            pass.run(piece),
            job.weights,
            a,
            data,
            pass.starts[piece],
            b + g,
            grid,
            i * loops.tileRows() * padded + g,
            padded,
            piece > 0);
      }
    }
  }

  /** Takes the places of a plane out of the grid. */
  private void write(
      Job job,
      Pass pass,
      int member,
      int image,
      int output,
      float[] grid,
      int at,
      Scratch scratch) {
    int n = pass.columns;
    float[] line = scratch.floats(LINE, n);
    float[] old = scratch.floats(OLD, n);
    int planes = job.groups * job.outputs;
    long all = (long) member * job.count + image;
    double shift = 0;
    if (job.bias != null) {
      int direction = (int) (all / job.each);
      shift = loops.get(job.bias.buffer(), Host.start(job.bias, direction) + output);
    }
    long to = (all * planes + output) * job.outPlane + pass.first;
    for (int row = 0; row < pass.rows; row++, to += pass.rowStep, at += job.grid.pitch()) {
      System.arraycopy(grid, at, line, 0, n);
      if (job.add) {
        if (pass.step == 1) {
          loops.load(job.to, to, old, n);
        } else {
          loops.load(job.to, to, pass.step, old, n);
        }
        loops.add(line, old, n);
      }
      if (job.bias != null) {
        loops.add(line, 0, shift, n);
      }
      if (pass.step == 1) {
        loops.store(line, job.to, to, n);
      } else {
        loops.store(line, job.to, to, pass.step, n);
      }
    }
  }

  // ---- gradients of the weights

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    if (dbias != null) {
      Convolutions.addBiasGradient(pool, loops, s, k, dy, dbias);
    }
    if (x.stride() == 0) {
      gradients.add(s, k, x, dy, dw);
      return;
    }
    for (int i = 0; i < k; i++) {
      gradients.add(s, 1, x.run(i), dy.run(i), dw.run(i));
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

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
  private final WeightDots dots;
  private final WeightProducts products;

  DirectConvolutions(WorkerPool pool, RowLoops loops) {
    this.pool = pool;
    this.loops = loops;
    cols = loops.tileCols();
    dots = new WeightDots(pool, loops);
    products = new WeightProducts(pool, loops);
  }

  /**
   * A pass with its packed weights.
   *
   * @param window the sums
   * @param starts of its runs, in pieces of {@link Gemm#DEPTH}
   * @param weights where the packed weights of the first member start
   * @param size of the packed weights of a member
   */
  private record Pass(WindowPass window, int[][] starts, int weights, int size) {

    int run(int index) {
      return Math.min(Gemm.DEPTH, window.depth() - index * Gemm.DEPTH);
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
    List<WindowPass> windows = List.of(WindowPass.ofOutputs(s, grid));
    Start start = row -> row * s.depth();
    float[] weights = shared.floats(WEIGHTS, packedSize(windows, s.outputs(), members));
    List<Pass> passes = pack(s, w, members, s.outputs(), windows, start, weights);
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
            passes));
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
    List<WindowPass> windows = WindowPass.ofInputs(s, grid);
    int each = s.channels() / s.groups();
    int group = s.outputs() / s.groups() * s.depth();
    int window = s.y().kernel() * s.x().kernel();
    Start start = channel -> channel / each * group + channel % each * window;
    float[] weights = shared.floats(WEIGHTS, packedSize(windows, s.channels(), members));
    List<Pass> passes = pack(s, w, members, s.channels(), windows, start, weights);
    int count = same ? s.images() : k * s.images();
    run(
        new Job(
            grid,
            dy,
            s.images(),
            count,
            s.groups(),
            each,
            s.inPlane(),
            members,
            null,
            dx,
            add,
            weights,
            passes));
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

  private static int packedSize(List<WindowPass> windows, int rows, int members) {
    int size = 0;
    for (WindowPass window : windows) {
      size = Math.addExact(size, Math.multiplyExact(members, packedSize(rows, window.depth())));
    }
    return size;
  }

  /** Packs the weights of all passes, one after the other. */
  private List<Pass> pack(
      Convolution s,
      Strided w,
      int members,
      int rows,
      List<WindowPass> windows,
      Start start,
      float[] weights) {
    List<Pass> passes = new ArrayList<>();
    int at = 0;
    for (WindowPass window : windows) {
      int size = packedSize(rows, window.depth());
      pack(w, s, members, rows, start, window.elements(), weights, at);
      passes.add(new Pass(window, pieces(window.starts()), at, size));
      at += members * size;
    }
    return passes;
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
    boolean addsNothing = job.add && job.bias == null && pass.window.depth() == 0;
    if (addsNothing || pass.window.rows() == 0 || pass.window.columns() == 0) {
      return;
    }
    int places = (pass.window.rows() - 1) * job.grid.pitch() + pass.window.columns();
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
    int n = pass.window.columns();
    float[] line = scratch.floats(LINE, n);
    float[] old = scratch.floats(OLD, n);
    int planes = job.groups * job.outputs;
    long all = (long) member * job.count + image;
    double shift = 0;
    if (job.bias != null) {
      int direction = (int) (all / job.each);
      shift = loops.get(job.bias.buffer(), Host.start(job.bias, direction) + output);
    }
    long to = (all * planes + output) * job.outPlane + pass.window.first();
    for (int row = 0;
        row < pass.window.rows();
        row++, to += pass.window.rowStep(), at += job.grid.pitch()) {
      System.arraycopy(grid, at, line, 0, n);
      if (job.add) {
        if (pass.window.step() == 1) {
          loops.load(job.to, to, old, n);
        } else {
          loops.load(job.to, to, pass.window.step(), old, n);
        }
        loops.add(line, old, n);
      }
      if (job.bias != null) {
        loops.add(line, 0, shift, n);
      }
      if (pass.window.step() == 1) {
        loops.store(line, job.to, to, n);
      } else {
        loops.store(line, job.to, to, pass.window.step(), n);
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
      addGradients(s, k, x, dy, dw);
      return;
    }
    for (int i = 0; i < k; i++) {
      addGradients(s, 1, x.run(i), dy.run(i), dw.run(i));
    }
  }

  private void addGradients(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    if (ChannelsLast.pays(s)) {
      products.add(s, k, x, dy, dw);
    } else {
      dots.add(s, k, x, dy, dw);
    }
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import java.util.Arrays;

/**
 * Gradients of a convolution's weights: dot products of the adjoints of an output plane with the
 * runs of pixels that an element of the window meets, in an {@link ImageGrid}. Sums are kept by
 * lanes in float32 over a run of places, and in float64 from run to run.
 */
final class WeightDots {

  /** Values of the images and adjoints that all tasks share, unless a single image needs more. */
  private static final int SHARED = 1 << 17;

  /** Elements of windows whose gradients a task takes. */
  private static final int TAPS = 64;

  /** Vectors that are added in float32. */
  private static final int RUN = 1024;

  private static final int PLANE = 0;
  private static final int LANES = 1;
  private static final int DATA = 0;
  private static final int ROWS = 1;
  private static final int SUMS = 0;

  private final WorkerPool pool;
  private final RowLoops loops;
  private final Scratch shared = new Scratch();

  WeightDots(WorkerPool pool, RowLoops loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /**
   * Some images of all directions, laid out.
   *
   * @param k directions, which share the images
   * @param images how many
   * @param inputs how they lie in data
   * @param data the images
   * @param plane values of an output's adjoints, whole vectors
   * @param rows the adjoints: of each image, those of each direction
   */
  private record Chunk(
      Convolution s, int k, int images, ImageGrid inputs, float[] data, int plane, float[] rows) {

    int outputs() {
      return s.outputs() / s.groups();
    }

    int channels() {
      return s.channels() / s.groups();
    }

    int window() {
      return s.y().kernel() * s.x().kernel();
    }

    /** Where the adjoints of an output start. */
    int row(int image, int direction, int output) {
      return ((image * k + direction) * s.outputs() + output) * plane;
    }

    /** Where the pixels of an output's group start. */
    int pixels(int image, int output) {
      return image * inputs.size() + output / outputs() * channels() * inputs.channel();
    }
  }

  /**
   * Some outputs with some elements of the window.
   *
   * @param output the first
   * @param tall how many
   * @param from the first element
   * @param size how many
   */
  private record Block(int direction, int output, int tall, int from, int size) {}

  /** Adds the gradients of k directions that share the images to dw. */
  void add(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    ImageGrid inputs = ImageGrid.ofInputs(s.channels(), s.y(), s.x());
    ImageGrid adjoints = ImageGrid.ofPlaces(s.outputs(), inputs, s.y(), s.x());
    int cols = loops.tileCols();
    int plane = Host.pieces(adjoints.plane(), cols) * cols;
    // of one direction, so that sums are cut alike whatever k is
    int size = Math.addExact(inputs.size(), Math.multiplyExact(s.outputs(), plane));
    int images = Math.clamp(SHARED / size, 1, s.images());
    // what is read behind the last image must be 0
    int behind = inputs.pitch() + cols;
    float[] data = shared.floats(DATA, images * inputs.size() + behind);
    int held = Math.addExact(Math.multiplyExact(images * k, s.outputs()), RowLoops.DOT_ROWS);
    float[] rows = shared.floats(ROWS, Math.multiplyExact(held, plane));
    int[] starts =
        Tap.all(s.channels() / s.groups(), s).stream()
            .mapToInt(tap -> tap.start(inputs, s))
            .toArray();
    for (int from = 0; from < s.images(); from += images) {
      int count = Math.min(images, s.images() - from);
      Chunk chunk = new Chunk(s, k, count, inputs, data, plane, rows);
      Arrays.fill(data, count * inputs.size(), count * inputs.size() + behind, 0);
      layOut(chunk, adjoints, x, dy, from);
      dots(chunk, starts, dw);
    }
  }

  private void layOut(Chunk chunk, ImageGrid adjoints, Strided x, Strided dy, int from) {
    Convolution s = chunk.s;
    int room = Math.max(chunk.inputs.inPlane(), adjoints.inPlane());
    pool.run(
        chunk.images,
        chunk.inputs.size() + s.outputs() * chunk.plane,
        (i, scratch) -> {
          float[] values = scratch.floats(PLANE, room);
          long at = Host.start(x, 0) + (from + i) * s.inSize();
          chunk.inputs.layOut(loops, x.buffer(), at, values, chunk.data, i * chunk.inputs.size());
          for (int q = 0; q < chunk.k; q++) {
            for (int o = 0; o < s.outputs(); o++) {
              long plane = (from + i) * s.outSize() + (long) o * s.outPlane();
              int row = chunk.row(i, q, o);
              adjoints.layOutPlane(
                  loops, dy.buffer(), Host.start(dy, q) + plane, values, chunk.rows, row);
              Arrays.fill(chunk.rows, row + adjoints.plane(), row + chunk.plane, 0);
            }
          }
        });
  }

  private void dots(Chunk chunk, int[] starts, Strided dw) {
    int channels = Math.clamp(TAPS / chunk.window(), 1, chunk.channels());
    int width = channels * chunk.window();
    int across = Host.pieces(chunk.channels(), channels);
    int down = Host.pieces(chunk.outputs(), RowLoops.DOT_ROWS);
    pool.run(
        chunk.k * chunk.s.groups() * down * across,
        (long) chunk.images * chunk.plane * width / 4,
        (task, scratch) -> {
          int from = task % across * width;
          int row = task / across % down * RowLoops.DOT_ROWS;
          int group = task / across / down % chunk.s.groups();
          Block block =
              new Block(
                  task / across / down / chunk.s.groups(),
                  group * chunk.outputs() + row,
                  Math.min(RowLoops.DOT_ROWS, chunk.outputs() - row),
                  from,
                  Math.min(width, chunk.s.depth() - from));
          double[] sums = sums(chunk, block, starts, scratch);
          for (int at = 0; at < block.tall * block.size; at++) {
            if (!Double.isFinite(sums[at])) {
              // a pixel that this element of the window does not meet may have been times 0
              int output = block.output + at / block.size;
              int start = starts[block.from + at % block.size];
              sums[at] = overPlaces(chunk, block.direction, output, start);
            }
          }
          add(chunk, block, sums, dw);
        });
  }

  private double[] sums(Chunk chunk, Block block, int[] starts, Scratch scratch) {
    int size = block.size;
    double[] sums = scratch.doubles(SUMS, RowLoops.DOT_ROWS * size);
    Arrays.fill(sums, 0, RowLoops.DOT_ROWS * size, 0);
    float[] lanes = scratch.floats(LANES, loops.dotSize() * ((size + 1) / 2));
    Arrays.fill(lanes, 0, loops.dotSize() * ((size + 1) / 2), 0);
    int run = RUN * loops.dotLanes();
    int steps = 0;
    for (int i = 0; i < chunk.images; i++) {
      int a = chunk.row(i, block.direction, block.output);
      int b = chunk.pixels(i, block.output);
      for (int at = 0; at < chunk.plane; at += run) {
        int n = Math.min(run, chunk.plane - at);
        for (int p = 0; p < size; p += 2) {
          int b0 = b + at + starts[block.from + p];
          int b1 = b + at + starts[block.from + Math.min(p + 1, size - 1)];
          int to = p / 2 * loops.dotSize();
          loops.dots(n, chunk.rows, a + at, chunk.plane, chunk.data, b0, b1, lanes, to);
        }
        steps += n / loops.dotLanes();
        if (steps >= RUN || i == chunk.images - 1 && at + n == chunk.plane) {
          flush(lanes, sums, size);
          steps = 0;
        }
      }
    }
    return sums;
  }

  /** Adds the lanes in order and clears them. */
  private void flush(float[] lanes, double[] sums, int size) {
    int n = loops.dotLanes();
    for (int p = 0; p < size; p++) {
      for (int r = 0; r < RowLoops.DOT_ROWS; r++) {
        int at = p / 2 * loops.dotSize() + (2 * r + p % 2) * n;
        double sum = 0;
        for (int l = 0; l < n; l++) {
          sum += lanes[at + l];
        }
        sums[r * size + p] += sum;
      }
    }
    Arrays.fill(lanes, 0, (size + 1) / 2 * loops.dotSize(), 0);
  }

  /** One element of the gradient, over places of outputs and nothing else. */
  private static double overPlaces(Chunk chunk, int direction, int output, int start) {
    double sum = 0;
    for (int i = 0; i < chunk.images; i++) {
      int row = chunk.row(i, direction, output);
      int pixels = chunk.pixels(i, output) + start;
      for (int p = 0; p < chunk.s.y().count(); p++) {
        for (int q = 0; q < chunk.s.x().count(); q++) {
          int at = p * chunk.inputs.pitch() + q;
          sum += (double) chunk.rows[row + at] * chunk.data[pixels + at];
        }
      }
    }
    return sum;
  }

  private void add(Chunk chunk, Block block, double[] sums, Strided dw) {
    for (int r = 0; r < block.tall; r++) {
      long row = (long) (block.output + r) * chunk.s.depth() + block.from;
      long at = Host.start(dw, block.direction) + row;
      for (int p = 0; p < block.size; p++) {
        loops.add(dw.buffer(), at + p, sums[r * block.size + p]);
      }
    }
  }
}

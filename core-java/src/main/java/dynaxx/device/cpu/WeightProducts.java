package dynaxx.device.cpu;

import dynaxx.device.cpu.ChannelsLast.Block;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Gradients of a convolution's weights as a matrix product; see {@link ChannelsLast}. */
final class WeightProducts {

  /** Tasks at most, if each has more than one block of columns. */
  private static final int TASKS = 64;

  private static final int PLANE = 0;
  private static final int TILE = 1;
  private static final int DATA = 2;
  private static final int ROWS = 3;
  private static final int TOTAL = 4;

  private final WorkerPool pool;
  private final RowLoops loops;
  private final Scratch shared = new Scratch();
  private final Map<Convolution, Plan> plans = new HashMap<>();

  WeightProducts(WorkerPool pool, RowLoops loops) {
    this.pool = pool;
    this.loops = loops;
  }

  /**
   * Some images of all directions, laid out.
   *
   * @param k directions, which share the images
   * @param images how many
   * @param data the images
   * @param rows adjoints: of each direction and each run of places a row for each output
   */
  private record Chunk(ChannelsLast pixels, int k, int images, float[] data, float[] rows) {

    Convolution s() {
      return pixels.s();
    }

    int places() {
      return images * s().outPlane();
    }

    int runs() {
      return Host.pieces(places(), ChannelsLast.RUN);
    }

    /** The same with so many images. */
    Chunk of(int some) {
      return new Chunk(pixels, k, some, data, rows);
    }

    /** Where the adjoints of an output start. */
    int row(int direction, int run, int output) {
      return ((direction * runs() + run) * s().outputs() + output) * ChannelsLast.PITCH;
    }
  }

  /**
   * What does not change from call to call.
   *
   * @param starts of the places of each run
   * @param blocks of columns
   */
  private record Plan(int[][] starts, List<Block> blocks) {}

  private Plan plan(Convolution s) {
    ChannelsLast pixels = new ChannelsLast(s);
    int[] places = pixels.starts(pixels.images());
    int[][] starts = new int[Host.pieces(places.length, ChannelsLast.RUN)][];
    for (int run = 0; run < starts.length; run++) {
      int from = run * ChannelsLast.RUN;
      int to = Math.min(places.length, from + ChannelsLast.RUN);
      starts[run] = Arrays.copyOfRange(places, from, to);
    }
    return new Plan(starts, pixels.blocks(loops.tileCols()));
  }

  /** Adds the gradients of k directions that share the images to dw. */
  void add(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    ChannelsLast pixels = new ChannelsLast(s);
    Plan plan = plans.computeIfAbsent(s.ofOneImage(), this::plan);
    int parts = pixels.parts();
    int each = Math.ceilDiv(s.images(), parts);
    int most = Math.min(pixels.images(), each);
    int size = Math.multiplyExact(k * s.outputs(), s.depth());
    float[] total = shared.floats(TOTAL, Math.multiplyExact(parts, size));
    Arrays.fill(total, 0, parts * size, 0);
    if (parts == 1) {
      Chunk all = chunk(pixels, k, most, shared);
      for (int from = 0; from < s.images(); from += most) {
        addOnAllThreads(all.of(Math.min(most, s.images() - from)), plan, x, dy, from, total);
      }
    } else {
      pool.run(
          parts,
          (long) each * s.outSize() * s.depth() / 16,
          (part, scratch) -> {
            Chunk all = chunk(pixels, k, most, scratch);
            int end = Math.min(s.images(), (part + 1) * each);
            for (int from = part * each; from < end; from += most) {
              Chunk chunk = all.of(Math.min(most, end - from));
              for (int image = 0; image < chunk.images; image++) {
                layOut(chunk, image, x, dy, from, scratch);
              }
              for (int task = 0; task < tasks(chunk, plan); task++) {
                multiply(chunk, plan, task, total, part * size, scratch);
              }
            }
          });
    }
    addTotals(s, k, parts, total, dw);
  }

  private Chunk chunk(ChannelsLast pixels, int k, int images, Scratch scratch) {
    int outputs = pixels.s().outputs();
    int runs = Host.pieces((long) images * pixels.s().outPlane(), ChannelsLast.RUN);
    int held = Math.addExact(Math.multiplyExact(k * runs, outputs), loops.tileRows());
    float[] data = scratch.floats(DATA, Math.addExact(images * pixels.size(), loops.tileCols()));
    float[] rows = scratch.floats(ROWS, Math.multiplyExact(held, ChannelsLast.PITCH));
    return new Chunk(pixels, k, images, data, rows);
  }

  private void addOnAllThreads(
      Chunk chunk, Plan plan, Strided x, Strided dy, int from, float[] total) {
    Convolution s = chunk.s();
    pool.run(
        chunk.images,
        chunk.pixels.size() + (long) chunk.k * s.outSize(),
        (image, scratch) -> layOut(chunk, image, x, dy, from, scratch));
    pool.run(
        tasks(chunk, plan),
        (long) chunk.places() * s.outputs() * s.depth() / 16 / tasks(chunk, plan),
        (task, scratch) -> multiply(chunk, plan, task, total, 0, scratch));
  }

  private void layOut(Chunk chunk, int image, Strided x, Strided dy, int from, Scratch scratch) {
    Convolution s = chunk.s();
    layOutPixels(chunk, image, x, from, scratch);
    MemorySegment adjoints = Host.segment(dy.buffer());
    for (int q = 0; q < chunk.k; q++) {
      long at = Host.start(dy, q) + (from + image) * s.outSize();
      for (int o = 0; o < s.outputs(); o++) {
        int end = (image + 1) * s.outPlane();
        for (int place = image * s.outPlane(); place < end; ) {
          int in = place % ChannelsLast.RUN;
          int n = Math.min(ChannelsLast.RUN - in, end - place);
          int row = chunk.row(q, place / ChannelsLast.RUN, o);
          Host.load(adjoints, at, chunk.rows, row + in, n);
          at += n;
          place += n;
        }
      }
    }
  }

  private static void layOutPixels(Chunk chunk, int image, Strided x, int from, Scratch scratch) {
    ChannelsLast pixels = chunk.pixels;
    Convolution s = chunk.s();
    float[] plane = scratch.floats(PLANE, s.inPlane());
    int start = image * pixels.size();
    Arrays.fill(chunk.data, start, start + pixels.size(), 0);
    int rows = Math.min(s.y().size(), pixels.rows() - s.y().before());
    int columns = Math.min(s.x().size(), pixels.columns() - s.x().before());
    for (int c = 0; c < s.channels(); c++) {
      long at = Host.start(x, 0) + (from + image) * s.inSize() + (long) c * s.inPlane();
      Host.load(Host.segment(x.buffer()), at, plane, s.inPlane());
      int first = start + c / pixels.channels() * pixels.groupSize() + c % pixels.channels();
      for (int row = 0; row < rows; row++) {
        int pixel = (row + s.y().before()) * pixels.columns() + s.x().before();
        int to = first + pixel * pixels.channels();
        for (int column = 0; column < columns; column++, to += pixels.channels()) {
          chunk.data[to] = plane[row * s.x().size() + column];
        }
      }
    }
  }

  /** Outputs of a task. */
  private int tall(int outputs) {
    return Host.pieces(outputs, Host.pieces(outputs, loops.tileRows()));
  }

  /** Blocks of columns of a task. */
  private int each(Chunk chunk, Plan plan) {
    int outputs = chunk.s().outputs() / chunk.s().groups();
    long rows = (long) chunk.k * chunk.s().groups() * Host.pieces(outputs, tall(outputs));
    return Math.clamp(rows * plan.blocks.size() / TASKS, 1, plan.blocks.size());
  }

  private int tasks(Chunk chunk, Plan plan) {
    int outputs = chunk.s().outputs() / chunk.s().groups();
    int across = Host.pieces(plan.blocks.size(), each(chunk, plan));
    return chunk.k * chunk.s().groups() * Host.pieces(outputs, tall(outputs)) * across;
  }

  /** Some outputs of a direction with some blocks of columns. */
  private void multiply(
      Chunk chunk, Plan plan, int task, float[] total, int totalAt, Scratch scratch) {
    Convolution s = chunk.s();
    int outputs = s.outputs() / s.groups();
    int tall = tall(outputs);
    int down = Host.pieces(outputs, tall);
    int each = each(chunk, plan);
    int across = Host.pieces(plan.blocks.size(), each);
    int row = task / across % down * tall;
    int group = task / across / down % s.groups();
    int direction = task / across / down / s.groups();
    int from = task % across * each;
    multiply(
        chunk,
        direction,
        group * outputs + row,
        Math.min(tall, outputs - row),
        plan.starts,
        plan.blocks.subList(from, Math.min(plan.blocks.size(), from + each)),
        total,
        totalAt,
        scratch);
  }

  private void multiply(
      Chunk chunk,
      int direction,
      int output,
      int tall,
      int[][] starts,
      List<Block> blocks,
      float[] total,
      int totalAt,
      Scratch scratch) {
    Convolution s = chunk.s();
    int cols = loops.tileCols();
    float[] tile = scratch.floats(TILE, loops.tileRows() * cols);
    int group = output / (s.outputs() / s.groups()) * chunk.pixels.groupSize();
    for (int first = 0; first < chunk.runs(); first += ChannelsLast.RUNS) {
      int last = Math.min(chunk.runs(), first + ChannelsLast.RUNS);
      for (Block block : blocks) {
        for (int run = first; run < last; run++) {
          int depth = Math.min(ChannelsLast.RUN, chunk.places() - run * ChannelsLast.RUN);
          int a = chunk.row(direction, run, output);
          int b = group + block.at();
          int width = block.width();
          loops.tile(
              false,
              tall,
              width,
              depth,
              chunk.rows,
              a,
              chunk.data,
              starts[run],
              b,
              tile,
              0,
              cols,
              run > first);
        }
        for (int r = 0; r < tall; r++) {
          int to = (direction * s.outputs() + output + r) * s.depth() + block.column();
          for (int j = 0; j < block.width(); j++) {
            total[totalAt + to + j] += tile[r * cols + j];
          }
        }
      }
    }
  }

  private void addTotals(Convolution s, int k, int parts, float[] total, Strided dw) {
    int channels = s.channels() / s.groups();
    int window = s.y().kernel() * s.x().kernel();
    int size = k * s.outputs() * s.depth();
    pool.run(
        k * s.outputs(),
        (long) parts * s.depth(),
        (task, scratch) -> {
          long to = Host.start(dw, task / s.outputs()) + task % s.outputs() * (long) s.depth();
          for (int c = 0; c < channels; c++) {
            for (int e = 0; e < window; e++, to++) {
              double sum = 0;
              for (int part = 0; part < parts; part++) {
                sum += total[part * size + task * s.depth() + e * channels + c];
              }
              loops.add(dw.buffer(), to, sum);
            }
          }
        });
  }
}

package dynaxx.device.cpu;

import dynaxx.device.cpu.ChannelsLast.Block;
import dynaxx.device.cpu.ChannelsLast.Cut;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Gradients of a convolution's weights as a matrix product; see {@link ChannelsLast}. */
final class WeightProducts {

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

  /**
   * The gradients of k directions that share the images.
   *
   * @param total of each part, direction and output, in the order of the blocks' columns
   */
  private record Call(
      ChannelsLast pixels, int k, Strided x, Strided dy, Plan plan, Cut cut, float[] total) {

    Convolution s() {
      return pixels.s();
    }

    /** Values of the total of a part. */
    int size() {
      return Math.multiplyExact(k * s().outputs(), s().depth());
    }
  }

  /**
   * Some images of all directions, laid out.
   *
   * @param from the first
   * @param images how many
   * @param data the images
   * @param rows adjoints: of each direction and each run of places a row for each output
   * @param totalAt where the total of their part starts
   */
  private record Chunk(Call call, int from, int images, float[] data, float[] rows, int totalAt) {

    int places() {
      return images * call.s().outPlane();
    }

    int runs() {
      return Host.pieces(places(), ChannelsLast.RUN);
    }

    /** Where the adjoints of an output start. */
    int row(int direction, int run, int output) {
      return ((direction * runs() + run) * call.s().outputs() + output) * ChannelsLast.PITCH;
    }
  }

  /** Adds the gradients of k directions that share the images to dw. */
  void add(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    ChannelsLast pixels = new ChannelsLast(s);
    Plan plan = plans.computeIfAbsent(s.ofOneImage(), this::plan);
    Cut cut = pixels.cut(k, loops.tileRows(), plan.blocks.size());
    int parts = pixels.parts();
    int values = Math.multiplyExact(parts, Math.multiplyExact(k * s.outputs(), s.depth()));
    Call call = new Call(pixels, k, x, dy, plan, cut, shared.floats(TOTAL, values));
    Arrays.fill(call.total, 0, values, 0);
    if (parts == 1) {
      int most = pixels.images();
      for (int from = 0; from < s.images(); from += most) {
        addOnAllThreads(chunk(call, from, Math.min(most, s.images() - from), 0, shared));
      }
    } else {
      int each = Math.ceilDiv(s.images(), parts);
      pool.run(
          parts,
          (long) each * s.outSize() * s.depth() / 16,
          (part, scratch) -> {
            int end = Math.min(s.images(), (part + 1) * each);
            addPart(call, part * each, end, part * call.size(), scratch);
          });
    }
    addTotals(call, parts, dw);
  }

  private Chunk chunk(Call call, int from, int images, int totalAt, Scratch scratch) {
    int outputs = call.s().outputs();
    int runs = Host.pieces((long) images * call.s().outPlane(), ChannelsLast.RUN);
    int held = Math.addExact(Math.multiplyExact(call.k * runs, outputs), loops.tileRows());
    int size = Math.addExact(images * call.pixels.size(), loops.tileCols());
    float[] data = scratch.floats(DATA, size);
    float[] rows = scratch.floats(ROWS, Math.multiplyExact(held, ChannelsLast.PITCH));
    return new Chunk(call, from, images, data, rows, totalAt);
  }

  private void addOnAllThreads(Chunk chunk) {
    Convolution s = chunk.call.s();
    pool.run(
        chunk.images,
        chunk.call.pixels.size() + (long) chunk.call.k * s.outSize(),
        (image, scratch) -> layOut(chunk, image, scratch));
    int tasks = chunk.call.cut.tasks();
    pool.run(
        tasks,
        (long) chunk.places() * chunk.call.size() / 16 / tasks,
        (task, scratch) -> multiply(chunk, task, scratch));
  }

  private void addPart(Call call, int from, int end, int totalAt, Scratch scratch) {
    int most = call.pixels.images();
    for (int first = from; first < end; first += most) {
      Chunk chunk = chunk(call, first, Math.min(most, end - first), totalAt, scratch);
      for (int image = 0; image < chunk.images; image++) {
        layOut(chunk, image, scratch);
      }
      for (int task = 0; task < call.cut.tasks(); task++) {
        multiply(chunk, task, scratch);
      }
    }
  }

  private static void layOut(Chunk chunk, int image, Scratch scratch) {
    layOutPixels(chunk, image, scratch);
    Convolution s = chunk.call.s();
    MemorySegment adjoints = Host.segment(chunk.call.dy.buffer());
    int end = (image + 1) * s.outPlane();
    for (int q = 0; q < chunk.call.k; q++) {
      long at = Host.start(chunk.call.dy, q) + (chunk.from + image) * s.outSize();
      for (int o = 0; o < s.outputs(); o++) {
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

  private static void layOutPixels(Chunk chunk, int image, Scratch scratch) {
    ChannelsLast pixels = chunk.call.pixels;
    Convolution s = pixels.s();
    MemorySegment x = Host.segment(chunk.call.x.buffer());
    float[] plane = scratch.floats(PLANE, s.inPlane());
    int start = image * pixels.size();
    Arrays.fill(chunk.data, start, start + pixels.size(), 0);
    int rows = Math.min(s.y().size(), pixels.rows() - s.y().before());
    int columns = Math.min(s.x().size(), pixels.columns() - s.x().before());
    long at = Host.start(chunk.call.x, 0) + (chunk.from + image) * s.inSize();
    for (int c = 0; c < s.channels(); c++, at += s.inPlane()) {
      Host.load(x, at, plane, s.inPlane());
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

  /** Some outputs of a direction with some blocks of columns. */
  private void multiply(Chunk chunk, int task, Scratch scratch) {
    Call call = chunk.call;
    Convolution s = call.s();
    Cut cut = call.cut;
    int outputs = s.outputs() / s.groups();
    int block = task % cut.across() * cut.blocks();
    int row = task / cut.across() % cut.down() * cut.outputs();
    int group = task / cut.across() / cut.down() % s.groups();
    int direction = task / cut.across() / cut.down() / s.groups();
    int tall = Math.min(cut.outputs(), outputs - row);
    int output = group * outputs + row;
    int end = Math.min(call.plan.blocks.size(), block + cut.blocks());
    int total = chunk.totalAt + (direction * s.outputs() + output) * s.depth();
    float[] tile = scratch.floats(TILE, loops.tileRows() * loops.tileCols());
    for (int first = 0; first < chunk.runs(); first += ChannelsLast.RUNS) {
      int last = Math.min(chunk.runs(), first + ChannelsLast.RUNS);
      for (Block columns : call.plan.blocks.subList(block, end)) {
        int b = group * call.pixels.groupSize() + columns.at();
        for (int run = first; run < last; run++) {
          int a = chunk.row(direction, run, output);
          tile(chunk, run, tall, columns.width(), a, b, tile, run > first);
        }
        addTile(tile, tall, columns, call.total, total, s.depth());
      }
    }
  }

  /** The products of a run of places, or of one more. */
  private void tile(
      Chunk chunk, int run, int tall, int width, int a, int b, float[] tile, boolean add) {
    int depth = Math.min(ChannelsLast.RUN, chunk.places() - run * ChannelsLast.RUN);
    int[] starts = chunk.call.plan.starts[run];
    int pitch = loops.tileCols();
    loops.tile(
        false, tall, width, depth, chunk.rows, a, chunk.data, starts, b, tile, 0, pitch, add);
  }

  private void addTile(float[] tile, int tall, Block columns, float[] total, int at, int depth) {
    for (int r = 0; r < tall; r++) {
      int from = r * loops.tileCols();
      int to = at + r * depth + columns.column();
      for (int j = 0; j < columns.width(); j++) {
        total[to + j] += tile[from + j];
      }
    }
  }

  private void addTotals(Call call, int parts, Strided dw) {
    Convolution s = call.s();
    int channels = call.pixels.channels();
    int window = s.y().kernel() * s.x().kernel();
    pool.run(
        call.k * s.outputs(),
        (long) parts * s.depth(),
        (task, scratch) -> {
          long to = Host.start(dw, task / s.outputs()) + task % s.outputs() * (long) s.depth();
          for (int c = 0; c < channels; c++) {
            for (int e = 0; e < window; e++, to++) {
              double sum = 0;
              for (int part = 0; part < parts; part++) {
                sum += call.total[part * call.size() + task * s.depth() + e * channels + c];
              }
              loops.add(dw.buffer(), to, sum);
            }
          }
        });
  }
}

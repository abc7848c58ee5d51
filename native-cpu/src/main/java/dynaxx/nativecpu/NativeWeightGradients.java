package dynaxx.nativecpu;

import dynaxx.device.cpu.ChannelsLast;
import dynaxx.device.cpu.ImageGrid;
import dynaxx.device.cpu.NativeKernels.Tasks;
import dynaxx.device.cpu.Tap;
import dynaxx.kernel.ConvolutionKernels.Convolution;
import dynaxx.kernel.Strided;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Gradients of a convolution's weights: matrix products or, where channels are few, dots. */
final class NativeWeightGradients {

  /**
   * Values of the images and adjoints that all tasks of dots share, unless one image needs more.
   */
  private static final int SHARED = 1 << 17;

  /** Multiplications that take about as long as an elementary step of other kernels. */
  private static final long PER_STEP = 64;

  private static final int GRID_FIELDS = 12;
  private static final int BLOCK_FIELDS = 3;

  /** Field of the images that are laid out. */
  private static final int IMAGES = 8;

  private final ConvolutionFunctions functions;
  private final Tasks tasks;
  private final Map<Convolution, MemorySegment> starts = new HashMap<>();
  private final Map<Convolution, Plan> plans = new HashMap<>();
  private final Struct dots = new Struct(2 * GRID_FIELDS + 10);
  private final Struct product = new Struct(22);
  private final Memory data = new Memory();
  private final Memory rows = new Memory();
  private final Memory totals = new Memory();

  NativeWeightGradients(ConvolutionFunctions functions, Tasks tasks) {
    this.functions = functions;
    this.tasks = tasks;
  }

  /** Adds the gradients of k directions that share the images to dw. */
  void add(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    if (ChannelsLast.pays(s)) {
      products(s, k, x, dy, dw);
    } else {
      dots(s, k, x, dy, dw);
    }
  }

  /**
   * What does not change from call to call.
   *
   * @param starts of all places of the images that are laid out at a time
   * @param blocks structs
   * @param count how many
   */
  private record Plan(MemorySegment starts, MemorySegment blocks, int count) {}

  private Plan plan(Convolution s) {
    ChannelsLast pixels = new ChannelsLast(s);
    List<ChannelsLast.Block> blocks = pixels.blocks(functions.tileCols());
    Struct structs = new Struct(blocks.size() * BLOCK_FIELDS);
    blocks.forEach(b -> structs.put(b.at(), b.column(), b.width()));
    return new Plan(list(pixels.starts(pixels.images())), structs.segment(), blocks.size());
  }

  private static MemorySegment list(int[] values) {
    MemorySegment list = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, values.length);
    return list.copyFrom(MemorySegment.ofArray(values));
  }

  private void products(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    ChannelsLast pixels = new ChannelsLast(s);
    Plan plan = plans.computeIfAbsent(s.ofOneImage(), this::plan);
    int parts = pixels.parts();
    int most = Math.min(pixels.images(), Math.ceilDiv(s.images(), parts));
    ChannelsLast.Cut cut = pixels.cut(k, functions.tilePlanes(), plan.count);
    long runs = Math.ceilDiv((long) most * s.outPlane(), ChannelsLast.RUN);
    long dataSize = (long) most * pixels.size() + functions.tileCols();
    long rowsSize = k * runs * s.outputs() * ChannelsLast.PITCH;
    long totalSize = (long) parts * k * s.outputs() * s.depth();
    MemorySegment total = totals.floats(totalSize);
    total.asSlice(0, Float.BYTES * totalSize).fill((byte) 0);
    MemorySegment from = Memory.of("x", x, 1, s.images() * s.inSize());
    MemorySegment seen = Memory.of("dy", dy, k, s.images() * s.outSize());
    MemorySegment to = Memory.of("dw", dw, k, (long) s.outputs() * s.depth());
    product.at(0).put(pixels.channels(), s.y().size(), s.x().size());
    product.put(s.y().before(), s.x().before(), pixels.rows(), pixels.columns());
    product.put(k, most, 0, s.groups(), s.outputs() / s.groups(), s.outPlane());
    product.put((long) s.y().kernel() * s.x().kernel(), dy.stride(), dw.stride());
    product.put(cut.outputs(), plan.count, cut.blocks(), cut.tasks(), s.images(), parts);
    long work = (long) most * s.outSize() * s.depth() / PER_STEP;
    if (parts > 1) {
      tasks.run(
          parts,
          work,
          Float.BYTES * (dataSize + rowsSize),
          (task, memory) ->
              functions.weightPart(
                  product.segment(), plan.starts, plan.blocks, from, seen, total, memory, task));
    } else {
      MemorySegment data = this.data.floats(dataSize);
      MemorySegment rows = this.rows.floats(rowsSize);
      for (int first = 0; first < s.images(); first += most) {
        int some = Math.min(most, s.images() - first);
        product.at(IMAGES).put(some, first);
        tasks.run(
            some,
            pixels.size() + k * s.outSize(),
            0,
            (task, memory) ->
                functions.layOutPixels(product.segment(), from, seen, data, rows, task));
        tasks.run(
            cut.tasks(),
            k * work / cut.tasks(),
            0,
            (task, memory) ->
                functions.weightProducts(
                    product.segment(), plan.starts, plan.blocks, data, rows, total, task));
      }
    }
    tasks.run(
        k * s.outputs(),
        (long) parts * s.depth(),
        0,
        (task, memory) -> functions.addWeights(product.segment(), total, to, task));
  }

  private void dots(Convolution s, int k, Strided x, Strided dy, Strided dw) {
    ImageGrid pixels = ImageGrid.ofInputs(s.channels(), s.y(), s.x());
    ImageGrid adjoints = ImageGrid.ofPlaces(s.outputs(), pixels, s.y(), s.x());
    int cols = functions.tileCols();
    int plane = Math.ceilDiv(adjoints.plane(), cols) * cols;
    // of one direction, so that sums are cut alike whatever k is
    int size = Math.addExact(pixels.size(), Math.multiplyExact(s.outputs(), plane));
    int images = Math.clamp(SHARED / size, 1, s.images());
    int behind = pixels.pitch() + cols;
    MemorySegment data = this.data.floats((long) images * pixels.size() + behind);
    MemorySegment rows = this.rows.floats((long) images * k * s.outputs() * plane);
    MemorySegment from = Memory.of("x", x, 1, s.images() * s.inSize());
    MemorySegment seen = Memory.of("dy", dy, k, s.images() * s.outSize());
    MemorySegment to = Memory.of("dw", dw, k, (long) s.outputs() * s.depth());
    MemorySegment lists = starts.computeIfAbsent(s.ofOneImage(), c -> starts(c, pixels));
    int each = s.outputs() / s.groups();
    long across = Math.ceilDiv(s.depth(), functions.dotElements());
    long down = Math.ceilDiv(each, functions.dotOutputs());
    for (int first = 0; first < s.images(); first += images) {
      int count = Math.min(images, s.images() - first);
      dots.at(0).put(pixels, pixels.pitch(), 0, -1);
      dots.put(adjoints, adjoints.pitch(), 0, -1);
      dots.put(plane, k, count, s.groups(), each, s.depth(), first);
      dots.put(dy.stride(), dw.stride(), behind);
      tasks.run(
          count,
          pixels.size() + (long) k * s.outputs() * plane,
          0,
          (task, memory) -> functions.layOut(dots.segment(), from, seen, data, rows, task));
      tasks.run(
          Math.toIntExact(k * s.groups() * down * across),
          (long) count * plane * functions.dotElements() * functions.dotOutputs() / PER_STEP,
          0,
          (task, memory) -> functions.weightDots(dots.segment(), lists, data, rows, to, task));
    }
  }

  private static MemorySegment starts(Convolution s, ImageGrid pixels) {
    int[] starts =
        Tap.all(s.channels() / s.groups(), s).stream()
            .mapToInt(tap -> tap.start(pixels, s))
            .toArray();
    return list(starts);
  }
}

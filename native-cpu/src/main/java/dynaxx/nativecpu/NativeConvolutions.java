package dynaxx.nativecpu;

import dynaxx.device.cpu.ImageGrid;
import dynaxx.device.cpu.NativeKernels.Tasks;
import dynaxx.device.cpu.WindowPass;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.Strided;
import dynaxx.memory.Buffer;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Plans convolutions and cuts them into tasks, each of which is one call of C. Sums have the order
 * of those in Java with vectors of the same length, and so the same bits; how they are cut into
 * tasks does not change them.
 */
final class NativeConvolutions implements ConvolutionKernels {

  /** Values of the images that a task lays out, unless a single one needs more. */
  private static final int LAID_OUT = 1 << 16;

  /**
   * More than that is laid out, up to this, where the weights are more: each task reads them all.
   */
  private static final int MOST_LAID_OUT = 1 << 18;

  /** Images of a task at most. */
  private static final int IMAGES = 16;

  /** Tasks are cut by planes too if there would be fewer. */
  private static final int TASKS = 8;

  private static final int GRID_FIELDS = 12;
  private static final int PASS_FIELDS = 9;

  private final ConvolutionFunctions functions;
  private final Tasks tasks;
  private final Map<Key, Plan> outputs = new HashMap<>();
  private final Map<Key, Plan> inputs = new HashMap<>();
  private final Struct call = new Struct(GRID_FIELDS + 16);
  private final NativeWeightGradients gradients;
  private final Memory weights = new Memory();

  NativeConvolutions(ConvolutionFunctions functions, Tasks tasks) {
    this.functions = functions;
    this.tasks = tasks;
    gradients = new NativeWeightGradients(functions, tasks);
  }

  /**
   * What a plan depends on.
   *
   * @param shape of one image
   * @param members sets of weights
   * @param images that lie side by side
   */
  private record Key(Convolution shape, int members, int images) {

    /**
     * Chooses how many images lie side by side.
     *
     * @param size values of an image
     * @param count images in all
     */
    static Key of(Convolution s, int members, int size, int count) {
      long weights = (long) members * s.outputs() * s.depth();
      long room = Math.clamp(weights, LAID_OUT, MOST_LAID_OUT);
      int images = Math.clamp(room / size, 1, Math.min(IMAGES, count));
      return new Key(s.ofOneImage(), members, images);
    }
  }

  /**
   * What does not change from call to call.
   *
   * @param grid of the images that are read, side by side
   * @param images how many
   * @param own columns of an image
   * @param step from one image to the next
   * @param cuts that are read
   * @param passes structs
   * @param count how many
   * @param lists starts and elements of all passes
   * @param weights values of the packed weights of all members
   * @param padded values of a tile's row in the largest pass
   */
  private record Plan(
      ImageGrid grid,
      int images,
      int own,
      int step,
      long cuts,
      MemorySegment passes,
      int count,
      MemorySegment lists,
      long weights,
      int padded) {}

  private Plan ofOutputs(Key key) {
    Convolution s = key.shape;
    ImageGrid grid = ImageGrid.ofInputs(s.channels(), s.y(), s.x());
    return plan(grid, g -> List.of(WindowPass.ofOutputs(s, g)), s.outputs(), key);
  }

  private Plan ofInputs(Key key) {
    Convolution s = key.shape;
    ImageGrid grid = ImageGrid.ofOutputs(s.outputs(), s.y(), s.x());
    return plan(grid, g -> WindowPass.ofInputs(s, g), s.channels(), key);
  }

  private Plan plan(
      ImageGrid one, Function<ImageGrid, List<WindowPass>> over, int planes, Key key) {
    int step = one.step(over.apply(one));
    ImageGrid grid = one.sideBySide(key.images, step);
    List<WindowPass> windows = over.apply(grid);
    Struct passes = new Struct(windows.size() * PASS_FIELDS);
    int size = windows.stream().mapToInt(w -> 2 * w.depth()).sum();
    MemorySegment lists = Arena.ofAuto().allocate(ValueLayout.JAVA_INT, Math.max(1, size));
    int at = 0;
    long packed = 0;
    int padded = 0;
    for (WindowPass w : windows) {
      int depth = w.depth();
      passes.put(depth, at, at + depth, packed, w.rows(), w.columns(), w.first());
      passes.put(w.rowStep(), w.step());
      MemorySegment.copy(w.starts(), 0, lists, ValueLayout.JAVA_INT, 4L * at, depth);
      MemorySegment.copy(w.elements(), 0, lists, ValueLayout.JAVA_INT, 4L * (at + depth), depth);
      at += 2 * depth;
      long pieces = Math.max(1, Math.ceilDiv(depth, functions.run()));
      packed += key.members * pieces * planes * functions.pitch();
      int places = (w.rows() - 1) * grid.pitch() + (key.images - 1) * step + w.columns();
      padded = Math.max(padded, Math.ceilDiv(places, functions.tileCols()) * functions.tileCols());
    }
    return new Plan(
        grid,
        key.images,
        one.pitch(),
        step,
        grid.cuts(windows),
        passes.segment(),
        windows.size(),
        lists,
        packed,
        padded);
  }

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
    int each = s.outputs() / s.groups();
    int count = same ? s.images() : k * s.images();
    int size = ImageGrid.ofInputs(s.channels(), s.y(), s.x()).size();
    Plan plan = outputs.computeIfAbsent(Key.of(s, members, size, count), this::ofOutputs);
    int tall = header(s, plan, x, count, each, s.outPlane(), members, w, bias, add);
    call.put(s.depth(), s.outputs(), 0);
    run(
        plan,
        tall,
        count,
        Memory.of("x", x, k, s.images() * s.inSize()),
        Memory.of("w", w, k, (long) s.outputs() * s.depth()),
        bias == null ? MemorySegment.NULL : Memory.of("bias", bias, k, s.outputs()),
        Memory.of("y", y, 0, k * s.images() * s.outSize()),
        s.outputs() * members,
        each);
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
    int each = s.channels() / s.groups();
    int count = same ? s.images() : k * s.images();
    int size = ImageGrid.ofOutputs(s.outputs(), s.y(), s.x()).size();
    Plan plan = inputs.computeIfAbsent(Key.of(s, members, size, count), this::ofInputs);
    int tall = header(s, plan, dy, count, each, s.inPlane(), members, w, null, add);
    call.put(
        (long) s.y().kernel() * s.x().kernel(), each, (long) s.outputs() / s.groups() * s.depth());
    run(
        plan,
        tall,
        count,
        Memory.of("dy", dy, k, s.images() * s.outSize()),
        Memory.of("w", w, k, (long) s.outputs() * s.depth()),
        MemorySegment.NULL,
        Memory.of("dx", dx, 0, k * s.images() * s.inSize()),
        s.channels() * members,
        each);
  }

  /** All fields but how weights lie; returns the planes of a task. */
  private int header(
      Convolution s,
      Plan plan,
      Strided images,
      int count,
      int each,
      int outPlane,
      int members,
      Strided w,
      Strided bias,
      boolean add) {
    long tiles = Math.ceilDiv(each, functions.tilePlanes());
    long parts = Math.clamp(Math.ceilDiv(TASKS, Math.ceilDiv(count, plan.images)), 1, tiles);
    int tall = (int) Math.ceilDiv(each, parts);
    call.at(0).put(plan.grid, plan.own, plan.step, plan.cuts);
    call.put(images.stride(), s.images(), count, s.groups(), each, outPlane);
    call.put(members, w.stride(), bias == null ? 0 : bias.stride(), add ? 1 : 0);
    call.put(plan.count, plan.images, tall);
    return tall;
  }

  private void run(
      Plan plan,
      int tall,
      int count,
      MemorySegment from,
      MemorySegment w,
      MemorySegment bias,
      MemorySegment to,
      int planes,
      int each) {
    ImageGrid grid = plan.grid;
    MemorySegment packed = weights.floats(plan.weights);
    tasks.run(
        planes,
        plan.lists.byteSize() / 8,
        0,
        (task, memory) ->
            functions.packWeights(call.segment(), plan.passes, plan.lists, w, packed, task));
    long room = grid.size() + (long) functions.tilePlanes() * plan.padded;
    long blocks = Math.ceilDiv(each, tall);
    tasks.run(
        Math.toIntExact(Math.ceilDiv(count, plan.images) * blocks),
        (long) grid.size() * planes / blocks,
        Float.BYTES * (room + functions.behind()),
        (task, memory) ->
            functions.convolve(
                call.segment(), plan.passes, plan.lists, from, packed, bias, to, memory, task));
  }

  // ---- gradients of the weights

  @Override
  public void convolveWeight(
      Convolution s, int k, Strided x, Strided dy, Strided dw, Strided dbias) {
    if (dbias != null) {
      addBiasGradients(s, k, dy, dbias);
    }
    if (x.stride() == 0) {
      gradients.add(s, k, x, dy, dw);
      return;
    }
    for (int i = 0; i < k; i++) {
      gradients.add(s, 1, x.run(i), dy.run(i), dw.run(i));
    }
  }

  private void addBiasGradients(Convolution s, int k, Strided dy, Strided dbias) {
    MemorySegment from = Memory.of("dy", dy, k, s.images() * s.outSize());
    MemorySegment to = Memory.of("dbias", dbias, k, s.outputs());
    tasks.run(
        k * s.outputs(),
        (long) s.images() * s.outPlane() / 8,
        0,
        (task, memory) -> {
          int direction = task / s.outputs();
          int output = task % s.outputs();
          long at = direction * dy.stride() + (long) output * s.outPlane();
          double sum = functions.planeSum(from, at, s.images(), s.outSize(), s.outPlane());
          long index = direction * dbias.stride() + output;
          double old = to.getAtIndex(ValueLayout.JAVA_FLOAT, index);
          to.setAtIndex(ValueLayout.JAVA_FLOAT, index, (float) (old + sum));
        });
  }
}

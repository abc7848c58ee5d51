package dynaxx.device.cpu;

import dynaxx.device.cpu.AttentionProducts.Cut;
import dynaxx.device.cpu.AttentionProducts.Part;
import dynaxx.device.cpu.AttentionProducts.Tangents;
import dynaxx.kernel.AttentionKernels;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Scalars;
import dynaxx.memory.Buffer;
import dynaxx.memory.Scope;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.Function;

/**
 * Attention, some heads a task: each thread has products and row kernels of its own, which run on
 * it alone, and scratch memory that stays in its cache.
 */
final class Attention<A> implements AttentionKernels, AutoCloseable {

  /** Scores of a block, all arrays together: a part of a second-level cache. */
  private static final long SCORES = 1 << 16;

  /** Tasks that a call is cut into, if there are as many heads. */
  private static final int TASKS = 64;

  private final WorkerPool pool;
  private final Loops<A> loops;
  private final Function<WorkerPool, GemmKernels> products;
  private final Map<Scratch, Lane> lanes = new ConcurrentHashMap<>();

  Attention(WorkerPool pool, Loops<A> loops, Function<WorkerPool, GemmKernels> products) {
    this.pool = pool;
    this.loops = loops;
    this.products = products;
  }

  /** What a thread computes with. */
  private final class Lane {
    private final WorkerPool alone = new WorkerPool(1);
    private final AttentionProducts<A> kernels =
        new AttentionProducts<>(products.apply(alone), new AttentionRows<>(loops), this::room);
    private Scope scope = Scope.open();
    private Buffer room = loops.allocate(scope, 0);

    private Buffer room(long size) {
      if (room.size() < size) {
        Scope larger = Scope.open();
        try {
          room = loops.allocate(larger, size);
        } catch (RuntimeException | Error e) {
          larger.close();
          throw e;
        }
        scope.close();
        scope = larger;
      }
      return room;
    }
  }

  private interface Work<A> {
    void run(AttentionProducts<A> kernels, Part part, int index);
  }

  private void run(Cut cut, int products, Work<A> work) {
    Heads h = cut.heads();
    long scores = (long) h.tokens() * h.tokens() * cut.part(0).heads() * cut.examples();
    pool.run(
        cut.parts(),
        scores * (h.depth() * (long) products / 16 + 4),
        (task, scratch) -> {
          Lane lane = lanes.computeIfAbsent(scratch, s -> new Lane());
          work.run(lane.kernels, cut.part(task), task);
        });
  }

  private static Cut cut(Heads h) {
    return Cut.of(h, SCORES, TASKS);
  }

  @Override
  public void forward(Heads h, Buffer x, Buffer y, Buffer saved) {
    run(cut(h), 2, (kernels, part, task) -> kernels.forward(part, x, y, saved));
  }

  @Override
  public void backward(
      Heads h,
      Buffer x,
      Buffer y,
      Buffer saved,
      Buffer dy,
      Buffer adjoint,
      Buffer dx,
      boolean add) {
    run(cut(h), 5, (kernels, part, task) -> kernels.backward(part, x, saved, dy, adjoint, dx, add));
  }

  @Override
  public void tangent(
      Heads h, int k, Buffer x, Buffer y, Buffer saved, Buffer rx, Buffer ry, Buffer tangent) {
    run(
        cut(h),
        1 + 4 * k,
        (kernels, part, task) -> kernels.tangent(part, k, x, saved, rx, ry, tangent));
  }

  @Override
  public void tangentBackward(
      Heads h,
      int k,
      Primal primal,
      Buffer rx,
      Buffer tangent,
      Buffer rdy,
      Buffer rdx,
      boolean add) {
    Tangents tangents = new Tangents(rx, tangent, rdy);
    run(
        cut(h),
        2 + 10 * k,
        (kernels, part, task) -> kernels.tangentBackward(part, k, primal, tangents, rdx, add));
  }

  @Override
  public void curvature(Heads h, int k, Primal primal, Buffer rx, Buffer tangent, Scalars c) {
    Cut cut = cut(h);
    List<HostScalars> sums = sums(cut.parts(), k);
    run(
        cut,
        2 + 4 * k,
        (kernels, part, task) -> kernels.curvature(part, k, primal, rx, tangent, sums.get(task)));
    sums.forEach(sum -> add(sum, c));
  }

  @Override
  public void entropy(Heads h, Buffer x, Buffer saved, Scalars sums) {
    Cut cut = cut(h);
    List<HostScalars> each = sums(cut.parts(), cut.part(0).heads());
    run(cut, 1, (kernels, part, task) -> kernels.entropy(part, x, saved, each.get(task)));
    for (int task = 0; task < each.size(); task++) {
      Part part = cut.part(task);
      add(each.get(task).part(0, part.heads()), sums.part(part.head(), part.heads()));
    }
  }

  private static List<HostScalars> sums(int count, int size) {
    List<HostScalars> sums = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      sums.add(new HostScalars(size));
    }
    return sums;
  }

  private static void add(Scalars from, Scalars to) {
    double[] values = from.read();
    for (int i = 0; i < values.length; i++) {
      ((HostScalars) to).add(i, values[i]);
    }
  }

  @Override
  public void close() {
    lanes.values().forEach(lane -> lane.scope.close());
  }
}

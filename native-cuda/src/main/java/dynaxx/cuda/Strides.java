package dynaxx.cuda;

import dynaxx.kernel.StrideKernels;
import dynaxx.kernel.Strided;
import dynaxx.kernel.Walk;
import dynaxx.kernel.Walk.Axis;
import dynaxx.memory.Buffer;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToLongFunction;

/** Copies and sums along any strides, and selections; kernels in strides.cu. */
final class Strides implements StrideKernels {

  /** Axes of the common kernels, and of those for everything else. */
  private static final int FEW = 6;

  private static final int ALL = 62;

  private static final int TILE = 32;

  /** Smallest extent for which tiles pay off. */
  private static final int CROSSING = 8;

  /** Terms of a chunk at least, and chunks at most. */
  private static final int CHUNK = 2048;

  private static final int CHUNKS = 1024;

  private final Launcher launcher;

  Strides(Launcher launcher) {
    this.launcher = launcher;
  }

  @Override
  public void rearrange(Walk walk, double scale, Buffer from, Buffer to, boolean add) {
    WalkAxes axes = WalkAxes.of(walk);
    Call call =
        new Call(
            new Strided(from, walk.fromOffset(), 0),
            new Strided(to, walk.toOffset(), 0),
            scale,
            add);
    int crossing = axes.crossing(CROSSING);
    if (!axes.summed().isEmpty()) {
      sum(axes, call);
    } else if (crossing >= 0 && axes.count() - 2 <= FEW) {
      transpose(axes, crossing, call);
    } else {
      copy(axes, call);
    }
  }

  /** What all three ways to rearrange are given. */
  private record Call(Strided from, Strided to, double scale, boolean add) {
    long source(Launcher launcher) {
      return address(launcher, from);
    }

    long target(Launcher launcher) {
      return address(launcher, to);
    }

    private static long address(Launcher launcher, Strided start) {
      return Launcher.address(start.buffer()) + start.offset() * launcher.elementBytes();
    }
  }

  private void copy(WalkAxes axes, Call call) {
    int pack = 16 / launcher.elementBytes();
    boolean packed = axes.contiguous(pack);
    WalkAxes steps = packed ? axes.packed(pack) : axes;
    begin("strides_copy", steps)
        .i64(call.source(launcher))
        .i64(call.target(launcher))
        .i64(steps.outputs())
        .f64(call.scale)
        .flag(packed)
        .flag(call.add);
    end(steps).launchElements(steps.outputs(), 1);
  }

  private void transpose(WalkAxes axes, int crossing, Call call) {
    WalkAxes matrices = axes.without(crossing);
    Axis down = axes.kept().get(crossing);
    Axis across = axes.inner();
    long tiles =
        Math.ceilDiv(down.extent(), (long) TILE) * Math.ceilDiv(across.extent(), (long) TILE);
    begin("strides_transpose", matrices)
        .i64(call.source(launcher))
        .i64(call.target(launcher))
        .i64(down.extent())
        .i64(down.toStride())
        .i64(across.extent())
        .i64(across.fromStride())
        .f64(call.scale)
        .flag(call.add);
    end(matrices).launch(Math.multiplyExact(matrices.outputs(), tiles), 1, Launcher.THREADS);
  }

  /**
   * How an element is summed follows from the number of its terms, never from how many there are.
   */
  private void sum(WalkAxes axes, Call call) {
    long terms = axes.terms();
    long outputs = axes.outputs();
    int lanes = terms < 32 ? 1 : terms < 512 ? 8 : 32;
    int chunks = (int) Math.clamp(Math.ceilDiv(terms, (long) CHUNK), 1, (long) CHUNKS);
    long groups = Math.ceilDiv(outputs, (long) Launcher.THREADS / lanes);
    long partial = chunks == 1 ? 0 : launcher.partials(Math.multiplyExact(outputs, (long) chunks));
    begin("strides_sum", axes)
        .i64(call.source(launcher))
        .i64(call.target(launcher))
        .i64(outputs)
        .i64(terms)
        .i32(lanes)
        .flag(!axes.sumsAlong())
        .i32(chunks)
        .i64(partial)
        .f64(call.scale)
        .flag(call.add);
    end(axes).launch(Math.multiplyExact(groups, (long) chunks), 1, Launcher.THREADS);
    if (chunks > 1) {
      begin("strides_finish", axes)
          .i64(partial)
          .i32(chunks)
          .i64(outputs)
          .i64(call.target(launcher))
          .f64(call.scale)
          .flag(call.add);
      end(axes).launchElements(outputs, 1);
    }
  }

  private Launcher begin(String kernel, WalkAxes axes) {
    return launcher.kernel(axes.count() <= FEW ? kernel : kernel + "_all");
  }

  /** The last parameter: a struct of arrays. */
  private Launcher end(WalkAxes axes) {
    int size = axes.count() <= FEW ? FEW : ALL;
    List<Axis> all = new ArrayList<>(axes.kept());
    all.addAll(axes.summed());
    for (ToLongFunction<Axis> field :
        List.<ToLongFunction<Axis>>of(Axis::extent, Axis::fromStride, Axis::toStride)) {
      for (int a = 0; a < size; a++) {
        launcher.i64(a < all.size() ? field.applyAsLong(all.get(a)) : 0);
      }
    }
    return launcher.i32(axes.kept().size()).i32(axes.summed().size());
  }

  @Override
  public void select(int k, long n, Buffer mask, Buffer a, Buffer b, Buffer y, boolean add) {
    int pack = RowGrid.pack(launcher, n);
    launcher
        .kernel("strides_select")
        .i64(n)
        .p(mask)
        .p(a)
        .p(b)
        .p(y)
        .flag(pack > 1)
        .flag(add)
        .launchElements(n / pack, k);
  }

  @Override
  public void compare(boolean greater, long n, Buffer a, Buffer b, Buffer mask) {
    int pack = RowGrid.pack(launcher, n);
    launcher
        .kernel("strides_compare")
        .flag(greater)
        .i64(n)
        .p(a)
        .p(b)
        .p(mask)
        .flag(pack > 1)
        .launchElements(n / pack, 1);
  }
}

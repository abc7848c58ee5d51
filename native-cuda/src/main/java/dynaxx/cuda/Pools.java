package dynaxx.cuda;

import dynaxx.kernel.PoolKernels;
import dynaxx.kernel.PoolKernels.Pooling;
import dynaxx.kernel.Windows;
import dynaxx.kernel.Windows.Adaptive;
import dynaxx.kernel.Windows.Sliding;
import dynaxx.memory.Buffer;

/** Pooling of planes; kernels in pool.cu. */
final class Pools implements PoolKernels {

  private static final int WARP = 32;

  private final Launcher launcher;

  Pools(Launcher launcher) {
    this.launcher = launcher;
  }

  private static long inputs(Pooling s) {
    return s.planes() * s.inPlane();
  }

  private static long outputs(Pooling s) {
    return s.planes() * s.outPlane();
  }

  private Launcher shape(Pooling s) {
    windows(s.y());
    return windows(s.x());
  }

  private Launcher windows(Windows w) {
    launcher.i32(w.size()).i32(w.count());
    return switch (w) {
      case Sliding a -> launcher.i32(a.kernel()).i32(a.stride()).i32(a.before());
      case Adaptive a -> launcher.i32(0).i32(0).i32(0);
    };
  }

  @Override
  public void maxPool(Pooling s, Buffer x, Buffer y, Buffer index) {
    launcher.kernel("pool_max").p(x).p(y).p(index).i64(outputs(s));
    shape(s).launchElements(outputs(s), 1);
  }

  @Override
  public void maxPoolTangent(Pooling s, int k, Buffer index, Buffer x, Buffer y) {
    launcher.kernel("pool_pick").p(index).p(x).p(y).i64(outputs(s));
    shape(s).launchElements(outputs(s), k);
  }

  @Override
  public void maxPoolBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add) {
    launcher.kernel("pool_pick_backward").p(index).p(dy).p(dx).i64(inputs(s));
    shape(s).flag(add).launchElements(inputs(s), k);
  }

  @Override
  public void averagePool(Pooling s, boolean padding, Buffer x, Buffer y) {
    int lanes = most(s.y()) * most(s.x()) < WARP ? 1 : WARP;
    launcher.kernel("pool_average").p(x).p(y).i64(outputs(s));
    shape(s).flag(padding).i32(lanes).launchElements(outputs(s) * lanes, 1);
  }

  /** Pixels of the largest window, about. */
  private static long most(Windows w) {
    return switch (w) {
      case Sliding a -> Math.min(a.kernel(), a.size());
      case Adaptive a -> Math.ceilDiv(a.size(), a.count());
    };
  }

  @Override
  public void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add) {
    launcher.kernel("pool_average_backward").p(dy).p(dx).i64(inputs(s));
    shape(s).flag(padding).flag(add).launchElements(inputs(s), 1);
  }
}

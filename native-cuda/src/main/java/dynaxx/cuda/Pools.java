package dynaxx.cuda;

import dynaxx.backend.ImageKernels.Adaptive;
import dynaxx.backend.ImageKernels.Pooling;
import dynaxx.backend.ImageKernels.Sliding;
import dynaxx.backend.ImageKernels.Windows;
import dynaxx.memory.Buffer;

/** Pooling of planes; kernels in pool.cu. */
final class Pools {

  private static final int WARP = 32;

  private final Kernels kernels;

  Pools(Kernels kernels) {
    this.kernels = kernels;
  }

  private static long inputs(Pooling s) {
    return s.planes() * s.inPlane();
  }

  private static long outputs(Pooling s) {
    return s.planes() * s.outPlane();
  }

  private Kernels shape(Pooling s) {
    windows(s.y());
    return windows(s.x());
  }

  private Kernels windows(Windows w) {
    kernels.i32(w.size()).i32(w.count());
    return switch (w) {
      case Sliding a -> kernels.i32(a.kernel()).i32(a.stride()).i32(a.before());
      case Adaptive a -> kernels.i32(0).i32(0).i32(0);
    };
  }

  void maxPool(Pooling s, Buffer x, Buffer y, Buffer index) {
    kernels.kernel("pool_max").p(x).p(y).p(index).i64(outputs(s));
    shape(s).launchElements(outputs(s), 1);
  }

  void pick(Pooling s, int k, Buffer index, Buffer x, Buffer y) {
    kernels.kernel("pool_pick").p(index).p(x).p(y).i64(outputs(s));
    shape(s).launchElements(outputs(s), k);
  }

  void pickBackward(Pooling s, int k, Buffer index, Buffer dy, Buffer dx, boolean add) {
    kernels.kernel("pool_pick_backward").p(index).p(dy).p(dx).i64(inputs(s));
    shape(s).flag(add).launchElements(inputs(s), k);
  }

  void averagePool(Pooling s, boolean padding, Buffer x, Buffer y) {
    int lanes = most(s.y()) * most(s.x()) < WARP ? 1 : WARP;
    kernels.kernel("pool_average").p(x).p(y).i64(outputs(s));
    shape(s).flag(padding).i32(lanes).launchElements(outputs(s) * lanes, 1);
  }

  /** Pixels of the largest window, about. */
  private static long most(Windows w) {
    return switch (w) {
      case Sliding a -> Math.min(a.kernel(), a.size());
      case Adaptive a -> Math.ceilDiv(a.size(), a.count());
    };
  }

  void averagePoolBackward(Pooling s, boolean padding, Buffer dy, Buffer dx, boolean add) {
    kernels.kernel("pool_average_backward").p(dy).p(dx).i64(inputs(s));
    shape(s).flag(padding).flag(add).launchElements(inputs(s), 1);
  }
}

package dynaxx.device.cpu;

import dynaxx.kernel.ActivationKernels;
import dynaxx.kernel.AttentionKernels;
import dynaxx.kernel.ChannelNormKernels;
import dynaxx.kernel.ConvolutionKernels;
import dynaxx.kernel.ElementwiseKernels;
import dynaxx.kernel.GatherKernels;
import dynaxx.kernel.GemmKernels;
import dynaxx.kernel.Kernels;
import dynaxx.kernel.LossKernels;
import dynaxx.kernel.NormKernels;
import dynaxx.kernel.PoolKernels;
import dynaxx.kernel.RowKernels;
import dynaxx.kernel.SoftmaxKernels;
import dynaxx.kernel.StrideKernels;

/** The kernels of one element type. */
record CpuKernels(
    GemmKernels gemm,
    ActivationKernels activations,
    ElementwiseKernels elementwise,
    NormKernels norms,
    ChannelNormKernels channelNorms,
    SoftmaxKernels softmax,
    AttentionKernels attention,
    RowKernels rows,
    GatherKernels gathers,
    StrideKernels strides,
    ConvolutionKernels convolutions,
    PoolKernels pools,
    LossKernels losses)
    implements Kernels {

  static <A> CpuKernels of(
      WorkerPool pool,
      Loops<A> loops,
      GemmKernels gemm,
      AttentionKernels attention,
      ConvolutionKernels convolutions) {
    Rows<A> rows = new Rows<>(pool, loops);
    Wide<A> wide = new Wide<>(loops);
    return new CpuKernels(
        gemm,
        new Activations<>(pool, loops),
        new Elementwise<>(pool, loops),
        new Norms<>(pool, loops),
        new ChannelNorms<>(pool, wide),
        new Softmax<>(pool, loops),
        attention,
        rows,
        new Gathers<>(pool, loops, rows),
        new Strides<>(pool, loops),
        convolutions,
        new Pools(pool, wide),
        new Losses<>(pool, loops));
  }
}

package dynaxx.cuda;

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

/** The kernels of one precision. */
record CudaKernels(
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

  static CudaKernels of(Launcher launcher, Blas.Type type, boolean split) {
    Gemm gemm = new Gemm(launcher, type, split);
    return new CudaKernels(
        gemm,
        new Activations(launcher),
        new Elementwise(launcher),
        new Norms(launcher),
        new ChannelNorms(launcher),
        new Softmax(launcher),
        new Attention(launcher),
        new Rows(launcher),
        new Gathers(launcher),
        new Strides(launcher),
        new Convolutions(launcher, gemm),
        new Pools(launcher),
        new Losses(launcher));
  }
}

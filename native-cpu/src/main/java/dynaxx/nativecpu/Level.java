package dynaxx.nativecpu;

/**
 * What one instruction set offers.
 *
 * @param description for run reports
 * @param gemm matrix products
 * @param vectors matrix products in float32, for those that are too small for {@code gemm}
 * @param convolutions convolutions, always in float32
 */
record Level(
    String description,
    GemmFunctions gemm,
    GemmFunctions vectors,
    ConvolutionFunctions convolutions) {}

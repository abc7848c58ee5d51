// All kernels of one precision in one translation unit.
#include "reduce.cu"
#include "algebra.cu"
#include "gemm.cu"
#include "gram_schmidt.cu"
#include "rows.cu"
#include "strides.cu"
#include "convolution.cu"
#include "pool.cu"

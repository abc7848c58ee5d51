// All kernels of one precision in one translation unit.
#include "reduce.cu"
#include "algebra.cu"
#include "gemm.cu"
#include "gram_schmidt.cu"
#include "elementwise.cu"
#include "norm.cu"
#include "softmax.cu"

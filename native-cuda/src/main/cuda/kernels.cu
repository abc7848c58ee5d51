// All kernels of one precision in one translation unit.
#include "reduce.cu"
#include "rows.cu"
#include "strides.cu"

// Second stage of every reduction.
#include "dynaxx.cuh"

// sums[i] += factor * sum over b of partial[i * count + b], one block for each i.
KERNEL(add_partials)(const double* partial, int count, double factor, double* sums) {
  double sum = 0;
  for (int b = threadIdx.x; b < count; b += blockDim.x) {
    sum += partial[(index_t)blockIdx.x * count + b];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    sums[blockIdx.x] += factor * sum;
  }
}

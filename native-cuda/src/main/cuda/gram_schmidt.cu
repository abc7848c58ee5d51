// Classical Gram-Schmidt of several runs at once. blockIdx.y is the run; run r has rows[r] basis vectors of n values at basis[r] and the
// vector w + r * n. Every block owns the same columns in every pass, so a pass reads its tile of the basis from memory once and the second
// time from cache.
#include "dynaxx.cuh"

constexpr int COLUMNS = 8;  // of each thread
constexpr int MOST_RUNS = 16;

struct Runs {
  long long basis[MOST_RUNS];
  int rows[MOST_RUNS];
};

// One sum of doubles for each row over the threads of a block, without a barrier for each row.
__device__ __forceinline__ void row_partials(
    const real* basis, int rows, index_t n, index_t from, const double* w, double* warp_sums, double* partial) {
  int warps = blockDim.x / WARP, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  for (int i0 = 0; i0 < rows; i0 += WARP) {
    int some = min(WARP, rows - i0);
    for (int i = 0; i < some; i++) {
      const real* q = basis + (index_t)(i0 + i) * n;
      double sum = 0;
      for (int c = 0; c < COLUMNS; c++) {
        index_t j = from + (index_t)c * blockDim.x;
        if (j < n) {
          sum += (double)q[j] * w[c];
        }
      }
      sum = warp_sum(sum);
      if (lane == 0) {
        warp_sums[warp * WARP + i] = sum;
      }
    }
    __syncthreads();
    if ((int)threadIdx.x < some) {
      double total = 0;
      for (int k = 0; k < warps; k++) {
        total += warp_sums[k * WARP + threadIdx.x];
      }
      partial[i0 + threadIdx.x] = total;
    }
    __syncthreads();
  }
}

// First pass: partial[(run * blocks + block) * most + i] = q_i' w over the block's columns, most = rows of the longest basis + 1; the last
// entry is w'w.
KERNEL(gs_dots)(Runs runs, int most, index_t n, const real* w, double* partial) {
  __shared__ double warp_sums[WARP * WARP];
  int run = blockIdx.y;
  const real* basis = reinterpret_cast<const real*>(runs.basis[run]);
  index_t from = (index_t)blockIdx.x * blockDim.x * COLUMNS + threadIdx.x;
  double mine[COLUMNS];
  double squares = 0;
  for (int c = 0; c < COLUMNS; c++) {
    index_t j = from + (index_t)c * blockDim.x;
    mine[c] = j < n ? (double)w[(index_t)run * n + j] : 0;
    squares += mine[c] * mine[c];
  }
  double* out = partial + ((index_t)run * gridDim.x + blockIdx.x) * most;
  row_partials(basis, runs.rows[run], n, from, mine, warp_sums, out);
  squares = block_sum(squares);
  if (threadIdx.x == 0) {
    out[most - 1] = squares;
  }
}

// Sums the partials of all blocks in order: c[run * most + i].
KERNEL(gs_sum)(Runs runs, int most, int blocks, const double* partial, double* c) {
  int run = blockIdx.y;
  int i = blockIdx.x;
  if (i >= runs.rows[run] && i != most - 1) {
    return;
  }
  double sum = 0;
  for (int b = threadIdx.x; b < blocks; b += blockDim.x) {
    sum += partial[((index_t)run * blocks + b) * most + i];
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) {
    c[(index_t)run * most + i] = sum;
  }
}

// w -= Q'c, and partial sums for what is left: q_i' w if `again`, and w'w.
KERNEL(gs_subtract)(
    Runs runs, int most, index_t n, real* w, const double* c, int again, double* partial) {
  __shared__ double warp_sums[WARP * WARP];
  int run = blockIdx.y;
  const real* basis = reinterpret_cast<const real*>(runs.basis[run]);
  const double* mine_c = c + (index_t)run * most;
  index_t from = (index_t)blockIdx.x * blockDim.x * COLUMNS + threadIdx.x;
  double left[COLUMNS];
  double squares = 0;
  for (int k = 0; k < COLUMNS; k++) {
    index_t j = from + (index_t)k * blockDim.x;
    left[k] = 0;
    if (j < n) {
      double sum = 0;
      for (int i = 0; i < runs.rows[run]; i++) {
        sum += mine_c[i] * basis[(index_t)i * n + j];
      }
      real rounded = real(w[(index_t)run * n + j] - sum);
      w[(index_t)run * n + j] = rounded;
      left[k] = rounded;
    }
    squares += left[k] * left[k];
  }
  double* out = partial + ((index_t)run * gridDim.x + blockIdx.x) * most;
  if (again) {
    row_partials(basis, runs.rows[run], n, from, left, warp_sums, out);
  }
  squares = block_sum(squares);
  if (threadIdx.x == 0) {
    out[most - 1] = squares;
  }
}

// q = w / |w|, q being the vector after the last of each run's basis; sums[run * most + most - 1] is |w|^2. Nothing is written if it is 0.
KERNEL(gs_append)(Runs runs, int most, index_t n, const real* w, const double* sums) {
  int run = blockIdx.y;
  double squares = sums[(index_t)run * most + most - 1];
  if (!(squares > 0)) {
    return;
  }
  double factor = 1 / sqrt(squares);
  real* q = reinterpret_cast<real*>(runs.basis[run]) + (index_t)runs.rows[run] * n;
  for (index_t j = first_element(); j < n; j += element_step()) {
    q[j] = real(factor) * w[(index_t)run * n + j];
  }
}

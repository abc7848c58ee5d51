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

namespace gram_schmidt {

constexpr int AHEAD = 4;  // rows on their way at a time
constexpr int PACKS = COLUMNS / PACK;
constexpr int NEAR = 256;  // coefficients in shared memory at a time

// The columns of a thread: PACK neighbours at a time if n is a whole number of those, else each as far apart as there are threads. That
// depends on n only and not on addresses, and so does the order of a sum.
struct Columns {
  index_t n;
  bool packs;
  index_t first;

  __device__ __forceinline__ explicit Columns(index_t n) : n(n), packs(n % PACK == 0) {
    first = (index_t)blockIdx.x * blockDim.x * COLUMNS + threadIdx.x * (packs ? PACK : 1);
  }

  __device__ __forceinline__ index_t at(int p, int j) const {
    return packs ? first + (index_t)p * blockDim.x * PACK + j : first + (index_t)(p * PACK + j) * blockDim.x;
  }

  // Values of a vector that begins at q, 16 bytes at a time if `wide`; 0 beyond its end.
  __device__ __forceinline__ void load(const real* q, bool wide, real (&v)[COLUMNS]) const {
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
      if (wide) {
        Pack pack = {};
        if (at(p, 0) < n) {
          pack = load_pack(q + at(p, 0));
        }
#pragma unroll
        for (int j = 0; j < PACK; j++) {
          v[p * PACK + j] = pack.v[j];
        }
      } else {
#pragma unroll
        for (int j = 0; j < PACK; j++) {
          v[p * PACK + j] = at(p, j) < n ? q[at(p, j)] : real(0);
        }
      }
    }
  }

  __device__ __forceinline__ void store(real* q, bool wide, const real (&v)[COLUMNS]) const {
#pragma unroll
    for (int p = 0; p < PACKS; p++) {
      if (wide) {
        if (at(p, 0) < n) {
          Pack pack;
#pragma unroll
          for (int j = 0; j < PACK; j++) {
            pack.v[j] = v[p * PACK + j];
          }
          store_pack(q + at(p, 0), pack);
        }
      } else {
#pragma unroll
        for (int j = 0; j < PACK; j++) {
          if (at(p, j) < n) {
            q[at(p, j)] = v[p * PACK + j];
          }
        }
      }
    }
  }
};

// Calls row(i, v) for rows `from` to below `to` in order, v being this thread's values of row i; AHEAD rows are loaded at a time.
template <class Row>
__device__ __forceinline__ void each_row(
    const Columns& columns, const real* basis, bool wide, int from, int to, Row row) {
  int i = from;
  for (; i + AHEAD <= to; i += AHEAD) {
    real v[AHEAD][COLUMNS];
#pragma unroll
    for (int a = 0; a < AHEAD; a++) {
      columns.load(basis + (index_t)(i + a) * columns.n, wide, v[a]);
    }
#pragma unroll
    for (int a = 0; a < AHEAD; a++) {
      row(i + a, v[a]);
    }
  }
  for (; i < to; i++) {
    real v[COLUMNS];
    columns.load(basis + (index_t)i * columns.n, wide, v);
    row(i, v);
  }
}

// One sum of doubles for each row over the threads of a block, without a barrier for each row.
__device__ __forceinline__ void row_partials(
    const Columns& columns, const real* basis, bool wide, int rows, const real (&w)[COLUMNS], double* warp_sums, double* partial) {
  int warps = blockDim.x / WARP, warp = threadIdx.x / WARP, lane = threadIdx.x % WARP;
  for (int i0 = 0; i0 < rows; i0 += WARP) {
    int some = min(WARP, rows - i0);
    each_row(columns, basis, wide, i0, i0 + some, [&](int i, const real(&q)[COLUMNS]) {
      double sum = 0;
#pragma unroll
      for (int c = 0; c < COLUMNS; c++) {
        sum += (double)q[c] * (double)w[c];
      }
      sum = warp_sum(sum);
      if (lane == 0) {
        warp_sums[warp * WARP + i - i0] = sum;
      }
    });
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

__device__ __forceinline__ double squares(const real (&w)[COLUMNS]) {
  double sum = 0;
#pragma unroll
  for (int c = 0; c < COLUMNS; c++) {
    sum += (double)w[c] * (double)w[c];
  }
  return block_sum(sum);
}

}  // namespace gram_schmidt

// First pass: partial[(run * blocks + block) * most + i] = q_i' w over the block's columns, most = rows of the longest basis + 1; the last
// entry is w'w.
KERNEL_RESIDENT(gs_dots, sizeof(real) == 4 ? 3 : 2)(Runs runs, int most, index_t n, const real* w, double* partial) {
  __shared__ double warp_sums[WARP * WARP];
  int run = blockIdx.y;
  const real* basis = reinterpret_cast<const real*>(runs.basis[run]);
  gram_schmidt::Columns columns(n);
  bool wide = columns.packs && aligned16(basis) && aligned16(w);
  real mine[COLUMNS];
  columns.load(w + (index_t)run * n, wide, mine);
  double* out = partial + ((index_t)run * gridDim.x + blockIdx.x) * most;
  gram_schmidt::row_partials(columns, basis, wide, runs.rows[run], mine, warp_sums, out);
  double squares = gram_schmidt::squares(mine);
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
  __shared__ double near[gram_schmidt::NEAR];
  int run = blockIdx.y;
  int rows = runs.rows[run];
  const real* basis = reinterpret_cast<const real*>(runs.basis[run]);
  const double* mine_c = c + (index_t)run * most;
  gram_schmidt::Columns columns(n);
  bool wide = columns.packs && aligned16(basis) && aligned16(w);
  double sums[COLUMNS] = {};
  for (int i0 = 0; i0 < rows; i0 += gram_schmidt::NEAR) {
    int some = min(gram_schmidt::NEAR, rows - i0);
    __syncthreads();
    for (int i = threadIdx.x; i < some; i += blockDim.x) {
      near[i] = mine_c[i0 + i];
    }
    __syncthreads();
    gram_schmidt::each_row(columns, basis, wide, i0, i0 + some, [&](int i, const real(&q)[COLUMNS]) {
      double factor = near[i - i0];
#pragma unroll
      for (int k = 0; k < COLUMNS; k++) {
        sums[k] += factor * (double)q[k];
      }
    });
  }
  real left[COLUMNS];
  columns.load(w + (index_t)run * n, wide, left);
#pragma unroll
  for (int k = 0; k < COLUMNS; k++) {
    left[k] = real((double)left[k] - sums[k]);
  }
  columns.store(w + (index_t)run * n, wide, left);
  double* out = partial + ((index_t)run * gridDim.x + blockIdx.x) * most;
  if (again) {
    gram_schmidt::row_partials(columns, basis, wide, rows, left, warp_sums, out);
  }
  double squares = gram_schmidt::squares(left);
  if (threadIdx.x == 0) {
    out[most - 1] = squares;
  }
}

// q = w / |w|, q being the vector after the last of each run's basis; sums[run * most + most - 1] is |w|^2. Nothing is written if it is 0.
KERNEL(gs_append)(Runs runs, int most, index_t n, const real* __restrict__ w, const double* sums) {
  int run = blockIdx.y;
  double squares = sums[(index_t)run * most + most - 1];
  if (!(squares > 0)) {
    return;
  }
  real factor = real(1 / sqrt(squares));
  real* q = reinterpret_cast<real*>(runs.basis[run]) + (index_t)runs.rows[run] * n;
  const real* from = w + (index_t)run * n;
  index_t packs = n % PACK == 0 && aligned16(q) && aligned16(from) ? n / PACK : 0;
  for (index_t i = first_element(); i < packs; i += element_step()) {
    Pack p = load_pack(from + i * PACK);
    for (int j = 0; j < PACK; j++) {
      p.v[j] *= factor;
    }
    store_pack(q + i * PACK, p);
  }
  for (index_t j = packs * PACK + first_element(); j < n; j += element_step()) {
    q[j] = factor * from[j];
  }
}

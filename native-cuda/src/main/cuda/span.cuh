// How threads share the elements of a vector or the columns of a row, and sum over them.
#pragma once
#include "dynaxx.cuh"

// Element `column(c, j)`, j from 0 to PACK - 1, of every c from `first` on in steps of `hop` below n is this thread's. A thread takes PACK
// neighbours, 16 bytes, if n is a whole number of those; otherwise rows begin anywhere, and neighbouring threads take neighbours. Which of
// the two depends on n only and not on addresses, and so does the order of a sum.
template <class Index>
struct Span {
  Index n;
  bool packs;
  Index step;
  Index first;
  Index hop;

  __device__ __forceinline__ Span(Index rank, Index size, Index n)
      : n(n), packs(n % PACK == 0), step(packs ? 1 : size), first(packs ? rank * PACK : rank), hop(size * PACK) {}

  __device__ __forceinline__ Index column(Index c, int j) const { return c + j * step; }

  __device__ __forceinline__ bool has(Index c, int j) const { return packs || column(c, j) < n; }

  // Whether arrays that begin here may be accessed 16 bytes at a time.
  template <class... Pointers>
  __device__ __forceinline__ bool wide(Pointers... p) const {
    return packs && (aligned16(p) && ...);
  }

  // This thread's elements; `rest` stands for those beyond the end.
  __device__ __forceinline__ Pack load(const real* x, Index c, bool wide, real rest = real(0)) const {
    if (wide) {
      return load_pack(x + c);
    }
    Pack v;
    for (int j = 0; j < PACK; j++) {
      v.v[j] = has(c, j) ? x[column(c, j)] : rest;
    }
    return v;
  }

  __device__ __forceinline__ void store(real* y, Index c, bool wide, const Pack& v) const {
    if (wide) {
      store_pack(y + c, v);
      return;
    }
    for (int j = 0; j < PACK; j++) {
      if (has(c, j)) {
        y[column(c, j)] = v.v[j];
      }
    }
  }

  // y (+)= v
  __device__ __forceinline__ void put(real* y, Index c, bool wide, Pack v, int add) const {
    if (add) {
      Pack old = load(y, c, wide);
      for (int j = 0; j < PACK; j++) {
        v.v[j] += old.v[j];
      }
    }
    store(y, c, wide, v);
  }
};

// Whoever works on one row at a time: a warp if rows are short, a block if they are long. Team `index` of `count` takes rows `index`,
// `index + count`, ... `block` of `blocks` is what the team's block is among those that share the rows.
struct WarpTeam {
  index_t index;
  index_t count;

  __device__ __forceinline__ WarpTeam(index_t block, index_t blocks)
      : index(block * (blockDim.x / WARP) + threadIdx.x / WARP), count(blocks * (blockDim.x / WARP)) {}

  __device__ __forceinline__ Span<int> span(int n) const { return Span<int>(threadIdx.x % WARP, WARP, n); }

  __device__ __forceinline__ bool leads() const { return threadIdx.x % WARP == 0; }

  // Sums over the team, the same in every thread.
  template <int N>
  __device__ __forceinline__ void sum(double (&x)[N]) const {
    for (int i = 0; i < N; i++) {
      x[i] = warp_sum(x[i]);
    }
  }

  __device__ __forceinline__ real max(real x) const { return warp_max(x); }
};

struct BlockTeam {
  index_t index;
  index_t count;

  __device__ __forceinline__ BlockTeam(index_t block, index_t blocks) : index(block), count(blocks) {}

  __device__ __forceinline__ Span<int> span(int n) const { return Span<int>(threadIdx.x, blockDim.x, n); }

  __device__ __forceinline__ bool leads() const { return threadIdx.x == 0; }

  template <int N>
  __device__ __forceinline__ void sum(double (&x)[N]) const {
    __shared__ double sums[N * WARP];
    for (int i = 0; i < N; i++) {
      x[i] = warp_sum(x[i]);
      if (threadIdx.x % WARP == 0) {
        sums[i * WARP + threadIdx.x / WARP] = x[i];
      }
    }
    __syncthreads();
    for (int i = 0; i < N; i++) {
      x[i] = 0;
      for (int w = 0; w < (int)blockDim.x / WARP; w++) {
        x[i] += sums[i * WARP + w];
      }
    }
    __syncthreads();
  }

  __device__ __forceinline__ real max(real x) const { return block_max(x); }
};

// Runs the body with the team that rows of this length want: body(team).
template <class Body>
__device__ __forceinline__ void with_team(int long_rows, index_t block, index_t blocks, Body body) {
  if (long_rows) {
    body(BlockTeam(block, blocks));
  } else {
    body(WarpTeam(block, blocks));
  }
}
